"""The queue of review requests, flood limits and networks."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from panel.foundation.errors import BudgetSpent, CommunityError, QueueFull
from panel.publish.community.rate_limits import Rate, RateBuckets, RateLimits, network, networks
from panel.publish.community.requests import Budget, Requests
from panel.publish.community.tables import requests

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TOLD = "Turns tables into widgets."
URL = "https://example.org/tool"


def test_a_request_goes_through_its_states(database):
    queue = Requests(database)
    request = queue.add("Sieve", URL, "sorts grain", now=NOON)
    assert (request.id, request.name, request.url, request.state) == (1, "Sieve", URL, "queued")
    assert request.created == request.changed == NOON
    taken = queue.next()
    assert taken is not None
    assert (taken.id, taken.state) == (request.id, "running")
    assert queue.next() is None
    queue.running(request.id, run="2026-11-20-sieve")
    assert queue.get(request.id).run == "2026-11-20-sieve"
    queue.done(request.id, run="2026-11-20-sieve", key="sieve")
    ended = queue.get(request.id)
    assert (ended.state, ended.key, ended.message) == ("done", "sieve", None)
    assert queue.get(99) is None


def test_a_request_that_failed_says_why_and_can_be_made_again(database):
    queue = Requests(database)
    first = queue.add("Sieve", URL)
    queue.next()
    queue.failed(first.id, message="no answer\x1b[2J from example.org")
    assert queue.get(first.id).message == "no answer[2J from example.org"
    assert queue.add("Sieve", URL).id != first.id


def test_an_ended_request_stays_as_it_ended(database):
    queue = Requests(database)
    request = queue.add("Sieve", URL)
    queue.done(request.id, run="r", key="k")  # never begun
    assert queue.get(request.id).state == "queued"
    queue.next()
    queue.done(request.id, run="r", key="k")
    queue.failed(request.id, message="late")
    assert queue.get(request.id).state == "done"


def test_asking_twice_queues_once_until_it_has_ended(database):
    queue = Requests(database)
    first = queue.add("Sieve", URL, "x")
    assert queue.add(" Sieve ", f" {URL} ", "x\n").id == first.id
    queue.next()
    again = queue.add("Sieve", URL, "x")
    assert (again.id, again.state) == (first.id, "running")
    assert queue.add("Sieve", URL, "y").id != first.id


def test_oldest_first_and_how_many_come_before(database):
    queue = Requests(database)
    ids = [queue.add(f"tool {n}", URL).id for n in range(4)]
    assert [queue.ahead(i) for i in ids] == [0, 1, 2, 3]
    assert queue.next().id == ids[0]
    queue.done(ids[0], run="r", key="k")
    assert [queue.ahead(i) for i in ids[1:]] == [0, 1, 2]
    assert [r.id for r in queue.recent(limit=2)] == [ids[3], ids[2]]


def test_the_queue_is_bounded_also_when_all_come_at_once(database):
    queue = Requests(database, most=10)

    def add(n):
        try:
            return queue.add(f"tool {n}", URL).id
        except QueueFull as full:
            return full.message

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(add, range(40)))
    assert len({number for number in answers if isinstance(number, int)}) == 10
    assert answers.count("10 review requests are waiting already") == 30
    queue.next()
    assert queue.add("one more", URL)


def test_a_request_is_taken_by_one_of_many_workers(database):
    queue = Requests(database)
    for n in range(10):
        queue.add(f"tool {n}", URL)
    with ThreadPoolExecutor(8) as pool:
        taken = [request.id for request in pool.map(lambda _: queue.next(), range(20)) if request]
    assert sorted(taken) == list(range(1, 11))


def test_after_a_crash_what_was_running_is_queued_again_with_its_run(database):
    queue = Requests(database)
    first = queue.add("Sieve", URL)
    queue.add("Mill", URL)
    queue.next()
    queue.running(first.id, run="r1")
    assert queue.recover() == 1
    again = queue.next()
    assert again is not None
    assert (again.id, again.run, again.state) == (first.id, "r1", "running")
    assert queue.recover() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (("", URL, ""), "needs the tool's name"),
        ((" \u200b ", URL, ""), "needs the tool's name"),
        (("Sieve", "", ""), "web address or a description"),
        (("S" * 121, URL, ""), "name has more than 120 characters"),
        (("Sieve", f"https://{'a' * 500}", ""), "url has more than 500 characters"),
        (("Sieve", URL, "d" * 2001), "description has more than 2000 characters"),
        (("Sieve", "javascript:alert(1)", ""), "must begin with https"),
        (("Sieve", "https://", ""), "must begin with https"),
        (("Sieve", "https://exa mple.org", ""), "must begin with https"),
        (("Sieve", "https://example.org/\nX-A: b", ""), "must begin with https"),
        (("Sieve", "https://[", ""), "must begin with https"),
    ],
)
def test_a_request_that_is_none_is_turned_down(database, fields, words):
    with pytest.raises(CommunityError, match=words):
        Requests(database).add(*fields)
    assert Requests(database).recent() == ()


def test_what_nobody_can_see_is_not_kept(database):
    request = Requests(database).add("Si\u200beve\0", URL, "a\u202eb\r\nc\0")
    assert (request.name, request.description) == ("Sieve", "ab\nc")


# The budget of a day


def asks(queue, count, budget, *, requester=None, now=NOON, name="tool"):
    """Return how many of so many requests were taken, and how long the first refused waits."""
    for number in range(count):
        try:
            queue.add(f"{name} {number}", None, TOLD, requester=requester, budget=budget, now=now)
        except BudgetSpent as fault:
            return number, fault.wait
    return count, 0.0


def test_reviews_have_a_budget_a_day_of_one_person_and_of_all(database):
    queue, budget = Requests(database), Budget(all=5, person=2)
    assert asks(queue, 4, budget, requester="ada", name="a") == (2, 86_400)
    assert asks(queue, 4, budget, requester="bob", name="b", now=NOON + HOUR) == (2, 86_400)
    # A program has no person's budget, but all have one.
    assert asks(queue, 4, budget, name="c", now=NOON + 2 * HOUR) == (1, 22 * 3600)
    # Asking for what is queued already costs nothing.
    assert queue.add("a 0", None, TOLD, requester="eve", budget=budget, now=NOON + 2 * HOUR).id == 1
    # What failed has cost something too.
    queue.failed(queue.next().id, message="no")
    assert asks(queue, 1, budget, requester="eve", name="e", now=NOON + 3 * HOUR) == (0, 21 * 3600)
    day = NOON + 24 * HOUR
    assert asks(queue, 9, budget, requester="ada", name="d", now=day) == (2, 86_400)


def test_a_budget_of_nothing_takes_nothing_and_no_clock_makes_anybody_wait_longer(database):
    queue = Requests(database)
    assert asks(queue, 1, Budget(all=0, person=3), requester="ada") == (0, 86_400)
    assert asks(queue, 1, Budget(all=1, person=1), now=NOON + 90 * HOUR, name="x") == (1, 0.0)
    assert asks(queue, 1, Budget(all=1, person=1), name="y") == (0, 86_400)


def test_who_asked_is_kept_as_a_keyed_hash(database):
    Requests(database).add("Widget", None, TOLD, requester="network 203.0.113.0/24")
    with database.reading() as connection:
        (mark,) = connection.execute(select(requests.c.asker)).scalars()
    assert "203.0.113" not in mark
    assert len(mark) == 64


# Flood limits


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def limits(clock, **more):
    rates = {"identity": Rate(3, per_minute=6), "network": Rate(5, per_minute=60)}
    return RateLimits(rates, clock=clock, **more)


def test_w2_a_flood_by_one_identity_is_told_how_long_to_wait():
    clock = Clock()
    gate = limits(clock)
    assert [gate.take(identity="7") for _ in range(3)] == [0, 0, 0]
    assert gate.take(identity="7") == pytest.approx(10)
    clock.now += 9
    assert gate.take(identity="7") == pytest.approx(1)
    clock.now += 1
    assert gate.take(identity="7") == 0
    assert gate.take(identity="8") == 0


def test_w2_many_identities_of_one_network_share_its_limit():
    clock = Clock()
    gate = limits(clock)
    waits = [gate.take(identity=str(n), network="net") for n in range(300)]
    assert waits.count(0.0) == 5
    assert waits[-1] == pytest.approx(1)


def test_w2_a_call_that_must_wait_counts_nowhere():
    clock = Clock()
    gate = limits(clock)
    for _ in range(50):
        gate.take(identity="7", network="net")
    # Three went through by identity 7; the network has two left for others.
    assert gate.take(identity="8", network="net") == 0
    assert gate.take(identity="9", network="net") == 0
    assert gate.take(identity="10", network="net") > 0


def test_w2_memory_is_bounded_and_a_clock_that_goes_back_gives_nothing():
    clock = Clock()
    gate = limits(clock, most=100)
    for n in range(10_000):
        gate.take(identity=str(n), network=f"net {n}")
    assert len(gate) == 100
    gate.take(identity="a")
    gate.take(identity="a")
    gate.take(identity="a")
    clock.now -= 50
    assert gate.take(identity="a") > 0


def test_w2_wider_networks_share_a_larger_limit():
    clock = Clock()
    gate = limits(clock)
    homes = [networks(f"2001:db8:{n:x}::1") for n in range(300)]
    assert [gate.take(network=home) for home in homes].count(0.0) == 10
    others = [networks(f"2001:d{n:02x}::1") for n in range(100, 250)]
    assert [gate.take(network=home) for home in others].count(0.0) == 10
    assert gate.take(network=networks("2a00::1")) == 0


def test_w2_limits_go_on_after_a_restart(database):
    clock, noon = Clock(), NOON
    gate, store = limits(clock, remember=lambda name: f"hash of {name}"), RateBuckets(database)
    for _ in range(3):
        gate.take(identity="7", network="net")
    clock.now += 2
    store.keep(gate.changed(), now=noon)
    assert gate.changed() == {}
    clock.now = -70_000.0  # another process, another clock
    again = limits(clock, remember=lambda name: f"hash of {name}")
    again.restore(store.kept(now=noon + timedelta(seconds=5)))
    assert again.take(identity="7") == pytest.approx(3)
    clock.now += 3
    assert again.take(identity="7") == 0
    assert again.take(identity="7") > 0
    assert store.forget(noon + HOUR) == 2
    assert store.kept() == {}


def test_w2_what_could_not_be_kept_is_kept_later_and_old_times_are_bounded(database):
    gate, store = limits(Clock()), RateBuckets(database)
    gate.take(identity="7")
    lost = gate.changed()
    gate.note(lost)
    assert gate.changed() == lost
    store.keep(lost, now=NOON + 9 * HOUR)
    # The wall clock went back: nothing is refilled, and nothing is lost.
    (bucket,) = store.kept(now=NOON).values()
    restored = limits(Clock())
    restored.restore({("identity", "7"): bucket, ("no such kind", "7"): bucket})
    assert [restored.take(identity="7") for _ in range(3)][:2] == [0, 0]
    assert restored.take(identity="7") == pytest.approx(10)


@given(st.lists(st.floats(0, 30), max_size=60))
def test_w2_never_more_than_burst_and_rate_allow(pauses):
    clock = Clock()
    gate = limits(clock)
    passed = 0
    for pause in pauses:
        clock.now += pause
        passed += gate.take(identity="7") == 0
    assert passed <= 3 + sum(pauses) / 10 + 1e-6


@given(st.integers(1, 20), st.floats(0.1, 1000))
def test_w2_waiting_as_told_is_enough(burst, per_minute):
    clock = Clock()
    gate = RateLimits({"k": Rate(burst, per_minute=per_minute)}, clock=clock)
    while (wait := gate.take(k="x")) == 0:
        pass
    clock.now += wait
    assert gate.take(k="x") == 0


def test_a_rate_that_lets_nothing_through_is_a_mistake():
    for burst, per_minute in ((0, 1), (1, 0), (1, float("inf"))):
        with pytest.raises(ValueError, match="rate"):
            Rate(burst, per_minute=per_minute)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", "elsewhere"),
        ("a name\n", "elsewhere"),
    ],
)
def test_neighbours_share_a_network(address, expected):
    assert network(address) == expected
    assert networks(address)[0] == expected
    assert len(networks(address)) == (3 if ":" in expected else 1)
