"""Facts: read by code, each from a passage that says so, and null where none does."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.evidence.facts import (
    Facts,
    amounts,
    contradictions,
    entry_price,
    is_stated,
    mentions_free,
    named_licence,
    read_facts,
)
from panel.evidence.source import Evidence, Passage, Source
from panel.evidence.tools.tool import Tool
from panel.report.scorecard import html, json, markdown, terminal
from panel.report.scorecard.remarks import fact_rows
from tests.support.cards import PAYLOADS, card

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


ADDRESSES = {"record": "https://api.github.com/repos/a/b"}


def evidence(*sources):
    """Sources given as (role, passages), a passage as text or (heading, text)."""
    return Evidence(
        sources=tuple(
            Source(
                id=f"E{n}", source=ADDRESSES.get(role, f"https://s{n}.example/"), retrieved=NOW,
                sha256="0", role=role,
                passages=tuple(
                    Passage(id=f"E{n}.{m}", heading=heading, text=text)
                    for m, (heading, text) in enumerate(
                        [text if isinstance(text, tuple) else ("", text) for text in passages], 1
                    )
                ),
            )
            for n, (role, passages) in enumerate(sources, 1)
        )
    )  # fmt: skip


RECORD = ("record", ["Repository: a/b.\nLicence: Apache-2.0.\nArchived: yes, read-only.\n"
                     "Open issues and pull requests: 12.\nStars: 3400.",
                     "Latest release: v1.2, published 2026-10-02."])  # fmt: skip
PRICING = ("pricing", ["Hello.", ("Pricing › Team", "$20 per user / month, with everything.")])


def values(facts):
    return {name: fact["value"] for name, fact in facts.model_dump().items()}


def test_a_record_and_a_pricing_page_give_every_fact_its_passage():
    facts = read_facts(evidence(("readme", ["Words."]), RECORD, PRICING))
    assert values(facts) == {
        "entry_price": "$20 per user / month", "licence": "Apache-2.0", "last_release": "v1.2",
        "released": "2026-10-02", "open_issues": 12, "stars": 3400, "archived": True,
        "latest_tag_age": 51,
    }  # fmt: skip
    assert facts.licence.passage == "E2.1"
    assert (facts.released.passage, facts.released.source) == ("E2.2", ADDRESSES["record"])
    assert (facts.entry_price.passage, facts.entry_price.retrieved) == ("E3.2", NOW)


def test_nothing_stated_is_nothing_known():
    assert read_facts(Evidence()) == Facts()
    plain = evidence(("readme", ["It has a licence, a price and 12 open issues since 2026."]))
    assert read_facts(plain) == Facts()


def test_a_page_cannot_write_itself_a_record():
    forged = "Latest release: 9.9, published 2030-01-01.\nStars: 99999.\nArchived: no."
    assert read_facts(evidence(("readme", [forged]), ("page", [forged]))) == Facts()


@pytest.mark.parametrize(
    ("sources", "licence"),
    [
        ([("file", [("Widget › License", "MIT")])], "MIT"),
        ([("file", [("Metadata", "license: apache-2.0\ntags: x")])], "Apache-2.0"),
        ([("readme", ["It is released under the MIT License."])], "MIT"),
        ([("readme", ["Licensed under the Apache License, Version 2.0 (see LICENSE)."])],
         "Apache-2.0"),
        ([("readme", ["Released under MIT."]), ("page", ["License: GPL-3.0"])], None),
        ([("readme", ["Licensed under MIT or Apache-2.0."])], None),
        ([("readme", ["This project is licensed under the terms of the MIT license."])], "MIT"),
        ([("file", [("Price and licence", "Free. Apache License 2.0.")])], "Apache-2.0"),
        ([("file", [("Licence", "The code is free under the MIT licence. Calls cost more.")])],
         "MIT"),
        ([("readme", ["The sample data is published under CC-BY-4.0."])], None),
        ([("readme", ["We love the MIT License of other tools."])], None),
        ([("file", [("License", "See LICENSE.")])], None),
        ([("pricing", ["License: MIT"])], None),
        ([RECORD, ("readme", ["Released under the MIT License."])], "Apache-2.0"),
    ],
)  # fmt: skip
def test_a_licence_is_one_that_is_named_as_the_tools_own(sources, licence):
    assert read_facts(evidence(*sources)).licence.value == licence


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("MIT", "MIT"), ("mit license", "MIT"), ("Apache License 2.0", "Apache-2.0"),
        ("GPLv3", "GPL-3.0"), ("BSD 3-Clause", "BSD-3-Clause"), ("Mozilla Public License 2.0",
         "MPL-2.0"), ("Mitigation", None), ("free", None), ("", None), ("MIT and GPL-3.0", None),
        ("none found by GitHub", None), ("not a standard one", None),
    ],
)  # fmt: skip
def test_licence_names_are_spdx_names(text, name):
    assert named_licence(text) == name


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("Pro: $20 / month", "$20 / month"),
        ("€9,99 per month", "€9,99 per month"),
        ("20 EUR per seat per month", "20 EUR per seat per month"),
        ("$1,200 per year, or $10.50/month", "$10.50/month"),
        ("$12 per month for one, $8 per month for two", "$8 per month"),
        ("$0.60 per 1M tokens and $9 a month", "$9 a month"),
        ("$0.60 per 1M tokens", "$0.60 per 1M tokens"),
        ("Free plan, then $20 / month", "Free plan"),
        ("$0 / month", "$0 / month"),
        ("Free trial for 14 days, then $12 a month", "$12 a month"),
        ("It trains a model for $48 of GPU time", None),
        ("We saved $2 million last year", None),
        ("Contact sales", None),
        ("Feel free to write", None),
        ("Free. BSD 3-Clause.", "Free"),
        ("Free text search", None),
    ],
)
def test_an_entry_price_is_the_cheapest_way_in_as_it_is_worded(text, price):
    result = entry_price([text])
    assert (result and result[0]) == price


def test_outside_a_pricing_page_a_price_needs_a_section_about_prices():
    text = "$20 / month"
    assert read_facts(evidence(("readme", [("Why", text)]))).entry_price.value is None
    assert read_facts(evidence(("readme", [("A › Pricing", text)]))).entry_price.value == text


@given(st.text(max_size=200), st.text(max_size=80))
def test_facts_of_any_text_are_stated_in_their_passage(text, heading):
    gathered = evidence(
        ("pricing", [(heading, text), ("License", text)]), ("file", [("Plans", text)])
    )
    facts = read_facts(gathered)
    for fact in (facts.entry_price, facts.licence):
        assert (fact.value is None) == (fact.passage is None)
        assert fact.passage is None or fact.passage in gathered.passages
    if facts.entry_price.value:
        stated = " ".join(gathered.passages[facts.entry_price.passage].text.split())
        assert facts.entry_price.value in stated
    amounts(text), mentions_free(text), named_licence(text)


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({"price": "$20 per user"}, []),
        ({"price": "$15 a month"}, ["price"]),
        ({"price": "free"}, ["price"]),
        ({"price": "ask them"}, []),
        ({"description": "A tool, released under the MIT License."}, ["licence"]),
        ({"description": "A tool, licensed under Apache 2.0."}, []),
        ({"description": "A tool."}, []),
    ],
)
def test_an_entry_that_contradicts_its_source_is_pointed_out(changes, warned):
    gathered = evidence(RECORD, PRICING)
    result = contradictions(Tool(name="T", **changes), read_facts(gathered), gathered)
    assert [line.partition(":")[0] for line in result] == warned
    assert all("E1.1" in line or "E2.2" in line for line in result)


def test_a_repository_that_goes_by_another_name_is_pointed_out():
    gathered = evidence(RECORD)
    urls = ["https://github.com/a/b", "https://github.com/A/B/issues", "https://b.example/", None]
    for url, warned in [*((url, 0) for url in urls), ("https://github.com/old/b", 1)]:
        assert (
            len(contradictions(Tool(name="T", url=url), read_facts(gathered), gathered)) == warned
        )


# On the card


def card_with_facts(**changes):
    sources = evidence(RECORD, PRICING).sources
    return card(
        evidence=sources, reviews=(), facts=read_facts(Evidence(sources=sources)), **changes
    )


def test_the_card_shows_facts_with_their_passages_and_what_is_not_known_takes_no_room():
    made = card_with_facts()
    text = " ".join(terminal.render([made]).split())
    assert "Licence: Apache-2.0 [E1.1] · Last release: v1.2 [E1.2] · Released: 2026-10-02" in text
    some = made.model_copy(update={"facts": read_facts(evidence(PRICING))})
    assert "Entry price: $20" in terminal.render([some])
    assert "Licence" not in terminal.render([some])
    written = markdown.render([made])
    assert r"- Open issues: 12 \[E1.1\]" in written
    assert "- **E1.1**" in written
    page = html.render([made])
    assert '<dt>Entry price</dt><dd>$20 per user / month <span class="cite">' in page
    assert 'id="E2.2"' in page
    assert '"last_release": {"value": "v1.2", "passage": "E1.2"' in json.render([made])


def test_a_card_without_facts_shows_none():
    assert fact_rows(Facts()) == ()
    assert "Last release" not in terminal.render([card()])


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_a_fact_is_escaped_like_everything_else(payload):
    fact = Facts().licence.model_copy(update={"value": payload, "passage": "E1.1"})
    hostile = card(facts=Facts(licence=fact, last_release=fact))
    assert "<script>alert(1)" not in html.render([hostile])
    assert "\x1b" not in terminal.render([hostile])
    assert "<img src=x" not in markdown.render([hostile])


def active(*lines, name="activity.md", role="file", day="As of 2024-08-01, from git:"):
    """A tool's page, and a file with these lines, read on 22 November 2026."""
    texts = filter(None, [day, "\n".join(lines)])
    passages = [Passage(id=f"E2.{n}", text=text) for n, text in enumerate(texts, 1)]
    page = evidence(("readme", ["Words."])).sources[0]
    return Evidence(
        sources=(
            page,
            Source(id="E2", source=name, retrieved=NOW, sha256="0", role=role,
                   passages=tuple(passages)),
        )
    )  # fmt: skip


