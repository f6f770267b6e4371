"""Which changes of the evidence count, and in which words they are told."""

from datetime import UTC, datetime

import pytest

from panel.evidence.source import Evidence, LookUp, Passage, Source
from panel.reviews.evidence_changes import Reason, evidence_changes, told
from panel.reviews.review import Finding, Review
from tests.support.scripted import PERSONA

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = datetime(2026, 11, 28, tzinfo=UTC)
API = "https://api.github.com/repos/acme/widget"


def source(number, name, *texts, role="page", digest="", retrieved=NOW):
    passages = (Passage(id=f"E{number}.{n}", text=text) for n, text in enumerate(texts, 1))
    return Source(
        id=f"E{number}", source=name, retrieved=retrieved, sha256=digest or repr(texts),
        passages=tuple(passages), role=role,
    )  # fmt: skip


def review(*cites, decided_by=""):
    finding = Finding(
        criterion="c", question="Is it so?", kind="fact", answer="yes", cites=cites,
        decided_by=decided_by,
    )  # fmt: skip
    return Review(
        persona="p", title="P", vote="ship", score=70, coverage=1, stance=None, summary="",
        findings=(finding,), forecast=None, provider="x", model="m",
    )  # fmt: skip


def compared(before, after, *cites, notes=(), look_ups=(), **more):
    new = Evidence(sources=tuple(after), notes=notes, look_ups=look_ups)
    return evidence_changes(Evidence(sources=tuple(before)), new, [review(*cites, **more)])


def words(changes):
    return [reason.text for reason in changes.reasons]


FIRST, SECOND = "It turns tables into widgets.", "One process does all of the work."


def test_the_same_words_under_other_numbers_are_no_change():
    new = source(1, "a", "A new first paragraph.", FIRST, SECOND)
    changes = compared([source(1, "a", FIRST, SECOND)], [new], "E1.2")
    assert (changes.reasons, changes.elsewhere) == ((), True)


def test_a_passage_that_is_cut_otherwise_is_no_change():
    changes = compared(
        [source(1, "a", FIRST, SECOND)], [source(1, "a", f"{FIRST}\n{SECOND}")], "E1.2"
    )
    assert (changes.reasons, changes.elsewhere) == ((), False)


def test_few_words_must_stand_alone():
    """Three letters of a licence are found in many a text."""
    changes = compared([source(1, "a", "MIT")], [source(1, "a", "Made at MIT by two.")], "E1.1")
    assert changes.reasons


def test_the_words_that_differ_are_shown_with_those_beside_them():
    old = "Every plan has ten thousand calls a month and no card is asked for."
    new = old.replace("ten thousand", "two hundred")
    changes = compared([source(1, "a", old)], [source(1, "a", new)], "E1.1")
    assert words(changes) == [
        "a: “Every plan has ten thousand calls a month…”"
        " → “Every plan has two hundred calls a month…”"
    ]


def test_a_passage_that_is_gone_is_said_to_be_gone():
    changes = compared([source(1, "a", FIRST, SECOND)], [source(1, "a", FIRST)], "E1.2")
    assert words(changes) == [f"a: “{SECOND}” is gone"]


def test_a_change_in_what_nobody_cites_is_elsewhere():
    changes = compared([source(1, "a", FIRST, SECOND)], [source(1, "a", FIRST, "Two do.")], "E1.1")
    assert (changes.reasons, changes.elsewhere) == ((), True)


def test_the_same_bytes_are_no_change_however_they_are_read_now():
    before = source(1, "a", FIRST, digest="d")
    changes = compared([before], [source(1, "a", "Read by other readers.", digest="d")], "E1.1")
    assert (changes.reasons, changes.elsewhere) == ((), False)


def record(stars=1, issues=1, release="1.0, published 2026-10-01", archived="no", **more):
    text = (
        f"Licence: MIT.\nArchived: {archived}.\nOpen issues and pull requests: {issues}.\n"
        f"Stars: {stars}.\nLast push: {more.pop('push', '2026-11-01')}.\nLatest release: {release}."
    )
    return source(1, API, text, role="record", digest=text, **more)


