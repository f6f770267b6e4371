"""Run folders: made, named, listed and found again. Knows nothing of what is in them."""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from panel.foundation.atomic_files import sync_folder, write_error
from panel.foundation.did_you_mean import near_names
from panel.foundation.errors import RunError, RunStopped
from panel.foundation.file_lock import FileLock, LockHeld

JOURNAL: Final = "journal.db"
LOCK: Final = "run.lock"
MANIFEST: Final = "run.json"
VERDICTS: Final = "verdicts.jsonl"
REPORT: Final = "report.html"

_STAMP: Final = re.compile(r"\d{8}T\d{6}Z(?=-)")
_LATEST: Final = re.compile(r"latest(?:~(\d{1,6}))?")
_FORM: Final = "%Y%m%dT%H%M%SZ"
_SLUG_BYTES: Final = 60
_SET_BACK: Final = timedelta(days=366)
"""How far a clock may have been set back; a run dated later than that was named by a person."""


def create_folder(runs: Path, slug: str, *, now: datetime) -> Path:
    """Make `runs/<utc stamp>-<slug>-<4 hex>/` and return it; two runs in one second differ.

    Where the clock went back since the last run, the stamp is the second after that run's.

    `now` must carry a time zone. Raises `RunError` or `DiskFull` where it cannot be made.
    """
    try:
        runs.mkdir(parents=True, exist_ok=True)
        stamp = _stamp(runs, now.astimezone(UTC))
        while True:
            folder = runs / f"{stamp}-{_plain(slug)}-{secrets.token_hex(2)}"
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            sync_folder(runs)
            return folder
    except OSError as error:
        raise write_error(error, runs) from error


@contextlib.contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Lock a run for writing; the lock's file exists only while it is held.

    Raises `RunStopped` at once, naming the holder's process id, where another process has it.
    """
    path = folder / LOCK
    if path.is_symlink():
        raise RunError(f"{path} is a symbolic link; panel does not write through links")
    try:
        lock = FileLock(path, transient=True, mode=0o644)
        lock.acquire()
    except LockHeld as error:
        raise _being_written(folder.name, error.process) from None
    except PermissionError as error:
        # Windows denies access to a file that its holder is about to remove.
        denied = _being_written(folder.name, None) if os.name == "nt" else write_error(error, path)
        raise denied from None
    except OSError as error:
        raise write_error(error, path) from error
    try:
        yield
    finally:
        lock.release()


def _being_written(run: str, process: int | None) -> RunStopped:
    who = "another process" if process is None else f"process {process}"
    return RunStopped(
        f"run {run} is being written by {who}",
        hint=f"wait until it ends, or stop it and then: panel resume {run}",
    )


def list_folders(runs: Path) -> list[Path]:
    """Return the run folders in `runs`, newest first; folders without a stamp come last."""
    if not runs.is_dir():
        return []
    return sorted((path for path in runs.iterdir() if is_run(path)), key=_age, reverse=True)


def find_folder(runs: Path, name: str) -> Path:
    """Return the run called `name`: a full name, a unique prefix, a path, `latest` or `latest~1`.

    Raises `RunError` naming the runs that are meant or near.
    """
    if latest := _LATEST.fullmatch(name):
        return _latest(runs, int(latest[1] or 0))
    if _is_name(name) and is_run(runs / name):
        return runs / name
    if is_run(Path(name)):
        return Path(name)
    return _by_prefix(runs, name)


def is_run(path: Path) -> bool:
    """Tell whether `path` is a folder with a journal or a manifest in it."""
    try:
        return (path / JOURNAL).is_file() or (path / MANIFEST).is_file()
    except (OSError, ValueError):  # a name too long for the system, or with a NUL
        return False


def _stamp(runs: Path, now: datetime) -> str:
    stamps = (_STAMP.match(folder.name) for folder in runs.iterdir())
    last = max((match[0] for match in stamps if match), default="")
    with contextlib.suppress(ValueError):  # digits that are no date
        newest = datetime.strptime(last, _FORM).replace(tzinfo=UTC)
        if now.replace(microsecond=0) < newest < now + _SET_BACK:
            now = newest + timedelta(seconds=1)
    return now.strftime(_FORM)


def _latest(runs: Path, back: int) -> Path:
    folders = list_folders(runs)
    if not folders:
        raise RunError(f"there are no runs in {runs}", hint="start one with `panel review TOOL`")
    if back >= len(folders):
        raise RunError(f"latest~{back} asked for, but {runs} has {len(folders)} runs", hint=_LIST)
    return folders[back]


def _by_prefix(runs: Path, name: str) -> Path:
    names = [path.name for path in list_folders(runs)]
    matches = [run for run in names if name and run.startswith(name)]
    if len(matches) == 1:
        return runs / matches[0]
    if matches:
        some = ", ".join(matches[:3]) + (", …" if len(matches) > 3 else "")
        raise RunError(f"{name!r} is the start of {len(matches)} runs: {some}", hint=_LIST)
    near = near_names(name, names, cutoff=0.4)
    near = near or [run for run in names if name and name in run][:3] or names[:1]
    hint = f"did you mean {' or '.join(near)}?" if near else "start one with `panel review TOOL`"
    raise RunError(f"no run {name!r} in {runs}", hint=hint)


_LIST: Final = "`panel runs` lists them"


def _is_name(name: str) -> bool:
    return bool(name) and name not in {".", ".."} and not set(name) & set("/\\\0")


def _age(path: Path) -> tuple[str, int]:
    stamp = _STAMP.match(path.name)
    # Within one second the folder that was last written to is the newer one.
    return (stamp[0] if stamp else "", path.stat().st_mtime_ns)


def _plain(slug: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", slug.lower())[:_SLUG_BYTES].strip("-") or "run"
