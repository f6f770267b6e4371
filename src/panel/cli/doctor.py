"""`panel doctor`: what this installation has, and what it would use."""

import contextlib
import os
import platform
import sys
import tempfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import click

from panel.cli import options
from panel.foundation.errors import PanelError
from panel.foundation.paths import broken_link, config_folder
from panel.foundation.text import printable
from panel.foundation.urls import host_of
from panel.llm.providers.urls import usable_proxy

if TYPE_CHECKING:
    from panel.foundation.settings import Settings

_RUNS = 20
"""Newest runs that are searched for what they found."""
_TRUSTED = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_OTHERS_TRUSTED = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE")
"""Variables of other programs, which a user may therefore have set."""


@click.command("doctor")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Check this installation and show what a review would use.

    Exits with 1 if something that every review needs is not in order.
    """
    from panel.llm.local.engine import engine_version
    from panel.llm.local.models import describe

    settings = options.settings(None)
    checks = [
        ("panel", _versions()),
        ("engine", engine_version() or "xllamacpp is not installed: --provider local cannot run"),
        ("model", describe(None, os.environ)),
        ("keys", _keys(settings)),
        ("default", _default(settings)),
        *(("judge", text) for text in _judges(settings)),
        *(("fallback", text) for text in _fallbacks(settings)),
        ("wire", _wire(settings)),
        *(("limit", text) for text in _limits(settings)),
        *(("proxy", text) for text in _proxies()),
        *(("tls", text) for text in _certificates()),
        *(("secret", text) for text in _secret()),
    ]
    faults = [_runs(settings.runs), _personas(), _namesake()]
    for name, text in checks:
        click.echo(f"  {name:9} {text}")
    for name, good, text in faults:
        click.echo(f"{' ' if good else '!'} {name:9} {text}")
    ctx.exit(0 if all(good for _, good, _ in faults) else 1)


def _versions() -> str:
    where = f"{platform.system()} {platform.machine()}"
    return f"{metadata.version('panel-verdict')}, Python {platform.python_version()}, {where}"


def _keys(settings: "Settings") -> str:
    from panel.cli.provider_lines import provider_lines

    keys = sorted({line.key for line in provider_lines(settings) if line.found})
    return f"found: {', '.join(keys)}" if keys else "none found (local needs none)"


def _default(settings: "Settings") -> str:
    return _target(None, None, settings)


def _judges(settings: "Settings") -> Iterable[str]:
    """Yield the reviewers for which panel.toml names a model of their own."""
    for name, table in settings.personas.items():
        target = _target(table.provider, table.model, settings.of(table.provider))
        yield f"{printable(name)}: {target}"


def _fallbacks(settings: "Settings") -> Iterable[str]:
    """Yield who is asked, in order, where one of these cannot answer."""
    from panel.engine.judge_choices import fallback_choices
    from panel.engine.options import Options

    try:
        choices = fallback_choices(Options(settings=settings, environ=os.environ))
    except PanelError as error:
        yield f"cannot be used: {error.message}"
    else:
        for choice in choices:
            yield _target(choice.provider, choice.model, settings.of(choice.provider))


def _target(provider: str | None, model: str | None, settings: "Settings") -> str:
    from panel.llm.providers.resolve import resolve

    try:
        target = resolve(provider, model=model, settings=settings, environ=os.environ)
    except PanelError as error:
        return f"cannot be used: {error.message}"
    model = target.model or "its default model"
    return f"{target.provider} with {model}" + (f", because {target.why}" if target.why else "")


def _wire(settings: "Settings") -> str:
    """Say what would carry the requests of a review, and why."""
    from panel.llm.providers.resolve import resolve
    from panel.llm.providers.wires import LONG_LIST, choose_wire

    official = f"openai {metadata.version('openai')}"
    rule = (
        f"{official} to hosted providers, lean for lists of more than {LONG_LIST} tools and to"
        " servers on this machine"
    )
    try:
        target = resolve(None, model=None, settings=settings, environ=os.environ)
    except PanelError:
        return rule
    if target.kind != "wire":
        return rule
    try:
        choice = choose_wire(target, tools=1)
    except PanelError as error:
        return f"cannot be used: {error.message}"
    return f"{official if choice.wire == 'openai' else choice.wire} {choice.why}"


def _limits(settings: "Settings") -> Iterable[str]:
    """Yield how many calls at a time the providers took in the last run that found it."""
    from panel.runs.folders import list_folders
    from panel.runs.metadata import stored_limits
    from panel.runs.run import Run

    for path in list_folders(settings.runs)[:_RUNS]:
        with contextlib.suppress(PanelError), Run.open(path) as run:
            if found := stored_limits(run):
                for provider, limit in found.items():
                    yield printable(f"{provider} took {limit:,} calls at a time in {run.name}")
                return


def _proxies() -> Iterable[str]:
    """Yield the proxy of each kind of address, or why it cannot be used."""
    for scheme in ("https", "http"):
        try:
            proxy = usable_proxy(f"{scheme}://a-server", os.environ)
        except PanelError as error:
            yield f"{scheme}: {error.message}"
        else:
            if proxy:
                yield f"{scheme} addresses are reached through {host_of(proxy)}"


def _certificates() -> Iterable[str]:
    """Yield what is wrong with the variables that name trusted certificates."""
    read = {name: Path(os.environ[name]) for name in _TRUSTED if os.environ.get(name)}
    yield from (f"{name}: there is no {path}" for name, path in read.items() if not path.exists())
    for name in _OTHERS_TRUSTED:
        if os.environ.get(name) and not read:
            yield f"{name} is not read: export SSL_CERT_FILE=${name}"


def _secret() -> Iterable[str]:
    """Yield why the installation's secret cannot be used or kept; makes none."""
    from panel.evidence.fence import installation_secret

    folder = config_folder()
    if wrong := broken_link(folder):
        yield wrong
    elif (folder / "secret").exists():
        try:
            installation_secret(folder)
        except PanelError as error:
            yield error.message
    else:
        above = next(part for part in (folder, *folder.absolute().parents) if part.exists())
        if not (above.is_dir() and os.access(above, os.W_OK)):
            yield f"cannot be kept in {folder}: set PANEL_CONFIG to a folder that can be written"


def _runs(folder: Path) -> tuple[str, bool, str]:
    if wrong := broken_link(folder):
        return "runs", False, wrong
    place = folder if folder.is_dir() else folder.absolute().parent
    try:
        with tempfile.TemporaryFile(dir=place):
            return "runs", True, f"{folder} can be written"
    except OSError as error:
        return "runs", False, f"{folder} cannot be written: {(error.strerror or '').lower()}"


def _personas() -> tuple[str, bool, str]:
    from panel.engine.open_panel import persona_folders
    from panel.reviews.personas import load_personas

    try:
        names = ", ".join(p.name for p in load_personas(folders=persona_folders()))
    except PanelError as error:
        return "personas", False, error.message
    return "personas", True, names


def _namesake() -> tuple[str, bool, str]:
    """The package index has another `panel`; installed beside ours, one hides the other."""
    namesakes = [d for d in metadata.distributions() if d.name == "panel"]
    if namesakes:
        return (
            "name",
            False,
            f"the dashboard library panel {namesakes[0].version} is here too: uninstall it",
        )
    return "name", True, f"`panel` is ours, in {Path(sys.modules['panel'].__path__[0]).name}"
