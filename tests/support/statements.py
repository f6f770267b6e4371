"""Scorecards of version 2 for tests: one that a strong model wrote, one that code composed.

The tool is invented: Tidewater moves rows of a Postgres database to object storage and back.
"""

from datetime import date
from typing import Any

from panel.evidence.facts import Facts
from panel.evidence.source import Passage, Source
from panel.reviews.review import Finding, Forecast
from panel.reviews.verdict.scorecard import CardTool, RunUsage, Scorecard, Verdict, VoteTotals
from tests.support.cards import NOW, review

README = Source(
    id="E1",
    source="https://git.example/tidewater/tidewater",
    retrieved=NOW,
    sha256="41be" * 16,
    passages=(
        Passage(
            id="E1.1",
            heading="Tidewater",
            text="Tidewater moves rows that nobody reads any more from Postgres to object storage "
            "and keeps the table whole: a query that needs an old row fetches it back.",
        ),
        Passage(
            id="E1.2",
            heading="Tidewater › Start",
            text="pipx install tidewater\n"
            "tidewater plan --table events --older-than 90d   # prints rows, bytes and price\n"
            "tidewater apply",
            kind="code",
        ),
        Passage(
            id="E1.3",
            heading="Tidewater › What can go wrong",
            text="A bucket that cannot be reached turns a read of an old row into an error after "
            "five seconds; new rows are not concerned. Partitioned tables are not supported yet.",
        ),
        Passage(
            id="E1.4",
            heading="Tidewater › Releases",
            text="0.9.2, 4 November 2026. A release every month since January 2025; 1.0 waits for "
            "partitioned tables.",
        ),
        Passage(id="E1.5", heading="Tidewater › Licence", text="MIT. Parquet files, open format."),
    ),
)
PRICES = Source(
    id="E2",
    source="https://tidewater.example/pricing",
    retrieved=NOW,
    sha256="d07a" * 16,
    passages=(
        Passage(
            id="E2.1",
            heading="Pricing",
            text="The tool is free. Tidewater Cloud watches it for $90 a month for each database.",
        ),
    ),
)

Answered = tuple[str, str, str, str, str]
"""Criterion, answer, statement, passages and because."""

QUESTIONS = {
    "install": "Does the evidence give the command that installs the tool?",
    "preview": "Can a first run be seen before it changes anything?",
    "weekend": "Would it take a good developer more than a weekend to replace this tool?",
    "extension": "Does the evidence describe how to extend it?",
    "maintained": "Is the tool maintained today?",
    "production": "Is it presented as ready for production?",
    "admits": "Does the evidence admit limits, known problems or unsupported cases?",
    "users": "Does the evidence name somebody who runs it?",
    "price": "Does the evidence make clear what using the tool costs?",
    "licence": "Does the evidence state the licence?",
    "exit": "Can one leave without losing data?",
    "backer": "Does the evidence name who stands behind the tool?",
    "trend": "Does it ride a trend that is still early?",
    "format": "Does it keep data in a format that others read?",
}


def answered(rows: list[Answered], p: float | None = None) -> tuple[Finding, ...]:
    """Findings; with `p` each has the probability of its answer."""
    sure = {"yes": p, "no": None if p is None else 1 - p, "unclear": None if p is None else 0.5}
    return tuple(
        Finding(
            criterion=criterion,
            question=QUESTIONS[criterion],
            kind="fact" if cites else "judgement",
            answer=answer,
            p=sure[answer],
            cites=tuple(cites.split()),
            because=because,
            says=says,
        )
        for criterion, answer, says, cites, because in rows
    )


