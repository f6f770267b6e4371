"""A comparison in every format: safe, complete, and unambiguous about whose passage is cited."""

import functools
import json
import re
from urllib.parse import urlsplit

import html5lib
import pytest
from hypothesis import given, settings
from rich.cells import cell_len

from panel.foundation.errors import InputError
from panel.report import formats
from panel.report.citations import line
from panel.report.comparison import html as pair_html
from panel.report.comparison import terminal as pair_terminal
from panel.report.comparison.advice import with_advice
from panel.report.comparison.advice_view import NAMED, PassageRef
from panel.report.comparison.comparison import (
    OWN,
    Advice,
    CommunityCount,
    CommunityVotes,
    Comparison,
    ModelReply,
    Pointer,
    Statement,
    compare,
)
from panel.report.comparison.view import CONTROLS, pair_view
from panel.report.scorecard import html
from panel.report.scorecard.remarks import COMPOSED
from panel.reviews.compose import noticed
from panel.reviews.verdict.scorecard import CardJudge, VoteTotals
from tests.report.test_render_html import (
    ATTRIBUTES,
    TAGS,
    all_text,
    contrast,
    links,
    parse,
    tag,
    themes,
)
from tests.report.test_render_terminal import SGR, unsafe
from tests.support.cards import NOW, PAYLOADS, batch, card, hostile
from tests.support.pairs import cards, pair, tool, verdict
from tests.support.statements import PRICES, README, composed

MORE_TAGS = TAGS | {"figure", "figcaption", "ol", "line", "circle"}
MORE_ATTRIBUTES = ATTRIBUTES | {"title", "x1", "x2", "y1", "y2", "cx", "cy", "r"}

JUDGES = tuple(
    CardJudge(persona=name, provider="local", model="qwen2.5-1.5b", asked="stepwise")
    for name in ("builder", "skeptic", "business", "futurist")
)

VOTES = CommunityVotes(verified=CommunityCount(ship=8, skip=2), anonymous=CommunityCount(ship=1))


def by_model(comparison, text):
    """The comparison with a model's paragraph that says `text` everywhere."""
    statement = Statement(about="written", pieces=(text, Pointer(side="b", passage="E1.1"), text))
    written = ModelReply(
        provider=text, model=text, asked=NOW, key=text, text=text, input_tokens=1,
        output_tokens=1, cost_usd=None, used=True,
    )  # fmt: skip
    advice = Advice(
        preference=comparison.preference, by="model", statements=(statement,),
        own_claims=(text,), written=written, note=text,
    )  # fmt: skip
    return comparison.model_copy(update={"advice": advice})


@functools.cache
def hostile_pairs(payload):
    bad = hostile(payload)
    return (
        compare(bad, card(), community_a=VOTES),
        compare(card(), bad),
        compare(bad, bad),
        by_model(compare(bad, card()), payload),
    )


@functools.cache
def hostile_trees(payload):
    """The pages of these comparisons; who reads them changes nothing."""
    return [parse(pair_html.render(comparison)) for comparison in hostile_pairs(payload)]


def active(tree):
    """Everything in the page that could run, load, send or restyle."""
    for node in tree.iter():
        if tag(node) not in MORE_TAGS:
            yield tag(node)
        yield from (f"{tag(node)} {name}" for name in node.attrib if name not in MORE_ATTRIBUTES)
        if tag(node) == "meta" and node.get("http-equiv") not in (None, "Content-Security-Policy"):
            yield f"meta {node.get('http-equiv')}"
        if tag(node) == "style" and node.text != html.stylesheet() + pair_html.pair_styles():
            yield "foreign style"


# --- O1: HTML --------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_a_payload_in_every_field_leaves_no_active_node(payload):
    for tree in hostile_trees(payload):
        assert list(active(tree)) == []
        assert len([n for n in tree.iter() if tag(n) == "style"]) == 1
        assert line(payload) in all_text(tree)


@pytest.mark.parametrize("payload", [*PAYLOADS, "https://ok.example/a?b=1&c=2"])
def test_o1_links_are_https_with_rel_or_point_into_the_page(payload):
    for tree in hostile_trees(payload):
        ids = {node.get("id") for node in tree.iter()}
        for link in links(tree):
            target = link.get("href")
            if target.startswith("#"):
                assert target[1:] in ids
            else:
                assert urlsplit(target).scheme == "https"
                assert link.get("rel") == "noopener noreferrer nofollow ugc"


