"""Cards of version 2: the answer first, statements for questions, beats, what a vote turns on."""

import io
import re

import pytest

from panel.engine.verify.quotes import quotes, stands_in
from panel.report import formats
from panel.report.citations import Cite, line
from panel.report.reviewers import hue, signs
from panel.report.scorecard import html, markdown, terminal
from panel.report.scorecard.terminal_blocks import MARK, bar
from panel.report.scorecard.view import view
from panel.reviews.compose import guessed
from panel.reviews.review import Finding
from panel.reviews.verdict.scorecard import Scorecard, Verdict, VoteTotals
from panel.runs.run import Run
from tests.report.test_render_html import all_text, links, parse, tag
from tests.support.cards import batch, card, review
from tests.support.command import ROOT
from tests.support.statements import PANEL, QUESTIONS, answered, composed, written

BOTH = pytest.mark.parametrize("shown", [written(), composed()], ids=["written", "composed"])


def verdict(outcome, ship, skip, **rest):
    votes = VoteTotals(ship=ship, skip=skip, **rest)
    return Verdict(outcome=outcome, ship_percent=50, score=55.0, votes=votes)


def voted(*votes):
    """The panel's reviews, the first ones, with other votes."""
    rows = zip(written().reviews, votes, strict=False)
    return tuple(review.model_copy(update={"vote": vote}) for review, vote in rows)


# --- the answer ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "who", "why"),
    [
        (
            written(),
            "3 of 4 reviewers would",
            "the Builder because it installs with one command, the Business because its price is"
            " public",
        ),
        (
            composed(),
            "3 of 4 reviewers come to that",
            "the Business because its licence allows commercial use, the Futurist because it keeps"
            " data in a format that others read",
        ),
    ],
    ids=["written", "composed"],
)
def test_the_answer_is_one_sentence_of_votes_and_the_statements_that_weigh_most(shown, who, why):
    answer = view(shown).answer
    assert view(shown).answer_text == f"Ship it: {who}, {why}."
    cites = [part.id for part in answer if isinstance(part, Cite)]
    assert len(cites) == 2
    quoted = {q.id for p in view(shown).personas for _, q in p.quoted}
    assert not quoted & {*cites}, "a step of the argument shows it already"


@pytest.mark.parametrize(
    ("outcome", "votes", "words"),
    [
        ("skip", ("skip", "skip", "skip", "ship"), "Skip it: 3 of 4 reviewers would, the Skeptic "
         "because it is not presented as ready for production."),
        ("split", ("ship", "skip", "ship", "skip"), "Split: 2 of 4 reviewers would ship it, the"
         " Builder because it installs with one command, and 2 would not, the Skeptic because it is"
         " not presented as ready for production."),
        ("hold", ("ship",) * 4, "On hold: the evidence is suspicious, so a person must look before"
         " any vote counts."),
        ("incomplete", ("ship", "skip", "abstain", "abstain"), "No verdict yet: 2 of 4 reviewers"
         " voted, too few to count."),
        ("ship", ("ship",) * 4, "Ship it: all 4 reviewers would, the Builder because it"
         " installs with one command, the Skeptic because it is maintained."),
    ],
)  # fmt: skip
def test_every_outcome_has_its_own_sentence(outcome, votes, words):
    count = {vote: votes.count(vote) for vote in ("ship", "skip", "abstain")}
    shown = written(reviews=voted(*votes), verdict=verdict(outcome, **count))
    assert view(shown).answer_text == words


def test_a_guess_is_no_reason_for_the_answer_and_stands_last_under_its_own_heading():
    strongest = next(row for row in PANEL[0][4] if row[1] == "yes")
    rows = [
        (name, answer, guessed(says), "", because) if name == strongest[0] else row
        for row in PANEL[0][4]
        for name, answer, says, _, because in [row]
    ]
    builder = composed().reviews[0].model_copy(update={"findings": answered(rows)})
    shown = view(composed(reviews=(builder, *composed().reviews[1:])))
    assert "guesses" not in shown.answer_text
    *others, guesses = shown.personas[0].groups
    assert not any(f.guess for group in others for f in (*group.findings, *group.others))
    assert guesses.title == "The model guesses that"
    says = guessed(strongest[2]).removeprefix("The model guesses that ").rstrip(".")
    assert [f.statement.rstrip(".") for f in guesses.findings] == [says]


