"""Forecasts over runs: what was made, `forecasts.yaml`, and scores against scipy's distances."""

import dataclasses
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.foundation.errors import InputError, RunStopped
from panel.foundation.file_lock import FileLock
from panel.foundation.strict_yaml import MAX_BYTES
from panel.runs.forecasts import resolutions
from panel.runs.forecasts.made import MadeForecast, made_forecasts
from panel.runs.forecasts.resolutions import (
    FILE,
    KnownForecast,
    Resolution,
    known_forecasts,
    read_resolutions,
    record,
    unmet,
)
from panel.runs.forecasts.scores import FEWEST, scores
from tests.support.cards import NOW, card
from tests.support.forecasts import reviewer
from tests.support.sites import Held, later

DAY = NOW.date()
DUE = date(2027, 11, 22)


def a_card(**changes):
    reviews = (reviewer("builder", DAY, release=0.9), reviewer("skeptic", DAY, model="m-2"))
    return card(**{"reviews": reviews, "missing": (), **changes})


def made_of(*cards):
    return made_forecasts(Held(cards).histories())


def end(forecast, came_true="yes", **more):
    about = (
        {"proposition": forecast.proposition}
        if forecast.proposition
        else {"reviewer": forecast.reviewer, "claim": forecast.claim}
    )
    fields = {"tool": forecast.key, "by": forecast.by, "came_true": came_true, "date": DAY}
    return Resolution.model_validate({**fields, **about, **more})


def test_every_forecast_is_listed_with_who_made_it():
    made = made_of(a_card())
    assert len(made) == 12
    first = next(f for f in made if f.id == "release-2027-05-22" and f.reviewer == "builder")
    assert (first.tool, first.model, first.probability, first.months) == (
        "Quillstore", "m-1", 0.9, 6,
    )  # fmt: skip
    assert first.claim == "It has a new release"
    free = [f for f in made if not f.proposition]
    assert [(f.id, f.model, f.months) for f in free] == [
        ("builder-2027-11-22", "m-1", 12), ("skeptic-2027-11-22", "m-2", 12),
    ]  # fmt: skip


def test_what_is_predicted_again_counts_once_and_ids_stay_when_verdicts_are_added():
    before = {f.id: f for f in made_of(a_card())}
    again = later(a_card(), 3)
    other = later(a_card(reviews=(reviewer("builder", DAY, claim="Another thing by 2027"),)), 5)
    made = made_of(a_card(), again, other)
    assert len(made) == 12 + 1 + 1, "another claim, and another probability of a release"
    assert {f.id: f.claim for f in made if f.reviewer == "builder" and not f.proposition} == {
        "builder-2027-11-22": before["builder-2027-11-22"].claim,
        "builder-2027-11-22-2": "Another thing by 2027",
    }


def test_a_forecast_is_open_then_due_then_what_became_of_it():
    (first, *_), ended = made_of(a_card()), []
    states = [known_forecasts([first], ended)[0].state(day) for day in (DAY, first.by)]
    for came_true in ("yes", "no", "void"):
        states.append(known_forecasts([first], [end(first, came_true)])[0].state(DAY))
    assert states == ["open", "due", "came true", "did not", "void"]


def test_an_end_is_added_below_what_a_person_wrote_and_read_again(tmp_path):
    forecasts = made_of(a_card())
    by_id = {f.id: f for f in forecasts}
    hand = (
        f"# mine\n- {{tool: Quillstore, reviewer: skeptic, by: {DUE}, came_true: no, date: {DUE}}}"
    )
    (tmp_path / FILE).write_text(hand)
    licence = by_id["licence-2027-11-22"]
    words = {"passage": 'Licence: "BUSL": it is “new”. 🦄 \\ #x', "note": "MIT → BUSL"}
    url = "https://api.github.com/repos/acme/widget"
    code = end(licence, "yes", decided="code", source=url, read=DAY, **words)
    assert record(tmp_path, [(licence, code)]) == (code,)
    text = (tmp_path / FILE).read_text()
    assert text.startswith(hand + "\n- tool: ")
    assert read_resolutions(tmp_path)[1] == code
    known = known_forecasts(forecasts, read_resolutions(tmp_path))
    ended = {(k.forecast.id, k.forecast.reviewer) for k in known if k.resolution}
    assert ended == {
        ("skeptic-2027-11-22", "skeptic"),
        ("licence-2027-11-22", "builder"), ("licence-2027-11-22", "skeptic"),
    }  # fmt: skip
    assert unmet(read_resolutions(tmp_path), forecasts) == ()


