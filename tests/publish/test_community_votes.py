"""Votes: one per identity and tool, exactly counted, on SQLite and on PostgreSQL."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, func, select

from panel.foundation.errors import AddressError, Banned, CommunityError
from panel.publish.community.identities import Identities
from panel.publish.community.tables import METADATA, ledger, votes
from panel.publish.community.tally import Tally, VoteCount, tallies
from panel.publish.community.votes import VoteStore, replay_log

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NET = "203.0.113.0/24"


def rows(database, table):
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def at_once(number, call):
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(call, range(number)))


def test_w1_64_casts_at_once_by_one_identity_leave_one_row(database):
    me = Identities(database).anonymous("cookie")
    choices = ["ship", "skip"] * 32
    at_once(64, lambda n: VoteStore(database).cast(me, "sieve", choices[n], network=NET))
    assert rows(database, votes) == 1
    assert VoteStore(database).tally("sieve").anonymous.total == 1
    assert VoteStore(database).recount() == VoteStore(database).tallies()


def test_w1_a_cookie_seen_64_times_at_once_is_one_identity(database):
    identities = at_once(64, lambda n: Identities(database).anonymous("cookie"))
    assert len(set(identities)) == 1


def test_w1_votes_changed_by_many_at_once_recount_exactly(database):
    people = [Identities(database).anonymous(f"cookie {n}") for n in range(4)]
    member = Identities(database).verified("ada@example.org")
    store, who = VoteStore(database), Identities(database)

    def work(seed):
        dice = random.Random(seed)
        for _ in range(12):
            person, tool = dice.choice([*people, member]), dice.choice(["sieve", "mill"])
            match dice.randrange(8):
                case 0:
                    store.withdraw(person, tool)
                case 1:
                    who.merge(dice.choice(people), member)
                case 2:
                    store.remove_batch(network=f"net {dice.randrange(3)}")
                case _:
                    choice = dice.choice(["ship", "skip"])
                    store.cast(person, tool, choice, network=f"net {dice.randrange(3)}")

    at_once(8, work)
    assert store.recount() == store.tallies()


TOOLS = ("sieve", "mill", "press")
NETS = ("net a", "net b", "net c")


class Community:
    """Eight people whose votes are kept twice: in the database and in a plain dict."""

    def __init__(self, database):
        self.votes, self.identities = VoteStore(database), Identities(database)
        with database.writing() as connection:
            for table in reversed(METADATA.sorted_tables):
                connection.execute(delete(table))
        self.anonymous = [self.identities.anonymous(f"cookie {n}") for n in range(5)]
        self.verified = [self.identities.verified(f"p{n}@example.org") for n in range(3)]
        self.people = self.anonymous + self.verified
        self.standing = {}
        self.banned = set()
        self.now = NOON

    def vote(self, who, tool, choice, net):
        if who in self.banned:
            with pytest.raises(Banned):
                self.votes.cast(who, tool, choice, network=net, now=self.now)
            return
        before = self.standing.get((who, tool), (None,))
        changed = self.votes.cast(who, tool, choice, network=net, now=self.now)
        assert changed == (before[0] != choice)
        if changed:
            self.standing[who, tool] = (choice, net, self.now)

    def withdraw(self, who, tool):
        there = self.standing.pop((who, tool), None) is not None
        assert self.votes.withdraw(who, tool, now=self.now) == there

    def merge(self, source, target):
        self.identities.merge(source, target, now=self.now)
        for tool in () if source in self.banned else TOOLS:
            if vote := self.standing.pop((source, tool), None):
                self.standing.setdefault((target, tool), vote)

    def ban(self, who):
        self.identities.ban(who, now=self.now)
        self.banned.add(who)

    def unban(self, who):
        self.identities.unban(who)
        self.banned.discard(who)

    def remove_batch(self, net, back, span):
        since = self.now - timedelta(minutes=back)
        until = since + timedelta(minutes=span)
        gone = [
            key for key, (_, where, at) in self.standing.items()
            if where == net and since <= at < until
        ]  # fmt: skip
        removed = self.votes.remove_batch(network=net, since=since, until=until, now=self.now)
        assert removed == len(gone)
        for key in gone:
            del self.standing[key]

    def check(self):
        self.now += timedelta(minutes=1)
        expected = tallies(
            (tool, "verified" if who in self.verified else "anonymous", choice, 1)
            for (who, tool), (choice, _, _) in self.standing.items()
            if who not in self.banned
        )
        assert self.votes.tallies() == expected
        assert self.votes.recount() == expected


PERSON, TOOL, NET_OF = st.integers(0, 7), st.sampled_from(TOOLS), st.sampled_from(NETS)


class Voting(RuleBasedStateMachine):
    """The same, with the order of things left to hypothesis."""

    database = None

    @initialize()
    def arrive(self):
        self.us = Community(self.database)

    @rule(n=PERSON, tool=TOOL, choice=st.sampled_from(["ship", "skip"]), net=NET_OF)
    def vote(self, n, tool, choice, net):
        self.us.vote(self.us.people[n], tool, choice, net)

    @rule(n=PERSON, tool=TOOL)
    def withdraw(self, n, tool):
        self.us.withdraw(self.us.people[n], tool)

    @rule(a=st.integers(0, 4), v=st.integers(0, 2))
    def merge(self, a, v):
        self.us.merge(self.us.anonymous[a], self.us.verified[v])

    @rule(n=PERSON)
    def ban(self, n):
        self.us.ban(self.us.people[n])

    @rule(n=PERSON)
    def unban(self, n):
        self.us.unban(self.us.people[n])

    @rule(net=NET_OF, back=st.integers(0, 40), span=st.integers(0, 40))
    def remove_batch(self, net, back, span):
        self.us.remove_batch(net, back, span)

    @invariant()
    def tallies_are_a_recount_of_the_log(self):
        self.us.check()


def test_w1_whatever_people_do_tallies_equal_a_recount(database):
    class Machine(Voting):
        pass

    Machine.database = database
    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=8, stateful_step_count=40, deadline=None, database=None),
    )


def test_w1_tallies_equal_a_recount_after_each_of_1000_steps(database, database_url):
    """On SQLite; PostgreSQL, three times as slow, takes the first 400 of as many."""
    steps = 1000 if database_url.startswith("sqlite") else 400
    us, dice, done = Community(database), random.Random(), Counter()
    seed = dice.randrange(10**9)
    dice.seed(seed)
    for step in range(steps):
        (action,) = dice.choices(
            ["vote", "withdraw", "merge", "ban", "unban", "remove_batch"], [60, 12, 8, 6, 9, 5]
        )
        arguments = {
            "vote": (dice.choice(us.people), dice.choice(TOOLS), dice.choice(["ship", "skip"]),
                     dice.choice(NETS)),
            "withdraw": (dice.choice(us.people), dice.choice(TOOLS)),
            "merge": (dice.choice(us.anonymous), dice.choice(us.verified)),
            "ban": (dice.choice(us.people),), "unban": (dice.choice(us.people),),
            "remove_batch": (dice.choice(NETS), dice.randrange(40), dice.randrange(40)),
        }[action]  # fmt: skip
        done[action, bool(us.standing)] += 1
        try:
            getattr(us, action)(*arguments)
            us.check()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, step {step}, after {action}{arguments}") from error
    assert sum(done.values()) == steps
    assert all(done[action, True] > 10 for action in ("vote", "withdraw", "merge", "remove_batch"))


def test_w2_anonymous_and_verified_votes_are_counted_apart(database):
    store, who = VoteStore(database), Identities(database)
    for n in range(3):
        store.cast(who.verified(f"p{n}@example.org"), "sieve", "ship", network=NET)
    before = store.tally("sieve").verified
    for n in range(300):
        store.cast(who.anonymous(f"fresh {n}"), "sieve", "skip", network=f"net {n % 7}")
    tally = store.tally("sieve")
    assert tally.verified == before == VoteCount(ship=3, skip=0)
    assert tally.anonymous == VoteCount(ship=0, skip=300)
    assert store.recount() == store.tallies()


def test_w2_a_suspicious_batch_is_found_and_removed_and_the_recount_is_exact(database):
    store, who = VoteStore(database), Identities(database)
    people = [who.anonymous(f"cookie {n}") for n in range(12)]
    for n, person in enumerate(people):
        # Nine from one network within a few minutes, the last of them an hour later.
        late = NOON + timedelta(minutes=60 if n == 8 else n)
        net = "198.51.100.0/24" if n < 9 else f"net {n}"
        store.cast(person, "sieve", "skip", network=net, now=late)
    (most, *_) = store.batches(since=NOON, until=NOON + timedelta(minutes=30))
    assert (most.votes, most.identities, most.tools) == (8, 8, 1)
    assert (most.first, most.last) == (NOON, NOON + timedelta(minutes=7))
    span = {"since": NOON, "until": NOON + timedelta(minutes=30)}
    assert store.remove_batch(mark=most.mark, **span) == 8
    assert store.remove_batch(network="198.51.100.0/24", **span) == 0
    assert store.tally("sieve").anonymous == VoteCount(skip=4)
    assert store.recount() == store.tallies()
    with pytest.raises(CommunityError, match="name the network"):
        store.remove_batch(since=NOON)


def test_a_banned_identity_counts_nowhere_and_is_told_so(database):
    store, who = VoteStore(database), Identities(database)
    troll = who.anonymous("troll")
    store.cast(troll, "sieve", "skip", network=NET)
    who.ban(troll)
    assert who.is_banned(troll)
    assert store.tally("sieve") == Tally()
    assert store.recount() == {}
    with pytest.raises(Banned):
        store.cast(troll, "sieve", "ship", network=NET)
    who.unban(troll)
    assert store.tally("sieve").anonymous == VoteCount(skip=1)


def test_a_banned_identity_cannot_launder_its_votes_by_signing_in(database):
    store, who = VoteStore(database), Identities(database)
    troll, member = who.anonymous("troll"), who.verified("ada@example.org")
    store.cast(troll, "sieve", "skip", network=NET)
    who.ban(troll)
    who.merge(troll, member)
    assert store.tally("sieve") == Tally()


def test_signing_in_keeps_the_verified_vote_and_brings_the_others_along(database):
    store, who = VoteStore(database), Identities(database)
    cookie, member = who.anonymous("cookie"), who.verified("ada@example.org")
    store.cast(member, "sieve", "ship", network=NET)
    store.cast(cookie, "sieve", "skip", network=NET)
    store.cast(cookie, "mill", "skip", network=NET)
    for _ in range(2):
        who.merge(cookie, member)
    assert store.choice(member, "sieve") == "ship"
    assert store.choice(member, "mill") == "skip"
    assert store.choice(cookie, "mill") is None
    assert store.tallies() == {
        "mill": Tally(verified=VoteCount(skip=1)), "sieve": Tally(verified=VoteCount(ship=1)),
    }  # fmt: skip
    with pytest.raises(CommunityError, match="merged"):
        who.merge(member, cookie)


def test_the_same_vote_again_changes_nothing_not_even_the_log(database):
    store, me = VoteStore(database), Identities(database).anonymous("cookie")
    assert store.cast(me, "sieve", "ship", network=NET)
    assert not store.cast(me, "sieve", "ship", network="another")
    assert rows(database, ledger) == 1
    assert store.withdraw(me, "sieve")
    assert not store.withdraw(me, "sieve")
    assert rows(database, ledger) == 2


@pytest.mark.parametrize(
    ("tool", "choice", "words"),
    [("sieve", "maybe", "ship or skip"), ("", "ship", "no such tool"),
     ("x" * 301, "ship", "no such tool"), ("a\0b", "ship", "no such tool")],
)  # fmt: skip
def test_a_vote_that_is_none_is_turned_down(database, tool, choice, words):
    me = Identities(database).anonymous("cookie")
    with pytest.raises(CommunityError, match=words):
        VoteStore(database).cast(me, tool, choice, network=NET)


def test_tallies_of_more_tools_than_a_query_may_name(database):
    me = Identities(database).anonymous("cookie")
    VoteStore(database).cast(me, "tool 7", "ship", network=NET)
    tallies = VoteStore(database).tallies([f"tool {n}" for n in range(70_000)])
    assert len(tallies) == 70_000
    assert sum(tally.anonymous.ship for tally in tallies.values()) == 1


def test_an_identity_that_is_none_is_turned_down(database):
    store, who = VoteStore(database), Identities(database)
    for call in (
        lambda: store.cast(99, "sieve", "ship", network=NET), lambda: who.ban(99),
        lambda: who.is_banned(99), lambda: who.kind(99),
    ):  # fmt: skip
        with pytest.raises(CommunityError, match="no such identity"):
            call()


def test_all_spellings_of_one_mailbox_are_one_verified_identity(database):
    who = Identities(database)
    ada = who.verified("ada@Example.ORG")
    assert who.verified("Ada+panel@example.org") == ada
    assert who.verified("bea@example.org") != ada
    assert who.verified("a.d.a@gmail.com") == who.verified("ada@googlemail.com")
    assert who.kind(ada) == "verified"
    with pytest.raises(AddressError):
        who.verified("no address")


def test_looking_a_cookie_up_makes_no_identity(database):
    who = Identities(database)
    assert who.find("cookie") is None
    me = who.anonymous("cookie")
    assert who.find("cookie") == me
    assert who.kind(me) == "anonymous"


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"),
                       st.sampled_from(["ship", "skip", None]))),
)  # fmt: skip
def test_a_replay_keeps_the_last_word_of_each(entries):
    last = {(who, tool): choice for who, tool, choice in entries}
    assert replay_log(entries) == {key: choice for key, choice in last.items() if choice}


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_interval_holds_the_share_and_narrows_with_votes(ship, skip):
    count = VoteCount(ship, skip)
    if not count.total:
        assert count.share is None
        assert count.interval is None
        return
    low, high = count.interval
    assert 0 <= low <= count.share <= high <= 100
    more = VoteCount(ship * 4, skip * 4).interval
    assert more[1] - more[0] < high - low


def test_the_interval_is_wilsons():
    # 7 of 10: a textbook case, to one decimal.
    low, high = VoteCount(7, 3).interval
    assert (round(low, 1), round(high, 1)) == (39.7, 89.2)
