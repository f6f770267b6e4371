"""Where a command's data goes and in which format: --format and --output, settled before any work.

The format is the one that was named, else the one that the file's suffix means. A file that cannot
be written is found out before anything is asked or paid for.
"""

import functools
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import click

from panel.foundation.atomic_files import MAX_NAME_BYTES, inside
from panel.foundation.errors import InputError
from panel.foundation.text import printable
from panel.report import formats

F = TypeVar("F", bound=Callable[..., Any])

SUFFIXES: Final = {
    "terminal": ".txt", "text": ".txt", "markdown": ".md", "html": ".html", "json": ".json",
    "jsonl": ".jsonl", "csv": ".csv", "parquet": ".parquet",
}  # fmt: skip
"""The suffix of each format; scorecards have theirs from `panel.report.formats`."""

_ALSO: Final = {
    ".text": ("terminal", "text"), ".htm": ("html",), ".markdown": ("markdown",),
    ".jsonl": ("json",), ".ndjson": ("jsonl", "json"),
}  # fmt: skip
"""Further suffixes, and the formats that they mean."""


@dataclass(frozen=True)
class Destination:
    """Where a command's data goes, and in which format."""

    form: str
    """The name of the format; the command's default where neither option says another."""
    path: Path | None
    """The file; None for standard output."""


def written(
    *forms: str,
    of: formats.Subject | None = None,
    default: str = "terminal",
    help: str = "Output format; by default that of the suffix of --output.",
    pages: str | None = None,
) -> Callable[[F], F]:
    """Add --format and --output, and pass both as `destination`, checked before the command begins.

    Args:
        forms: The names of the formats, where they are no files of a report.
        of: What is reported: every format of its folder.
        default: The format where neither option says another.
        help: The help of --format.
        pages: The one of `forms` that is a file a tool: --output is a folder then.
    """
    suffixes = formats.suffixes(of) if of else {form: SUFFIXES[form] for form in forms}

    by_suffix = {form: suffix for form, suffix in suffixes.items() if form != pages}

    def add(function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, form: str | None, output: Path | None, **values: Any) -> Any:
            path: Path | None
            if pages is not None and form == pages:
                path = check_folder(output)
            else:
                form, path = resolve(form, output, by_suffix)
            form = form or default
            if of:
                formats.load(form, of)  # an unusable plug-in is an error before any work
            return function(*args, destination=Destination(form, path), **values)

        declared = click.option(
            "--output",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="File to write; - is standard output, the default.",
        )(call)
        return cast(
            F,
            click.option("--format", "form", type=click.Choice(tuple(suffixes)), help=help)(
                declared
            ),
        )

    return add


def resolve(
    form: str | None, output: Path | None, suffixes: Mapping[str, str]
) -> tuple[str | None, Path | None]:
    """Return the format, None where nothing says one, and the file, None for standard output.

    Raises:
        InputError: the suffix means no format of this command, or the file cannot be written.
    """
    if output is None or str(output) == "-":
        return form, None
    form = form or _of_suffix(output, suffixes)
    check(output)
    return form, output


def check(output: Path, option: str = "--output", usual: str = "scorecard.md") -> None:
    """Find out whether a file can be written there, without leaving a trace.

    Args:
        output: The file.
        option: That named it.
        usual: What such a file is called, for a hint.

    Raises:
        InputError: naming what is in the way.
    """
    shown = printable(str(output))[:200]
    if output.is_dir():
        raise InputError(f"{shown} is a folder", hint=f"{option} {output / usual}")
    if is_device(output):
        return
    if len(output.name.encode("utf-8", "surrogateescape")) > MAX_NAME_BYTES:
        raise InputError(f"{option}: a file's name has at most {MAX_NAME_BYTES} bytes")
    folder = output.parent
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", hint=f"mkdir -p {folder}")
    inside(folder, output.name)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputError(
            f"{shown} cannot be written: {why}", hint=f"{option} FILE in another folder"
        ) from error


def check_folder(output: Path | None) -> Path:
    """Return the folder that pages go to, after finding out whether it can be written.

    It need not be there yet, but the folder around it must.

    Raises:
        InputError: naming what is in the way.
    """
    if output is None or str(output) == "-":
        raise InputError("this is a page a tool: it needs a folder", hint="--output FOLDER")
    shown = printable(str(output))[:200]
    if output.exists() and not output.is_dir():
        raise InputError(f"{shown} is no folder", hint="--output FOLDER")
    check((output if output.is_dir() else output.parent) / "report.html")
    return output


def is_device(output: Path) -> bool:
    """Tell whether this is no file that is replaced, but a device or a pipe that is written to."""
    return output.exists() and not output.is_file() and not output.is_dir()


def _of_suffix(output: Path, suffixes: Mapping[str, str]) -> str | None:
    suffix = output.suffix.lower()
    if not suffix or is_device(output):
        return None
    meant = [name for name, usual in suffixes.items() if usual == suffix]
    meant += [name for name in _ALSO.get(suffix, ()) if name in suffixes]
    if not meant:
        known = ", ".join(sorted(set(suffixes.values())))
        raise InputError(
            f"no format of this command ends in {printable(suffix)[:40]!r}",
            hint=f"end the name in one of {known}, or name the format with --format",
        )
    return meant[0]
