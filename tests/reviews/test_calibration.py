"""Calibration: what is fitted, from what, and how it is read."""

import math
import random

import pytest

from panel.foundation.errors import SettingsError, ToolError
from panel.foundation.paths import data_folder
from panel.reviews.calibration import calibration
from panel.reviews.calibration.calibration import SHIPPED, Calibration, file_name, load, sigmoid
from panel.reviews.calibration.controls import criterion_keys, read_controls
from panel.reviews.calibration.fitting import (
    LogisticLine,
    Point,
    Ridge,
    Sample,
    cross_validate,
    fit,
    fit_calibration,
    log_loss,
)
from panel.reviews.personas import applicable, load_personas

PERSONAS = [applicable(p, "library") for p in load_personas(folders=[data_folder("personas")])]
CONTROLS = data_folder("controls")


@pytest.fixture(autouse=True)
def no_own_calibrations(tmp_path, monkeypatch):
    monkeypatch.setenv("PANEL_CONFIG", str(tmp_path / "config"))


def test_the_fit_finds_the_line_that_made_the_answers():
    random.seed(7)
    xs = [random.uniform(-4, 4) for _ in range(4000)]
    points = [Point(x, float(random.random() < sigmoid(1.5 * x - 2.0))) for x in xs]
    found = fit(points, Ridge(LogisticLine(1.0, 0.0), slope=0.01, intercept=0.01))
    assert found.slope == pytest.approx(1.5, abs=0.12)
    assert found.intercept == pytest.approx(-2.0, abs=0.15)


def test_the_fit_is_where_the_penalised_likelihood_is_highest():
    points = [Point(-2, 0), Point(-1, 0), Point(0.5, 1, 2.5), Point(1, 0, 0.5), Point(3, 1)]
    ridge = Ridge(LogisticLine(1.0, -0.5), slope=2.0, intercept=0.7)

    def cost(line):
        pull = ridge.slope * (line.slope - 1.0) ** 2 + ridge.intercept * (line.intercept + 0.5) ** 2
        return log_loss(line, points) * sum(p.weight for p in points) + pull / 2

    best = fit(points, ridge)
    for step in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01)):
        assert cost(best) < cost(LogisticLine(best.slope + step[0], best.intercept + step[1]))


def test_separable_answers_stay_finite():
    found = fit(
        [Point(-1, 0), Point(1, 1)], Ridge(LogisticLine(1.0, 0.0), slope=0.01, intercept=0.01)
    )
    assert 1.0 < found.slope < 50.0
    assert abs(found.intercept) < 0.01


def test_without_answers_a_criterion_keeps_what_all_have_in_common():
    assert fit([], Ridge(LogisticLine(2.0, -3.0), slope=10.0, intercept=1.0)) == LogisticLine(
        2.0, -3.0
    )


def samples():
    """A judge that leans to no by 2 on `a.one` and to yes by 1 on `a.two`."""
    random.seed(3)
    made = []
    for good in [1.0, 0.0] * 12:
        noise = random.gauss(0, 0.3), random.gauss(0, 0.3)
        lift = 1.0 if good else -1.0
        found = {"a.one": lift - 2 + noise[0], "a.two": lift + 1 + noise[1]}
        made.append(Sample(found, dict.fromkeys(found, good)))
    return made


EMPTY = {"a.one": -3.0, "a.two": 0.0}
QUESTIONS = {"a.one": "One?", "a.two": "Two?"}


def test_a_fit_takes_each_criterions_own_lean_away():
    fitted = fit_calibration("m", "today", samples(), EMPTY, QUESTIONS)
    assert fitted.criteria["a.one"].offset == pytest.approx(-2.0, abs=0.4)
    assert fitted.criteria["a.two"].offset == pytest.approx(1.0, abs=0.4)
    assert fitted.probability(-1.0, "a", "one") > 0.8
    assert fitted.probability(-1.0, "a", "two") < 0.1


def test_a_question_without_controls_is_read_by_what_all_have_in_common():
    fitted = fit_calibration("m", "today", samples(), EMPTY, QUESTIONS)
    assert fitted.common is not None
    row = fitted.common.correction(-1.5, "Three?")
    slopes = [r.slope for r in fitted.criteria.values()]
    assert min(slopes) <= row.slope <= max(slopes)
    leans = [fitted.criteria[key].offset - lean for key, lean in EMPTY.items()]
    assert min(leans) < row.offset + 1.5 < max(leans)


def test_how_many_controls_there_are_of_each_kind_does_not_move_the_fit():
    few = samples()
    many = few + [s for s in few if s.labels["a.one"] == 0.0] * 3
    one, other = (fit_calibration("m", "t", s, EMPTY, QUESTIONS).criteria for s in (few, many))
    assert one["a.one"].offset == pytest.approx(other["a.one"].offset, abs=0.1)


