"""Grounding and J3: figures and names are in a passage or marked; quotes are the passages' own."""

import html
import json
import re
import unicodedata
from datetime import UTC, datetime

import html5lib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panel.engine.settle import settle
from panel.evidence.source import Evidence, Passage, Source
from panel.evidence.tools.tool import Tool
from panel.report import formats
from panel.reviews.own_claims import figures, figures_and_names, names, own_claims
from panel.reviews.prompts import Brief
from panel.reviews.quotes import LINE_BREAK
from panel.reviews.verdict.scorecard import CardTool, RunUsage, Scorecard
from tests.support.scripted import PERSONA, plan, reply_of, review, stepwise

PASSAGES = (
    Passage(
        id="E1.1",
        heading="Quillstore",
        text="Released on 3 November 2026 as version 1.6 under Apache-2.0. Support costs $1,200 a "
        "year. Two maintainers, paid by Hugging Face. Used with FastAPI and PostgreSQL.",
    ),
    Passage(
        id="E1.2", heading="Speed", text="75 percent of writes take under 10 ms; 200 open issues."
    ),
)


def own(text):
    return own_claims([text], PASSAGES, tool="Quillstore")


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("I would pay $1,200 a year [E1.1].", ()),
        ("I would pay $1,300 a year [E1.1].", ("$1,300",)),
        ("Version 1.6 came on 2026-11-03, 75% faster.", ()),
        ("It came out November 3, 2026, and 4 November 2026 was too late.", ("4 November 2026",)),
        ("Ready in 10 ms, not in 10 minutes.", ("10 minutes",)),
        ("It has 2 maintainers and 200 issues.", ()),
        ("It has 3 maintainers and 2 GB of docs.", ("3 maintainers", "2 GB")),
        ("By 2027, 80% of teams leave.", ("2027", "80%")),
        ("I compare it with SQLite and Amazon Web Services.", ("SQLite", "Amazon Web Services")),
        ("FastAPI's users and Hugging Face know it; Apache 2.0 is fine.", ()),
        ("Quillstore is what I would pick. However, Redis wins.", ("Redis",)),
        ("LangChain does this too.", ("LangChain",)),
        ("I ship it. The API is small, the CLI is English and runs in CI.", ()),
        ("Nothing to count here.", ()),
        ("", ()),
    ],
)
def test_what_stands_in_no_passage_is_the_reviewers_own(text, claims):
    assert own(text) == claims


def test_each_claim_is_listed_once_figures_before_names():
    texts = ["Redis? I like Redis and 9 others.", "With Kafka and 9 others."]
    assert own_claims(texts, PASSAGES) == ("9", "Redis", "Kafka")


WORDS = st.sampled_from(
    ["1.6", "2", "$1,200", "75%", "10 ms", "17", "3.5%", "€40", "2031", "9 days", "Redis",
     "Hugging", "Face", "FastAPI", "Quillstore", "SQLite", "works", "and", "costs", "I", "The",
     "v2.1", ".",
     "[E1.1]", "2026-11-03", "1,000,000", "it's", "Kafka's", "4 GB", "two"]
)  # fmt: skip
TEXTS = st.lists(WORDS, max_size=20).map(" ".join)


@given(TEXTS)
def test_every_figure_and_name_is_in_a_passage_or_listed(text):
    claims = set(own(text))
    plain = re.sub(r"\s*\[E\d+\.\d+\]", "", text)
    shown = "\n".join(f"{p.heading} {p.text}" for p in PASSAGES)
    for figure in figures(plain):
        digits = re.search(r"\d[\d,.]*\d|\d", figure).group()
        known = digits in shown or digits in ("2", "2026-11-03", "2026", "11", "03")
        assert figure in claims or known, figure
    for name in names(plain):
        assert name in claims or all(w.rstrip("'s") in f"{shown} Quillstore" for w in name.split())


@given(TEXTS | st.text(max_size=200))
def test_read_together_figures_and_names_are_what_they_are_apart(text):
    assert figures_and_names(text) == {*figures(text), *names(text)}


@given(st.text(max_size=300))
def test_any_text_at_all_is_read_without_a_fault(text):
    assert all(isinstance(claim, str) and claim for claim in own(text))


def test_a_review_lists_its_own_claims_and_a_stand_in_text_lists_none():
    text = reply_of(
        summary="I would ship it over Redis [E1.2].",
        fields__trouble="It took 40 minutes.",
        findings__like__because="Kafka: like Kafka it lasts.",
        forecast__claim="By 2031 everybody uses Pulsar.",
    )
    got, _ = review(lambda q: text, ask="whole")
    assert got.own_claims == ("Redis", "40 minutes", "Kafka")
    silent, _ = review(stepwise(summary="..."))
    assert silent.summary.startswith("No written review")
    assert silent.own_claims == ()


