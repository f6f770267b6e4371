"""`panel fit`: what is fitted, what is kept plain, what a file of weights does to later reviews."""

import json
import random
import re
from collections import Counter
from dataclasses import replace
from datetime import date
from statistics import stdev

import html5lib
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.cli.main import panel
from panel.engine.backtest.fit import fit_tools
from panel.engine.backtest.fit_curves import fit_curves
from panel.engine.backtest.fit_threshold import ships_up_to
from panel.engine.backtest.fit_weights import PARTNERS, Fitter, _crossed, weights_of
from panel.engine.backtest.folds import folds, split
from panel.engine.backtest.outcomes import BacktestCase
from panel.engine.backtest.rescore import terms_by, verdict_by
from panel.engine.calibrate.threshold import separating_threshold
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import PanelError
from panel.report.fit import html, terminal
from panel.report.scorecard import terminal as scorecard_terminal
from panel.reviews.backtest.fit_report import FitReport
from panel.reviews.score import Rule
from panel.reviews.weights import FittedOn, FittedWeights
from panel.runs.folders import list_folders
from panel.runs.run import Run
from panel.testing import ScriptedProvider, ship, skip
from tests.support import answered
from tests.support.fates import NAMES, write_fates

DAY = date(2026, 11, 28)
FIRST, SECOND = answered.PERSONAS


def fitter(tools, personas=answered.PERSONAS):
    on = FittedOn(
        folder="list", outcomes="x", tools=len(tools), lived=len(tools) // 2,
        pairs=len(tools) // 2, day=DAY, run="r", provider="x", model="m", asked="stepwise",
        shown="as listed",
    )  # fmt: skip
    return Fitter(answered.plan(personas), Rule(), on)


def fitted(tools, personas=answered.PERSONAS):
    return fit_tools(fitter(tools, personas), tools, samples=1)


def shuffled(tools, seed):
    """Return the tools with the fates of each pair changed about by chance."""
    source = random.Random(seed)
    others = {"lived": "died", "died": "lived"}
    made = []
    for two in zip(tools[::2], tools[1::2], strict=True):
        flip = source.random() < 0.5
        made += [
            replace(t, case=replace(t.case, fate=others[t.case.fate])) if flip else t for t in two
        ]
    return made


@pytest.fixture(scope="module")
def telling():
    """A fit on 16 pairs, of whose answers one criterion tells the fate."""
    return fitted(answered.tools(16, seed=1))


# --- folds and terms ----------------------------------------------------------------------------

CASES = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(["lived", "died"])), unique=True, min_size=2
)


@given(CASES, st.integers(2, 10), st.integers(0, 99))
def test_folds_part_the_list_and_never_a_pair(rows, count, seed):
    cases = [
        BacktestCase(Tool(name=f"t{n}{fate}", slug=f"t{n}{fate}"), fate, pair=f"P{n}")
        for n, fate in rows
    ]
    parts = folds(cases, count, seed)
    assert sorted(place for part in parts for place in part) == list(range(len(cases)))
    home = {place: number for number, part in enumerate(parts) for place in part}
    for one, case in enumerate(cases):
        for other, partner in enumerate(cases):
            assert case.pair != partner.pair or home[one] == home[other]
    assert folds(cases, count, seed) == parts
    assert sorted([*split(len(cases), parts[0]), *parts[0]]) == list(range(len(cases)))


def test_tools_without_a_pair_are_dealt_out_by_outcome():
    cases = [t.case for t in answered.tools(20, single=True)]
    for part in folds(cases, 5):
        assert Counter(cases[place].fate for place in part) == {"lived": 4, "died": 4}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_terms_add_up_to_the_score_that_the_rule_gives(seed):
    (tool, _) = answered.tools(1, seed=seed)
    plan = answered.plan()
    for rule in (Rule(), Rule(min_coverage=0.9)):
        verdict = verdict_by(rule, plan, tool)
        total = sum(terms_by(rule, plan, tool).values())
        assert verdict.score is None or 100 * (total + 0.5) == pytest.approx(verdict.score)