def test_o1_the_judge_sees_what_it_must_see():
    bad = "<p onclick=x style=y><img src=x><script></script><!-- --><style>p{}</style>"
    kinds = set(active(html5lib.parse(bad, namespaceHTMLElements=False)))
    assert kinds == {"p onclick", "p style", "img", "img src", "script", "comment", "foreign style"}


def test_o1_the_policy_allows_the_one_inline_style_and_nothing_else():
    tree = parse(pair_html.render(compare(*pair())))
    policy = next(n.get("content") for n in tree.iter() if n.get("http-equiv"))
    style = next(n.text for n in tree.iter() if tag(n) == "style")
    assert policy == (
        f"default-src 'none'; style-src '{html.style_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"url\(|@import|@font-face", style)


# --- the page --------------------------------------------------------------------------------


@pytest.mark.parametrize("second", batch(), ids=lambda c: c.verdict.outcome)
def test_the_page_is_valid_for_every_outcome_and_its_ids_are_unique(second):
    tree = parse(pair_html.render(compare(tool("First"), second, community_b=VOTES)))
    ids = [n.get("id") for n in tree.iter() if n.get("id")]
    assert len(ids) == len(set(ids))
    assert all(n.get("scope") for n in tree.iter() if tag(n) == "th")
    assert all(n.get("role") == "img" and n.get("aria-label")
               for n in tree.iter() if tag(n) == "svg")  # fmt: skip
    assert "Which one should you ship with?" in all_text(tree)
    stamps = ["".join(n.itertext()) for n in tree.iter() if n.get("class") == "stamp"]
    assert [stamp[1:] for stamp in stamps] == ["ship", second.verdict.outcome]


def test_every_citation_leads_to_the_passage_of_its_own_tool():
    a, b = pair()
    source = b.evidence[0]
    passage = source.passages[1].model_copy(update={"text": "Parley is installed by hand."})
    changed = source.model_copy(update={"passages": (source.passages[0], passage)})
    b = b.model_copy(update={"evidence": (changed, *b.evidence[1:])})
    tree = parse(pair_html.render(compare(a, b)))
    targets = {n.get("id"): " ".join("".join(n.itertext()).split()) for n in tree.iter()}
    assert "Parley is installed by hand." in targets["b-E1.2"]
    assert "pip install quillstore" in targets["a-E1.2"]
    cites = [a for a in links(tree) if re.fullmatch(r"#[ab]-E\d+\.\d+", a.get("href"))]
    assert len(cites) > 30
    for cite in cites:
        assert targets[cite.get("href")[1:]].startswith(cite.text.rpartition(" ")[2])
    titled = {(a.get("href")[1], a.get("title")) for a in cites if a.get("title")}
    assert titled == {("a", "Quillstore"), ("b", "Parley")}


def test_a_citation_has_the_tools_name_beside_it_where_the_words_do_not_name_it():
    comparison = by_model(compare(*pair()), "It is small")
    (pieces,) = pair_view(comparison).advice.verdict
    (ref,) = (p for p in pieces if isinstance(p, PassageRef))
    assert ref.label == "Parley E1.1"
    rule = pair_view(compare(*pair())).advice.reasons[0][2][0]
    assert [p.label for p in rule if isinstance(p, PassageRef)] == ["E1.2", "E1.2"]
    long = pair()[1].model_copy(
        update={"tool": pair()[1].tool.model_copy(update={"name": "N" * 90})}
    )
    (pieces,) = pair_view(by_model(compare(card(), long), "It is small")).advice.verdict
    assert max(len(p.label) for p in pieces if isinstance(p, PassageRef)) <= NAMED + len(" E1.1")


def test_a_statement_about_a_passage_that_is_not_there_shows_no_citation():
    comparison = compare(*pair())
    lost = Statement(about="written", pieces=("It is so", Pointer(side="a", passage="E7.7")))
    advice = Advice(preference=comparison.preference, by="model", statements=(lost,))
    page = pair_html.render(comparison.model_copy(update={"advice": advice}))
    assert "E7.7" not in page


def test_a_passage_only_the_model_cites_can_be_opened():
    comparison = compare(*pair())
    extra = Statement(
        about="written", pieces=("Files copy well", Pointer(side="b", passage="E2.2"))
    )
    advice = Advice(preference=comparison.preference, by="model", statements=(extra,))
    bare = comparison.b.model_copy(update={"reviews": ()})
    page = pair_html.render(comparison.model_copy(update={"advice": advice, "b": bare}))
    assert 'id="b-E2.2"' in page


def test_who_wrote_the_paragraph_and_what_the_model_replied_is_on_the_page():
    comparison = compare(*pair())
    assert "no model wrote it" in pair_html.render(comparison)
    text = all_text(parse(pair_html.render(by_model(comparison, "served-model words"))))
    assert "Written by served-model words at served-model words, 2026-11-22 10:00 UTC" in text
    assert "who is ahead was decided by rule" in text
    assert "The model’s reply as it came" in text


def test_a_held_tool_gets_no_winner_and_the_warning_stands_before_the_findings():
    page = all_text(parse(pair_html.render(compare(tool("First"), batch()[3]))))
    assert "No winner while Gullible is on hold" in page
    assert page.index("speaks to the reviewer") < page.index("What differs between them")


def test_community_votes_are_shown_apart_with_count_and_interval():
    text = all_text(parse(pair_html.render(compare(*pair(), community_a=VOTES))))
    assert "80% ship of 10 votes (49–94%)" in text
    assert "Anonymous 100% ship of 1 vote (21–100%) no votes" in text


def test_a_review_that_one_tool_lacks_is_said():
    text = all_text(parse(pair_html.render(compare(tool("First"), batch()[4]))))
    assert "no answer in time (no reply within 120 s)" in text
    alone = tool("Alone", reviews=card().reviews[:2])
    text = all_text(parse(pair_html.render(compare(card(), alone))))
    assert "The Futurist was not asked about this one." in text


def test_the_page_needs_no_colour_that_is_hard_to_read():
    for colours in themes().values():
        assert contrast(colours["ink"], colours["page"]) >= 4.5
    added = pair_html.pair_styles()
    assert re.findall(r"#[0-9a-f]{3,6}\b", added) == []  # every colour is one that is measured


# --- O3: terminal and Markdown ---------------------------------------------------------------


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("width", [60, 100])
def test_o3_a_payload_in_every_field_puts_no_control_character_on_the_screen(payload, width):
    for comparison in hostile_pairs(payload):
        text = pair_terminal.render(comparison, width=width)
        assert unsafe(text) == set()
        assert max(map(cell_len, text.splitlines())) <= width


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o3_with_colour_on_the_only_codes_are_our_own_colours(payload):
    text = pair_terminal.render(hostile_pairs(payload)[0], color=True)
    assert SGR.search(text)
    assert unsafe(SGR.sub("", text)) == set()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_markdown_shows_a_payload_and_obeys_none_of_it(payload):
    from markdown_it import MarkdownIt

    for comparison in hostile_pairs(payload):
        text = formats.render(comparison, "markdown", "comparison")
        assert unsafe(text) == set()
        page = MarkdownIt("commonmark").enable("table").render(text)
        tree = html5lib.parse(page, namespaceHTMLElements=False)
        live = {tag(n) for n in tree.iter()} & {"img", "script", "iframe", "style", "form", "svg"}
        assert live == set()
        assert all(a.get("href").startswith("https://") for a in links(tree))


def test_every_markdown_footnote_is_referred_to():
    a, b = pair()
    extra = a.evidence[0].passages[0].model_copy(update={"id": "E1.9", "text": "Seen in passing."})
    source = a.evidence[0].model_copy(update={"passages": (*a.evidence[0].passages, extra)})
    finding = a.reviews[0].findings[0].model_copy(update={"cites": ("E1.9", "E1.2")})
    builder = a.reviews[0].model_copy(update={"findings": (finding, *a.reviews[0].findings[1:])})
    a = a.model_copy(
        update={"evidence": (source, *a.evidence[1:]), "reviews": (builder, *a.reviews[1:])}
    )
    same = b.model_copy(update={"reviews": (builder, *b.reviews[1:])})
    text = formats.render(compare(a, same), "markdown", "comparison")
    body, _, notes = text.partition("</details>")
    defined = set(re.findall(r"^\[\^([ab]-E\d+\.\d+)\]:", notes, re.MULTILINE))
    assert defined == set(re.findall(r"\[\^([ab]-E\d+\.\d+)\]", body))
    assert "Seen in passing." not in text, "the answers are alike, so that no row shows it"


def test_markdown_footnotes_are_each_tools_own():
    text = formats.render(compare(*pair()), "markdown", "comparison")
    used = set(re.findall(r"\[\^([ab]-E\d+\.\d+)\](?!:)", text))
    defined = re.findall(r"^\[\^([ab]-E\d+\.\d+)\]: \*\*(\w+), E", text, re.MULTILINE)
    assert used <= {ident for ident, _ in defined}
    assert {(ident[0], name) for ident, name in defined} == {("a", "Quillstore"), ("b", "Parley")}


# --- JSON and the forms ----------------------------------------------------------------------


def test_json_holds_everything_and_reads_back_the_same():
    comparison = compare(*pair(), community_a=VOTES)
    data = json.loads(formats.render(comparison, "json", "comparison"))
    assert data["schema"] == "panel.comparison/1"
    assert data["a"]["schema"] == "panel.scorecard/2"
    assert data["advice"]["statements"][2]["pieces"][2] == {"side": "a", "passage": "E1.2"}
    assert data["community_a"]["verified"] == {"ship": 8, "skip": 2}
    assert data["community_b"] is None
    assert Comparison.model_validate(data) == with_advice(comparison)


@settings(max_examples=25, deadline=None)
@given(cards("Alpha"), cards("Beta"))
def test_every_form_of_any_comparison_can_be_drawn(a, b):
    comparison = compare(a, b)
    parse(pair_html.render(comparison))
    for form in formats.names("comparison"):
        text = formats.render(comparison, form, "comparison")
        assert text.endswith("\n")
        assert "Alpha" in text
        assert "NaN" not in text
    headline = pair_view(comparison).advice.headline
    assert ("Ship with" in headline) == (comparison.preference.winner is not None)


def test_a_form_that_there_is_not_is_an_input_error():
    with pytest.raises(InputError, match="no output format 'csv'"):
        formats.render(compare(*pair()), "csv", "comparison")


def test_the_same_comparison_is_the_same_bytes():
    first, second = (formats.render(compare(*pair()), "html", "comparison") for _ in range(2))
    assert first == second


def test_the_score_of_a_tie_is_told_as_a_tie():
    tie = compare(card(verdict=verdict("ship", 66.0)), tool(verdict=verdict("ship", 63.0)))
    assert pair_view(tie).advice.headline == "Either: both ship, too close to call"


# --- what is not counted, how sure, and by whose words ---------------------------------------


def every_form(comparison):
    forms = [formats.render(comparison, form, "comparison") for form in ("markdown", "html")]
    texts = [forms[0], all_text(parse(forms[1])), pair_terminal.render(comparison, width=120)]
    return [" ".join(text.split()) for text in texts]


def test_a_score_that_is_in_no_mean_is_marked_and_drawn_nowhere():
    away = card().reviews[1].model_copy(update={"vote": "abstain", "score": 56.9})
    others = (card().reviews[0], *card().reviews[2:])
    votes = verdict("ship", 70.0).model_copy(update={"votes": VoteTotals(ship=3, abstain=1)})
    comparison = compare(tool("First"), tool("Second", reviews=(away, *others), verdict=votes))
    row = next(r for r in pair_view(comparison).scores if r.b == 56.9)
    assert (row.note_a, row.note_b) == ("", "abstains: not counted")
    assert "Second 56.9 (abstains: not counted)" in row.text
    for text in every_form(comparison):
        assert "abstains: not counted" in text
    assert all("3 of 4 reviewers ship it (1 abstains)" in t for t in every_form(comparison)[1:])
    drawn = [n for n in parse(pair_html.render(comparison)).iter() if tag(n) == "circle"]
    rows = 1 + len(comparison.standings)
    assert len(drawn) == 2 * rows - 1
    assert not any(n.get("cx") == "56.90%" for n in drawn)


def test_that_votes_do_not_count_the_same_is_said_once_in_every_form():
    weights = {(r.persona, OWN): 2.0 if r.persona == "skeptic" else 1.0 for r in card().reviews}
    told = "Shares and scores are weighted: the Skeptic counts 2, the others 1."
    sums = [(weights[r.persona, OWN], r.score) for r in card().reviews if r.vote != "abstain"]
    mean = sum(w * s for w, s in sums) / sum(w for w, _ in sums)
    a, b = card(verdict=verdict("ship", mean)), pair()[1]
    assert all(text.count(told) == 1 for text in every_form(compare(a, b, weights=weights)))
    assert pair_view(compare(a, b, weights=dict.fromkeys(weights, 1.0))).weighing == ""
    other = compare(card(verdict=verdict("ship", mean - 1)), b, weights=weights)
    assert pair_view(other).weighing == "", "the weights are of another run"
    away = verdict("skip", 40.0).model_copy(update={"votes": VoteTotals(skip=3, missing=1)})
    some = compare(a, tool(verdict=away), weights=weights)
    assert pair_view(some).weighing == told[:-1].replace("are ", "are of those who voted, ")


def test_a_dealbreaker_says_for_which_tool():
    a, b = pair()
    note = "The Builder skips: installs is a dealbreaker"
    b = b.model_copy(update={"verdict": b.verdict.model_copy(update={"notes": (note,)})})
    assert all("Dealbreaker for Parley" in text for text in every_form(compare(a, b)))


def test_caveats_stand_in_every_form():
    a, b = pair()
    weak = a.reviews[0].model_copy(update={"uncited_facts": 2})
    a = a.model_copy(update={"reviews": (weak, *a.reviews[1:])})
    said = "2 facts were answered without a passage that shows them"
    assert all(said in text for text in every_form(compare(a, b)))


def test_the_price_of_the_list_and_the_price_that_was_read_have_names_of_their_own():
    a, b = pair()
    read = a.facts.entry_price.model_copy(update={"value": "free tier", "passage": "E2.1"})
    listed = a.tool.model_copy(update={"price": "Free to start"})
    facts = a.facts.model_copy(update={"entry_price": read})
    a = a.model_copy(update={"tool": listed, "facts": facts})
    for text in every_form(compare(a, b)):
        assert "Price as listed" in text
        assert "Entry price, read" in text


def test_notes_of_both_cards_say_so_in_a_sentence_and_control_tools_are_explained():
    one = composed(judges=JUDGES)
    two = composed(judges=JUDGES, tool=one.tool.model_copy(update={"name": "Silt"}))
    notes = pair_view(compare(one, two)).notes
    assert notes[0].startswith("Judges of both tools: one model, ")
    assert COMPOSED in notes
    assert not any(note.startswith("Both") for note in notes)
    assert notes[-1] == CONTROLS
    assert CONTROLS not in pair_view(compare(*pair())).notes


FILLER = "Rows go to a bucket and come back when somebody asks for them. " * 4


def noticed_pair():
    """Tidewater, and Silt whose page announces its end: two answers follow from the notice."""
    end = "Silt is deprecated and not maintained any longer."
    passage = README.passages[3].model_copy(
        update={"text": f"It came out in 2019 and is ready for production. {FILLER} {end} {FILLER}"}
    )
    source = README.model_copy(
        update={"passages": (*README.passages[:3], passage, *README.passages[4:])}
    )
    says = {"maintained": "It is no longer maintained",
            "production": noticed("It is not presented as ready for production")}  # fmt: skip
    skeptic = composed().reviews[1]
    findings = tuple(
        f.model_copy(update={"answer": "no", "p": None, "says": says[f.criterion]})
        if f.criterion in says else f
        for f in skeptic.findings
    )  # fmt: skip
    summary = f"Silt does not hold up for me: it is no longer maintained (“{end}”) [E1.4]."
    skeptic = skeptic.model_copy(update={"findings": findings, "summary": summary})
    reviews = (composed().reviews[0], skeptic, *composed().reviews[2:])
    named = composed().tool.model_copy(update={"name": "Silt"})
    ready = composed().reviews[1]
    yes = tuple(
        f.model_copy(update={"answer": "yes", "p": 0.9, "says": "It is ready"})
        if f.criterion == "production" else f
        for f in ready.findings
    )  # fmt: skip
    first = composed(
        reviews=(
            composed().reviews[0],
            ready.model_copy(update={"findings": yes}),
            *composed().reviews[2:],
        )
    )
    return compare(first, composed(tool=named, reviews=reviews, evidence=(source, PRICES)))


def test_a_row_quotes_what_the_review_quotes_for_it_and_of_a_notice_the_notice():
    rows = {d.subject: d for d in pair_view(noticed_pair()).differences}
    for subject in ("Maintained", "Production"):
        (quote,) = rows[subject].b.finding.quotes
        assert "deprecated and not maintained" in quote.text
        assert "2019" not in quote.text


def test_how_sure_an_answer_is_or_that_a_notice_gave_it_stands_beside_it():
    rows = {d.subject: d for d in pair_view(noticed_pair()).differences}
    assert rows["Maintained"].a.sure == "(91% sure)"
    assert rows["Maintained"].b.sure == "(by a notice on its page)"
    assert rows["Production"].b.sure == "", "its words say why"
    assert all("(91% sure)" in text for text in every_form(noticed_pair()))
