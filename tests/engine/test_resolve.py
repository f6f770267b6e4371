"""Forecasts resolved by reading anew: a forge whose pages change between two readings.

Each reading of a forge starts a child a document, so few are made, and small changes are edits.
"""

from datetime import date, timedelta
from functools import cache

import pytest

from panel.evidence.source import Evidence
from panel.reviews.resolvers import Readings, resolve
from tests.support.faultd import respond
from tests.support.forecasts import TODAY, dated, gathered, ids, ruled, store
from tests.support.forge import (
    COMMIT,
    HTML,
    PRICES,
    README,
    RELEASE,
    TAGGED,
    TAGS,
    TEXT,
    repository,
)

API = "api.github.com/repos/acme/widget"
LATEST = f"{API}/releases/latest"
RAW = "raw.githubusercontent.com/acme/widget/HEAD/README.md"
PRICING = "widget.example/pricing"
SITE = "widget.example/"

MADE, BY = date(2025, 11, 20), date(2026, 11, 20)
SOON, LATE = BY - timedelta(days=9), BY + timedelta(days=2)
GONE = respond(503, b"")
LINES = "This project is no longer maintained.\n\nWidget has been superseded by Gadget 2.\n"


def release(day, version):
    return respond(200, {**RELEASE, "tag_name": version, "published_at": f"{day}T00:00:00Z"})


OLD = {LATEST: release("2025-10-01", "3.1")}
FORGES = {
    "same": {},
    "changed": {
        LATEST: release("2026-02-03", "4.0"),
        API: repository(license={"spdx_id": "AGPL-3.0"}),
        RAW: respond(200, f"{README}\n{LINES}".encode(), TEXT),
        PRICING: respond(200, PRICES.replace("$20", "$25"), HTML),
    },
    "no pages": {LATEST: GONE, RAW: GONE, f"{API}/readme": GONE, PRICING: GONE},
    "tags, no record": {
        API: GONE, LATEST: None, f"{API}/tags?per_page=100": respond(200, TAGS),
        f"{API}/commits/{COMMIT}": respond(200, TAGGED),
    },
}  # fmt: skip


@cache
def read(forge):
    return gathered({**OLD, **FORGES[forge]})


def edited(old, new, forge="same"):
    """What was read, with other words in every passage that holds the old ones."""
    evidence = read(forge)
    assert any(old in passage.text for passage in evidence.passages.values())
    sources = tuple(
        source.model_copy(update={"passages": tuple(
            p.model_copy(update={"text": p.text.replace(old, new)}) for p in source.passages)})
        for source in evidence.sources
    )  # fmt: skip
    return Evidence(sources=sources, notes=evidence.notes)


def added(line):
    """What was read, with a line more in the README."""
    return edited("there is nothing else to set up.", f"there is nothing else to set up. {line}")


def rule(ident, after, day, before=None):
    """Rule on a proposition by what was read on a day."""
    before = dated(before or read("same"), MADE)
    return resolve(ident, Readings(before, dated(after, day), BY, MADE, "Widget"))


CHANGED = {
    "release": "4.0 was released on 2026-02-03",
    "archived": "a passage says so",
    "licence": "the host's record says AGPL-3.0, it said MIT",
    "price": "a price on the page is another",
    "successor": "a passage says so",
}


@pytest.mark.parametrize("ident", CHANGED)
def test_yes_as_soon_as_a_passage_shows_it_and_after_the_day_only_by_a_date(ident):
    soon = rule(ident, read("changed"), SOON)
    assert (soon.outcome, soon.why, soon.read) == ("yes", CHANGED[ident], SOON)
    assert soon.passage
    assert soon.source.startswith("https://")
    late = rule(ident, read("changed"), LATE)
    assert late.outcome == ("yes" if ident == "release" else "ask")
    assert late.passage == soon.passage


def test_an_archived_repository_a_tag_and_a_name_that_is_over_are_a_yes():
    archived = rule("archived", edited("Archived: no.", "Archived: yes, read-only."), SOON)
    assert (archived.outcome, archived.why) == ("yes", "its host calls it archived")
    tag = rule("release", read("tags, no record"), LATE)
    assert (tag.outcome, tag.why) == ("yes", "v10.0 (tag) was released on 2026-09-08")
    assert rule("archived", added("**Widget** has been discontinued."), SOON).outcome == "yes"


@pytest.mark.parametrize("ident", CHANGED)
def test_no_only_after_the_day_and_with_what_would_have_shown_it(ident):
    assert rule(ident, read("same"), BY).outcome == "open"
    late = rule(ident, read("same"), LATE)
    assert (late.outcome, late.read) == ("no", LATE)
    assert late.passage


UNREAD = {
    "release": ("no pages", "latest release not read"),
    "price": ("no pages", "pricing page not read"),
    "successor": ("no pages", "README not read"),
    "archived": ("tags, no record", "the host's record was not read"),
    "licence": ("tags, no record", "the host's record was not read"),
}


@pytest.mark.parametrize("ident", UNREAD)
def test_what_cannot_be_read_stays_open_and_says_why(ident):
    forge, why = UNREAD[ident]
    late = rule(ident, read(forge), LATE)
    assert late.outcome == "open"
    assert why in late.why


