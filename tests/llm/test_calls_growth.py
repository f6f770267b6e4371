"""`--concurrency auto`: a provider's limit is found, reached in a few rounds, and not overrun.

The providers are simulated and so is the clock, so that a minute of calls takes no time.
"""

import asyncio
import random
import selectors

import pytest

from panel.foundation.errors import RateLimited
from panel.llm.calls import Pacing
from panel.llm.calls.limiter import Limiter
from panel.llm.config import CEILING
from tests.llm.test_calls import bench, question
from tests.support.faultd import after, answer

LATENCY = 0.2


class Clock(selectors.SelectSelector):
    """Passes the time of waiting at once."""

    now = 0.0

    def select(self, timeout=None):
        self.now += timeout or 0.0
        return super().select(0)


def simulated(main):
    clock = Clock()
    loop = asyncio.SelectorEventLoop(clock)
    loop.time = lambda: clock.now
    loop._clock_resolution = 1e-9
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


class Provider:
    """Answers after a while; refuses, or lets wait, what is over its capacity."""

    def __init__(self, *, refuses=None, queues=None, latency=lambda: LATENCY):
        self.refuses = refuses
        self.turns = asyncio.Semaphore(queues or 10**6)
        self.latency = latency
        self.requests = self.refused = self.running = self.most = 0
        self.reached = {}
        """By calls under way, when there were first so many."""

    async def ask(self):
        self.requests += 1
        if self.refuses is not None and self.running >= self.refuses:
            self.refused += 1
            raise RateLimited("slow down", retry_after=0.1)
        self.running += 1
        self.most = max(self.most, self.running)
        self.reached.setdefault(self.running, asyncio.get_running_loop().time())
        try:
            async with self.turns:
                await asyncio.sleep(self.latency())
        finally:
            self.running -= 1


async def all_asked(provider, jobs, **changes):
    limiter = Limiter(CEILING, Pacing(), "h", finds_limit=True, **changes)

    async def job():
        while True:
            began = await limiter.acquire()
            try:
                await provider.ask()
            except RateLimited as error:
                limiter.limited(error, began)
            else:
                limiter.answered(began)
                return
            finally:
                limiter.release()

    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(job() for _ in range(jobs)))
    return limiter, asyncio.get_running_loop().time() - began


def test_a_provider_without_a_limit_is_asked_256_calls_at_a_time_within_a_second():
    async def main():
        provider = Provider()
        _, seconds = await all_asked(provider, 4_000)
        return provider, seconds

    provider, seconds = simulated(main)
    assert provider.most == CEILING
    assert provider.reached[CEILING] <= 5 * LATENCY
    assert seconds <= 1.3 * 4_000 * LATENCY / CEILING


@pytest.mark.parametrize("capacity", [3, 20, 40, 100])
def test_p1_a_limit_that_refuses_is_found_and_costs_at_most_a_quarter_more_requests(capacity):
    async def main():
        provider = Provider(refuses=capacity)
        limiter, seconds = await all_asked(provider, 100 * capacity)
        return provider, limiter, seconds

    provider, limiter, seconds = simulated(main)
    assert provider.refused
    assert provider.requests <= 1.25 * 100 * capacity
    assert 0.5 * capacity <= limiter.limit <= 1.5 * capacity + 1
    assert seconds <= 1.5 * 100 * LATENCY


def test_a_server_that_lets_calls_wait_is_not_given_many_more_than_it_works_on():
    async def main():
        provider = Provider(queues=20)
        limiter, seconds = await all_asked(provider, 4_000)
        return limiter, seconds

    limiter, seconds = simulated(main)
    assert 20 <= limiter.limit <= 60
    assert seconds <= 1.1 * 4_000 * LATENCY / 20


def test_answers_of_very_different_lengths_do_not_keep_the_limit_low():
    async def main():
        luck = random.Random(7)
        provider = Provider(latency=lambda: luck.choice([0.2, 0.4, 1.0, 3.0]))
        await all_asked(provider, 6_000)
        return provider

    assert simulated(main).most == CEILING


def test_a_limit_is_not_raised_while_it_is_not_reached():
    async def main():
        limiter = Limiter(CEILING, Pacing(), "h", finds_limit=True)
        for _ in range(100):
            began = await limiter.acquire()
            await asyncio.sleep(LATENCY)
            limiter.answered(began)
            limiter.release()
        return limiter.limit

    assert simulated(main) == Pacing().start


def test_calls_of_a_tool_begun_earlier_go_first():
    async def main():
        limiter = Limiter(1, Pacing(), "h")
        await limiter.acquire()
        turns = []

        async def wait(order, name):
            await limiter.acquire(order)
            turns.append(name)
            limiter.release()

        waiting = [(2, "c"), (1, "b"), (0, "a"), (1, "b again")]
        tasks = [asyncio.create_task(wait(*each)) for each in waiting]
        await asyncio.sleep(0)
        limiter.release()
        await asyncio.gather(*tasks)
        return turns

    assert asyncio.run(main()) == ["a", "b", "b again", "c"]


def test_auto_asks_a_real_server_more_and_more_at_a_time():
    running, seen = set(), [0]

    async def counted(request, line):
        running.add(request.body)
        seen[0] = max(seen[0], len(running))
        await after(0.05, answer("ok"))(request, line)
        running.discard(request.body)

    async def all_jobs(b):
        results = await asyncio.gather(*(b.ask(question(str(n))) for n in range(200)))
        return [found.value for found in results]

    values = bench([counted], all_jobs, concurrency=CEILING, finds_limit=True)
    assert values == ["ok"] * 200
    assert seen[0] > Pacing().start
