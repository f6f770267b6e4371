"""The `panel` command: its list of commands, and how errors become one line and an exit code.

Command modules are imported only when they are called, so that `panel --help` stays quick.
"""

import importlib
import signal
import sys

import click

from panel.cli import streams
from panel.foundation.errors import PanelError

# Command: module that holds it, its line in `panel --help` (a test keeps both true).
COMMANDS = {
    "review": ("panel.cli.review", "Review one tool and print its scorecard."),
    "batch": ("panel.cli.batch", "Review a whole list of tools."),
    "rerun": ("panel.cli.rerun", "Review a run's stored evidence again, with another provider."),
    "refresh": ("panel.cli.refresh", "Read evidence anew; review again what changed."),
    "evidence": ("panel.cli.evidence", "Show what is known about one tool, and what is not."),
    "resume": ("panel.cli.resume", "Continue a run that stopped early."),
    "retry": ("panel.cli.retry", "Ask again for every review that is missing from a run."),
    "show": ("panel.cli.show", "Print the scorecards of a stored run."),
    "diff": ("panel.cli.diff", "Show what changed between two runs of the same tools."),
    "compare": (
        "panel.cli.compare",
        "Put two tools' verdicts side by side: which one to ship with.",
    ),
    "verify": (
        "panel.cli.verify",
        "Check that a run's scorecards follow from its stored replies.",
    ),
    "agreement": ("panel.cli.agreement", "Show how far runs of the same tools agree."),
    "runs": ("panel.cli.runs", "List stored runs, newest first."),
    "usage": ("panel.cli.usage", "Show the calls, tokens, cost and time of runs."),
    "export": ("panel.cli.export", "Write a run's reviews as rows: JSON Lines, CSV, Parquet."),
    "calibrate": ("panel.cli.calibrate", "Measure a judge on control tools before trusting it."),
    "backtest": (
        "panel.cli.backtest",
        "Hold the panel's verdicts against what became of the tools.",
    ),
    "fit": ("panel.cli.fit", "Fit weights on what became of the tools."),
    "forecasts": (
        "panel.cli.forecasts",
        "List what reviewers predicted, and what became of it.",
    ),
    "resolve": ("panel.cli.resolve", "Find out what became of forecasts."),
    "site": ("panel.cli.site", "Build web pages from the stored verdicts."),
    "serve": ("panel.cli.serve", "Serve the pages live, with votes, requests and an API."),
    "digest": ("panel.cli.digest", "Write the weekly edition, or mail it to its subscribers."),
    "personas": ("panel.cli.personas", "List, show or check the reviewers."),
    "providers": ("panel.cli.providers", "List the providers of models: the values of --provider."),
    "doctor": ("panel.cli.doctor", "Check this installation and show what a review would use."),
}


class Commands(click.Group):
    """The command group; suggests the nearest command for a mistyped one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return commands in the order of the table: most used first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command and return the command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Fail with the nearest names when there is no such command."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            from panel.foundation.did_you_mean import did_you_mean

            hint = did_you_mean(name, COMMANDS, most=2) or "see: panel --help"
            raise click.UsageError(f"there is no command {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command list from the table, without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        # Imported here: it costs as much as the rest of `panel --help`.
        from importlib.metadata import version

        click.echo(f"panel {version('panel-verdict')}")
        ctx.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show a traceback instead of one line for errors.")
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version and exit.",
)
@click.pass_context
def panel(ctx: click.Context, debug: bool) -> None:
    """Should we ship with this tool? Four reviewers read the evidence and vote."""
    ctx.obj = debug


def main() -> None:
    """Run the command line and exit with the codes of the manual."""
    debug = "--debug" in sys.argv[1:]
    streams.prepare()
    try:
        if signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, signal.default_int_handler):
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = panel.main(args=_debug_anywhere(sys.argv[1:]), standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        code = 130
    except PanelError as error:
        if debug:
            raise
        _say(error)
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        if debug:
            raise
        _say(
            PanelError(
                f"a fault in panel itself: {error!r}", hint="the same with --debug says where"
            )
        )
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _debug_anywhere(args: list[str]) -> list[str]:
    """Accept --debug behind the command as well as before it."""
    if "--debug" in args:
        return ["--debug", *(a for a in args if a != "--debug")]
    return args


def _say(error: PanelError) -> None:
    from panel.foundation.text import one_line

    click.echo(f"error: {one_line(error.message)}", err=True)
    if error.hint:
        click.echo(f"hint: {one_line(error.hint)}", err=True)