@pytest.mark.parametrize(
    ("ident", "old", "new", "day"),
    [
        ("release", "3.1, published 2025-10-01", "5.0, published 2026-11-21", LATE),
        ("licence", "Licence: MIT.", "Licence: not a standard one.", SOON),
        ("price", "every feature there is", "most features", SOON),
        ("price", "$20 per user / month", "Talk to us", SOON),
        ("archived", "one process", "we are looking for new maintainers; one process", SOON),
        ("successor", "one process", "please migrate to Gadget 2; one process", SOON),
    ],
)
def test_what_is_only_hinted_is_asked_of_a_person_with_the_words(ident, old, new, day):
    ruling = rule(ident, edited(old, new), day)
    assert ruling.outcome == "ask"
    assert new in ruling.passage


@pytest.mark.parametrize(
    "line",
    [
        "The `old_flag` option is deprecated.",
        "If this project is archived one day, its files stay readable.",
        "This project is not archived.",
        "Gears was superseded by Cogs.",
        "Rows of the widget library are replaced by cells.",
        "It has no successor.",
        "The model is deprecated; choose another one of those that this tool can call.",
        "Frames and its successor is Frames 2.",
    ],
)
def test_what_a_page_says_of_something_else_is_no_yes(line):
    for ident in ("archived", "successor"):
        assert rule(ident, added(line), SOON).outcome != "yes"


def test_what_was_so_when_the_forecast_was_made_makes_it_void():
    for ident in ("archived", "successor"):
        ruling = rule(ident, read("changed"), SOON, before=read("changed"))
        assert (ruling.outcome, ruling.read) == ("void", MADE)


def test_what_was_not_known_at_the_start_is_for_a_person():
    bare = read("same").model_copy(update={"sources": read("same").sources[1:2]})
    assert bare.sources[0].role == "record"
    priceless = rule("price", read("same"), LATE, before=bare)
    assert priceless.outcome == "ask"
    assert rule("price", bare, LATE, before=bare).outcome == "open"
    unlicensed = edited("MIT", "Y")
    assert rule("licence", read("same"), LATE, before=unlicensed).outcome == "ask"


def moved(evidence, role, host):
    """What was read, with sources of a role at another host."""
    sources = tuple(
        s.model_copy(update={"source": f"https://{host}/x"}) if s.role == role else s
        for s in evidence.sources
    )
    return evidence.model_copy(update={"sources": sources})


def test_another_host_s_record_or_price_page_shows_no_change():
    licence = rule("licence", moved(read("changed"), "record", "huggingface.co"), SOON)
    assert licence.outcome != "yes"
    price = rule("price", moved(read("changed"), "pricing", "elsewhere.example"), SOON)
    assert (price.outcome, price.why) == ("ask", "the price page is at another address now")


def test_a_file_alone_is_no_proof_that_nothing_happened():
    files = tuple(
        source.model_copy(update={"role": "file", "source": f"{n}.md"})
        for n, source in enumerate(read("same").sources)
    )
    for ident in CHANGED:
        late = rule(ident, Evidence(sources=files), LATE, before=Evidence(sources=files))
        assert late.outcome == "open", ident


def test_a_tool_is_read_once_for_all_its_forecasts(tmp_path):
    made = TODAY - timedelta(days=200)
    store(tmp_path, made, dated(read("same"), made))
    after = {LATEST: release(made + timedelta(days=30), "4.0"), SITE: None}
    rulings, forge = ruled(tmp_path, after)
    known = ids(made)
    assert len(forge.asked()) == 4
    assert {ident: rulings[at].ruling.outcome for ident, at in known.items()} == {
        "release": "yes", "price": "open", "archived": "open", "licence": "open",
        "successor": "open",
    }  # fmt: skip
    end = rulings[known["release"]].resolution(TODAY)
    assert (end.tool, end.reviewer, end.proposition) == ("widget", "", "release")
    assert (end.came_true, end.decided, end.read) == ("yes", "code", TODAY)
    assert "4.0, published" in end.passage
    assert end.source == "https://api.github.com/repos/acme/widget/releases/latest"
    assert {f.reviewer for f in rulings[known["release"]].forecasts} == {"builder", "skeptic"}
    assert rulings[known["licence"]].resolution(TODAY) is None
    assert not any(at.startswith("builder") for at in rulings), "its sentence is not due"


def test_later_verdicts_are_readings_of_their_days_and_sentences_are_for_a_person(tmp_path):
    made = TODAY - timedelta(days=380)
    store(tmp_path, made, read("same"))
    archived = edited("Archived: no.", "Archived: yes, read-only.")
    store(tmp_path, made + timedelta(days=90), archived, reviews=())
    store(tmp_path, made + timedelta(days=370), read("same"), reviews=())
    rulings, forge = ruled(tmp_path, offline=True)
    assert forge.asked() == []
    ruling = rulings[ids(made)["archived"]].ruling
    assert (ruling.outcome, ruling.read) == ("yes", made + timedelta(days=90))
    assert rulings[ids(made)["licence"]].ruling.outcome == "no", "by the last verdict's evidence"
    sentences = [r.ruling for r in rulings.values() if not r.forecast.proposition]
    assert [(r.outcome, r.why) for r in sentences] == 2 * [("ask", "code judges no free sentence")]


def test_offline_and_without_a_later_verdict_all_stay_open(tmp_path):
    store(tmp_path, TODAY - timedelta(days=380), read("same"))
    rulings, _ = ruled(tmp_path, offline=True)
    made = [r.ruling for r in rulings.values() if r.forecast.proposition]
    assert {(r.outcome, r.why) for r in made} == {("open", "--offline fetches no address")}
