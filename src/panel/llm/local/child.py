"""The child process that holds the model: `python -m panel.llm.local.child`, started by `engine`.

It reads one JSON line from stdin (`Start`), serves llama.cpp's OpenAI-shaped HTTP on a loopback
port behind a key, and writes one JSON line to stdout: `{"port": N}` or `{"error": …}`. It knows
nothing of panel: llama.cpp's crashes, memory and noise end here. It lives as long as its stdin.
"""

import json
import os
import signal
import sys
import threading
from typing import Any, Final, NoReturn, TypedDict

PROMPT_CACHE_MIB: Final = 512
"""Memory for the prefixes of earlier prompts. llama.cpp's own 8 GiB could swallow a laptop."""

QUIET: Final = 2
"""llama.cpp log level: warnings and errors."""

PR_SET_PDEATHSIG: Final = 1


class Start(TypedDict):
    """What the parent sends first: no secret ever stands in argv or in the environment."""

    model: str
    """Path of the GGUF file."""
    alias: str
    """What replies call the model; otherwise llama.cpp says the path."""
    key: str
    """The secret every request must carry."""
    n_ctx: int
    """Context in tokens, prompt and answer together."""
    threads: int
    parent: int
    """The parent's process id."""


def main() -> None:
    """Serve until stdin ends."""
    answer = _take_stdout()
    start: Start = json.loads(sys.stdin.buffer.readline())
    _die_with(start["parent"])
    threading.Thread(target=_exit_at_end_of_stdin, daemon=True).start()
    try:
        server = _serve(start)
    except Exception as fault:
        _tell(answer, {"error": f"{type(fault).__name__}: {fault}"})
        _leave(1)
    _tell(answer, {"port": int(server.listening_address.rsplit(":", 1)[1])})
    threading.Event().wait()


def _serve(start: Start) -> Any:
    """Return a running llama.cpp server, locked down to holders of the key on this machine."""
    import xllamacpp  # the engine's 100 MB belong to this process only

    p = xllamacpp.CommonParams()
    p.model.path = start["model"]
    p.model_alias = {start["alias"]}
    p.n_ctx = start["n_ctx"]
    p.n_parallel = 1  # several slots share no prefix, and each gets only its part of n_ctx
    p.cpuparams.n_threads = max(1, start["threads"] - 1)  # see cores: one waiting thread stops all
    p.cpuparams_batch.n_threads = start["threads"]
    p.cache_ram_mib = PROMPT_CACHE_MIB
    p.verbosity = QUIET
    p.api_keys = [start["key"]]
    p.hostnames = ["127.0.0.1"]
    p.port = 0
    p.cors_origins = "localhost"
    p.ui = False
    p.endpoint_slots = False
    p.endpoint_props = False
    p.endpoint_metrics = False
    return xllamacpp.Server(p)


def _take_stdout() -> int:
    """Return a private copy of stdout, and point stdout at stderr: llama.cpp prints to both."""
    private = os.dup(1)
    os.dup2(2, 1)
    return private


def _tell(answer: int, message: dict[str, Any]) -> None:
    os.write(answer, json.dumps(message).encode() + b"\n")
    os.close(answer)


def _die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies, where the kernel can (Linux).

    The end of stdin says the same everywhere, but only once the engine lets a Python thread run.
    """
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the request was in place
        _leave(0)


def _exit_at_end_of_stdin() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    _leave(0)


def _leave(code: int) -> NoReturn:
    """Exit now: llama.cpp's own threads would hold an ordinary exit up."""
    os._exit(code)


if __name__ == "__main__":
    main()
