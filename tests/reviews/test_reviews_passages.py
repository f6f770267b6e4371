"""The strategy for small models: notice first, each passage asked alone, words by code."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from panel.evidence.source import Passage
from panel.evidence.tools.tool import Tool
from panel.llm.calls import ChatClient
from panel.reviews import shortlist
from panel.reviews.calibration.calibration import Calibration, CommonLine
from panel.reviews.compose import NOTICED
from panel.reviews.personas import Persona
from panel.reviews.prompts import Brief
from panel.reviews.shortlist import holds_code
from panel.reviews.strategies.ask import ask_review, steps
from panel.reviews.strategies.calibrated import COMMON_FIT, NO_FIT, NO_PROBABILITIES
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.strategies.passage_by_passage import NOT_WRITTEN
from tests.support.scripted import PERSONA, TODAY, Memory, Scripted, plan

SMITH = Persona.model_validate(
    PERSONA.model_dump(exclude={"fields"})
    | {
        "criteria": [
            {"id": "install", "question": "Does it give an install command?", "kind": "fact",
             "says": {"yes": "It gives an install command", "no": "It gives no install command",
                      "unclear": "Nothing shows how to install it"}},
            {"id": "alive", "question": "Is the widget maintained?", "kind": "fact",
             "weight": 2, "dealbreaker": True, "notice": "Does it say that it is over?",
             "says": {"yes": "It is maintained", "no": "It is not maintained",
                      "unclear": "Nothing shows whether it is maintained"}},
            {"id": "like", "question": "Would you use it again?", "kind": "judgement",
             "says": {"yes": "I would use it again", "no": "I would not use it again",
                      "unclear": "I cannot tell"}},
        ],
        "beats": [
            {"id": "first_call", "ask": "the first install command",
             "quotes": ["install"]},
            {"id": "again", "ask": "the same once more", "quotes": ["install"]},
            {"id": "bet", "ask": "the bet that it makes"},
        ],
    }
)  # fmt: skip

BRIEF = Brief(
    tool=Tool(name="Widget", slug="widget", description="Makes widgets."),
    passages=(
        Passage(id="E1.1", text="Widgets for everybody.", heading="Widget"),
        Passage(id="E1.2", text="Install command: get widget."),
        Passage(id="E1.3", text="The widget is maintained by four people."),
        Passage(id="E1.4", text="There is an install command for ships as well."),
        Passage(id="E1.5", text="It cuts."),
    ),
)

FLAT = Calibration.model_validate(
    {
        "model": "m",
        "made": "by hand",
        "criteria": {
            f"tester.{c.id}": {"offset": 0.0, "slope": 1.0, "source": "fitted"}
            for c in SMITH.criteria
        },
    }
)


def judge(*, over=-3.0, shows=None, stance=1.0, empty=0.0, denies=-3.0, states=None, **answers):
    """Return an answering rule; `shows` gives log-odds by passage asked alone."""
    shows = {"E1.2": 2.0, "E1.3": 2.0} if shows is None else shows

    def answer(question):
        shown = [p.id for p in BRIEF.passages if f"\n[{p.id}]" in question.shared]
        alone = shows.get(shown[0], -3.0) if len(shown) == 1 else None
        if "say that it is over" in question.tail:
            return over if alone is None else alone
        if "yourself ship" in question.tail:
            return stance
        if "It is not maintained" in question.tail:
            return denies
        if not shown:
            return empty
        if question.tail.startswith("Statement:") and states is not None:
            return states
        if alone is not None:
            return alone
        ident = next(c.id for c in SMITH.criteria if c.question in question.tail)
        return answers.get(ident, 3.0)

    return answer


def ask(rule, *, calibration=FLAT, persona=SMITH, brief=BRIEF, done=None, **more):
    endpoint = Scripted(rule)
    by = plan(calibration=calibration, personas=(persona,), **more)
    calls = ChatClient(endpoint, by.judge, Memory())
    on_step = (lambda step: None) if done is None else done.append
    context = ReviewContext(by, persona, brief, calls, on_step=on_step)
    return asyncio.run(ask_review(context, today=TODAY)), endpoint.asked


def answers(review):
    return {f.criterion: f.answer for f in review.findings}


def test_a_fact_is_cited_by_the_passage_that_shows_it_when_asked_alone():
    review, asked = ask(judge())
    assert answers(review) == {"install": "yes", "alive": "yes", "like": "yes"}
    assert [f.cites for f in review.findings] == [("E1.2",), ("E1.3",), ()]
    assert [f.says for f in review.findings] == [
        "It gives an install command", "It is maintained",
        "The model guesses that I would use it again",
    ]  # fmt: skip
    alone = [
        q for q in asked if "Install command: get" in q.shared and "four people" not in q.shared
    ]
    assert alone
    assert not any("Makes widgets" in q.shared for q in alone), "the description answers for nobody"


def test_a_fact_that_no_passage_shows_is_unclear_and_says_so():
    review, _ = ask(judge(shows={"E1.2": 0.2, "E1.3": 2.0}))
    assert answers(review)["install"] == "unclear"
    assert review.findings[0].says == "Nothing shows how to install it"
    assert review.uncited_facts == 1


@pytest.mark.parametrize(
    ("first", "second", "cited"), [(0.8, 1.2, "E1.2"), (0.4, 0.5, "E1.4"), (-3.0, 2.0, "E1.4")]
)
def test_the_likeliest_passage_that_shows_it_is_cited(first, second, cited):
    review, _ = ask(judge(shows={"E1.2": first, "E1.4": second, "E1.3": 2.0}))
    assert review.findings[0].cites == (cited,)


def test_the_passage_must_bear_the_statement_out_as_well():
    review, asked = ask(judge(states=-2.0))
    assert answers(review)["install"] == "unclear"
    assert any("Statement: It gives an install command." in q.tail for q in asked)


def test_a_passage_that_shows_it_ends_the_search():
    def alone(asked, passage):
        return [q for q in asked if f"\n[{passage}]" in q.shared and "E1.3" not in q.shared]

    _, fewer = ask(judge(shows={"E1.2": 0.8, "E1.4": 1.2, "E1.3": 2.0}))
    _, more = ask(judge(shows={"E1.2": 0.4, "E1.4": 1.2, "E1.3": 2.0}))
    assert not alone(fewer, "E1.4")
    assert alone(more, "E1.4")


def test_the_models_lean_on_a_question_is_taken_from_what_a_passage_shows():
    leaning = {key: row.model_copy(update={"offset": 2.0}) for key, row in FLAT.criteria.items()}
    review, _ = ask(
        judge(install=9.0, alive=9.0, shows={"E1.2": 2.2, "E1.3": 2.9}, states=0.5),
        calibration=FLAT.model_copy(update={"criteria": leaning}),
    )
    assert answers(review) == {"install": "unclear", "alive": "yes", "like": "yes"}


def test_a_notice_at_the_top_answers_no_with_its_passage_and_skips():
    review, asked = ask(judge(over=1.0, alive=9.0))
    finding = review.findings[1]
    assert (finding.answer, finding.cites, finding.p) == ("no", ("E1.2",), None)
    assert finding.says == "It is not maintained", "a dealbreaker asks what the notice says"
    assert review.vote == "skip"
    assert review.summary.startswith("I would not ship with Widget: it is not maintained")
    assert not any(SMITH.criteria[1].question in q.tail for q in asked), "it is answered"
    top = next(q for q in asked if "say that it is over" in q.tail)
    assert "# Widget" in top.shared
    assert "\n[E1.4]" in top.shared
    assert "\n[E1.5]" not in top.shared


def test_what_follows_from_a_notice_says_so():
    criteria = [c.model_copy(update={"dealbreaker": False}) for c in SMITH.criteria]
    review, _ = ask(judge(over=1.0), persona=SMITH.model_copy(update={"criteria": criteria}))
    assert review.findings[1].says == f"It is not maintained{NOTICED}"


def test_without_a_notice_the_usual_question_decides():
    review, asked = ask(judge(over=-1.0, alive=-5.0))
    assert answers(review)["alive"] == "unclear", "no passage says so"
    assert sum("say that it is over" in q.tail for q in asked) == 1
    denied, _ = ask(judge(alive=-5.0, denies=2.0))
    assert answers(denied)["alive"] == "unclear", "no passage denies anything, so none is asked"
    ended = Passage(id="E1.3", text="The widget is not maintained since 2019.")
    passages = tuple(ended if p.id == ended.id else p for p in BRIEF.passages)
    denied, _ = ask(judge(alive=-5.0, denies=2.0), brief=replace(BRIEF, passages=passages))
    assert answers(denied)["alive"] == "no"
    assert denied.findings[1].cites == ("E1.3",)
    assert denied.findings[1].says == "It is not maintained"


def test_the_words_are_code_and_what_is_not_written_is_said_once():
    review, asked = ask(judge())
    assert review.composed
    assert review.forecast is None
    assert review.fields == {}
    assert review.own_claims == ()
    assert review.notes == (NOT_WRITTEN,)
    assert {q.max_tokens for q in asked} == {1}
    assert review.summary == (
        "I would ship with Widget: it is maintained (“The widget is maintained by four people.”)"
        " [E1.3], and it gives an install command [E1.2]."
        " My guess, from no passage: I would use it again."
    )
    assert review.turns_on == "It is maintained [E1.3]"


@pytest.mark.parametrize(
    ("text", "kind", "holds"),
    [
        ("widget --serve", "code", True),
        ("Default: pip install widget. NOTE: it needs Triton.", "list", True),
        ("uv tool install widget", "prose", True),
        ("curl -fsSL https://widget.example/install.sh | sh", "prose", True),
        ("Install Widget and put your own agent to work.", "prose", False),
        ("Widget uses uv for its dependencies. To install:", "prose", False),
        ("Go get a coffee, then curl up.", "prose", False),
    ],
)
def test_code_and_commands_inside_a_sentence_are_code(text, kind, holds):
    assert holds_code(Passage(id="E1.1", text=text, kind=kind)) is holds


def test_what_only_code_shows_is_asked_of_code_alone():
    criteria = [
        c.model_copy(update={"shown_by": "code" if c.id == "install" else None})
        for c in SMITH.criteria
    ]
    persona = SMITH.model_copy(update={"criteria": tuple(criteria)})
    review, asked = ask(judge(shows={"E1.2": 2.0, "E1.3": 2.0}), persona=persona)
    assert answers(review)["install"] == "unclear"
    assert not any("Install command" in q.shared and "four people" not in q.shared for q in asked)
    code = [p.model_copy(update={"kind": "code"}) if p.id == "E1.2" else p for p in BRIEF.passages]
    brief = replace(BRIEF, passages=tuple(code))
    review, _ = ask(judge(shows={"E1.2": 2.0, "E1.3": 2.0}), persona=persona, brief=brief)
    assert [f.cites for f in review.findings if f.criterion == "install"] == [("E1.2",)]


def test_what_a_page_says_at_its_top_is_asked_of_its_first_passages_alone():
    late = Passage(id="E1.5", text="Give the install command; the install command installs it.")
    brief = replace(BRIEF, passages=(*BRIEF.passages[:4], late))
    shows = {"E1.3": 2.0, "E1.5": 2.0}
    anywhere, _ = ask(judge(shows=shows), brief=brief)
    assert anywhere.findings[0].cites == ("E1.5",)
    criteria = [
        c.model_copy(update={"shown_by": "top" if c.id == "install" else None})
        for c in SMITH.criteria
    ]
    persona = SMITH.model_copy(update={"criteria": tuple(criteria)})
    at_top, _ = ask(judge(shows=shows), persona=persona, brief=brief)
    assert answers(at_top)["install"] == "unclear"


def test_a_passage_that_shares_no_word_with_a_question_is_not_asked():
    review, asked = ask(judge(shows={"E1.3": 2.0, "E1.1": 2.0}))
    assert answers(review)["install"] == "unclear"
    alone = [q for q in asked if "Widgets for everybody" in q.shared and "\n[E1.2]" not in q.shared]
    assert not [q for q in alone if "install command" in q.tail]


def test_what_only_a_date_shows_is_asked_of_passages_with_one():
    criteria = [
        c.model_copy(update={"shown_by": "date" if c.id == "alive" else None})
        for c in SMITH.criteria
    ]
    persona = SMITH.model_copy(update={"criteria": tuple(criteria)})
    told, _ = ask(judge(), persona=persona)
    assert told.findings[1].cites == ("E1.3",), "it says by whom the tool is maintained"
    undated = Passage(id="E1.3", text="The widget is co-maintained and its makers are maintained.")
    brief = replace(BRIEF, passages=(*BRIEF.passages[:2], undated))
    silent, _ = ask(judge(), persona=persona, brief=brief)
    assert answers(silent)["alive"] == "unclear"
    dated = Passage(id="E1.3", text="The widget is maintained: version 3 came out in May 2026.")
    brief = replace(BRIEF, passages=(*BRIEF.passages[:2], dated))
    review, _ = ask(judge(), persona=persona, brief=brief)
    assert review.findings[1].cites == ("E1.3",)


def test_a_reviewer_is_asked_for_its_stance_reminded_of_what_weighs_most():
    told = [c.model_copy(update={"id": f"like_{n}", "weight": n + 1}) for n, c in enumerate(
        [SMITH.criteria[2]] * 6)]  # fmt: skip
    says = [c.says.model_copy(update={"yes": f"I would use it {c.weight:g} times"}) for c in told]
    criteria = [c.model_copy(update={"says": s}) for c, s in zip(told, says, strict=True)]
    persona = SMITH.model_copy(update={"criteria": tuple(criteria), "beats": SMITH.beats[2:]})
    _, asked = ask(judge(), persona=persona, calibration=FLAT)
    stance = next(q.tail for q in asked if "yourself ship" in q.tail)
    assert [line for line in stance.splitlines() if line.startswith("- ")] == [
        f"- I would use it {n} times" for n in (6, 5, 4, 3)
    ]


def test_a_beat_is_the_passage_of_its_criterion_word_for_word_and_none_is_quoted_twice():
    review, asked = ask(judge())
    assert review.beats == {"first_call": "“Install command: get widget.” [E1.2]"}
    assert not any("the first install command" in q.tail for q in asked)
    none, _ = ask(judge(shows={"E1.3": 2.0}))
    assert none.beats == {}


@pytest.mark.parametrize(("said", "stance"), [(1.5, "ship"), (-0.5, "skip")])
def test_the_stance_is_reported_with_its_log_odds_and_never_counted(said, stance):
    review, _ = ask(judge(stance=said))
    assert review.stance == stance
    assert review.stance_log_odds == pytest.approx(said, abs=0.001)
    assert review.vote == "ship"


def test_an_unknown_judge_is_asked_about_an_empty_tool():
    review, asked = ask(judge(empty=1.0), calibration=None)
    assert NO_FIT in review.notes
    assert sum("no evidence was found" in q.shared for q in asked) == len(SMITH.criteria)


def test_a_question_in_no_control_is_read_by_the_line_of_all_others():
    known = {key: row for key, row in FLAT.criteria.items() if key != "tester.like"}
    common = CommonLine(slope=2.0, intercept=-1.0)
    fitted = FLAT.model_copy(update={"criteria": known, "common": common})
    review, asked = ask(judge(empty=1.0, like=1.5), calibration=fitted)
    assert [f.p for f in review.findings if f.criterion == "like"] == [0.5]  # 2 × (1.5 − 1) − 1 = 0
    assert COMMON_FIT in review.notes
    assert sum("no evidence was found" in q.shared for q in asked) == 1
    plain, _ = ask(judge(empty=1.0), calibration=FLAT.model_copy(update={"criteria": known}))
    assert NO_FIT in plain.notes


def test_a_judge_without_log_probabilities_is_taken_by_its_word():
    rule = judge()

    def plain(question):
        said = rule(question)
        return "Yes." if said > 0 else "No."

    review, _ = ask(plain)
    assert answers(review) == {"install": "yes", "alive": "yes", "like": "yes"}
    assert NO_PROBABILITIES in review.notes
    assert review.stance_log_odds is None


def test_a_review_takes_no_more_steps_than_were_announced():
    done = []
    ask(judge(over=1.0, shows={}), done=done)
    assert len(done) <= steps(plan(personas=(SMITH,)), SMITH)


def test_a_tool_without_evidence_is_reviewed():
    review, _ = ask(judge(empty=3.0), brief=Brief(tool=BRIEF.tool))
    assert answers(review) == {"install": "unclear", "alive": "unclear", "like": "yes"}


def test_words_are_stemmed_alike_in_many_threads():
    words = [f"{start}{end}" for start in ("maintain", "archiv", "replac", "licens", "releas")
             for end in ("ed", "ing", "s", "er", "ation", "ability", "ment", "e")]  # fmt: skip
    alone = {word: shortlist._stem.__wrapped__(word) for word in words}

    def stemmed(number):
        return {word: shortlist._stem.__wrapped__(word) for word in words[number % 7 :] * 30}

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(stemmed, range(16)))
    finally:
        sys.setswitchinterval(interval)
    assert all(stems[word] == alone[word] for stems in together for word in stems)
