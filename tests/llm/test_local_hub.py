"""Downloads, by the real huggingface_hub from a Hub of our own on the loopback."""

import hashlib
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from panel.foundation.errors import ModelError
from panel.llm.local import models
from panel.llm.local.model_table import ModelRow
from panel.llm.local.models import find_model

BYTES = b"GGUF" + os.urandom(3_000_000)
SHA256 = hashlib.sha256(BYTES).hexdigest()
COMMIT = "c" * 40
ROW = ModelRow(
    name="big-1b",
    repo="org/big",
    revision=COMMIT,
    file="big.gguf",
    sha256=SHA256,
    size=len(BYTES),
    licence="Apache-2.0",
    memory=10_000_000,
)
TOKEN = "hf_canary"


class Hub(http.server.ThreadingHTTPServer):
    """Serves one file under every name, as the Hub does: HEAD with its headers, GET with ranges."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = BYTES
        self.etag = SHA256
        self.linked_size = len(BYTES)
        self.status = 200
        self.cut = 0
        """Bytes after which the next body breaks off; once."""
        self.elsewhere = ""
        """Where the bytes are, when not here."""
        self.requests = []
        """Method, path, Range and Authorization of each request."""

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def tokens(self):
        return {authorization for *_, authorization in self.requests}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        hub, range_header = self.server, self.headers["Range"]
        hub.requests.append((self.command, self.path, range_header, self.headers["Authorization"]))
        start = int(re.match(r"bytes=(\d+)-", range_header)[1]) if range_header else 0
        part = hub.data[start:] if hub.status == 200 else b""
        redirect = hub.elsewhere and hub.status == 200
        self.send_response(302 if redirect else 206 if range_header else hub.status)
        if redirect:
            self.send_header("Location", hub.elsewhere + self.path)
            part = b""
        elif range_header:
            self.send_header("Content-Range", f"bytes {start}-{len(hub.data) - 1}/{len(hub.data)}")
        self.send_header("ETag", f'"{hub.etag}"')
        self.send_header("X-Linked-Size", str(hub.linked_size))
        self.send_header("X-Linked-Etag", f'"{hub.etag}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if body and hub.cut:
            part, hub.cut, self.close_connection = part[: hub.cut], 0, True
        if body:
            self.wfile.write(part)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def hub():
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Empty folders for panel and for huggingface_hub, and one small row."""
    monkeypatch.setenv("PANEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(models, "rows", lambda: (ROW,))
    return tmp_path / "cache" / "models"


def find(hub, name=None, progress=None, **environ):
    return find_model(
        name,
        environ={"HF_ENDPOINT": hub.address} | environ,
        on_progress=lambda *step: progress.append(step) if progress is not None else None,
    )


def leftovers(cache: Path) -> list[str]:
    return sorted(p.name for p in cache.rglob("*")) if cache.exists() else []


def test_a_model_is_downloaded_once_its_size_said_first(hub, cache):
    progress = []
    path = find(hub, progress=progress).path
    assert path == cache / "big.gguf"
    assert path.read_bytes() == BYTES
    what = f"downloading big.gguf from 127.0.0.1:{hub.server_port}"
    assert progress[0] == (what, 0, len(BYTES))
    assert [s for s in progress if s[0] == what][-1] == (what, len(BYTES), len(BYTES))
    assert leftovers(cache) == ["big.gguf", "verified.json"]
    requests, progress = len(hub.requests), []
    assert find(hub, progress=progress).path == path
    assert (len(hub.requests), progress) == (requests, [])


def test_only_the_pinned_revision_of_the_file_is_asked_for(hub, cache):
    find(hub)
    assert {path for _, path, *_ in hub.requests} == {f"/org/big/resolve/{COMMIT}/big.gguf"}
    assert hub.tokens() == {None}


def test_a_cut_download_goes_on_where_it_broke_off(hub, cache):
    """huggingface_hub keeps what arrived in steps of 10 MB."""
    hub.data = b"GGUF" + os.urandom(14_000_000)
    hub.etag, hub.linked_size = hashlib.sha256(hub.data).hexdigest(), len(hub.data)
    hub.cut = 12_000_000
    progress = []
    assert find(hub, "hf:org/big/x.gguf", progress=progress).path.read_bytes() == hub.data
    ranges = [range_header for method, _, range_header, _ in hub.requests if method == "GET"]
    assert ranges == [None, "bytes=10485760-"]
    assert max(count for _, count, _ in progress) == len(hub.data)


def test_bytes_that_are_not_the_announced_ones_are_removed(hub, cache):
    hub.data = BYTES[:-1] + bytes([BYTES[-1] ^ 1])
    with pytest.raises(ModelError, match=r"not big\.gguf: wrong sha256; it was removed"):
        find(hub)
    assert leftovers(cache) == []


@pytest.mark.parametrize("lie", [{"etag": "0" * 64}, {"linked_size": 12}])
def test_another_file_under_the_name_is_noticed_before_its_bytes_are_sent(hub, cache, lie):
    for name, value in lie.items():
        setattr(hub, name, value)
    with pytest.raises(ModelError, match="is not the file panel knows by that name"):
        find(hub)
    assert {method for method, *_ in hub.requests} == {"HEAD"}


def test_o4_the_token_reaches_the_hub_and_not_where_the_hub_redirects(hub, cache):
    with Hub() as store:
        thread = threading.Thread(target=store.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        hub.elsewhere = f"http://localhost:{store.server_port}"
        progress = []
        assert find(hub, progress=progress, HF_TOKEN=TOKEN).path.read_bytes() == BYTES
        store.shutdown()
        thread.join()
    assert hub.tokens() == {f"Bearer {TOKEN}"}
    assert store.tokens() == {None}
    assert TOKEN not in json.dumps(progress)


@pytest.mark.parametrize(
    ("status", "says"), [(401, "does not give"), (403, "does not give"), (404, "has no")]
)
def test_a_refusal_is_one_line_that_names_host_and_file(hub, cache, status, says):
    hub.status = status
    with pytest.raises(ModelError, match=says) as raised:
        find(hub, HF_TOKEN=TOKEN)
    assert f"127.0.0.1:{hub.server_port}" in raised.value.message
    assert "org/big/big.gguf" in raised.value.message
    assert "\n" not in raised.value.message
    assert TOKEN not in f"{raised.value.message}{raised.value.hint}"


def test_a_reference_is_held_to_the_hash_of_its_first_download(hub, cache):
    model = find(hub, "hf:other/repo/quants/tiny.gguf")
    assert model.path == cache / "other--repo" / "quants" / "tiny.gguf"
    assert hub.requests[0][1] == "/other/repo/resolve/main/quants/tiny.gguf"
    assert hub.requests[-1][1] == f"/other/repo/resolve/{COMMIT}/quants/tiny.gguf"
    requests = len(hub.requests)
    assert find(hub, "hf:other/repo/quants/tiny.gguf").path == model.path
    assert len(hub.requests) == requests
    model.path.write_bytes(BYTES[:-1] + bytes([BYTES[-1] ^ 1]))
    with pytest.raises(ModelError, match="wrong sha256"):
        find(hub, "hf:other/repo/quants/tiny.gguf")


def test_i7_nothing_but_the_file_is_asked_for_and_nothing_is_printed(hub, tmp_path):
    """In a process of its own, as a user without any setting has it: telemetry would show here."""
    code = (
        "import os\n"
        "from panel.llm.local.models import find_model\n"
        "print(find_model('hf:org/big/x.gguf', environ=os.environ,"
        " on_progress=lambda *a: None).path.stat().st_size)\n"
    )
    home = {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "HOME": str(tmp_path)}
    environ = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    hub.cut = 1_000_000
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=environ | home | {"PANEL_CACHE": str(tmp_path / "cache")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (process.stdout.strip(), process.stderr) == (str(len(BYTES)), "")
    assert all("/resolve/" in path for _, path, *_ in hub.requests), hub.requests


def test_offline_mode_is_named(hub, tmp_path):
    code = (
        "import os\n"
        "from panel.foundation.errors import ModelError\n"
        "from panel.llm.local.models import find_model\n"
        "try:\n"
        "    find_model('hf:org/big/x.gguf', environ=os.environ, on_progress=lambda *a: None)\n"
        "except ModelError as error:\n"
        "    print(error.message)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert process.stdout.strip() == "HF_HUB_OFFLINE forbids to fetch org/big/x.gguf"
    assert hub.requests == []
