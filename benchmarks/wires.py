"""CPU of a call on each wire: a batch of calls against a loopback server of another process.

usage: python -m benchmarks.wires [CALLS] [IN_FLIGHT]
The wires take turns in batches, after one batch each that opens the connections; the import of the
official client is counted apart. A reply takes 200 ms, as a fast model's does.
"""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from panel.llm.config import ProviderConfig, Wire
from panel.llm.openai_compat.client import OpenAICompatClient
from panel.llm.types import ChatRequest

WIRES: tuple[Wire, ...] = ("openai", "lean")
ROUNDS = 4
"""Batches into which the calls of a wire are cut."""
LATENCY = 0.2
EVIDENCE = "A passage of evidence, as long as they are. " * 270
"""About 12,000 characters."""


def question(number: int) -> ChatRequest:
    """Return a question about the evidence that no other one equals."""
    return ChatRequest(
        system="You review tools.", shared=EVIDENCE, tail=f"Question {number}: yes or no?",
        max_tokens=1, logprobs=True,
    )  # fmt: skip


async def batch(client: OpenAICompatClient, calls: int, in_flight: int) -> float:
    """Ask so many questions, so many at once; return the CPU seconds of this process."""
    turns = asyncio.Semaphore(in_flight)

    async def ask(number: int) -> None:
        async with turns:
            await client.ask(question(number), "prompt", deadline=60)

    began = time.process_time()
    await asyncio.gather(*(ask(number) for number in range(calls)))
    return time.process_time() - began


async def compare(base_url: str, calls: int, in_flight: int) -> dict[Wire, float]:
    """Return the CPU seconds that the calls took on each wire."""
    config = ProviderConfig.model_validate(
        {"provider": "bench", "kind": "wire", "model": "m", "wire_model": "m",
         "base_url": base_url, "key": "not-a-key"}
    )  # fmt: skip
    clients = {wire: OpenAICompatClient(config.model_copy(update={"wire": wire})) for wire in WIRES}
    taken = dict.fromkeys(WIRES, 0.0)
    for client in clients.values():
        await batch(client, in_flight, in_flight)
    for _ in range(ROUNDS):
        for wire, client in clients.items():
            taken[wire] += await batch(client, calls // ROUNDS, in_flight)
    for client in clients.values():
        await client.close()
    return taken


def imported() -> float:
    """Return the CPU seconds of importing the official client, which both wires then share."""
    began = time.process_time()
    __import__("openai")
    return time.process_time() - began


def main(calls: int, in_flight: int) -> None:
    """Print the CPU of a call on each wire, and last how many times the lean one's is openai's."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.faultd", "--latency", str(LATENCY)],
        stdout=subprocess.PIPE, cwd=Path(__file__).parents[1], text=True,
    )  # fmt: skip
    assert server.stdout is not None
    try:
        base_url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        print(f"import openai: {imported():.2f} s CPU, once")
        taken = asyncio.run(compare(base_url, calls, in_flight))
    finally:
        server.kill()
        server.communicate()
    for wire, seconds in taken.items():
        print(f"{wire:7} {1000 * seconds / calls:6.2f} ms CPU a call"
              f" ({calls} calls, {in_flight} in flight)")  # fmt: skip
    print(f"openai takes {taken['openai'] / taken['lean']:.1f} x the CPU of lean")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*numbers, *(1_000, 64)[len(numbers) :])
