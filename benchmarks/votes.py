"""Votes under trouble, at full size: a PostgreSQL that is stopped again and again, and a flood.

python -m benchmarks.votes [--votes 10000] [--posts 10000]

First a real PostgreSQL is stopped and crashed every 5 seconds for 0 to 2 seconds while four voters
cast votes, each trying again until it is acknowledged. Then posts from five visitors go to a
server on loopback at the shipped limits. Prints its figures last.
"""

import argparse
import random
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.databases import Postgres
from tests.live import serving

from panel.community.database import Database
from panel.community.identities import Identities
from panel.community.votes import Votes
from panel.errors import DatabaseDown
from panel.serve.setup import RATES

VOTERS = 4
EVERY = 5.0


def main() -> None:
    """Run both and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--votes", type=int, default=10_000)
    parser.add_argument("--posts", type=int, default=10_000)
    given = parser.parse_args()
    lines = []
    for measure, count in ((_restarts, given.votes), (_flood, given.posts)):
        # A folder of its own each: the server's belongs to the user it runs as.
        with tempfile.TemporaryDirectory() as folder:
            lines.append(measure(Path(folder), count))
    print(*lines, sep="\n")


def _restarts(folder: Path, count: int) -> str:
    postgres = Postgres(folder)
    try:
        with Database.open(postgres.new_database(), folder=folder / "kept") as database:
            people = [Identities(database).anonymous(f"voter {n}") for n in range(VOTERS)]
            store, over = Votes(database), threading.Event()

            def voter(lane: int) -> int:
                failed = 0
                for number in range(lane, count, VOTERS):
                    while True:
                        try:
                            store.cast(people[lane], f"tool {number}", "ship", network="net")
                            break
                        except DatabaseDown:
                            failed += 1
                            time.sleep(0.05)
                return failed

            def stopper() -> int:
                done = 0
                while not over.wait(EVERY):
                    postgres.stop(crash=bool(done % 2))
                    time.sleep(random.Random(done).uniform(0, 2))
                    postgres.start()
                    done += 1
                return done

            with ThreadPoolExecutor(VOTERS + 1) as pool:
                stopping = pool.submit(stopper)
                refused = sum(pool.map(voter, range(VOTERS)))
                over.set()
                stops = stopping.result()
            kept = sum(each.anonymous.ship for each in store.tallies().values())
            same = store.recount() == store.tallies()
    finally:
        postgres.stop()
    return (
        f"restarts: {count:,} votes acknowledged over {stops} stops, {refused:,} refused and tried "
        f"again; kept {kept:,}, so lost {count - kept}; recount {'equal' if same else 'DIFFERS'}"
    )


def _flood(folder: Path, posts: int) -> str:
    with serving(folder / "flood", rates=RATES) as live:
        voters = [live.visitor() for _ in range(5)]

        def flood(lane: int) -> Counter[int]:
            choice = ("ship", "skip")
            return Counter(
                voters[lane].vote(choice[n % 2]).status for n in range(lane, posts, len(voters))
            )

        with ThreadPoolExecutor(len(voters)) as pool:
            seen = sum(pool.map(flood, range(len(voters))), Counter())
        fresh = Counter(live.visitor().vote("skip", "parley").status for _ in range(300))
        votes = live.service.records.votes
        tallies, same = votes.tallies(), votes.recount() == votes.tallies()
        verified = sum(each.verified.total for each in tallies.values())
        rows = sum(each.anonymous.total for each in tallies.values())
    return (
        f"flood: {posts:,} posts of 5 visitors: {dict(seen)}; 300 fresh visitors: {dict(fresh)}; "
        f"{rows} anonymous votes, {verified} verified; recount {'equal' if same else 'DIFFERS'}"
    )


if __name__ == "__main__":
    main()