BUILDER_ROWS: list[Answered] = [
    ("install", "yes", "It installs with one command", "E1.2", "One pipx line."),
    ("preview", "yes", "A first run can be seen before it changes anything", "E1.2",
     "`plan` prints rows, bytes and price, and changes nothing."),
    ("weekend", "yes", "It would take more than a weekend to replace", "E1.1",
     "Fetching a row back inside a query is the hard half."),
    ("extension", "unclear", "Nothing shows how to extend it", "", ""),
]  # fmt: skip
SKEPTIC_ROWS: list[Answered] = [
    ("production", "no", "It is not presented as ready for production", "E1.4",
     "1.0 waits for partitioned tables."),
    ("maintained", "yes", "It is maintained", "E1.4", "A release every month, the last this one."),
    ("admits", "yes", "It admits its limits", "E1.3", ""),
    ("users", "unclear", "Nothing shows who runs it", "", ""),
]  # fmt: skip
BUSINESS_ROWS: list[Answered] = [
    ("price", "yes", "Its price is public", "E2.1", "Free, or $90 a month a database."),
    ("licence", "yes", "Its licence allows commercial use", "E1.5", ""),
    ("exit", "yes", "One can leave with one's data", "E1.5", "Parquet is read by everything."),
    ("backer", "unclear", "Nothing shows who stands behind it", "", ""),
]  # fmt: skip
FUTURIST_ROWS: list[Answered] = [
    ("trend", "yes", "It rides a trend that is still early", "", ""),
    ("format", "yes", "It keeps data in a format that others read", "E1.5", ""),
]

BEATS: dict[str, dict[str, str]] = {
    "builder": {
        "primitive": "The primitive is a table whose cold rows live in a bucket [E1.1].",
        "bet": "Tidewater takes the fetch back into the query and leaves my schema alone, which is "
        "the right half to own.",
        "moment_of_truth": "The moment of truth is `tidewater plan`: it prints rows, bytes and "
        "price and touches nothing [E1.2]; a dead bucket shows as an error after five seconds, not "
        "as a hang [E1.3].",
        "weekend": "An evening of scripting gets me a cron job that copies old rows to Parquet; it "
        "does not get me a SELECT that still finds them.",
        "decision": "What earns the ship is the dry run that names a price.",
    },
    "skeptic": {
        "rival": "pg_partman with a dump job does half of this, and every operator has met it.",
        "scenario": "It breaks for whoever has partitioned tables, which is everybody at the size "
        "where cold rows hurt, and the page says so [E1.3].",
        "ends": "What ends it within twelve months is Amazon adding the same to Aurora.",
        "left_out": "The page names not one team that runs it, and what I would ask first is how "
        "long a restore of the whole table takes.",
        "wrong": "The Builder likes the dry run; I would be wrong to skip if 1.0 brings partitions "
        "before spring [E1.4].",
    },
    "business": {
        "buyer": "The buyer is whoever signs the storage bill of a platform team.",
        "year": "Ten people with three databases pay nothing, or $3,240 a year if they want it "
        "watched [E2.1].",
        "moat": "Nothing grows with use, and Parquet files under MIT [E1.5] make sure of that.",
        "stress": "If Neon gives the same away, the watching goes first.",
        "condition": "I sign on one condition: a restore drill passes in our own bucket.",
    },
    "futurist": {
        "thesis": "By 2028 a row that nobody reads costs object storage, in every database.",
        "must_hold": "That needs storage to stay ten times cheaper than disks; it must not happen "
        "that engines tier by themselves.",
        "second_order": "Vendors who sell disk by the gigabyte lose margin on their oldest rows.",
        "trend": "The trend is open formats under closed engines, and Parquet is on time for it "
        "[E1.5].",
        "state": "It is infrastructure once a restore is a button in somebody's console [E1.1].",
    },
}
COMPOSED_BEATS: dict[str, dict[str, str]] = {
    "builder": {"primitive": "“Tidewater moves rows that nobody reads any more” [E1.1]",
                "moment_of_truth": "“tidewater plan --table events” [E1.2]"},
    "skeptic": {"breaks_when": "“Partitioned tables are not supported yet.” [E1.3]"},
    "business": {"year": "“The tool is free.” [E2.1]"},
    "futurist": {},
}  # fmt: skip
COMPOSED: dict[str, str] = {
    "builder": "I would build on Tidewater: it installs with one command [E1.2], and a first run "
    "can be seen before it changes anything [E1.2]. Nothing shows how to extend it.",
    "skeptic": "I would not rely on Tidewater: it is not presented as ready for production "
    "[E1.4], and nothing shows who runs it. It speaks for it that it is maintained [E1.4].",
    "business": "I would sign for Tidewater: its price is public [E2.1], and its licence allows "
    "commercial use [E1.5]. Nothing shows who stands behind it.",
    "futurist": "I see Tidewater lasting: it keeps data in a format that others read [E1.5].",
}
PANEL: list[tuple[str, str, str, float, list[Answered]]] = [
    ("builder", "The Builder", "ship", 78.0, BUILDER_ROWS),
    ("skeptic", "The Skeptic", "skip", 51.4, SKEPTIC_ROWS),
    ("business", "The Business", "ship", 74.2, BUSINESS_ROWS),
    ("futurist", "The Futurist", "ship", 63.0, FUTURIST_ROWS),
]
FORECASTS = {
    "builder": ("Tidewater 1.0 is on the package index", 0.7),
    "skeptic": ("Amazon announces tiering of cold rows for Aurora Postgres", 0.35),
    "business": ("Tidewater Cloud still costs $90 a month a database", 0.6),
    "futurist": ("Two hosted Postgres vendors tier rows to object storage", 0.55),
}
TURNS_ON = {
    "builder": "A fetch that holds locks on the live table.",
    "skeptic": "Support for partitioned tables in a stable release [E1.3].",
    "business": "One restore that loses a row.",
    "futurist": "Storage prices that stop falling.",
}


