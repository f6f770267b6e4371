"""The parent's side of the child process: started, configured, watched and ended.

A child is out of reach of the terminal's signals and of the environment's secrets; what llama.cpp
prints goes to an unnamed file. The requests to the child are the HTTP client's business.
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

from pydantic import SecretStr

from panel.foundation.errors import ModelError, Unreachable
from panel.llm.local.child import Start


def usable_cores(topology: Path = Path("/sys/devices/system/cpu")) -> int:
    """Return the number of physical cores this process may run on: the threads the model gets.

    Hyperthreads of one core share its arithmetic units and only slow each other.
    """
    if not hasattr(os, "sched_getaffinity"):  # macOS and Windows say no more than a total
        return os.cpu_count() or 1
    allowed = os.sched_getaffinity(0)
    return len({_core(topology, cpu) for cpu in allowed}) or 1


def _core(topology: Path, cpu: int) -> str:
    """Name the core a CPU belongs to by its list of siblings; by itself where that is unknown."""
    try:
        return (topology / f"cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


START_SECONDS: Final = 180.0
"""Longest wait for a model to load: a cold 2 GB file on a slow disk."""

STOP_SECONDS: Final = 3.0
"""Longest wait for a child to leave before it is killed."""

SPIN: Final = {"GOMP_SPINCOUNT": "5000"}
"""How long llama.cpp's threads wait for each other awake, where the user did not say: GNU OpenMP's
own 300,000 turns are no faster on an idle machine, and half as fast on a busy one."""

LOG_ERROR: Final = re.compile(r"^[\d.]+ E \w+: +(.+)", re.M)
"""An error in llama.cpp's log, after its clock and the name of its function."""

SECRET_WORDS: Final = ("TOKEN", "KEY", "SECRET", "PASSWORD")


class EngineProcess:
    """A child process that serves the model at `base_url`; requests carry `key`."""

    def __init__(
        self, process: asyncio.subprocess.Process, log: IO[bytes], port: int, key: SecretStr
    ) -> None:
        self._process = process
        self._log = log
        self.pid = process.pid
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self.key = key

    @property
    def alive(self) -> bool:
        """False after the process was reaped."""
        return self._process.returncode is None

    async def death(self) -> str | None:
        """Return how the child died, None if it lives; waits 1 s, as its socket closes first."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._process.wait()
        code = self._process.returncode
        return None if code is None else _cause(code)

    async def stop(self) -> None:
        """Close its stdin, which ends it; kill it if that does not."""
        await _terminate(self._process)
        self._log.close()


async def start(model: Path, *, n_ctx: int, alias: str = "") -> EngineProcess:
    """Start a child on a model file and return once it listens; replies call the model `alias`.

    Raises ModelError when the engine or the file cannot be used, Unreachable when it died or took
    longer than START_SECONDS.
    """
    key = secrets.token_urlsafe(32)
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by Child.stop
    process = None
    try:
        process = await _spawn(log)
        config = Start(
            model=str(model),
            alias=alias or model.stem,
            key=key,
            n_ctx=n_ctx,
            threads=usable_cores(),
            parent=os.getpid(),
        )
        port = await _port(process, config, model, log)
    except BaseException:
        if process:
            await _terminate(process)
        log.close()
        raise
    return EngineProcess(process, log, port, SecretStr(key))


async def _spawn(log: IO[bytes]) -> asyncio.subprocess.Process:
    """Start the interpreter on `child`, out of reach of the terminal's Ctrl-C."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # a folder called panel where the user stands is not ours
        "-m",
        "panel.llm.local.child",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=SPIN | _without_secrets(os.environ),
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def _without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environ.items() if not any(word in k.upper() for word in SECRET_WORDS)}


async def _port(
    process: asyncio.subprocess.Process, config: Start, model: Path, log: IO[bytes]
) -> int:
    """Send the child what it needs and return the port it serves."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            process.stdin.write(json.dumps(config).encode() + b"\n")
            with contextlib.suppress(ConnectionError):
                await process.stdin.drain()
            line = await process.stdout.readline()
    except TimeoutError:
        raise Unreachable(f"{model.name} was not loaded within {START_SECONDS:.0f} s") from None
    if not line:
        cause = _cause(await process.wait())
        raise Unreachable(f"the local engine died ({cause}) on {model.name}", hint=advice(cause))
    answer: dict[str, Any] = json.loads(line)
    if "port" in answer:
        return int(answer["port"])
    raise _load_error(model, str(answer["error"]), _last_words(log))


def _load_error(model: Path, error: str, words: str) -> ModelError:
    """Tell an engine that is not there, or lacks a library, from a file it cannot read."""
    if error.startswith("ModuleNotFoundError"):
        return ModelError(
            "the local engine (xllamacpp) is not installed: it has no wheel for every platform",
            hint="pip install xllamacpp, or use another provider: --provider ollama",
        )
    if error.startswith("ImportError"):
        openmp = "libgomp" in error
        return ModelError(
            f"the local engine cannot be loaded: {error}",
            hint="apt install libgomp1" if openmp else "pip install --force-reinstall xllamacpp",
        )
    if "check the input params" in error:  # what it says of every model that it cannot load
        error = "llama.cpp gives no reason"
    return ModelError(
        f"{model.name} cannot be loaded: {words or error}",
        hint="check the file, or name another: --model FILE.gguf",
    )


def _last_words(log: IO[bytes]) -> str:
    """Return what llama.cpp logged first: later lines only say that the caller failed too."""
    log.seek(0)
    text = log.read(1_000_000).decode(errors="replace")
    if not (match := LOG_ERROR.search(text)):
        return ""
    return "".join(c for c in match[1] if c.isprintable())[:300]


async def _terminate(process: asyncio.subprocess.Process) -> None:
    if process.stdin:
        process.stdin.close()
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _cause(code: int) -> str:
    """Name an exit code: the signal where there was one."""
    if code >= 0:
        return f"exit {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def advice(cause: str) -> str | None:
    """Say what to type: a kill from outside is nearly always the kernel short of memory."""
    return "a smaller model needs less memory: panel doctor" if cause == "SIGKILL" else None