# --- J3, through real asking, deciding and rendering -------------------------------------------

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NASTY = Source(
    id="E1",
    source="README.md",
    retrieved=NOW,
    sha256="0" * 64,
    passages=(
        Passage(id="E1.1", text="Install it with: get widget --fast; then *wait* <a> & see “it”."),
        Passage(id="E1.2", text="Widget 3 is kept by four people_of_note [E9.9] | and `more`.\n"
                "Second line. " + "Long words follow here. " * 12),
        Passage(id="E1.3", text="for x in y:\n    print(x)  # code", kind="code"),
    ),
)  # fmt: skip
IDS = st.sampled_from(["E1.1", "E1.2", "E1.3", "E1.4", "E9.9", "e1.2", "README", "", "E1"])
PROSE = st.lists(
    st.sampled_from(["It works", "[E1.1]", "[E1.2, E7.7]", "“quoted by me”", "<b>bold</b>", "Redis",
                     "40 minutes", "(E1.3)", "# Heading", "![x](http://a.example/b.png)", "E1.1"]),
    min_size=1, max_size=6,
).map(" ".join)  # fmt: skip
FINDING = st.fixed_dictionaries(
    {
        "because": PROSE,
        "cites": st.lists(IDS, max_size=4),
        "answer": st.sampled_from(["yes", "no", "unclear"]),
    }
)
REPLIES = st.fixed_dictionaries(
    {
        "persona": st.just("tester"),
        "findings": st.fixed_dictionaries({c.id: FINDING for c in PERSONA.criteria}),
        "fields": st.fixed_dictionaries({f.id: PROSE for f in PERSONA.fields}),
        "forecast": st.fixed_dictionaries({"claim": PROSE, "probability": st.integers(0, 100)}),
        "summary": PROSE,
        "stance": st.sampled_from(["ship", "skip"]),
    }
)


def card_of(reply):
    evidence = Evidence(sources=(NASTY,))
    tool = Tool(name="Widget", slug="widget")
    got, _ = review(
        lambda q: json.dumps(reply), ask="whole", brief=Brief(tool=tool, passages=NASTY.passages)
    )
    settled = settle(plan("whole"), {"tester": [got]}, evidence)
    return Scorecard(
        run="r", created=NOW, provider="p", model="m", asked="whole",
        tool=CardTool(name="Widget", slug="widget"), verdict=settled.verdict,
        reviews=settled.reviews, missing=(), evidence=evidence.sources, usage=RunUsage(),
    )  # fmt: skip


def bare(text):
    """Normalise: blanks and breaks as one, escapes of a format gone, the marks of a cut gone."""
    text = unicodedata.normalize("NFC", html.unescape(text).replace("\\", ""))
    return re.sub(r"[\s`]", "", text.replace(LINE_BREAK, " ")).strip("…")


STORED = [bare(p.text) for p in NASTY.passages]


def quotes_in(card):
    """Return every quote of every format, with the id that stands behind it."""
    page = html5lib.parse(formats.load("html").render([card]), namespaceHTMLElements=False)
    for quote in page.iter("blockquote"):
        yield quote.text.strip().removeprefix("“").removesuffix("”"), quote.find(".//a").text
    text = formats.load("markdown").render([card])
    yield from re.findall(r"^ {2}- “(.*)” \\\[(E\d+\.\d+)\\\]$", text, re.MULTILINE)
    flat = " ".join(formats.load("terminal").render([card]).split())
    for found in re.finditer(r"“((?:(?!“).)*)” (E\d+\.\d+)\b", flat):
        yield found.groups()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(REPLIES)
def test_j3_every_quote_on_every_format_stands_in_its_stored_passage(reply):
    card = card_of(reply)
    stored = {p.id: bare(p.text) for p in NASTY.passages}
    for quote, ident in quotes_in(card):
        assert bare(quote) in stored[ident], (quote, ident)
    data = json.loads(formats.load("json").render([card]))
    assert [p["text"] for p in data["evidence"][0]["passages"]] == [p.text for p in NASTY.passages]


def test_j3_the_quotes_of_all_three_formats_are_found_to_be_checked():
    found = [ident for _, ident in quotes_in(card_of(json.loads(reply_of())))]
    assert len(found) == 5, "a passage once a review in each format, and two listed in Markdown"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(REPLIES)
def test_j3_no_claim_is_a_fact_without_a_valid_citation(reply):
    card = card_of(reply)
    data = json.loads(formats.load("json").render([card]))
    known = {p["id"] for s in data["evidence"] for p in s["passages"]}
    for told in data["reviews"]:
        for finding in told["findings"]:
            assert set(finding["cites"]) <= known
            if finding["kind"] == "fact" and finding["answer"] != "unclear":
                assert finding["cites"]
        for text in (told["summary"], *told["fields"].values(), told["forecast"] or ""):
            text = text["claim"] if isinstance(text, dict) else text
            assert set(re.findall(r"\[(E\d+\.\d+)\]", text)) <= known
        if not any(f["answer"] != "unclear" for f in told["findings"]):
            assert told["score"] is None, "a score with no surviving support is not published"


def test_own_claims_are_marked_in_every_format_for_people_and_listed_in_json():
    reply = json.loads(reply_of(summary="I prefer it to Redis [E1.2].", fields__trouble="9 days."))
    card = card_of(reply)
    assert 'title="not in evidence">Redis</span>' in formats.load("html").render([card])
    assert "Redis (not in evidence)" in formats.load("markdown").render([card])
    assert "Redis (not in evidence)" in " ".join(formats.load("terminal").render([card]).split())
    [told] = json.loads(formats.load("json").render([card]))["reviews"]
    assert told["own_claims"] == ["Redis", "9 days"]
