"""`panel forecasts`: what reviewers predicted, what became of it, and how good they were."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from panel.cli import options
from panel.cli.console import warn
from panel.cli.destination import Destination, written
from panel.foundation.errors import RunError

if TYPE_CHECKING:
    from panel.runs.forecasts.resolutions import KnownForecast


@click.command("forecasts")
@click.option("--due", is_flag=True, help="Only those whose day has come and that have no end.")
@click.option("--scores", is_flag=True, help="How good the resolved ones were, instead.")
@options.runs
@written("terminal", "json", "csv")
def command(due: bool, scores: bool, runs: Path | None, destination: Destination) -> None:
    """List what reviewers predicted, and what became of it.

    Each reviewer who writes predicts one thing in its own words, and gives a probability to each
    of five propositions: a release within 6 months; within 12 archived or said to be unmaintained,
    another licence, another price on the price page, a named successor. `panel resolve` finds out
    what became of them. Scores are Brier score (0 is perfect, 0.25 a coin), skill against the share
    that came true, and calibration, by reviewer, judge, horizon and kind.
    """
    from panel.cli import forecasts_view as view
    from panel.cli.output import emit_blocks, emit_json, emit_pieces
    from panel.report.scorecard.csv import csv_rows
    from panel.runs.forecasts import rows
    from panel.runs.forecasts.scores import scores as score_all

    today = datetime.now(UTC).date()
    known = known_in(options.settings(runs).runs)
    if scores:
        groups = score_all(known)
        if destination.form == "json":
            emit_json([rows.score_data(score) for score in groups], destination.path)
        elif destination.form == "csv":
            emit_pieces(csv_rows(rows.score_rows(groups)), destination.path)
        else:
            emit_blocks(view.scores(groups), destination.path)
        return
    if due:
        known = [each for each in known if each.state(today) == "due"]
    if destination.form == "json":
        emit_json([*rows.forecast_rows(known, today)], destination.path)
    elif destination.form == "csv":
        emit_pieces(csv_rows(rows.forecast_rows(known, today)), destination.path)
    else:
        emit_blocks(view.listed(known, today, due=due), destination.path)


def known_in(folder: Path) -> "list[KnownForecast]":
    """Return the forecasts of a runs folder with their ends; warn of what cannot be read.

    Raises:
        RunError: no run holds a forecast.
        InputError: `forecasts.yaml` cannot be read.
    """
    from panel.runs.forecasts.made import made_forecasts
    from panel.runs.forecasts.resolutions import known_forecasts, read_resolutions, unmet
    from panel.runs.history.archive import Archive

    archive = Archive.open(folder)
    made, ends = made_forecasts(archive.histories()), read_resolutions(folder)
    for note in (*archive.notes, *unmet(ends, made)):
        warn(note)
    if not made:
        raise RunError(
            f"no run in {folder} holds a forecast: reviewers make them where they write, which a"
            " local model does not",
            hint="panel review TOOL --provider …",
        )
    return [*known_forecasts(made, ends)]