def test_counts_that_move_every_day_are_no_change_even_where_they_are_cited():
    new = record(stars=2, issues=9, push="2026-11-20", retrieved=LATER)
    changes = compared([record()], [new], "E1.1")
    assert (changes.reasons, changes.elsewhere) == ((), False)


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (record(release="1.1, published 2026-11-20"), "last release: 1.0 → 1.1"),
        (record(release="1.0, published 2026-11-20"),
         "day of the last release: 2026-10-01 → 2026-11-20"),
        (record(archived="yes, read-only"), "archived: no → yes"),
        (source(1, API, "Licence: AGPL-3.0.\nArchived: no.\n"
                "Latest release: 1.0, published 2026-10-01.", role="record"),
         "licence: MIT → AGPL-3.0"),
        (source(1, API, "Archived: no.\nLatest release: 1.0, published 2026-10-01.",
                role="record"), "licence: MIT → not stated"),
    ],
)  # fmt: skip
def test_a_fact_that_changed_is_the_reason_and_its_passage_is_no_second_one(new, said):
    assert words(compared([record()], [new], "E1.1")) == [said]


def test_an_age_counts_where_the_condition_that_decides_by_it_turns():
    rule = "last_commit_age < 30 d"
    before = record(push="2026-11-01")
    days = {LATER: [], datetime(2026, 12, 5, tzinfo=UTC): [f"{rule}: yes → no"]}
    for day, said in days.items():
        after = record(push="2026-11-01", retrieved=day)
        assert words(compared([before], [after], "E1.1", decided_by=rule)) == said


def test_a_fact_that_now_decides_a_question_counts():
    """An activity file is added: code answers what a model had answered."""
    persona = PERSONA.model_copy(
        update={
            "name": "p",
            "criteria": (
                PERSONA.criteria[0].model_copy(
                    update={"id": "c", "decided_by": ("last_commit_age < 365 d",)}
                ),
            ),
        }
    )
    readme = source(1, "README.md", FIRST, role="file")
    activity = source(
        2, "activity.md", "As of 2026-11-22:", "Last commit: 2026-11-20 (2 days before).",
        role="file",
    )  # fmt: skip
    before, after = Evidence(sources=(readme,)), Evidence(sources=(readme, activity))
    changes = evidence_changes(before, after, [review("E1.1")], [persona])
    assert words(changes) == ["last_commit_age < 365 d: not stated → yes"]
    assert not evidence_changes(before, after, [review("E1.1")]).reasons


def test_of_many_reasons_three_are_told():
    reasons = [Reason(what=f"fact {n}", before="a", after="b") for n in range(5)]
    assert told(reasons) == "fact 0: a → b; fact 1: a → b; fact 2: a → b; 2 more"
    assert told(reasons[:1]) == "fact 0: a → b"


def test_what_could_not_be_read_keeps_the_verdict_and_says_why():
    readme, prices = source(1, "a", FIRST), source(2, "b", "$20 a month.", role="pricing")
    note = "pricing page not read: b answered 503"
    changes = compared([readme, prices], [readme], "E2.1", notes=(note,))
    assert (changes.unread, changes.reasons) == (note, ())


def test_a_source_that_is_no_longer_there_is_a_change():
    readme, prices = source(1, "a", FIRST), source(2, "b", SECOND)
    assert words(compared([readme, prices], [readme], "E2.1")) == [f"b: “{SECOND}” is gone"]


def test_a_source_that_could_not_be_read_and_that_nobody_cites_holds_nothing_up():
    readme, other = source(1, "a", FIRST), source(2, "b", SECOND)
    new = source(1, "a", "It turns tables into gadgets.")
    changes = compared([readme, other], [new], "E1.1", notes=("page not read: b answered 503",))
    assert (changes.unread, len(changes.reasons)) == ("", 1)


def test_a_page_that_was_looked_up_and_cannot_be_read_now_keeps_the_verdict():
    before = [source(1, "a", FIRST), source(2, "b", SECOND)]
    look_up = LookUp(topic="security", problem="answered 404")
    changes = compared(before, before[:1], "E2.1", look_ups=(look_up,))
    assert changes.unread == "page on security not read: answered 404"
