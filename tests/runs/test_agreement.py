"""Agreement between runs: shares that are counted, and alpha as its own library computes it."""

import json

import krippendorff
import pytest

from panel.report import formats
from panel.reviews.verdict.scorecard import CardTool
from panel.runs.agreement import RESAMPLES, agreement
from tests.support.command import Desk, answering
from tests.support.runs_samples import card, review


def made(name, outcomes, scores=None, votes=None):
    """A run of one card a tool."""
    cards = []
    for n, outcome in enumerate(outcomes):
        scorecard = card(outcome=outcome)
        score = scores[n] if scores else 50.0
        vote = votes[n] if votes else "ship"
        cards.append(
            scorecard.model_copy(
                update={
                    "run": name,
                    "tool": CardTool(name=f"T{n}", slug=f"t{n}"),
                    "verdict": scorecard.verdict.model_copy(update={"score": score}),
                    "reviews": (review("builder", vote), review("skeptic", "skip", "no")),
                }
            )
        )
    return name, cards


A = made("a", ["ship", "skip", "ship", "hold", "skip", "ship"], [60, 30, 70, 50, 20, 80.0],
         ["ship", "skip", "ship", "skip", "ship", "ship"])  # fmt: skip
B = made("b", ["ship", "skip", "skip", "hold", "skip", "ship"], [62, 40, 30, 50, 21, 81.0],
         ["ship", "skip", "skip", "skip", "ship", "skip"])  # fmt: skip


def test_shares_and_alpha_are_those_of_the_library():
    result = agreement([A, B])
    assert result.runs == ("a", "b")
    assert result.tools == 6
    assert result.outcomes.equal == pytest.approx(5 / 6)
    coded = [[0, 1, 0, 3, 1, 0], [0, 1, 1, 3, 1, 0]]
    expected = krippendorff.alpha(reliability_data=coded, level_of_measurement="nominal")
    assert result.outcomes.alpha == pytest.approx(expected)
    scores = [[60, 30, 70, 50, 20, 80], [62, 40, 30, 50, 21, 81]]
    expected = krippendorff.alpha(reliability_data=scores, level_of_measurement="interval")
    assert result.score.alpha == pytest.approx(expected)
    assert result.score.equal == pytest.approx(4 / 6), "within five points"
    builder, skeptic = result.personas
    assert builder.equal == pytest.approx(4 / 6)
    assert skeptic.equal == 1.0
    assert skeptic.alpha is None, "where nothing ever varies alpha is undefined, not 1"
    assert result.votes.equal == pytest.approx(10 / 12)


def test_the_interval_holds_alpha_and_comes_out_the_same_every_time():
    first, second = agreement([A, B]), agreement([A, B])
    assert first == second
    assert first.outcomes.low <= first.outcomes.alpha <= first.outcomes.high
    assert first.resamples == RESAMPLES == 1_000


def test_runs_that_agree_wholly_have_alpha_one_and_those_at_odds_less_than_none():
    same = agreement([A, ("c", A[1])])
    assert (same.outcomes.alpha, same.outcomes.equal) == (1.0, 1.0)
    assert same.disputed == ()
    against = made("d", ["skip", "ship"] * 3)
    assert agreement([made("e", ["ship", "skip"] * 3), against]).outcomes.alpha < 0


def test_tools_and_reviews_that_one_run_lacks_do_not_count():
    short = ("short", A[1][:2])
    result = agreement([A, short])
    assert result.tools == 2
    alone = made("alone", ["ship"])
    alone[1][0] = alone[1][0].model_copy(update={"tool": CardTool(name="X", slug="x")})
    assert agreement([A, alone]).tools == 0
    assert agreement([A, alone]).outcomes.alpha is None


def test_one_tool_alone_gives_shares_and_no_alpha():
    result = agreement([("a", A[1][:1]), ("b", B[1][:1])])
    assert result.outcomes.equal == 1.0
    assert (result.outcomes.alpha, result.outcomes.low) == (None, None)


def test_the_findings_that_differ_most_come_first():
    yes = [c.model_copy(update={"reviews": (review("builder"), review("skeptic"))}) for c in A[1]]
    half = [
        c.model_copy(
            update={
                "reviews": (
                    review("builder", answer="no"),
                    review("skeptic", answer="no" if n % 2 else "yes"),
                )
            }
        )
        for n, c in enumerate(A[1])
    ]
    disputed = agreement([("y", yes), ("h", half)]).disputed
    assert [(d.persona, d.differ, d.pairs) for d in disputed] == [
        ("builder", 1.0, 6), ("skeptic", 0.5, 6),
    ]  # fmt: skip


def test_a_long_list_stays_computable():
    # The library holds tools times squared values at once: scores are rounded where lists are long.
    many = [made(name, ["ship", "skip"] * 130, [(n * 7 + k) % 100 + 0.3 for n in range(260)])
            for k, name in enumerate("ab")]  # fmt: skip
    assert agreement(many).score.alpha > 0.9


def test_it_is_written_in_three_forms():
    result = agreement([A, B])
    assert "outcomes" in formats.render(result, "terminal", "agreement")
    markdown = formats.render(result, "markdown", "agreement")
    assert "| outcomes | 6 | 83% |" in markdown
    data = json.loads(formats.render(result, "json", "agreement"))
    assert data["schema"] == "panel.agreement/1"
    assert data["outcomes"]["equal"] == pytest.approx(5 / 6)
    assert "NaN" not in formats.render(result, "json", "agreement")


def test_the_command_compares_stored_runs_and_turns_down_less_than_two(desk: Desk):
    page = desk.write("a.md", "# Widget\n\nIt sorts the lines of a file.\n")
    with answering() as url:
        for ask in ("whole", "stepwise"):
            desk.json("review", "Widget", "--evidence", page, "--provider", url, "--ask", ask)
    done = desk.run("agreement", "latest", "latest~1", "--format", "json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["tools"] == 1
    assert len(data["judges"]) == 2
    done = desk.run("agreement", "latest")
    assert done.returncode == 2
    assert "two runs or more" in done.stderr