def _card(**changes: Any) -> Scorecard:
    values: dict[str, Any] = {
        "run": "20261122T100000Z-tidewater-77c2",
        "created": NOW,
        "provider": "cerebras",
        "model": "gpt-oss-120b",
        "asked": "whole",
        "tool": CardTool(
            name="Tidewater",
            slug="tidewater",
            url="https://tidewater.example/",
            category="Databases",
            kind="application",
            tagline="Cold rows of Postgres in object storage, still in the table",
        ),
        "verdict": Verdict(
            outcome="ship", ship_percent=75.0, score=66.6, votes=VoteTotals(ship=3, skip=1)
        ),
        "ship_at": 60.0,
        "missing": (),
        "evidence": (README, PRICES),
        "facts": Facts.model_validate(
            {
                "licence": {"value": "MIT", "passage": "E1.5"},
                "last_release": {"value": "0.9.2", "passage": "E1.4"},
            }
        ),
        "usage": RunUsage(
            calls=8, input_tokens=21040, cached_tokens=14800, output_tokens=3120,
            cost_usd=0.0113, seconds=6.4,
        ),
        "warnings": ("this judge was never measured: panel calibrate",),
    }  # fmt: skip
    return Scorecard.model_validate({**values, **changes})


def written(**changes: Any) -> Scorecard:
    """A card whose reviews a strong model wrote: three ship, the skeptic skips."""
    reviews = tuple(
        review(
            name,
            title,
            vote,
            score,
            stance="skip" if name == "business" else vote,
            findings=answered(rows),
            beats=BEATS[name],
            summary=" ".join(BEATS[name].values()),
            turns_on=TURNS_ON[name],
            forecast=Forecast(
                claim=FORECASTS[name][0],
                probability=FORECASTS[name][1],
                resolve_by=date(2027, 11, 22),
            ),
            to_look_up=("Who runs it", "How long a restore takes") if name == "skeptic" else (),
            not_applicable=("rate_limits",) if name == "business" else (),
            provider="cerebras",
            model="gpt-oss-120b",
        )
        for name, title, vote, score, rows in PANEL
    )
    return _card(**{"reviews": reviews, **changes})


def composed(**changes: Any) -> Scorecard:
    """The same tool by a small model: code put the words together, beats are quotes."""
    reviews = tuple(
        review(
            name,
            title,
            vote,
            score,
            stance="ship",
            stance_log_odds=0.9,
            findings=answered(rows, 0.91),
            beats=COMPOSED_BEATS[name],
            summary=COMPOSED[name],
            composed=True,
            not_applicable=("rate_limits",) if name == "business" else (),
        )
        for name, title, vote, score, rows in PANEL
    )
    values: dict[str, Any] = {
        "reviews": reviews,
        "provider": "local",
        "model": "qwen2.5-1.5b",
        "asked": "stepwise",
        "warnings": (
            "this judge shipped 2 of 17 bland or bad control tools and 10 of 10 good ones",
        ),
    }
    return _card(**{**values, **changes})