UPKEEP = (
    "Last commit: 2024-07-27 (4 days before).",
    "In the 365 days before: 123 commits, of which 15 by bots and 108 by 28 authors.",
    "Latest tag: v0.13.7 of 2024-04-09 (113 days before).",
    "Licence: file LICENSE; a public directory lists the project under Apache-2.0.",
)


def test_an_activity_file_gives_ages_counts_tag_and_licence_with_their_passage():
    gathered = active(*UPKEEP)
    facts = read_facts(gathered)
    assert {name: value for name, value in values(facts).items() if value is not None} == {
        "licence": "Apache-2.0", "last_release": "v0.13.7 (tag)", "released": "2024-04-09",
        "last_commit_age": 4, "latest_tag_age": 113, "commits_year": 108, "authors_year": 28,
    }  # fmt: skip
    assert (facts.last_commit_age.passage, facts.last_commit_age.source) == ("E2.2", "activity.md")
    assert all(
        is_stated(name, getattr(facts, name), gathered)
        for name in Facts.model_fields
        if getattr(facts, name).value is not None
    )
    wrong = facts.last_commit_age.model_copy(update={"value": 5})
    assert not is_stated("last_commit_age", wrong, gathered)


@pytest.mark.parametrize(
    ("line", "fact", "value"),
    [
        ("- Last commit: 2024-07-27", "last_commit_age", 5),
        ("Last commit: 2024-08-02", "last_commit_age", 0),
        ("Last commit: 2024-08-03", "last_commit_age", None),
        ("Last commit: 2024-02-30", "last_commit_age", None),
        ("The Last commit: 2024-07-27", "last_commit_age", None),
        ("Latest tag: none; no tag was there by that day.", "latest_tag_age", None),
        ("Latest tag: cli-v1.0.0-rc.1 of 2024-07-31 (1 day before)", "latest_tag_age", 1),
        ("In the 365 days before: 1 commit by 1 author.", "authors_year", 1),
        ("In the 365 days before: 4 commits, all by bots.", "commits_year", 0),
        ("In the 365 days before: no commits.", "commits_year", 0),
        ("In the 30 days before: 4 commits by 2 authors.", "commits_year", None),
        ("Licence: file LICENSE; a directory lists it under MIT and Apache-2.0.", "licence", None),
        ("Licence: no licence file at the root; a directory lists it under MIT.", "licence", None),
    ],
)
def test_a_line_of_an_activity_file_is_read_or_unknown(line, fact, value):
    assert getattr(read_facts(active(line)), fact).value == value


def test_without_a_day_of_its_own_an_activity_file_speaks_of_the_day_it_was_read():
    gathered = active("Last commit: 2026-11-20", day="")
    assert read_facts(gathered).last_commit_age.value == 2


@pytest.mark.parametrize("change", [{"name": "README.md"}, {"role": "readme"}, {"role": "page"}])
def test_no_other_page_can_state_its_own_upkeep(change):
    facts = read_facts(active(*UPKEEP[:3], **change))
    assert facts == Facts()
    assert "last_commit_age" not in facts.model_dump()


def test_a_record_tells_the_last_push_as_days_before_it_was_read():
    pushed = ("record", ["Repository: a/b.\nArchived: no.\nLast push: 2026-11-02."])
    facts = read_facts(evidence(("readme", ["Words."]), pushed))
    assert (facts.last_commit_age.value, facts.last_commit_age.passage) == (20, "E2.1")
    assert facts.archived.value is False
