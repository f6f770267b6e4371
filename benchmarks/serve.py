"""How fast `panel serve` serves, measured from a second process on loopback.

python -m benchmarks.serve [--seconds 4] [--readers 16] [--slow 200]

Starts the command in a process of its own over a few tools, and reads a tool's page over kept
connections: first alone, then beside slow clients that send their requests byte by byte. Prints
its figures last.
"""

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.cards import batch
from tests.support.shelf import shelve

from panel.publish.server.uvicorn_limits import listen

PAGE = "/tools/quillstore.html"
DRIP_SECONDS = 0.2


@dataclass(frozen=True)
class Figures:
    """What a number of readers met."""

    requests: int
    seconds: float
    p50: float
    p99: float
    worst: float

    def __str__(self) -> str:
        return (
            f"{self.requests / self.seconds:,.0f} requests/s, p50 {1000 * self.p50:.1f} ms, "
            f"p99 {1000 * self.p99:.1f} ms, worst {1000 * self.worst:.1f} ms "
            f"({self.requests:,} requests)"
        )


@contextlib.contextmanager
def served(folder: Path) -> Iterator[int]:
    """Run the command over a few tools; yields its port."""
    shelve(folder / "runs", batch())
    with listen("127.0.0.1", 0) as spare:
        port = int(spare.getsockname()[1])
    environ = {**os.environ, "PANEL_CONFIG": str(folder / "config")}
    command = [sys.executable, "-m", "panel", "serve", "--no-requests", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--runs", str(folder / "runs")],
        env=environ,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        asyncio.run(_until_up(port))
        yield port
    finally:
        process.terminate()
        process.wait(20)


async def _until_up(port: int) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise SystemExit("the server did not start")


def _request(port: int, *more: str) -> bytes:
    lines = [f"GET {PAGE} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Accept-Encoding: gzip", *more]
    return "\r\n".join([*lines, "", ""]).encode()


async def read(port: int, readers: int, seconds: float) -> Figures:
    """Read the page with so many connections at a time for so long."""
    waits: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(_reader(port, began + seconds, waits) for _ in range(readers)))
    took = time.perf_counter() - began
    waits.sort()
    return Figures(
        requests=len(waits),
        seconds=took,
        p50=waits[len(waits) // 2],
        p99=waits[int(len(waits) * 0.99)],
        worst=waits[-1],
    )


async def _reader(port: int, end: float, waits: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request_bytes = _request(port)
    try:
        while time.perf_counter() < end:
            began = time.perf_counter()
            writer.write(request_bytes)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head[:40]
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            await reader.readexactly(length)
            waits.append(time.perf_counter() - began)
    finally:
        writer.close()


async def beside_slow(port: int, slow: int, readers: int, seconds: float) -> Figures:
    """Read the page while so many others send theirs byte by byte."""
    drips = [asyncio.ensure_future(_drip(port)) for _ in range(slow)]
    try:
        await asyncio.sleep(0.5)
        return await read(port, readers, seconds)
    finally:
        for drip in drips:
            drip.cancel()
        await asyncio.gather(*drips, return_exceptions=True)


async def _drip(port: int) -> None:
    """Send a request byte by byte, and begin again whenever the server has had enough."""
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                for byte in _request(port, "X-Slow: " + "z" * 1000):
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(DRIP_SECONDS)
            finally:
                writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="for each measurement")
    parser.add_argument("--readers", type=int, default=16, help="connections that read")
    parser.add_argument("--slow", type=int, default=200, help="clients that drip")
    args = parser.parse_args()
    seconds = min(args.seconds, 6.0)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as port:
        asyncio.run(read(port, args.readers, 0.5))
        alone = asyncio.run(read(port, args.readers, seconds))
        single = asyncio.run(read(port, 1, seconds / 2))
        beside = asyncio.run(beside_slow(port, args.slow, args.readers, seconds))
    print(f"tool page, {args.readers} connections: {alone}")
    print(f"tool page, 1 connection: {single}")
    print(f"tool page, {args.readers} connections beside {args.slow} slow clients: {beside}")


if __name__ == "__main__":
    main()
