"""What every scorecard shows, before any format."""

import importlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.engine.verify.quotes import stands_in
from panel.foundation.errors import InputError, MissingReason
from panel.foundation.urls import https
from panel.report import figures, formats
from panel.report.citations import Cite, cut, line, parts
from panel.report.scorecard.findings import Known
from panel.report.scorecard.remarks import ASKED, label
from panel.report.scorecard.terminal_blocks import score_bar
from panel.report.scorecard.view import GLYPHS, REASONS, view
from panel.reviews.quotes import WHOLE
from panel.reviews.verdict.scorecard import RunUsage, Verdict, VoteTotals
from tests.support.cards import BUILDER, SKEPTIC, batch, card, finding
from tests.support.statements import composed


def test_j3_every_quote_is_verbatim_in_the_stored_passage():
    shown = view(card())
    stored = {p.id: p.text for s in card().evidence for p in s.passages}
    quotes = [q for p in shown.personas for f in p.findings for q in f.quotes]
    assert len(quotes) > 8
    assert all(stands_in(q.text, stored[q.id]) for q in quotes)
    assert all(len(q.text.removeprefix("… ").removesuffix(" …")) <= WHOLE for q in quotes)


def test_a_long_passage_is_quoted_around_what_the_finding_is_about():
    rows = [f"Item {n} moves rows of table {n}" for n in range(20)]
    rows[7] = "Installs with one command"

    def quote(text, kind, about):
        source = card().evidence[0]
        passage = source.passages[1].model_copy(update={"text": text, "kind": kind})
        quote = Known([source.model_copy(update={"passages": (passage,)})]).quote(passage.id, about)
        assert quote is not None
        return quote.text

    listed = quote("\n".join(rows), "list", "Does it install with one command?")
    assert listed.startswith("… Installs with one command / Item 8 moves rows of table 8 / ")
    assert listed.endswith(" …")
    assert quote("It moves rows. " * 30 + "It installs.", "prose", "install") == "… It installs."
    block = "\n".join(["import tide", *(f"tide.move({n})" for n in range(40)), "tide.install()"])
    # A line from the middle of code calls what is not shown.
    assert quote(block, "code", "install").startswith("import tide / tide.move(0) / ")


def test_what_decided_a_ship_are_its_strongest_yes_findings():
    decided, contrary = view(card()).personas[0].groups
    assert decided.title == "What decided it"
    assert [f.text for f in decided.findings] == [
        "Does it install with one command?",
        "Is what it acknowledges still there after a crash?",
        "Would a weekend script fall short of it?",
    ]
    assert contrary.title == "Speaks against the vote"
    assert [f.answer for f in contrary.findings] == ["no"]


def test_what_decided_a_skip_are_its_no_findings_then_what_stays_open():
    decided = view(card()).personas[1].groups[0].findings
    assert [f.answer for f in decided] == ["no", "no", "unclear"]
    assert [f.chance for f in decided] == ["94%", "72%", ""]


def test_a_dealbreaker_named_in_a_note_comes_first():
    note = "The Skeptic skips: rivals is a dealbreaker"
    verdict = Verdict(outcome="skip", votes=VoteTotals(ship=3, skip=1), notes=(note,))
    first = view(card(verdict=verdict)).personas[1].groups[0].findings[0]
    assert first.dealbreaker
    assert first.question == "Is it clearly better than what people use now?"


def test_an_answer_without_probability_counts_as_certain():
    sure = finding("sure", "Is it sure?", "yes", None)
    shown = view(card(reviews=(BUILDER.model_copy(update={"findings": (sure,)}),)))
    (first,) = shown.personas[0].groups[0].findings
    assert first.strength == 0.5
    assert first.chance == ""


def test_citations_of_unknown_passages_are_dropped_and_known_ones_kept():
    assert parts("a [E1.1] b [E9.9]. c [E1.1, E9.9; E2.2]!", {"E1.1", "E2.2"}) == (
        "a", Cite("E1.1"), " b. c", Cite("E1.1"), Cite("E2.2"), "!",
    )  # fmt: skip