def test_a_split_of_composed_reviews_is_one_of_their_findings():
    votes = VoteTotals(ship=2, skip=2)
    found = Verdict(outcome="split", ship_percent=50, score=55.0, votes=votes)
    rows = zip(composed().reviews, ("ship", "skip", "ship", "skip"), strict=True)
    reviews = tuple(r.model_copy(update={"vote": vote}) for r, vote in rows)
    text = view(composed(reviews=reviews, verdict=found)).answer_text
    assert text.startswith("Split: 2 of 4 reviewers come to ship, the Business because ")
    assert ", and 2 to skip, the Skeptic because " in text


def test_a_dealbreaker_is_the_first_reason_of_a_skip():
    note = "The Futurist skips: trend is a dealbreaker"
    rows = [(name, "no" if name == "trend" else answer, says, cites, because)
            for name, answer, says, cites, because in PANEL[3][4]]  # fmt: skip
    futurist = written().reviews[3].model_copy(update={"vote": "skip", "findings": answered(rows)})
    found = verdict("skip", 0, 4).model_copy(update={"notes": (note,)})
    reviews = (*voted("skip", "skip", "skip", "ship")[:3], futurist)
    shown = view(written(reviews=reviews, verdict=found))
    assert "the Futurist because it rides a trend that is still early, the" in shown.answer_text
    assert note not in " ".join(shown.notes)
    assert "Dealbreaker" in terminal.render([written(reviews=reviews, verdict=found)])


def test_a_card_before_statements_names_the_votes_alone():
    assert view(card()).answer_text == "Ship it: 3 of 4 reviewers would."
    alone = review("builder", "The Builder", "ship", 70.0)
    one = card(reviews=(alone,), verdict=verdict("ship", 1, 0))
    assert view(one).answer_text == "Ship it: its one reviewer would."


def test_a_name_at_the_start_of_a_statement_keeps_its_capital():
    rows = [("licence", "yes", "MIT is its licence.", "E1.5", "")]
    only = written().reviews[0].model_copy(update={"findings": answered(rows)})
    shown = view(written(reviews=(only,), verdict=verdict("ship", 1, 0)))
    assert shown.answer_text.endswith("because MIT is its licence.")


def reason(says, weight, p, *cites, answer="yes"):
    """A finding as it is stored; `p` is the probability of yes."""
    return Finding(criterion="c", question="Is it so?", kind="fact" if cites else "judgement",
                   answer=answer, p=p, cites=cites, says=says, weight=weight)  # fmt: skip


PURPOSE = reason("It says in one sentence what it does", 1, 0.99, "E1.1")


@pytest.mark.parametrize(
    ("vote", "builder", "skeptic", "words"),
    [
        # A light fact is no reason beside a heavier statement, however sure and cited it is.
        ("ship", [PURPOSE, reason("It is a good start", 2, 0.61)],
         [reason("It is maintained", 2, 0.9, "E1.4")], "the Skeptic because it is maintained,"
         " the Builder because it is a good start"),
        ("ship", [PURPOSE], [reason("It is maintained", 2, 0.9, "E1.4")],
         "the Skeptic because it is maintained, the Builder because it says in one sentence what it"
         " does"),
        ("ship", [reason("It is quick", 1, 0.99), reason("It is small", 1, 0.7, "E1.1")], [],
         "the Builder because it is small, and it is quick"),
        ("skip", [reason("It is slow", 1, 0.01, "E1.1", answer="no")],
         [reason("Nothing shows who fixes it", 2, 0.5, answer="unclear"),
          reason("It is no longer maintained", 2, 0.2, answer="no")],
         "the Skeptic because it is no longer maintained, the Builder because it is slow"),
    ],
)  # fmt: skip
def test_the_reasons_are_the_heaviest_statements(vote, builder, skeptic, words):
    voters = zip(voted(vote, vote), (builder, skeptic), strict=True)
    reviews = tuple(r.model_copy(update={"findings": tuple(rows)}) for r, rows in voters)
    counts = {"ship": 0, "skip": 0, vote: 2}
    shown = view(written(reviews=reviews, verdict=verdict(vote, **counts)))
    assert shown.answer_text.endswith(f"would, {words}.")


