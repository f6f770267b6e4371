"""What is quoted of a passage: no qualifier is lost, nothing is cut in its middle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.evidence.source import Passage
from panel.reviews.quotes import SENTENCE, WHOLE, excerpt, shortened
from panel.reviews.shortlist import pieces

USED = "It is used very widely: the client libraries of several model vendors were built on it."
MOVED = "Some of them have since moved to a separately maintained successor package."
REST = "Nothing else of note is said on this long page about its many users. " * 4


def quote(text, about="", kind="prose"):
    passage = Passage(id="E1.1", text=text, kind=kind)
    return excerpt(passage, pieces(passage), about).marked


def test_a_short_passage_is_quoted_whole():
    assert quote(f"{USED} {MOVED}", "used") == f"{USED} {MOVED}"
    assert quote("import tide\n\ntide.run(\n    9)", kind="code") == "import tide / tide.run( / 9)"


@pytest.mark.parametrize("start", ["Some of them", "However, many", "But many", "None of these"])
def test_a_sentence_keeps_the_one_after_it_that_limits_it(start):
    limit = f"{start} have moved on."
    assert quote(f"{USED} {limit} {REST}", "used widely") == f"{USED} {limit} …"
    assert quote(f"{USED} {REST}", "used widely") == f"{USED} …"


def test_a_sentence_is_quoted_to_its_end_and_a_longer_one_cut_after_a_clause():
    long = "No total deadline for a request, " + "which matters to callers who wait, " * 5 + "ends."
    assert len(long) < SENTENCE
    assert quote(f"{long} {REST}", "deadline") == f"{long} …"
    longer = long.replace("ends.", "and so on " * 20 + "ends.")
    assert quote(f"{longer} {REST}", "deadline").endswith("to callers who wait…")


def test_the_words_of_a_question_about_the_page_choose_no_sentence():
    text = f"HTTPX covers what programs need. Its interface follows the one of Requests. {REST}"
    asked = "Does the evidence say in one clear sentence what the tool does?"
    assert quote(text, asked) == "HTTPX covers what programs need. …"


def test_code_is_quoted_from_its_first_line():
    block = "\n".join(f"line_{n} = call({n})" for n in range(40))
    shown = quote(block, "line_30", "code")
    assert shown.startswith("line_0 = call(0) / line_1 = call(1) / ")
    assert shown.endswith(") …")


@given(st.lists(st.text("ab .,;:–", min_size=1, max_size=400), min_size=1, max_size=6))
def test_a_quote_is_within_its_length_and_a_part_of_the_passage(rows):
    passage = Passage(id="E1.1", text="\n".join(rows), kind="list")
    texts = pieces(passage) or [passage.text]
    found = excerpt(passage, texts, "a")
    assert len(found.text) <= WHOLE
    assert found.text.removesuffix("…") in " / ".join(texts)


def test_a_cut_keeps_to_its_limit():
    assert shortened("one two three four", 12) == "one two…"
    assert shortened("abc", 3) == "abc"