def test_what_a_dropped_citation_separated_is_joined_before_it_is_escaped():
    assert parts("@[E9.9]octocat", ()) == ("@octocat",)


def test_a_stance_is_a_remark_on_its_reviewer_only_where_it_differs():
    shown = view(card())
    own = [[c for c in p.caveats if "its own ship or skip" in c] for p in shown.personas]
    assert own == [[], ["asked for its own ship or skip, it said ship; not counted"], [], []]
    assert not any("says ship" in note for note in shown.notes)
    (local,) = [c for c in view(composed()).personas[1].caveats if "its own" in c]
    assert local.endswith("it said ship (71% sure); not counted")


def test_only_cited_passages_are_listed_with_the_total():
    (readme, pricing) = view(card(reviews=(SKEPTIC,))).sources
    assert [p.id for p in readme.cited] == ["E1.4", "E1.5"]
    assert (readme.total, pricing.cited, pricing.total) == (5, (), 2)


def test_flags_of_a_source_become_warnings():
    assert view(batch()[3]).warnings == ("README.md (E1): speaks to the reviewer",)


def test_every_code_of_the_contract_has_words():
    assert set(REASONS) == set(get_args(MissingReason))
    assert set(ASKED) == {"whole", "stepwise"}
    assert set(GLYPHS) >= {c.verdict.outcome for c in batch()} | {"abstain", "missing"}


@pytest.mark.parametrize(
    ("usage", "text"),
    [
        (RunUsage(unpriced_calls=3), "unknown"),
        (RunUsage(cost_usd=0.0), "$0"),
        (RunUsage(cost_usd=0.0123, unpriced_calls=1), "$0.012 + 1 call at an unknown price"),
        (RunUsage(cost_usd=1234.5), "$1,234.50"),
        (RunUsage(cost_usd=0.00001), "under $0.0001"),
        (RunUsage(cost_usd=float("nan")), "unknown"),
    ],
)
def test_unknown_cost_is_never_zero(usage, text):
    assert dict(view(card(usage=usage, provider="cerebras")).facts)["Cost"] == text


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ({"input_tokens": None, "cached_tokens": None, "output_tokens": None, "uncounted_calls": 3},
         "unknown"),
        ({"input_tokens": 1234, "output_tokens": 56, "uncounted_calls": 3},
         "1,234 in, 56 out + 3 calls not counted"),
        ({"input_tokens": 1234, "output_tokens": None, "uncounted_calls": 1},
         "1,234 in, unknown out + 1 call not counted"),
        ({"input_tokens": 100, "cached_tokens": 50, "output_tokens": 5},
         "100 in (50% cached), 5 out"),
        ({}, "0 in, 0 out"),
    ],
)  # fmt: skip
def test_unknown_tokens_are_never_zero(expected, text):
    assert dict(view(card(usage=RunUsage(**expected))).facts)["Tokens"] == text


def test_usage_without_unknown_tokens_is_written_as_it_always_was():
    assert "uncounted_calls" not in RunUsage(calls=1).model_dump(mode="json")
    assert RunUsage.model_validate({"calls": 1}).uncounted_calls == 0
    assert RunUsage(uncounted_calls=1).model_dump()["uncounted_calls"] == 1


def test_a_score_is_cut_so_that_it_never_shows_a_threshold_it_missed():
    assert [figures.score(v) for v in (59.96, 60.0, 70.1, None)] == ["59.9", "60.0", "70.1", "–"]


def test_a_probability_is_never_shown_as_certain():
    assert [figures.probability(p) for p in (1.0, 0.0, 0.5, None)] == [">99%", "<1%", "50%", ""]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (4.21, "4.2 s"), (9.99, "10 s"), (59.7, "1 min 00 s"), (200, "3 min 20 s"),
        (3720, "1 h 02 min"),
    ],
)  # fmt: skip
def test_durations_read_well(seconds, text):
    assert figures.duration(seconds) == text


