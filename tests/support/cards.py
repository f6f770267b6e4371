"""Scorecards for tests: a realistic one, a small batch, and one with a payload in every field."""

from datetime import UTC, date, datetime
from typing import Any

from panel.evidence.source import Passage, Source
from panel.llm.types import Usage
from panel.reviews.review import Finding, Forecast, Missing, Review
from panel.reviews.verdict.scorecard import CardTool, RunUsage, Scorecard, Verdict, VoteTotals

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

README = Source(
    id="E1",
    source="README.md",
    retrieved=NOW,
    sha256="6f1c" * 16,
    passages=(
        Passage(
            id="E1.1",
            heading="Quillstore",
            text="Quillstore is an append-only event store that lives inside your process: one "
            "file, no server, readers never block the writer.",
        ),
        Passage(
            id="E1.2",
            heading="Quillstore › Install",
            text="pip install quillstore   # wheels for Linux, macOS and Windows\n"
            "quillstore init events.qs  # no compiler, no other dependency",
            kind="code",
        ),
        Passage(
            id="E1.3",
            heading="Quillstore › Durability",
            text="Every append is fsynced before it returns unless you pass durable=False. The "
            "crash suite kills the writer at 4,000 random points on each release; the last three "
            "releases lost nothing that had been acknowledged.",
        ),
        Passage(
            id="E1.4",
            heading="Quillstore › Limits",
            text="One writer per file. Replication is not planned: if you need two machines, use a "
            "server. Files above 200 GB work but compaction then holds the write lock for minutes.",
        ),
        Passage(
            id="E1.5",
            heading="Quillstore › Status",
            text="Version 1.6, released 3 November 2026. Two maintainers, both paid by the "
            "foundation until the end of 2028. The file format is frozen since 1.0.",
        ),
    ),
)
PRICING = Source(
    id="E2",
    source="https://quillstore.example/pricing",
    retrieved=NOW,
    sha256="a90d" * 16,
    passages=(
        Passage(id="E2.1", heading="Pricing", text="The library is free under Apache-2.0."),
        Passage(
            id="E2.2",
            heading="Pricing › Support",
            text="Support with a two-day answer costs €4,800 a year for a company of any size.",
        ),
    ),
    removed_hidden=2,
)


def finding(
    criterion: str, question: str, answer: str, p: float | None, cites: str = "", because: str = ""
) -> Finding:
    return Finding.model_validate(
        {
            "criterion": criterion,
            "question": question,
            "kind": "fact" if cites else "judgement",
            "answer": answer,
            "p": p,
            "cites": cites.split(),
            "because": because,
        }
    )


def review(persona: str, title: str, vote: str, score: float | None, **rest: Any) -> Review:
    values: dict[str, Any] = {
        "coverage": 1.0,
        "stance": vote if vote != "abstain" else None,
        "findings": (),
        "fields": {},
        "forecast": None,
        "summary": "",
        "provider": "local",
        "model": "qwen2.5-1.5b",
        "usage": Usage(input_tokens=3120, cached_tokens=2710, output_tokens=188),
    }
    return Review.model_validate(
        {"persona": persona, "title": title, "vote": vote, "score": score, **values, **rest}
    )