def test_equal_factors_are_the_plain_weights_and_a_zero_still_counts():
    plain = weights_of(
        answered.PERSONAS, {(p.name, c.id): 3.7 for p in answered.PERSONAS for c in p.criteria}
    )
    assert {n: w.weight for n, w in plain.items()} == {"first": 1.0, "second": 2.0}
    assert plain["first"].criteria == {"tells": 1.0, "noise_a": 2.0, "noise_b": 1.0}
    some = weights_of(
        answered.PERSONAS,
        {("first", "tells"): 2.0, ("first", "noise_a"): 0.0, ("second", "young"): 0.0},
    )
    assert some["first"].criteria == {"tells": 3.0, "noise_a": 0.1}
    assert some["second"].criteria == {"young": 1.0}
    assert (some["first"].weight, some["second"].weight) == (3.0, 0.1)


@given(st.integers(0, 40), st.integers(0, 40))
def test_tools_without_pairs_are_compared_with_some_of_the_other_fate_and_none_twice(one, other):
    lived, died = range(one), range(100, 100 + other)
    crossed = _crossed(lived, died)
    assert len(set(crossed)) == len(crossed) == max(one, other) * min(one, other, PARTNERS)
    assert all(first in lived and second in died for first, second in crossed)


# --- the fit ------------------------------------------------------------------------------------


def test_what_tells_the_fate_gains_weight_and_beats_the_plain_rule_out_of_sample(telling):
    report = telling.report
    assert report.beaten
    assert report.by_weights.pairs.low > 0
    assert report.fitted.score.pairs.count > report.curves_only.score.pairs.count
    assert report.fitted.brier < report.plain.brier
    by_id = {c.criterion: c for p in report.personas for c in p.criteria}
    assert by_id["tells"].fitted > 2 * by_id["tells"].plain
    assert all(c.fitted > 0 for c in by_id.values())
    assert sum(c.fitted for c in report.personas[0].criteria) == pytest.approx(4, abs=0.3)
    assert telling.weights == telling.everything
    assert telling.weights.out_of_sample.fitted == report.fitted.score.pairs


def test_the_same_answers_give_the_same_weights(telling):
    again = fitter(answered.tools(16, seed=1)).fit(answered.tools(16, seed=1))
    assert again.weights == telling.weights.personas
    assert again.kept == telling.weights.curves


def test_outcomes_that_were_shuffled_beat_nothing_nearly_always():
    found = [fitted(shuffled(answered.tools(10, seed=n, right=0.5), n)).report for n in range(3)]
    assert sum(report.beaten for report in found) <= 1
    assert sum(bool(report.kept_curves) for report in found) <= 1
    assert all(report.by_weights.pairs for report in found)


def test_few_pairs_replace_nothing():
    report = fitted(answered.tools(6, seed=1, right=1.0)).report
    assert not report.beaten
    assert "too few to tell" in report.because or "no other weights" in report.because


def test_tools_without_pairs_are_fitted_and_compared_by_auc():
    result = fitted(answered.tools(12, seed=1, single=True))
    report = result.report
    assert report.by_weights.pairs is None
    assert report.beaten == report.by_weights.area.is_above_zero
    assert report.fitted.score.area.value > report.curves_only.score.area.value
    line = result.everything.line(["first", "second"], ["m"], ["stepwise"])
    assert f"have an AUC of {report.fitted.score.area.value:.2f}, the plain weights" in line
    assert "have an AUC of" in " ".join(terminal.render(report, 80).split())


def test_answers_that_are_all_unclear_fit_nothing():
    unclear = [
        replace(t, answers={w.name: [answered.review(w, {})] for w in answered.PERSONAS})
        for t in answered.tools(4)
    ]
    result = fitted(unclear)
    assert result.weights is None
    assert result.report.fitted.score.tools == 0
    assert "unknown" in terminal.render(result.report, 80)


# --- the threshold ------------------------------------------------------------------------------

MARKS = st.lists(st.none() | st.integers(0, 1000).map(lambda n: n / 10), max_size=12)