def test_the_sample_run_names_no_purpose_as_a_reason():
    with Run.open(ROOT / "runs" / "sample") as run:
        answers = {card.tool.slug: view(card).answer_text for card in run.cards()}
    assert len(answers) == 4
    assert sum("the Skeptic because it is" in text for text in answers.values()) == 3
    assert not any("what it does" in text for text in answers.values())


# --- what a reviewer says --------------------------------------------------------------------


def test_statements_stand_for_against_and_not_shown_and_a_skip_begins_with_what_is_against():
    builder, skeptic, *_ = view(written()).personas
    assert [g.title for g in builder.groups] == ["For it", "Not settled"]
    assert [g.title for g in skeptic.groups] == ["Against it", "Not settled", "For it"]
    assert [f.text for f in skeptic.groups[2].findings] == ["It is maintained",
                                                            "It admits its limits"]  # fmt: skip


def test_a_passage_is_quoted_once_in_a_review_and_cited_everywhere():
    builder = view(written()).personas[0].groups[0].findings
    assert [[q.id for q in f.quotes] for f in builder] == [["E1.2"], [], ["E1.1"]]
    assert [f.unquoted for f in builder] == [(), (Cite("E1.2"),), ()]
    local = view(composed()).personas[0]
    assert [q.text for _, q in local.quoted] == [
        "Tidewater moves rows that nobody reads any more …",
        "… tidewater plan --table events …",
    ]
    assert not [q for g in local.groups for f in g.findings for q in f.quotes]


def test_a_beat_whose_words_are_not_in_the_passage_is_quoted_from_the_passage():
    made = composed().reviews[2].model_copy(update={"beats": {"year": "“It costs $5.” [E2.1]"}})
    ((_, quote),) = view(composed(reviews=(made,))).personas[0].quoted
    assert quote.text.startswith("The tool is free.")


@BOTH
@pytest.mark.parametrize("form", ["terminal", "html", "markdown"])
def test_every_form_shows_statements_and_keeps_the_question_behind_a_fold(shown, form):
    page = formats.load(form).render([shown])
    text = " ".join(page.split()) if form != "html" else all_text(parse(page))
    assert "It is not presented as ready for production" in text
    assert "1 question that does not fit an application" in text
    if form == "html":
        folds = [n for n in parse(page).iter() if tag(n) == "details" and n.get("open") is None]
        assert sum(QUESTIONS["licence"] in "".join(n.itertext()) for n in folds) == 1
        assert page.count(QUESTIONS["licence"]) == 1
    else:
        assert QUESTIONS["licence"] not in text


@pytest.mark.parametrize("form", ["terminal", "html", "markdown"])
def test_the_parts_of_a_written_review_are_shown(form):
    page = formats.load(form).render([written()])
    text = " ".join(page.split()) if form != "html" else all_text(parse(page))
    for words in (
        "Turns on",
        "One restore that loses a row.",
        "Who runs it; How long a restore",
        "Tidewater 1.0 is on the package index",
        "pg_partman with a dump job",
    ):
        assert words in text
    assert text.index("Against it") < text.index("One restore that loses a row.")


@BOTH
@pytest.mark.parametrize("form", ["html", "markdown"])
def test_every_quote_and_passage_of_a_file_is_found_and_verbatim(shown, form):
    module = formats.load(form)
    stored = {p.id: p.text for s in shown.evidence for p in s.passages}
    found = list(quotes(module.SUFFIX, module.render([shown])))
    assert {cite for _, cite in found} == set(stored)
    assert len(found) > len(stored) + 6
    assert [quote for quote, cite in found if not stands_in(quote, stored[cite])] == []


def test_the_judges_measure_and_who_wrote_it_stand_at_the_foot():
    text = " ".join(terminal.render([composed()]).split())
    assert text.index("The Futurist") < text.index("Code put the reviews together")
    assert text.index("The Futurist") < text.index("This judge shipped 2 of 17")
    assert "! this judge" not in text
    page = all_text(parse(html.render([written()])))
    assert page.index("How this was made") < page.index("This judge was never measured")


def test_what_is_not_known_takes_no_room():
    text = terminal.render([written()])
    assert "unknown" not in text
    assert "price:" not in text
    assert "Archived" not in text
    assert "Entry price" not in all_text(parse(html.render([written()])))
    assert "Entry price" not in markdown.render([written()])