def test_a_second_end_is_refused_and_the_same_one_changes_nothing(tmp_path):
    (forecast, *others) = made_of(a_card())
    record(tmp_path, [(forecast, end(forecast, "yes"))])
    stored = (tmp_path / FILE).read_bytes()
    assert record(tmp_path, [(forecast, end(forecast, "yes", note="again"))]) == ()
    other = next(f for f in others if f.id != forecast.id)
    with pytest.raises(InputError, match="is resolved already: yes"):
        record(tmp_path, [(other, end(other)), (forecast, end(forecast, "void"))])
    assert (tmp_path / FILE).read_bytes() == stored
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_file_to_which_nothing_can_be_added_is_left_as_it_is(tmp_path):
    (forecast, *_) = made_of(a_card())
    text = f"  - {{tool: x, reviewer: y, by: {DUE}, came_true: no, date: {DUE}}}\n"
    (tmp_path / FILE).write_text(text)
    with pytest.raises(InputError, match=FILE):
        record(tmp_path, [(forecast, end(forecast))])
    assert (tmp_path / FILE).read_text() == text


def test_another_writer_is_waited_for_and_named(tmp_path, monkeypatch):
    (forecast, *_) = made_of(a_card())
    monkeypatch.setattr(resolutions, "_PATIENCE", 0.02)
    lock = FileLock(tmp_path / ".forecasts.lock", transient=True)
    lock.acquire()
    with pytest.raises(RunStopped, match="another process is writing"):
        record(tmp_path, [(forecast, end(forecast))])
    lock.release()
    assert len(record(tmp_path, [(forecast, end(forecast))])) == 1


def test_a_file_of_more_than_one_document_s_size_is_read_and_its_faults_are_found(tmp_path):
    (forecast, *_) = made_of(a_card())
    entry = resolutions._entry(end(forecast, note="x" * 400))
    many = MAX_BYTES // len(entry) + 50
    (tmp_path / FILE).write_text(entry * many)
    assert len(read_resolutions(tmp_path)) == many
    (tmp_path / FILE).write_text(entry * many + "- {tool: x, by: soon}\n")
    with pytest.raises(InputError, match=rf"line {many * entry.count(chr(10)) + 1}: "):
        read_resolutions(tmp_path)


def test_an_end_is_held_against_the_forecasts_of_its_tool_alone(tmp_path, monkeypatch):
    cards = [a_card(tool=a_card().tool.model_copy(update={"name": f"T{n}", "slug": f"t{n}"}))
             for n in range(60)]  # fmt: skip
    forecasts = made_of(*cards)
    held, meets = [], Resolution.meets
    monkeypatch.setattr(Resolution, "meets", lambda *pair: (held.append(1), meets(*pair))[1])
    assert len(record(tmp_path, [(f, end(f)) for f in forecasts])) == 60 * 7
    assert all(k.resolution for k in known_forecasts(forecasts, read_resolutions(tmp_path)))
    assert len(held) < 20 * len(forecasts)


def test_of_two_entries_by_hand_the_first_counts_and_the_other_is_told_of():
    (forecast, *_) = made_of(a_card())
    ends = [end(forecast, "yes"), end(forecast, "no"), end(forecast, "no", tool="parley")]
    assert known_forecasts([forecast], ends)[0].resolution is ends[0]
    name, day = forecast.proposition, forecast.by
    assert unmet(ends, [forecast]) == (
        f"{FILE}: the forecast of {name} on quillstore by {day} is resolved before",
        f"{FILE}: the forecast of {name} on parley by {day} does not exist",
    )