@settings(max_examples=60, deadline=None)
@given(MARKS, MARKS, st.sampled_from([40.0, 60.0, 77.7]))
def test_the_threshold_lies_where_smoothed_ship_rates_are_furthest_apart(lived, died, usual):
    from numpy import percentile
    from scipy.special import ndtr  # type: ignore[import-untyped]

    def share(marks, at):
        known = [mark for mark in marks if mark is not None]
        spread = stdev(known) if len(known) > 1 else 0.0
        low, high = percentile(known, [25, 75]) if known else (0.0, 0.0)
        quartile = float(high - low) / 1.34
        width = max(0.5, 0.9 * min(spread, quartile or spread) * len(known) ** -0.2)
        return sum(ndtr((mark - at) / width) for mark in known) / len(marks)

    at = separating_threshold(lived, died, usual=usual)
    if not any(m is not None for m in lived) or not any(m is not None for m in died):
        assert at == usual
        return
    apart = {t: share(lived, t) - share(died, t) for t in (usual, *(n / 2 for n in range(201)))}
    assert apart[at] == pytest.approx(max(apart.values()), abs=1e-6)
    assert separating_threshold(lived, lived, usual=usual) == usual


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_a_tool_ships_up_to_one_of_its_scores_and_at_none_above(seed):
    (tool, _) = answered.tools(1, seed=seed)
    plan = answered.plan()
    up_to = ships_up_to(Rule(), plan, tool)
    for at in range(101):
        outcome = verdict_by(Rule(ship_at=at), plan, tool).outcome
        assert (outcome == "ship") == (up_to is not None and at <= up_to)


def test_a_threshold_replaces_the_plain_one_where_ship_rates_are_clearly_further_apart():
    one = (FIRST,)
    kind = answered.tools(12, right=1.0, personas=one, told=(0.2, 0.95), chance=(0.85, 0.95))
    result = fitted(kind, one)
    threshold = result.weights.threshold
    assert (result.weights.personas, result.weights.curves) == ({}, {})
    assert (threshold.plain, threshold.ship_at) == (60, result.report.threshold.fitted)
    assert str(threshold.plain_died) == str(threshold.lived) == "12 of 12"
    assert threshold.died.count == 0
    assert result.report.threshold.gain.value == 1
    line = result.weights.line(["first"], ["m"], ["stepwise"])
    assert line == (
        "threshold fitted on 24 tools of list (2026-11-28): a reviewer ships from"
        f" {threshold.ship_at:g}, fitted as well: out of sample it ships 12 of 12 that lived and 0"
        " of 12 that died, at 60 12 and 12"
    )
    shown = " ".join(terminal.render(result.report, 80).split())
    assert "the plain one 12 and 12: clearly further apart" in shown
    few = fitted(kind[:18], one)
    assert few.report.threshold.gain.is_above_zero
    assert few.weights is None, "nine of each fate are too few to tell"


def test_an_age_alone_gives_a_falling_curve_held_against_the_base_rate(telling):
    by_fact = {curve.fact: curve for curve in telling.report.curves}
    age = by_fact["last_commit_age"]
    assert age.kept
    assert age.curve.brier < age.curve.base == pytest.approx(0.25, abs=0.01)
    assert age.curve.slope < 0
    p = [age.curve.probability(days) for days in (0, 5, 50, 5000)]
    assert p == sorted(p, reverse=True)
    assert 0 < p[-1] < p[0] < 1
    assert by_fact["commits_year"].curve is None
    assert telling.weights.curves == {"last_commit_age": age.curve}


def test_a_curve_never_speaks_against_what_its_fact_speaks_for():
    others = {"lived": "died", "died": "lived"}
    tools = [
        replace(t, case=replace(t.case, fate=others[t.case.fate]))
        for t in answered.tools(12, seed=1)
    ]
    curve = next(c for c in fit_curves(tools) if c.fact == "last_commit_age")
    assert curve.curve.slope == 0
    assert not curve.kept


def test_the_terminal_says_it_within_its_width(telling):
    for width in (60, 80, 120):
        text = terminal.render(telling.report, width)
        assert max(map(len, text.splitlines())) <= width
        assert "clearly better" in " ".join(text.split())
        assert "tells" in text


def test_the_page_is_valid_says_the_same_and_holds_nothing_active(telling):
    report = telling.report.model_copy(update={"notes": ("<script>alert(1)</script>",)})
    text = html.render(report)
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    tags = {el.tag for el in tree.iter() if isinstance(el.tag, str)}
    assert not tags & {"script", "iframe", "object", "embed", "form", "link", "img", "a", "base"}
    assert "&lt;script&gt;alert(1)" in text
    words = " ".join(tree.itertext())
    assert "clearly better" in words
    assert "tells" in words


