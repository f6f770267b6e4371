"""Two scorecards to compare: chosen ones, and any that hypothesis can think of."""

from hypothesis import strategies as st

from panel.reviews.verdict.scorecard import CardTool, Scorecard, Verdict, VoteTotals
from tests.support.cards import BUILDER, BUSINESS, FUTURIST, SKEPTIC, card

PERSONAS = (BUILDER, SKEPTIC, BUSINESS, FUTURIST)


def verdict(outcome="ship", score=70.0, interval=None, ship=3, skip=1):
    votes = VoteTotals(ship=ship, skip=skip)
    return Verdict(outcome=outcome, ship_percent=75, score=score, interval=interval, votes=votes)


def tool(name="Parley", **changes) -> Scorecard:
    """A scorecard of another tool."""
    return card(tool=CardTool(name=name, slug=name.lower()), **changes)


def answered(review, **answers):
    """The review with other answers by criterion: `grows=("yes", 0.9, "E1.4")`."""
    findings = []
    for finding in review.findings:
        if new_answer := answers.get(finding.criterion):
            answer, p, cites = new_answer
            change = {"answer": answer, "p": p, "cites": tuple(cites.split())}
            finding = finding.model_copy(update=change)
        findings.append(finding)
    return review.model_copy(update={"findings": tuple(findings)})


def pair(first=None, second=None):
    """Quillstore, which ships, and Parley, which does not: two answers differ."""
    second_reviews = (
        answered(BUILDER, installs=("no", 0.1, "E1.2"), escape=("yes", 0.9, "E1.4")),
        answered(SKEPTIC, alive=("unclear", 0.5, "")),
        BUSINESS,
        FUTURIST,
    )
    a = first or card(verdict=verdict("ship", 71.2))
    b = second or tool(verdict=verdict("skip", 48.0, ship=1, skip=3), reviews=second_reviews)
    return a, b


@st.composite
def finding(draw, base):
    answer = draw(st.sampled_from(["yes", "no", "unclear"]))
    low, high = {"yes": (0.61, 1.0), "no": (0.0, 0.39), "unclear": (0.4, 0.6)}[answer]
    p = draw(st.none() | st.floats(low, high))
    cites = draw(st.lists(st.sampled_from(["E1.1", "E1.4", "E2.1"]), max_size=2, unique=True))
    return base.model_copy(update={"answer": answer, "p": p, "cites": tuple(cites)})


@st.composite
def cards(draw, name="Parley"):
    chosen = draw(st.permutations(range(4)))[: draw(st.integers(0, 4))]
    personas = [PERSONAS[place] for place in chosen]
    reviews = tuple(
        review.model_copy(update={"findings": tuple(draw(finding(f)) for f in review.findings)})
        for review in personas
    )
    outcome = draw(st.sampled_from(["ship", "skip", "split", "hold", "incomplete"]))
    score = draw(st.none() | st.floats(0, 100))
    spread = draw(st.none() | st.tuples(st.floats(0, 30), st.floats(0, 30)))
    interval = None
    if score is not None and spread:
        interval = max(0.0, score - spread[0]), min(100.0, score + spread[1])
    model = draw(st.sampled_from(["m1", "m2"]))
    return tool(
        name,
        reviews=reviews,
        model=model,
        asked=draw(st.sampled_from(["whole", "stepwise"])),
        verdict=verdict(outcome, score, interval),
    )
