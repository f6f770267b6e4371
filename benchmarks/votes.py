"""A flood of votes at full size: what a server at the shipped limits makes of it.

python -m benchmarks.votes [--posts 10000]

Posts of five visitors, then one each of 300 fresh ones, go to a server on loopback. Prints how they
were answered and what was counted last.
"""

import argparse
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.live import serving

from panel.publish.server.config import RATES

VISITORS = 5
FRESH = 300


def main() -> None:
    """Send the flood and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--posts", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(_flood(Path(folder), args.posts))


def _flood(folder: Path, posts: int) -> str:
    with serving(folder, rates=RATES) as live:
        voters = [live.visitor() for _ in range(VISITORS)]

        def flood(lane: int) -> Counter[int]:
            choice = ("ship", "skip")
            return Counter(
                voters[lane].vote(choice[n % 2]).status for n in range(lane, posts, VISITORS)
            )

        with ThreadPoolExecutor(VISITORS) as pool:
            statuses = sum(pool.map(flood, range(VISITORS)), Counter())
        fresh = Counter(live.visitor().vote("skip", "parley").status for _ in range(FRESH))
        votes = live.state.votes
        tallies, same = votes.tallies(), votes.recount() == votes.tallies()
        verified = sum(tally.verified.total for tally in tallies.values())
        rows = sum(tally.anonymous.total for tally in tallies.values())
    return (
        f"{posts:,} posts of {VISITORS} visitors: {dict(statuses)}; {FRESH} fresh visitors: "
        f"{dict(fresh)}; {rows} anonymous votes, {verified} verified; "
        f"recount {'equal' if same else 'DIFFERS'}"
    )


if __name__ == "__main__":
    main()