# --- marks, signs and places -----------------------------------------------------------------


def test_the_mark_is_the_score_from_which_a_reviewer_ships():
    assert view(written(ship_at=64.5)).ship_at == 64.5
    assert view(card()).ship_at == 60.0
    assert "ships from 64.5" in terminal.render([written(ship_at=64.5)])
    bars = [n for n in parse(html.render([written(ship_at=64.5)])).iter() if tag(n) == "svg"]
    assert {n.get("aria-label").rpartition("; ")[2] for n in bars} == {"ships from 64.5"}
    marks = [n.get("x") for b in bars for n in b if n.get("class") == "mark"]
    assert marks == ["64.10"] * len(bars)


@pytest.mark.parametrize("width", [1, 7, 16, 42])
@pytest.mark.parametrize("score", [0.0, 51.4, 59.9, 60.0, 61.0, 100.0, None])
def test_a_bar_reaches_its_mark_only_where_the_score_does(score, width):
    drawn = bar(score, width, "bold", mark=60.0).plain
    assert len(drawn) == width
    assert drawn.count(MARK) == 1
    if score is None or score < 60:
        assert "━" not in drawn[drawn.index(MARK) :]


def test_every_reviewer_has_a_sign_and_no_two_the_same():
    names = ["builder", "skeptic", "business", "futurist", "security", "support", "sales", "s", "é"]
    found = signs(names)
    assert [found[name] for name in names[:4]] == ["B", "S", "$", "F"]
    assert len(set(found.values())) == len(names)
    assert signs(reversed(names))["skeptic"] == "S"
    assert {hue(name) for name in names[4:]} == {"guest"}


@BOTH
def test_findings_have_ids_and_passages_lead_back_to_who_cites_them(shown):
    tree = parse(html.render([shown]))
    targets = {n.get("id"): n for n in tree.iter() if n.get("id")}
    expected = {f"f-{r.persona}-{f.criterion}" for r in shown.reviews for f in r.findings}
    assert expected <= set(targets)
    assert "It is maintained" in all_text(targets["f-skeptic-maintained"])
    assert links(targets["E1.4"])[0].text == "The Skeptic"
    assert all(a.get("href")[1:] in targets for a in links(tree) if a.get("href")[0] == "#")


@BOTH
def test_a_passage_leads_back_to_every_sentence_that_cites_it(shown):
    tree = parse(html.render([shown]))
    targets = {n.get("id"): n for n in tree.iter() if n.get("id")}
    for passage in ("E1.1", "E1.2", "E1.4", "E1.5", "E2.1"):
        back = [a.get("href")[1:] for a in links(targets[passage]) if a.text != "Close"]
        assert len(back) == len(set(back)) > 0
        for place in back:
            assert place == "read" or "-" in place  # no whole review
            assert f"#{passage}" in [a.get("href") for a in links(targets[place])]


def test_a_citation_opens_beside_the_text_without_moving_it_and_closes(chromium, tmp_path):
    path = tmp_path / "card.html"
    path.write_text(html.render([written()]))

    def follow(page):
        cite = page.locator(".said .cite a").nth(5)
        cite.scroll_into_view_if_needed()
        before = page.evaluate("scrollY")
        cite.click()
        passage = page.locator(".passages > div:target")
        box, text = passage.bounding_box(), page.locator(".said").first.bounding_box()
        opened = page.evaluate("scrollY"), passage.is_visible()
        passage.locator("a.aloft").click()
        return before, opened, page.evaluate("scrollY"), box, text

    for width in (390, 1280):
        before, (moved, visible), closed, box, text = chromium.visit(
            path.as_uri(), follow, width=width, script=True
        )
        assert before == moved == closed
        assert visible
        assert box["x"] >= 0
        assert box["y"] + box["height"] <= 900
        if width == 1280:
            assert box["x"] + box["width"] <= text["x"]


def test_on_a_phone_the_verdict_stands_before_everything_else(chromium, tmp_path):
    path = tmp_path / "card.html"
    path.write_text(html.render([card()]))

    def tops(page):
        names = (".stamp", ".in-short", ".verdict", ".tagline", ".review")
        return [page.locator(name).first.bounding_box()["y"] for name in names]

    found = chromium.visit(path.as_uri(), tops, width=390)
    assert found == sorted(found)
    assert found[1] < 300


