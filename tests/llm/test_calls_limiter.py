"""P1 to P3: storms and outages lose nothing and are not made worse, with time scaled down."""

import asyncio
import time
from itertools import pairwise

import pytest

from panel.foundation.errors import RateLimited, RunStopped, Unreachable
from panel.llm.calls import Pacing
from panel.llm.calls.limiter import Limiter
from tests.llm.test_calls import QUICK, bench, outcome, question
from tests.support.faultd import Bucket, after, answer, respond

JOBS = 150


async def all_jobs(b, count=JOBS):
    asks = [b.ask(question(str(n))) for n in range(count)]
    results = await asyncio.gather(*asks, return_exceptions=True)
    return results, b.server.requests


def storm(hint):
    bucket = Bucket(lambda _: after(0.02, answer("ok")), rate=100, burst=20, hint=hint)
    pace = Pacing(first_wait=0.4, last_wait=2.0)
    results, log = bench(bucket, all_jobs, concurrency=64, pacing=pace, deadline=1.0)
    return results, log, bucket


@pytest.mark.parametrize("hint", [0.4, None])
def test_p1_a_storm_of_429_loses_nothing_and_costs_at_most_a_quarter_more_requests(hint):
    results, log, bucket = storm(hint)
    assert [f.value for f in results] == ["ok"] * JOBS
    assert bucket.refused, "the storm did not happen"
    assert len(log) <= 1.25 * JOBS


def test_p1_no_request_is_sent_before_retry_after_ends():
    _, log, bucket = storm(0.4)
    travel = 0.1  # requests already on their way when the 429 went out
    early = [r for r in log for t in bucket.refused if t + travel < r.at < t + 0.4]
    assert early == []


def test_p1_a_429_uses_up_no_try_and_none_of_the_deadline():
    script = [after(0.05, respond(429, "", (("Retry-After", "0.05"),)))] * 8 + [answer("ok")]
    results, log, calls = outcome(script, deadline=0.3)
    assert (results.value, len(log), results.response.attempts) == ("ok", 9, 9)
    assert [c.reason for c in calls] == ["rate_limited"] * 8 + [None]


def test_p1_the_limit_is_cut_once_an_episode_and_grows_again():
    async def main():
        limiter = Limiter(100, Pacing(grow_every=25, first_wait=0.001, last_wait=0.001), "h")
        began = [await limiter.acquire() for _ in range(16)]
        for at in began:
            limiter.limited(RateLimited("x"), at)
            limiter.release()
        assert limiter.limit == 12
        for _ in range(50):
            limiter.answered()
        assert limiter.limit == pytest.approx(14)
        limiter.limited(RateLimited("x"), await limiter.acquire())
        assert limiter.limit == pytest.approx(10.5)

    asyncio.run(main())


def test_the_limit_never_passes_the_targets_concurrency_nor_falls_below_one():
    async def main():
        limiter = Limiter(3, Pacing(first_wait=0.001, last_wait=0.001), "h")
        for _ in range(100):
            limiter.answered()
        assert limiter.limit == 3
        for _ in range(30):
            limiter.limited(RateLimited("x"), await limiter.acquire())
            limiter.release()
        assert limiter.limit == 1

    asyncio.run(main())


@pytest.mark.parametrize(
    "hint", ["abc", "-5", "0", "1e9", "Sun, 22 Nov 2020 10:00:00 GMT", "9" * 30]
)
def test_p2_a_bad_hint_falls_back_on_our_own_pause(hint):
    results, log, _ = outcome([respond(429, "", (("Retry-After", hint),)), answer("ok")])
    assert (results.value, len(log)) == ("ok", 2)


def test_p2_headers_that_contradict_each_other_fall_back_on_our_own_pause():
    two = (("Retry-After", "100"), ("Retry-After", "200"))
    results, log, _ = outcome([respond(429, "", two), answer("ok")])
    assert (results.value, len(log)) == ("ok", 2)


