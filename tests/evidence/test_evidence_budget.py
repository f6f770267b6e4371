"""The budget: what goes to the model when not everything fits."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.evidence.budget import choose, estimated_tokens, source_shares
from panel.evidence.fence import fenced
from panel.evidence.readers.markdown import read_markdown
from panel.evidence.readers.passages import cut
from panel.evidence.source import Evidence, Passage, Source

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def evidence_of(*texts):
    return Evidence(
        sources=tuple(
            Source(
                id=f"E{n}", source="a.md", retrieved=NOW, sha256="0",
                passages=cut(read_markdown(text).blocks, f"E{n}"),
            )
            for n, text in enumerate(texts, 1)
        )
    )  # fmt: skip


def paragraphs(word, count):
    return "\n\n".join(
        f"{word} {n}: " + "some words to fill it up " * 6 + "." for n in range(count)
    )


def sections(passages):
    return {passage.heading.rpartition(" › ")[2] for passage in passages}


def test_everything_goes_when_it_fits_and_nothing_is_noted():
    evidence = evidence_of("# A\n\nText.\n\n## B\n\nMore.\n")
    chosen = choose(evidence, 2400)
    assert chosen.passages == tuple(evidence.passages.values())
    assert chosen.notes == ()


def test_every_section_comes_before_any_sections_third_passage():
    names = [f"Part {n}" for n in range(8)]
    text = "".join(f"## {name}\n\n{paragraphs(name, 6)}\n\n" for name in names)
    passages = choose(evidence_of(text), 600).passages
    assert sections(passages) == set(names)


def test_prose_goes_before_code():
    code = "```\n" + "\n".join(f"call_{n}(argument, another)" for n in range(60)) + "\n```\n\n"
    text = f"# Tool\n\n{code}## Use\n\n{paragraphs('Use', 1)}\n\n{code}## Limits\n\nIt is slow.\n"
    chosen_passages = choose(evidence_of(text), 160).passages
    assert {"Use", "Limits"} <= sections(chosen_passages)
    assert any("It is slow." in passage.text for passage in chosen_passages)


@pytest.mark.parametrize(
    "needed",
    [
        "## License\n\nApache 2.0.\n",
        "## Pricing\n\nFree for five users.\n",
        "## Limitations\n\nOne writer at a time.\n",
        "## Old news\n\nThis project is no longer maintained.\n",
        "### Deep\n\n#### Deeper\n\nThe repository has been archived.\n",
    ],
)
def test_what_a_reviewer_must_know_survives_at_the_very_end(needed):
    text = "# Tool\n\nIt converts.\n\n" + "".join(
        f"## Use {n}\n\n{paragraphs('Use', 8)}\n\n" for n in range(30)
    )
    chosen = choose(evidence_of(text + needed), 1000)
    assert needed.rstrip().rpartition("\n")[2] in [passage.text for passage in chosen.passages]
    assert chosen.passages[0].text == "It converts."


def test_what_was_left_out_is_said_in_one_line():
    [note] = choose(evidence_of("# Tool\n\n## Use\n\n" + paragraphs("Use", 40)), 300).notes
    assert "passages left out to fit 300 tokens" in note
    assert "Use (" in note
    assert "\n" not in note


def test_a_long_source_does_not_crowd_out_a_short_one():
    long = "".join(f"## Licence {n}\n\n{paragraphs('Word', 9)}\n\n" for n in range(20))
    evidence = evidence_of(long, paragraphs("Second", 30), "The price is three.\n")
    assert source_shares(evidence, 1000)["E3"] < 20
    assert source_shares(evidence, 1000)["E1"] == source_shares(evidence, 1000)["E2"] > 480
    chosen = choose(evidence, 1000)
    chosen_passages = Counter(passage.id.partition(".")[0] for passage in chosen.passages)
    assert chosen_passages["E3"] == 1
    assert abs(chosen_passages["E1"] - chosen_passages["E2"]) <= 3
    assert " of E1, " in chosen.notes[0]


SOURCES = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["", "A", "A › B", "A › License", "C", "C › Contributors"]),
            st.text(alphabet="abc .<|\n─文", min_size=1, max_size=400),
            st.sampled_from(["prose", "list", "table", "code", "links", "badges"]),
        ),
        min_size=1,
        max_size=25,
    ),
    min_size=1,
    max_size=3,
)


@given(SOURCES, st.integers(0, 4000))
def test_the_chosen_are_in_reading_order_and_fit(sources, tokens):
    evidence = Evidence(
        sources=tuple(
            Source(
                id=f"E{n}", source="a", retrieved=NOW, sha256="0",
                passages=tuple(
                    Passage(id=f"E{n}.{m}", heading=heading, text=text, kind=kind)
                    for m, (heading, text, kind) in enumerate(parts, 1)
                ),
            )
            for n, parts in enumerate(sources, 1)
        )
    )  # fmt: skip
    chosen = choose(evidence, tokens)
    everything = list(evidence.passages)
    places = [everything.index(passage.id) for passage in chosen.passages]
    assert places == sorted(set(places))
    assert (
        sum(
            estimated_tokens(passage.text.strip())
            for passage in chosen.passages
            if "─" not in passage.text
            and "|" not in passage.text
            and "<" not in passage.text
            and "  " not in passage.text
            and "\n" not in passage.text
        )
        <= tokens + 1e-6
    )
    assert bool(chosen.notes) == (len(places) < len(everything))
    assert estimated_tokens(fenced(chosen.passages)) <= tokens + 60 + 10 * len(places)