BUILDER = review(
    "builder",
    "The Builder",
    "ship",
    81.4,
    coverage=0.92,
    summary="What I get is one function that appends and one that reads, and a file I can copy "
    "[E1.1]. Installing it took a single command and pulled in nothing else [E1.2], so I had my "
    "first event on disk before the coffee was ready.\n\nThe fsync before every return is the "
    "default, not a flag I have to find [E1.3]. I could fake the happy path in a weekend; I could "
    "not fake four thousand crash points.",
    findings=(
        finding("installs", "Does it install with one command?", "yes", 0.97, "E1.2"),
        finding("docs", "Do the docs show a complete first program?", "unclear", 0.52),
        finding(
            "durable",
            "Is what it acknowledges still there after a crash?",
            "yes",
            0.94,
            "E1.3",
            "Each release is killed at thousands of random points.",
        ),
        finding("escape", "Can the data be read without the tool?", "no", 0.21, "E1.4"),
        finding("weekend", "Would a weekend script fall short of it?", "yes", 0.88),
    ),
    fields={
        "primitive": "An append-only log in one file, with readers that never wait.",
        "earns_the_ship": "Durability is on unless I turn it off [E1.3].",
    },
    forecast=Forecast(
        claim="A 2.x release changes the public API of append or read",
        probability=0.15,
        resolve_by=date(2027, 11, 22),
    ),
)
SKEPTIC = review(
    "skeptic",
    "The Skeptic",
    "skip",
    47.9,
    coverage=0.8,
    stance="ship",
    summary="SQLite in WAL mode already does most of this and every operator knows how to back it "
    "up. The page says plainly that a second machine is out of scope [E1.4], which is honest, and "
    "also where I expect most teams to be in a year.",
    findings=(
        finding(
            "grows",
            "Does it still work when the team needs a second machine?",
            "no",
            0.06,
            "E1.4",
            "Replication is ruled out by the authors.",
        ),
        finding("rivals", "Is it clearly better than what people use now?", "no", 0.28),
        finding("alive", "Is it maintained today?", "yes", 0.95, "E1.5"),
        finding("claims", "Are its claims backed by something checkable?", "unclear", 0.55),
    ),
    fields={
        "kills_it_in_12_months": "SQLite gains an append-optimised mode and the niche closes.",
        "saves_it_from_a_skip": "A documented path off a single file.",
    },
    forecast=Forecast(
        claim="Replication is still absent from the documentation",
        probability=0.85,
        resolve_by=date(2027, 11, 22),
    ),
    uncited_facts=1,
    unknown_cites=2,
)
BUSINESS = review(
    "business",
    "The Business Reviewer",
    "ship",
    66.2,
    coverage=0.75,
    summary="The buyer is a platform team that is tired of running a broker for one service. Free "
    "to use [E2.1], with a support contract priced so that nobody has to ask for approval [E2.2]. "
    "There is no moat here, and the foundation's money ends in 2028 [E1.5].",
    findings=(
        finding("price", "Is the price public?", "yes", 0.98, "E2.1 E2.2"),
        finding("licence", "Does the licence allow commercial use?", "yes", 0.96, "E2.1"),
        finding("moat", "Would it survive a well-funded copy?", "no", 0.24),
    ),
    fields={"buyer": "A platform team, out of its infrastructure budget."},
    forecast=Forecast(
        claim="The foundation renews funding for both maintainers",
        probability=0.55,
        resolve_by=date(2028, 11, 22),
    ),
)
FUTURIST = review(
    "futurist",
    "The Futurist",
    "ship",
    71.0,
    coverage=0.83,
    summary="My thesis can be proved wrong: within three years most agents keep their own event "
    "log beside them rather than in a shared service. If so, one durable file is the right shape "
    "[E1.1][E9.9].",
    findings=(
        finding("trend", "Does it ride a trend that is still early?", "yes", 0.81),
        finding("format", "Is its format stable enough to build on?", "yes", 0.93, "E1.5"),
    ),
    fields={"thesis": "Event logs move from the cluster to the process."},
    forecast=Forecast(
        claim="At least one agent framework ships it as the default log",
        probability=0.3,
        resolve_by=date(2028, 11, 22),
    ),
)


def card(**changes: Any) -> Scorecard:
    """A realistic scorecard: three ship, one skips."""
    values: dict[str, Any] = {
        "run": "20261122T100000Z-quillstore-1f3a",
        "created": NOW,
        "provider": "local",
        "model": "qwen2.5-1.5b",
        "asked": "stepwise",
        "tool": CardTool(
            name="Quillstore",
            slug="quillstore",
            url="https://quillstore.example/",
            category="Developer tools",
            tagline="An append-only event store in one file",
            price="Free",
            description="Quillstore keeps events in a single local file. It is meant for services "
            "that need a durable log and do not want to run a broker for it.",
        ),
        "verdict": Verdict(
            outcome="ship",
            ship_percent=75.0,
            score=66.6,
            interval=(61.2, 70.3),
            votes=VoteTotals(ship=3, skip=1),
            effective_votes=1.8,
            notes=("The Skeptic says ship; its findings come to skip",),
        ),
        "reviews": (BUILDER, SKEPTIC, BUSINESS, FUTURIST),
        "missing": (),
        "evidence": (README, PRICING),
        "usage": RunUsage(
            calls=52,
            unpriced_calls=52,
            input_tokens=12480,
            cached_tokens=10840,
            output_tokens=752,
            seconds=41.3,
        ),
        "warnings": (),
    }
    return Scorecard.model_validate({**values, **changes})


def named(name: str, **changes: Any) -> Scorecard:
    """The realistic scorecard under another tool's name."""
    return card(tool=CardTool(name=name, slug=name.lower().replace(" ", "-")), **changes)