# --- lists and short forms -------------------------------------------------------------------


def test_a_list_begins_with_what_ships_and_names_the_reviewers():
    rows = terminal.summary([*batch(), written()]).splitlines()
    names = [row.split()[0] for row in rows[3:9]]
    assert names == ["Quillstore", "Tidewater", "Ostrich", "Parley", "Gullible", "Halfway"]
    assert rows[1].split() == ["Tool", "Verdict", "Ship", "Score", "B", "S", "$", "F"]
    assert "B The Builder · S The Skeptic" in terminal.summary(batch())
    page = markdown.render([*batch(), written()])
    assert re.findall(r"^\| (\w+).* \| \S (?:ship|split|skip|hold|incomplete)", page, re.M) == names
    tree = parse(html.render([*batch(), written()]))
    shown = links(tree)[: len(names)]
    assert [a.text.split()[0] for a in shown] == names
    titles = {n.get("id"): all_text(n) for n in tree.iter() if tag(n) == "article"}
    assert all(a.text in titles[a.get("href")[1:]] for a in shown)


def test_markdown_is_five_lines_and_the_rest_folded():
    text = markdown.render([written()])
    seen = [row for row in text.partition("<details>")[0].splitlines() if row]
    assert len(seen) <= 5
    assert seen[0] == "# Tidewater: ▲ ship"
    assert seen[1].startswith("**Ship it: 3 of 4 reviewers would")
    assert seen[3].startswith("✗ It is not presented as ready for production")
    assert text.rstrip().endswith("</details>")
    assert text.count("<details>") == text.count("</details>") == 1


def test_words_after_a_citation_make_no_link_of_it():
    bad = written().reviews[0].model_copy(update={"summary": "It is [E1.2](https://evil.example)"})
    text = markdown.render([written(reviews=(bad,))])
    assert r"It is \[E1.2\](" in text


def test_the_picture_is_a_short_card_without_what_a_model_wrote():
    picture = re.sub(r"<[^>]+>", " ", formats.load("svg").render([written()]))
    text = " ".join(picture.replace("&#160;", " ").split())
    assert "Ship it: 3 of 4 reviewers would" in text
    assert "It is not presented as ready for production" in text
    assert "pg_partman" not in text
    assert "One pipx line" not in text
    assert "Turns on" not in text


def test_a_card_of_version_2_reads_back_and_one_of_version_1_is_still_shown():
    for shown in (written(), composed()):
        again = Scorecard.model_validate_json(shown.model_dump_json(by_alias=True))
        assert again == shown
    old = card(schema="panel.scorecard/1")
    assert "ship_at" not in old.model_dump(mode="json", by_alias=True)
    out = io.StringIO()
    terminal.show([old], terminal.console(out, color="never"))
    assert "Does it install with one command?" in out.getvalue()
    assert line("“pip install quillstore") in out.getvalue()


# --- votes that guesses make -----------------------------------------------------------------


def guess(says, weight, p, answer):
    return reason(guessed(says), weight, p, answer=answer)


CITED = [reason("It is maintained", 2, 0.95, "E1.4"), reason("It is small", 1, 0.9, "E1.3")]
UNSURE = [reason("It is small", 1, 0.9, "E1.1"), guess("It will not last", 3, 0.1, "no")]
UNKNOWN = [
    guess("It will not last", 3, 0.1, "no"),
    reason("I could not tell whether it is maintained", 3, 0.5, answer="unclear"),
]


def of_two(vote, first, second, **changes):
    """A composed card of two reviewers with these findings and one vote."""
    rows = zip(composed().reviews, (first, second), strict=False)
    reviews = tuple(
        r.model_copy(update={"vote": vote, "findings": tuple(f), **changes}) for r, f in rows
    )
    counts = {"ship": 0, "skip": 0, vote: 2}
    outcome = "incomplete" if vote == "abstain" else vote
    return composed(reviews=reviews, verdict=verdict(outcome, **counts))