OUTCOMES = st.sampled_from(["yes", "no", "void"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 11), OUTCOMES), max_size=12))
def test_resolved_once_and_no_end_changes_a_forecast(tmp_path_factory, ends):
    runs = tmp_path_factory.mktemp("once")
    forecasts = made_of(a_card())
    stored = [dataclasses.asdict(forecast) for forecast in forecasts]
    first = {}
    for place, outcome in ends:
        forecast = forecasts[place]
        before = first.setdefault((forecast.id), outcome)
        try:
            record(runs, [(forecast, end(forecast, outcome))])
        except InputError:
            assert outcome != before
        else:
            assert outcome == before
    for known in known_forecasts(forecasts, read_resolutions(runs)):
        outcome = known.resolution and known.resolution.came_true
        assert outcome == first.get(known.forecast.id)
    assert [dataclasses.asdict(forecast) for forecast in forecasts] == stored


def resolved(probability, outcome, *, kind="licence", who="builder", model="m", months=12):
    made = MadeForecast(
        id=f"{kind}-{DUE}", key="w", names=frozenset({"w"}), tool="W", slug="w", run="r", made=DAY,
        reviewer=who, title=who, model=model, proposition=kind, claim="c",
        probability=probability, by=DAY + timedelta(days=round(months * 30.44)),
    )  # fmt: skip
    fields = {"tool": "w", "by": made.by, "date": DAY, "came_true": outcome}
    about = {"proposition": kind} if kind else {"reviewer": who}
    return KnownForecast(made, Resolution.model_validate({**fields, **about}))


PAIRS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=FEWEST, max_size=40)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_the_brier_score_is_a_mean_squared_distance_and_skill_is_against_the_share_that_came_true(
    pairs,
):
    from scipy.spatial.distance import (  # type: ignore[import-untyped]  # slow to import
        sqeuclidean,
    )

    known = [resolved(p, "yes" if happened else "no") for p, happened in pairs]
    score = scores(known)[0]
    happened = [came for _, came in pairs]
    expected = sqeuclidean([p for p, _ in pairs], happened) / len(pairs)
    assert score.brier == pytest.approx(expected)
    base = sqeuclidean([sum(happened) / len(pairs)] * len(pairs), happened) / len(pairs)
    assert score.skill == (pytest.approx(1 - expected / base) if base else None)
    assert sum(each.forecasts for each in score.bins) == score.resolved == len(pairs)
    assert sum(each.came_true for each in score.bins) == sum(happened)
    for each in score.bins:
        assert each.low <= each.mean <= each.high


@settings(max_examples=40, deadline=None)
@given(PAIRS, st.floats(0, 1))
def test_void_and_what_has_no_probability_never_score(pairs, chance):
    known = [resolved(p, "yes" if happened else "no") for p, happened in pairs]
    more = [resolved(chance, "void"), resolved(None, "yes"), KnownForecast(known[0].forecast)]
    assert scores([*known, *more]) == scores(known)


def test_under_ten_resolved_no_figure_is_given_and_groups_are_apart():
    known = [resolved(0.8, "yes", who="builder") for _ in range(FEWEST)]
    known += [resolved(0.1, "no", who="skeptic", kind="", months=36, model="n") for _ in range(3)]
    by = {(score.by, score.who): score for score in scores(known)}
    assert by["all", "all"].resolved == 13
    assert by["reviewer", "builder"].brier == pytest.approx(0.04)
    assert by["reviewer", "builder"].skill is None, "all of the kind came true"
    few = by["reviewer", "skeptic"]
    assert (few.resolved, few.came_true, few.brier, few.skill, few.bins) == (3, 0, None, None, ())
    assert [who for kind, who in by if kind == "horizon"] == ["12 months", "36 months"]
    assert {who for kind, who in by if kind == "judge"} == {"m", "n"}
    assert {who for kind, who in by if kind == "kind"} == {"licence", "sentences"}