def batch() -> tuple[Scorecard, ...]:
    """One card for each outcome."""
    gone = Missing(persona="futurist", reason="timeout", detail="no reply within 120 s")
    abstained = review("business", "The Business Reviewer", "abstain", None, coverage=0.0)
    machinery = "SmolLM2-135M proves the machinery only: its answers are no better than chance"
    return (
        card(),
        named(
            "Parley",
            verdict=Verdict(
                outcome="skip", ship_percent=25, score=41.2, votes=VoteTotals(ship=1, skip=3)
            ),
        ),
        named(
            "Ostrich DB",
            verdict=Verdict(
                outcome="split", ship_percent=50, score=58, votes=VoteTotals(ship=2, skip=2)
            ),
        ),
        named(
            "Gullible",
            verdict=Verdict(outcome="hold", ship_percent=100, score=92, votes=VoteTotals(ship=4)),
            evidence=(README.model_copy(update={"flags": ("speaks to the reviewer",)}), PRICING),
        ),
        named(
            "Halfway",
            reviews=(BUILDER, SKEPTIC, abstained),
            missing=(gone,),
            warnings=(machinery,),
            verdict=Verdict(
                outcome="incomplete",
                ship_percent=50,
                score=64.7,
                votes=VoteTotals(ship=1, skip=1, abstain=1, missing=1),
                notes=("2 of 4 reviewers voted; 3 are needed",),
            ),
        ),
    )


PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)><use href='https://evil.example/x.svg#a'/></svg>",
    "[go](javascript:alert(1)) <javascript:alert(1)>",
    "![p](https://evil.example/beacon.png) ![d](data:image/svg+xml;base64,PHN2Zz4=)",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<style>@import url(https://evil.example/a.css);</style><link href=//evil.example>",
    "<iframe src=https://evil.example></iframe><object data=x></object><embed src=x>",
    "<https://evil.example/auto> https://evil.example/bare www.evil.example me@evil.example",
    "<!-- --><b>x</b><!--",
    "\u202egnp.exe\u202c\u200b\u2066hidden\u2069\U000e0041\U000e0042\ufe0f\ufeff",
    "\x1b[31mred\x1b[0m\x1b]8;;https://evil.example\x07link\x1b]8;;\x07\x9b31m\x07\x08",
    '"\' onmouseover=alert(1) x="</title></textarea></details></style>',
    "# heading\n\n---\n\n| a | b |\n|---|---|\n| c | d |\n\n- [ ] task\n\n1. one\n\n> [!NOTE]\n> x",
    "``` \n</code>\n```\n\n    indented\n\n~~~\ntext `code\\` *em* __strong__ ~~gone~~",
    "[ref]: https://evil.example/ 'title'\n\n[ref] [^1] [[wiki]] &lt;b&gt; &#60;i&#62; &colon;",
    "cc @octocat and org/repo#12, see #34 and GH-56 <form action=https://evil.example><input>",
    '=HYPERLINK("https://evil.example","x")\n+1\r-2\n@SUM(A1)',
    "\u00a0\t =1+1",
    "{{ 7*7 }} {% include 'x' %} $a^2$ ${x} {0} %s [bold]rich[/bold] :tada:",
)


def hostile(payload: str) -> Scorecard:
    """A card with the payload in every text field that pydantic lets through."""
    bad = Finding(
        criterion=payload, question=payload, kind="fact", answer="yes", p=0.9,
        cites=("E1.1", payload), because=f"{payload} [E1.1]",
    )  # fmt: skip
    forecast = Forecast(claim=payload, probability=None, resolve_by=date(2027, 1, 1))
    worst = review(
        payload,
        payload,
        "ship",
        80.0,
        stance="skip",
        summary=f"{payload} [E1.1]\n\n[E1.1] {payload}",
        findings=(bad, bad.model_copy(update={"answer": "no", "p": 0.1})),
        fields={payload: f"{payload} [E1.1]"},
        forecast=forecast,
        provider=payload,
        model=payload,
    )
    source = Source(
        id="E1",
        source=payload,
        retrieved=NOW,
        sha256=payload,
        passages=(Passage(id="E1.1", heading=payload, text=payload),),
        removed_hidden=1,
        flags=(payload,),
    )
    linked = source.model_copy(update={"id": "E2", "source": f"https://evil.example/{payload}"})
    return card(
        run=payload,
        provider=payload,
        model=payload,
        tool=CardTool(
            name=payload, slug=payload, url=payload, category=payload,
            tagline=payload, price=payload, description=payload,
        ),
        verdict=Verdict(outcome="hold", votes=VoteTotals(ship=1, missing=1), notes=(payload,)),
        reviews=(worst,),
        missing=(Missing(persona=payload, reason="invalid", detail=payload),),
        evidence=(source, linked),
        warnings=(payload,),
    )  # fmt: skip