@pytest.mark.parametrize(
    ("vote", "first", "second", "words"),
    [
        ("skip", UNSURE, UNKNOWN, "Skip it: all 2 reviewers come to that, by answers that are the"
         " model's guesses; from passages alone 1 would ship it, too few for a verdict."),
        ("skip", UNKNOWN, UNKNOWN, "Skip it: all 2 reviewers come to that, by answers that are the"
         " model's guesses; no passage decides it."),
        ("ship", CITED, [guess("It is a good start", 3, 0.95, "yes")], "Ship it: all 2 reviewers"
         " come to that, the Builder because it is maintained, and it is small; without the model's"
         " guesses the Skeptic would not, which leaves too few votes for a verdict."),
        # Passages alone come to the skip, though none says no: what is unclear is no reason.
        ("skip", [reason("It is small", 1, 0.6, "E1.1"), guess("It lasts", 1, 0.2, "no")],
         [reason("It is quick", 1, 0.6, "E1.2"), UNKNOWN[1]], "Skip it: all 2 reviewers come to"
         " that, because what passages show for it is not enough."),
    ],
)  # fmt: skip
def test_a_verdict_that_guesses_make_says_so(vote, first, second, words):
    assert view(of_two(vote, first, second)).answer_text == words


def test_a_dealbreaker_decides_whatever_is_guessed_beside_it():
    rows = [
        reason("It is small", 3, 0.95, "E1.1"),
        reason("It is no longer maintained", 1, 0.4, "E1.4", answer="no"),
        guess("It will not last", 9, 0.1, "no"),
    ]
    shown = of_two("skip", rows, rows)
    notes = tuple(f"{r.title} skips: c is a dealbreaker" for r in shown.reviews)
    found = shown.verdict.model_copy(update={"notes": notes})
    text = view(shown.model_copy(update={"verdict": found})).answer_text
    assert text.endswith(", the Builder because it is no longer maintained.")


def test_the_statement_beside_the_verdict_is_no_guess():
    shown = view(of_two("ship", CITED, [guess("It will not last", 9, 0.01, "no")]))
    assert shown.strongest("no") is None
    assert shown.strongest("yes").statement == "It is maintained"


# --- what is printed of a point --------------------------------------------------------------


def test_what_is_unclear_is_listed_without_the_words_of_its_heading():
    rows = [reason(f"I could not tell {what}", 1, 0.5, answer="unclear") for what in "abcd"]
    (group,) = view(of_two("abstain", rows, rows)).personas[0].groups
    assert group.title == "Not settled"
    assert [f.text for f in (*group.findings, *group.others)] == ["a", "b", "c", "d"]


def test_a_point_told_in_short_keeps_its_citation():
    rows = [reason(f"It has {n}", 1, 0.99 - n / 100, f"E1.{n}") for n in (1, 2, 3, 4)]
    shown = of_two("ship", rows, rows)
    assert r"- also: It has 4 \[E1.4\]" in markdown.render([shown])
    assert "also: It has 4 [E1.4]" in terminal.render([shown])


def test_the_quote_below_a_point_is_the_sentence_that_the_prose_quotes():
    words = "Partitioned tables are not supported yet."
    (shown, *_) = view(
        of_two("ship", [reason("It has limits", 1, 0.9, "E1.3")], CITED,
               summary=f"I like it: it has limits (“{words}”) [E1.3].")
    ).personas  # fmt: skip
    assert [q.text for q in shown.findings[0].quotes] == [f"… {words}"]


def test_a_local_model_costs_nothing_and_sentences_stand_for_counts():
    reviews = tuple(
        r.model_copy(update={"uncited_facts": n, "unsupported": n, "unknown_cites": n})
        for n, r in enumerate(composed().reviews[:3], 0)
    )
    usage = composed().usage.model_copy(update={"cost_usd": None, "unpriced_calls": 9})
    shown = view(composed(reviews=reviews, usage=usage, provider="local"))
    assert dict(shown.facts)["Cost"] == "none (local model)"
    none, one, two = (p.caveats for p in shown.personas)
    assert not any("fact" in text or "citation" in text for text in none)
    for text in (
        "1 fact was answered without a passage that shows it: this answer does not count",
        "1 fact is not shown by the passage it cites, and not counted",
        "1 citation names no passage and was dropped",
    ):
        assert text in one
    for text in (
        "2 facts were answered without a passage that shows them: these answers do not count",
        "2 facts are not shown by the passages they cite, and not counted",
        "2 citations name no passage and were dropped",
    ):
        assert text in two
    paid = view(composed(usage=usage, provider="cerebras"))
    assert dict(paid.facts)["Cost"] == "unknown"
