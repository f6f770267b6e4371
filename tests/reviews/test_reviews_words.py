"""Words of models made fit to print: citations and sentences."""

import pytest

from panel.evidence.source import Passage
from panel.llm.types import ChatResponse, Usage
from panel.reviews.citations import attach, keep_known, likely, read_ids
from panel.reviews.prose import finished, fresh, sentences, tidy
from panel.reviews.strategies.yes_no import read_yes_no

SHOWN = {"E1.1", "E1.2", "E2.10"}


def said(text, finish="stop", top=()):
    return ChatResponse(text, finish, Usage(), "m", top_logprobs=top)


@pytest.mark.parametrize(
    ("text", "kept", "dropped"),
    [
        ("It runs [E1.1].", "It runs [E1.1].", 0),
        ("It runs [E1.1, E1.2] well.", "It runs [E1.1] [E1.2] well.", 0),
        ("It runs (E2.10).", "It runs [E2.10].", 0),
        ("It runs (see E1.1 and E9.9).", "It runs [E1.1].", 1),
        ("It runs [E9.9].", "It runs.", 1),
        ("As E1.1 says, it runs.", "As says, it runs.", 0),
        ("A list [1] and [x] stay.", "A list [1] and [x] stay.", 0),
        ("Twice [E1.1] and [E1.1].", "Twice [E1.1] and [E1.1].", 0),
    ],
)
def test_j3_only_ids_that_exist_stay_behind_a_statement(text, kept, dropped):
    assert keep_known(text, SHOWN) == (kept, dropped)


def test_ids_are_read_once_each_and_strangers_are_counted():
    assert read_ids("E1.1, e1.1, E01.2, E3.3 and E1", SHOWN) == (("E1.1", "E1.2"), 1)


def test_the_passages_that_share_rare_words_with_a_question_are_suggested():
    passages = [
        Passage(id="E1.1", text="Widgets for everyone, widgets for all."),
        Passage(id="E1.2", text="pip install widget", heading="Installation"),
        Passage(id="E1.3", text="This repository is archived and no longer maintained."),
        Passage(id="E1.4", text="Released under the MIT licence."),
    ]
    ask = "Does the evidence give the command that installs the tool?"
    assert likely(ask, "yes", passages, most=1) == ["E1.2"]
    assert likely("Is the tool maintained today?", "no", passages, most=1) == ["E1.3"]
    assert likely("Does the evidence state the licence?", "yes", passages, most=2) == ["E1.4"]
    assert likely("Is it purple?", "yes", passages, most=4) == []
    assert likely("Is it purple?", "yes", passages, most=1, cues="widgets") == ["E1.1"]
    assert likely("Is it purple?", "no", passages, most=1, cues="widgets") == ["E1.3"]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("**Bold** and `code`.", "Bold and code."),
        ("## Head\n- one\n- two", "Head one two"),
        ("See [the docs](http://x.example/a).", "See the docs."),
        ("![pic](http://x.example/a.png) Text.", "pic Text."),
        ("It works. It works. It works!", "It works."),
        ("It works [E1.1]. It works [E1.1].", "It works [E1.1]."),
        ('"Quoted."', "Quoted."),
        ("snake_case stays.", "snake_case stays."),
    ],
)
def test_markup_and_repetition_go(text, clean):
    assert tidy(text, limit=200) == clean


def test_a_long_text_ends_at_a_sentence():
    text = "The first one is short. " + "The second goes on and on " * 20
    assert tidy(text, limit=100) == "The first one is short."
    assert tidy("word " * 60, limit=50).endswith("…")
    assert len(tidy("word " * 60, limit=50)) <= 50


def test_a_statement_gets_the_passage_that_holds_its_words_and_no_other_does():
    passages = [
        Passage(id="E1.1", text="Widget is maintained by seven people, funded by a foundation."),
        Passage(id="E1.2", text="Widget cuts, folds and glues paper of any size."),
    ]
    text = (
        "It is maintained by seven people and funded by a foundation. I like the colour very "
        "much indeed. It folds. Widget cuts and folds paper of any size [E1.1]."
    )
    assert attach(text, passages) == text.replace("by a foundation.", "by a foundation [E1.1].")
    denial = "Widget does not cut and fold paper of any size."
    assert attach(denial, passages) == denial
    doubt = "I would not use it because Widget cuts and folds paper of any size."
    assert attach(doubt, passages).endswith("size [E1.2].")
    assert attach("Nothing to see.", ()) == "Nothing to see."
    assert attach("", passages) == ""


def test_a_sentence_that_says_the_same_in_a_few_other_words_goes():
    said = "The servers have been switched off and nobody looks after this code any more."
    again = "The servers have been switched off, and nobody looks after this code."
    assert fresh([said, again, "Pull requests are not accepted."], ()) == [
        said, "Pull requests are not accepted.",
    ]  # fmt: skip
    assert fresh([again], [said]) == []


def test_a_version_number_ends_no_sentence():
    assert sentences("Version 3.2 is out. It is good [E1.1]. Yes.") == [
        "Version 3.2 is out.", "It is good [E1.1].", "Yes.",
    ]  # fmt: skip


def test_a_reply_that_ran_out_loses_its_cut_sentence():
    assert finished("One is done. Two is not qu") == "One is done."
    assert finished("Nothing is done") == "Nothing is done"


def test_yes_and_no_are_summed_over_their_spellings():
    import math

    top = ({"Yes": math.log(0.3), " yes": math.log(0.3), "NO": math.log(0.2), "x": math.log(0.2)},)
    got = read_yes_no(said("No", top=top))
    assert got.greedy == "yes"
    assert got.difference == pytest.approx(math.log(3))


def test_a_distribution_without_yes_or_no_falls_back_to_the_word():
    got = read_yes_no(said("No.", top=({"Well": -0.01},)))
    assert got == ("no", None)