def test_p2_a_longer_wait_than_the_cap_stops_the_run_and_says_until_when():
    async def scenario(b):
        began = time.monotonic()
        asks = [b.ask(question(str(n))) for n in range(20)]
        results = await asyncio.gather(*asks, return_exceptions=True)
        return results, len(b.server.requests), time.monotonic() - began

    results, requests, took = bench(
        [respond(429, "", (("Retry-After", "3600"),))], scenario, concurrency=4
    )
    assert {type(f) for f in results} == {RunStopped}
    assert "3,600 s, until 20" in results[0].message
    assert "panel resume" in results[0].hint
    assert results[0].exit_code == 3
    assert requests <= 4
    assert took < 5


def test_p2_no_pause_of_our_own_is_over_the_cap():
    limiter = Limiter(1, Pacing(), "h")
    waits = [limiter.backoff(nth) for nth in (1, 2, 3, 10, 100, 10_000)]
    assert max(waits) <= 60
    assert min(waits) >= 0.75


def test_p2_a_server_that_only_turns_away_stops_the_run_in_the_end():
    pace = Pacing(first_wait=0.02, last_wait=0.02, first_patience=0.2)
    results, log, _ = outcome([respond(429)], pacing=pace)
    assert type(results) is RunStopped
    assert len(log) > 3


OUTAGE = Pacing(first_wait=0.02, last_wait=0.05, probe_every=0.15)


def test_p3_an_outage_opens_the_breaker_and_everything_is_answered_afterwards():
    well_at = time.monotonic() + 0.8

    def script(request):
        return respond(503) if request.at < well_at else after(0.01, answer("ok"))

    results, log = bench(script, all_jobs, concurrency=16, pacing=OUTAGE)
    assert [f.value for f in results] == ["ok"] * JOBS
    failed = [r.at for r in log if r.at < well_at]
    probes = 1 + 0.8 / OUTAGE.probe_every
    assert len(failed) <= 16 + OUTAGE.trip_after + probes
    assert len(log) == JOBS + len(failed)
    assert max(r.at for r in log) - well_at < 15 * 0.15  # full rate again within the scaled 15 s


def test_p3_probes_keep_their_distance_while_the_breaker_is_open():
    pace = Pacing(first_wait=0.01, last_wait=0.01, probe_every=0.15, first_patience=1.0)
    _, log = bench([respond(503)], all_jobs, concurrency=16, pacing=pace)
    probes = [r.at for r in log][16 + pace.trip_after :]
    assert len(probes) >= 2
    assert min(b - a for a, b in pairwise(probes)) >= 0.12


def test_p3_an_outage_without_end_stops_the_run_and_fails_no_item():
    pace = Pacing(first_wait=0.01, last_wait=0.01, probe_every=0.05, first_patience=0.3)
    results, _ = bench([respond(503)], all_jobs, concurrency=16, pacing=pace)
    assert {type(f) for f in results} == {RunStopped}
    assert results[0].exit_code == 3


def test_p3_25_straight_failures_of_single_calls_take_the_provider_out_of_rotation():
    async def scenario(b):
        kinds = []
        for n in range(9):
            try:
                await b.ask(question(str(n)))
            except (Unreachable, RunStopped) as error:
                kinds.append(type(error))
        return kinds, len(b.server.requests)

    pace = Pacing(first_wait=0.001, last_wait=0.001, probe_every=0.02, first_patience=0.1)
    kinds, requests = bench([respond(500)], scenario, pacing=pace)
    assert kinds[:6] == [Unreachable] * 6
    assert set(kinds[6:]) == {RunStopped}
    assert requests <= 25 + 6


def test_a_single_dead_server_is_reported_at_once_not_waited_for():
    began = time.monotonic()
    results, _, _ = outcome([respond(503)], pacing=QUICK)
    assert type(results) is Unreachable
    assert time.monotonic() - began < 5