def test_a_moment_names_its_zone():
    when = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    assert figures.moment(when) == "2026-01-02 03:04 UTC"
    east = timezone(timedelta(hours=2))
    assert figures.moment(when.astimezone(east)) == "2026-01-02 05:04 +0200"


def test_tokens_show_the_cached_share():
    assert figures.tokens(1000, 870, 5) == "1,000 in (87% cached), 5 out"
    assert figures.tokens(0, 0, 0) == "0 in, 0 out"


@pytest.mark.parametrize(
    "url",
    [
        None, "", "http://a.example", "javascript:alert(1)", "data:text/html,x", "//a.example",
        "https://", "https://u:p@a.example/", "https://a.example/ x", "https://a.example/\n",
        "https://a.example/\"", "https://a.example/<b>", "https://ä.example", "https://a.example:x",
        "https://a.example:99999", "https://[::1", "HTTPS:/a.example", "https:a.example",
    ],
)  # fmt: skip
def test_an_address_that_is_not_plain_https_is_no_link(url):
    assert https(url) is None


@pytest.mark.parametrize("url", ["https://a.example", "https://a.example:8443/b?c=d&e#f"])
def test_a_plain_https_address_is_a_link(url):
    assert https(url) == url


@given(st.text(max_size=400), st.integers(20, 200))
def test_a_cut_text_is_within_its_limit_and_a_prefix(text, limit):
    flat = line(text)
    short = cut(flat, limit)
    assert len(short) <= limit
    assert flat.startswith(short.removesuffix("…")) or short == flat


def test_a_cut_falls_between_words():
    assert cut("one two three four", 12) == "one two…"


@given(st.floats(0, 100), st.floats(0, 100), st.integers(0, 200))
def test_a_score_bar_is_as_long_as_asked(low, high, width):
    spread = (min(low, high), max(low, high))
    assert len("".join(score_bar(low, width, spread))) == width
    assert len("".join(score_bar(low, width))) == width
    assert len("".join(score_bar(None, width))) == width


def test_labels_are_words():
    assert label("kills_it_in_12_months") == "Kills it in 12 months"


def test_the_formats_are_the_files_with_a_suffix():
    assert formats.names() == ("csv", "html", "json", "markdown", "svg", "terminal")
    assert all(formats.described().values())
    suffixes = [formats.load(name).SUFFIX for name in formats.names()]
    assert suffixes == [".csv", ".html", ".json", ".md", ".svg", ".txt"]


@pytest.mark.parametrize("name", formats.names())
def test_every_format_renders_none_one_and_several(name):
    form = formats.load(name)
    for cards in ([], [card()], batch()):
        text = form.render(cards)
        assert text == "" or text.endswith("\n")
        assert form.render(cards) == text


@pytest.mark.parametrize("subject", get_args(formats.Subject))
def test_a_new_format_is_one_dropped_in_file(subject, tmp_path, monkeypatch):
    folder = tmp_path / subject
    folder.mkdir()
    (folder / "names.py").write_text(
        '"""Names: nothing else."""\n\nSUFFIX = ".lst"\n\n\n'
        "def render(shown):\n    return f'{shown}\\n'\n"
    )
    (folder / "helper.py").write_text('"""No format."""\n')
    package = importlib.import_module(f"panel.report.{subject}")
    monkeypatch.setattr(formats, "_ROOM", tmp_path)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    assert formats.described(subject) == {"names": "Names: nothing else."}
    assert formats.suffixes(subject) == {"names": ".lst"}
    assert formats.render("Quillstore", "names", subject) == "Quillstore\n"


def test_an_unknown_format_names_the_known_ones():
    with pytest.raises(InputError) as caught:
        formats.load("../view")
    assert caught.value.hint == "choose from csv, html, json, markdown, svg, terminal"


def test_listing_formats_imports_none_of_them():
    code = (
        "import sys\nfrom panel.report import formats\nformats.described()\n"
        "heavy = {'rich', 'jinja2', 'pydantic', 'panel.report.scorecard.html'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