def test_a_fit_is_judged_on_controls_it_has_not_seen():
    held = cross_validate(samples(), EMPTY, QUESTIONS)
    assert held.right > 0.95
    assert held.loss < 0.3
    turned = [Sample(s.differences, {k: 1 - v for k, v in s.labels.items()}) for s in samples()[:8]]
    assert cross_validate(samples() + turned, EMPTY, QUESTIONS).loss > held.loss


def test_a_probability_rises_with_the_difference_and_never_overflows():
    fitted = fit_calibration("m", "today", samples(), EMPTY, QUESTIONS)
    rows = [fitted.probability(x, "a", "one") for x in (-1e6, -50.0, -2.0, 0.0, 50.0, 1e6)]
    assert rows == sorted(rows)
    assert all(0 <= p <= 1 and math.isfinite(p) for p in rows)


def test_a_fit_for_other_wording_does_not_cover_a_question():
    fitted = fit_calibration("m", "today", samples(), EMPTY, QUESTIONS)
    assert fitted.covers("a", "one", "One?")
    assert not fitted.covers("a", "one", "One, really?")
    assert not fitted.covers("a", "three", "Three?")


def test_the_shipped_fit_covers_every_question_of_the_four():
    shipped = load("qwen2.5-coder-1.5b")
    assert shipped is not None
    assert "control tools" in shipped.made
    for persona in PERSONAS:
        for criterion in persona.criteria:
            assert shipped.covers(persona.name, criterion.id, criterion.question)
    assert set(shipped.criteria) == set(criterion_keys(PERSONAS))
    assert {row.source for row in shipped.criteria.values()} == {"fitted"}


def test_an_unknown_judge_has_no_calibration():
    assert load("some-other/model:7b") is None
    assert file_name("some-other/Model:7B") == "some-other-model-7b.json"


def test_an_own_calibration_goes_before_the_shipped_one(tmp_path):
    folder = tmp_path / "config" / "calibrations"
    folder.mkdir(parents=True)
    own = Calibration(model="x", made="here", criteria={})
    (folder / "qwen2.5-coder-1.5b.json").write_text(own.model_dump_json())
    assert load("qwen2.5-coder-1.5b") == own


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"model": "m"}', "{", '{"model":"m","made":"x","criteria":{"a.b":{"offset":NaN,'
     '"slope":1,"source":"fitted"}}}', '{"model":"m","made":"x","criteria":{"a.b":{"offset":0,'
     '"slope":-1,"source":"fitted"}}}'],
)  # fmt: skip
def test_a_damaged_calibration_is_named(tmp_path, text):
    folder = tmp_path / "config" / "calibrations"
    folder.mkdir(parents=True)
    (folder / "m.json").write_text(text)
    with pytest.raises(SettingsError, match=r"m\.json: not a calibration file"):
        load("m")


def test_the_controls_are_enough_of_each_class_and_none_is_a_stub():
    controls = read_controls(CONTROLS, PERSONAS)
    count = {k: sum(c.kind == k for c in controls) for k in ("good", "bland", "bad", "empty")}
    assert count["good"] >= 8
    assert count["bland"] >= 6
    assert count["bad"] >= 6
    assert count["empty"] >= 4
    for control in controls:
        passages = control.brief().passages
        assert passages, control.slug
        assert (len(passages) > 3) == (control.kind != "empty"), control.slug


def test_every_criterion_has_controls_of_both_answers():
    controls = read_controls(CONTROLS, PERSONAS)
    for key in criterion_keys(PERSONAS):
        labels = [c.label(key) for c in controls]
        assert min(sum(labels), len(labels) - sum(labels)) >= 3, key


def test_the_right_answer_is_that_of_the_class_unless_the_control_says_otherwise():
    controls = {c.slug: c for c in read_controls(CONTROLS, PERSONAS)}
    assert controls["quillstore"].label("skeptic.maintained") == 1.0
    assert controls["quillstore"].label("skeptic.rivals") == 0.0
    assert controls["cordwain"].label("skeptic.maintained") == 0.0
    assert controls["cordwain"].label("business.licence") == 1.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: X\nclass: great\nevidence: y", "not a control"),
        ("name: X\nclass: bad\nevidence: y\nscore: 3", "not a control"),
        ("- a", "not a control"),
        (
            "name: X\nclass: bad\nevidence: y\nbut: [builder.nothing]",
            "no persona asks builder.noth",
        ),
    ],
)
def test_a_broken_control_is_named(tmp_path, text, told):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ToolError, match=told):
        read_controls(tmp_path, PERSONAS)


def test_calibrations_are_data_of_the_package():
    assert SHIPPED.is_dir()
    assert calibration.SHIPPED.parent.name == "calibration"