# --- the command, and what a file does to later reviews -----------------------------------------


def judge(request):
    """The builder tells what its page says; the skeptic of every other pair the contrary."""
    if request.is_notice:
        return 0.05
    fine = "This page is fine" in request.prompt
    if request.persona == "skeptic":
        number = re.search(rf"(?:{'|'.join(NAMES)})(\d+)[ld]", request.prompt)[1]
        fine = fine == bool(int(number) % 2)
    return ship(request) if fine else skip(request)


class Place:
    """A list of pairs with activity, its runs, settings, and the command in this process."""

    def __init__(self, folder, pairs=10):
        self.folder = folder
        self.fates = write_fates(folder / "fates", pairs=pairs, wrong=0)
        for place in (self.fates / "evidence").iterdir():
            number = int(place.name.rstrip("ld").lstrip("abcdefghijklmnopqrstuvwxyz"))
            days = 2 + number if place.name.endswith("l") else 9 + 4 * number
            (place / "activity.md").write_text(
                f"As of 2024-08-01:\n\n- Last commit: 2024-07-01 ({days} days before).\n"
            )
        self.weights = folder / "weights.json"

    def call(self, *args):
        return CliRunner().invoke(panel, [*map(str, args), "--runs", str(self.folder / "runs")])

    def asked(self, command, provider, *more):
        done = self.call(
            command, self.fates, "--provider", provider, "--ask", "whole",
            "--personas", "builder,skeptic", "--format", "json", "--scorecards", "none", *more,
        )  # fmt: skip
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout)

    def refused(self, *args):
        done = self.call(*args)
        assert isinstance(done.exception, PanelError), done.output
        assert done.exception.exit_code == 2
        return f"{done.exception.message} | {done.exception.hint}"

    def newest(self):
        return Run.open(list_folders(self.folder / "runs")[0])

    def use(self, monkeypatch, path):
        settings_file = self.folder / "settings.toml"
        settings_file.write_text(f"[rule]\nweights = '{path}'\n")
        monkeypatch.setenv("PANEL_CONFIG_FILE", str(settings_file))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A place where a fit was made and written."""
    place = Place(tmp_path_factory.mktemp("fit"))
    with ScriptedProvider(judge) as provider:
        place.url = provider.url
        place.report = place.asked("fit", provider.url, "--weights", place.weights)
        place.requests = len(provider.requests)
    return place


def test_the_command_writes_what_is_better_and_asks_once(place):
    report = FitReport.model_validate(place.report)
    assert report.model_dump(mode="json", by_alias=True) == place.report
    assert place.requests == 20 * 2
    assert report.beaten
    assert report.written == str(place.weights)
    on = report.fitted_on
    assert (on.folder, on.tools, on.lived, on.pairs) == ("fates", 20, 10, 10)
    assert (on.model, on.asked, on.shown) == ("scripted", "whole", "as listed")
    weights = FittedWeights.model_validate(json.loads(place.weights.read_text()))
    assert weights.fitted_on == on
    builder, skeptic = weights.personas["builder"], weights.personas["skeptic"]
    assert skeptic.criteria["maintained"] > 4 > 1 > skeptic.criteria["daily_use"]
    assert [builder.weight, skeptic.weight] == [row.fitted for row in report.personas]
    assert set(weights.curves) == {"last_commit_age"}


def test_later_reviews_are_scored_by_the_file_and_every_card_says_so(place, monkeypatch):
    place.use(monkeypatch, place.weights)
    report = place.asked("backtest", "replay:latest")
    weights = FittedWeights.model_validate(json.loads(place.weights.read_text()))
    line = (
        f"weights fitted on 20 tools of fates ({weights.fitted_on.day}): out of sample they rank"
        f" {weights.out_of_sample.fitted} pairs right, the plain weights"
        f" {weights.out_of_sample.plain.count:g}"
    )
    assert any("fitted on this list" in note for note in report["notes"])
    assert report["strata"][0]["score"]["pairs"]["count"] == 10
    with place.newest() as run:
        assert run.manifest.rule.weights == weights
        assert all(line in card.warnings for card in run.each_verdict())
        card = next(run.each_verdict())
        review = next(r for r in card.reviews if r.persona == "skeptic")
        finding = next(f for f in review.findings if f.criterion == "maintained")
        days = card.facts.last_commit_age.value
        assert finding.p_source == "fitted"
        assert finding.p == weights.curves["last_commit_age"].probability(days)
        assert f"a curve fitted on 20 tools of fates ({weights.fitted_on.day})" in finding.because
        assert finding.weight == weights.personas["skeptic"].criteria["maintained"]
        shown = scorecard_terminal.render([card])
        assert f"({round(100 * finding.p)}% lived)" in " ".join(shown.split())
        name = run.name
    # By the run alone: the settings name no weights any more.
    monkeypatch.delenv("PANEL_CONFIG_FILE")
    done = place.call("verify", name)
    assert done.exit_code == 0, done.output
    assert place.call("resume", name).exit_code == 0
    again = place.asked("backtest", f"replay:{name}")
    assert again["strata"] == report["strata"]
    with place.newest() as replayed:
        assert replayed.manifest.rule.weights == weights
    # And a fit on reviews that weights have scored is the fit on the plain ones.
    fit = place.asked("fit", f"replay:{name}")
    assert fit["personas"] == place.report["personas"]
    assert fit["plain"] == place.report["plain"]


def test_a_fitted_threshold_is_the_rules_own_unless_the_settings_name_one(
    place, monkeypatch, tmp_path
):
    threshold = {
        "ship_at": 92.5, "plain": 60, "lived": {"count": 7, "total": 10},
        "died": {"count": 1, "total": 10}, "plain_lived": {"count": 9, "total": 10},
        "plain_died": {"count": 8, "total": 10},
    }  # fmt: skip
    path = tmp_path / "weights.json"
    path.write_text(json.dumps(json.loads(place.weights.read_text()) | {"threshold": threshold}))
    place.use(monkeypatch, path)
    place.asked("backtest", "replay:latest")
    words = (
        "a reviewer ships from 92.5, fitted as well: out of sample it ships 7 of 10 that lived and"
        " 1 of 10 that died, at 60 9 and 8"
    )
    with place.newest() as run:
        name = run.name
        for card in run.each_verdict():
            assert card.ship_at == 92.5
            assert any(words in warning for warning in card.warnings)
            assert {r.vote for r in card.reviews if r.score < 92.5} <= {"skip"}
    monkeypatch.delenv("PANEL_CONFIG_FILE")
    assert place.call("verify", name).exit_code == 0
    # A fit on it is the fit on the plain rule, threshold and all.
    fit = place.asked("fit", f"replay:{name}")
    assert (fit["plain"], fit["threshold"]) == (place.report["plain"], place.report["threshold"])
    # A file without a threshold brings back the plain one.
    place.use(monkeypatch, place.weights)
    place.asked("backtest", f"replay:{name}")
    with place.newest() as run:
        assert run.manifest.rule.ship_at == 60
    place.use(monkeypatch, path)
    monkeypatch.setenv("PANEL_CONFIG_FILE", str(tmp_path / "own.toml"))
    (tmp_path / "own.toml").write_text(f"[rule]\nweights = '{path}'\nship_at = 70\n")
    place.asked("backtest", f"replay:{name}")
    with place.newest() as run:
        card = next(run.each_verdict())
    assert card.ship_at == 70
    assert any("the fitted threshold of 92.5 is not used" in w for w in card.warnings)


def test_weights_of_other_reviewers_or_models_are_refused_or_named(place, monkeypatch, tmp_path):
    page = tmp_path / "README.md"
    page.write_text("# Wryneck\n\nThis page is fine.\n")
    place.use(monkeypatch, place.weights)
    review = ("review", "Wryneck", "--evidence", page, "--no-write", "--format", "json")
    told = place.refused(*review, "--personas", "futurist", "--provider", "http://127.0.0.1:9/v1")
    assert "its weights are of builder, skeptic, and none of them reviews here (futurist)" in told
    with ScriptedProvider(ship) as provider:
        done = place.call(
            *review, "--personas", "builder,futurist", "--provider", provider.url,
            "--model", "another", "--ask", "stepwise",
        )  # fmt: skip
    (line,) = [w for w in json.loads(done.stdout)["warnings"] if "weights fitted on" in w]
    assert "fitted on answers of scripted, asked whole" in line
    assert "the plain weights of futurist are kept" in line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "no such file or directory"),
        ("{", "no JSON"),
        ('{"schema": "panel.weights/2"}', "not a file of fitted weights: schema"),
        ("[1]", "not a file of fitted weights"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_before_anything_is_asked(
    place, monkeypatch, tmp_path, text, told
):
    path = tmp_path / "weights.json"
    if text is not None:
        path.write_text(text)
    place.use(monkeypatch, path)
    words = place.refused(
        "review", "Wryneck", "--description", "It sorts.", "--provider", "http://127.0.0.1:9/v1"
    )
    assert told in words
    assert "panel fit FOLDER --weights FILE" in words


def test_a_run_goes_on_by_the_weights_that_it_began_with(tmp_path, place, monkeypatch):
    other = Place(tmp_path, pairs=2)
    with ScriptedProvider(judge) as provider:
        place.use(monkeypatch, place.weights)
        stopped = other.call(
            "backtest", other.fates, "--provider", provider.url, "--ask", "whole",
            "--personas", "builder,skeptic", "--max-calls", 3,
        )  # fmt: skip
        assert stopped.exception.exit_code == 3
        monkeypatch.delenv("PANEL_CONFIG_FILE")
        with other.newest() as run:
            name = run.name
        assert other.call("resume", name, "--provider", provider.url).exit_code == 0
    with other.newest() as run:
        assert all(any("weights fitted on 20" in w for w in c.warnings) for c in run.each_verdict())
        assert len(list(run.each_verdict())) == 4
    assert other.call("verify", name).exit_code == 0
    # A replay takes them over, and says so of a list that they were not fitted on.
    place.use(monkeypatch, place.weights)
    report = other.asked("backtest", f"replay:{name}")
    assert any("scored by a fit on 20 tools of fates" in note for note in report["notes"])


def test_what_does_not_beat_the_plain_rule_is_written_only_when_asked_for(tmp_path):
    place = Place(tmp_path, pairs=3)
    with ScriptedProvider(judge) as provider:
        report = place.asked("fit", provider.url, "--weights", place.weights)
        assert (report["beaten"], report["written"]) == (False, None)
        assert not place.weights.exists()
        asked = len(provider.requests)
        report = place.asked("fit", provider.url, "--weights", place.weights, "--anyway")
        assert len(provider.requests) == asked, "what was answered is not asked again"
    assert (report["beaten"], report["written"]) == (False, str(place.weights))
    assert report["anyway"]
    weights = FittedWeights.model_validate(json.loads(place.weights.read_text()))
    assert "which does not clearly beat them" in weights.line(["builder"], ["m"], ["whole"])


def test_options_that_cannot_be_meant_so_are_refused(place):
    assert "--weights FILE.json --anyway" in place.refused("fit", place.fates, "--anyway")
    assert "weights are written as JSON | --weights w.json" in place.refused(
        "fit", place.fates, "--weights", place.folder / "w.toml"
    )
    assert "is no folder" in place.refused(
        "fit", place.fates, "--weights", place.folder / "none" / "w.json"
    )


def test_no_question_changes_with_a_fit_also_where_the_stance_is_told_the_weightiest_answers(
    place, monkeypatch, tmp_path
):
    activity = tmp_path / "activity.md"
    activity.write_text("As of 2024-08-01:\n\n- Last commit: 2024-06-12 (50 days before).\n")
    page = tmp_path / "README.md"
    page.write_text("# Wryneck\n\nThis page is fine. It is used in production since 2019.\n")
    review = (
        "review", "Wryneck", "--evidence", page, "--evidence", activity, "--personas",
        "builder,skeptic", "--format", "json",
    )  # fmt: skip
    with ScriptedProvider(lambda r: 0.05 if r.is_notice else ship(r)) as provider:
        plain = place.call(*review, "--provider", provider.url, "--ask", "stepwise")
        assert plain.exit_code == 0, plain.output
        asked = len(provider.requests)
        place.use(monkeypatch, place.weights)
        weighted = place.call(*review, "--provider", provider.url, "--ask", "stepwise")
        assert weighted.exit_code == 0, weighted.output
        assert len(provider.requests) == asked
    one, other = json.loads(plain.stdout), json.loads(weighted.stdout)
    assert one["verdict"]["score"] != other["verdict"]["score"]
    assert not other["missing"]
