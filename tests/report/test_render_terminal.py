"""The terminal scorecard: safe on any screen, readable without colour, as wide as the screen."""

import io
import re
import unicodedata
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len

from panel.report.scorecard import terminal
from tests.support.cards import PAYLOADS, batch, card, hostile, named

SGR = re.compile(r"\x1b\[[0-9;]*m")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3\d|4\d|9\d|10\d)[;m]")


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def unsafe(text):
    """Characters that steer a terminal or hide from a reader."""
    kinds = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    return {c for c in text if unicodedata.category(c) in kinds and c not in "\n\t"}


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_o3_a_payload_in_every_field_puts_no_control_character_on_the_screen(payload, width):
    cards = [hostile(payload), card()]
    for text in (terminal.render(cards, width=width), terminal.summary(cards, width=width)):
        assert unsafe(text) == set()
        assert max(map(cell_len, text.splitlines())) <= width


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o3_with_colour_on_the_only_codes_are_our_own_colours(payload):
    text = terminal.render([hostile(payload)], color=True)
    assert SGR.search(text)
    assert unsafe(SGR.sub("", text)) == set()


def test_o3_square_brackets_in_untrusted_text_are_no_markup():
    assert "[bold]rich[/bold] :tada:" in terminal.render([named("[bold]rich[/bold] :tada:")])


@pytest.mark.parametrize("shown", batch(), ids=lambda c: c.verdict.outcome)
def test_without_colour_the_outcome_is_a_word_with_a_shape(shown):
    text = terminal.render([shown])
    assert shown.verdict.outcome.upper() in text
    assert "\x1b" not in text


def test_warnings_and_missing_reviews_are_said():
    text = terminal.render(batch()[4:])
    assert text.index("proves the machinery only") < text.index("What I get is one function")
    assert "no answer in time (no reply within 120 s)" in text
    assert "cost none (local model)" in text


def shown_on(file, **options):
    terminal.show([card()], terminal.console(file, **options))
    return file.getvalue()


def test_a_terminal_gets_colour_and_no_color_takes_it_away(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert COLOUR.search(shown_on(Screen()))
    assert COLOUR.search(shown_on(io.StringIO(), color="always"))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not COLOUR.search(shown_on(Screen()))


def test_what_is_no_terminal_gets_plain_text():
    assert unsafe(shown_on(io.StringIO())) == set()
    assert not COLOUR.search(shown_on(Screen(), color="never"))


@pytest.mark.parametrize(("columns", "width"), [("40", 60), ("100", 100), ("300", 120)])
def test_the_width_follows_columns_and_the_terminal_between_60_and_120(monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal.console(Screen()).width == width
    assert terminal.console(io.StringIO()).width == width
    monkeypatch.delenv("COLUMNS")
    assert terminal.console(io.StringIO()).width == 80


def test_the_summary_has_one_line_a_tool_and_the_counts():
    text = terminal.summary(batch())
    assert [name for name in ("Quillstore", "Parley", "Halfway") if text.count(name) != 1] == []
    assert "5 tools: 1 ship · 1 split · 1 skip · 1 hold · 1 incomplete" in text


@pytest.mark.parametrize("shown", [card(), *map(hostile, PAYLOADS)], ids=lambda c: c.run[:20])
def test_o1_the_picture_is_plain_svg_without_script_font_or_remote_address(shown):
    root = ElementTree.fromstring(terminal.render_svg([shown]))
    space = "{http://www.w3.org/2000/svg}"
    tags = {node.tag.removeprefix(space) for node in root.iter()}
    assert tags <= {"svg", "style", "defs", "clipPath", "rect", "g", "text", "circle"}
    assert {n for node in root.iter() for n in node.attrib if "href" in n or n[:2] == "on"} == set()
    style = "".join(node.text or "" for node in root.iter(f"{space}style"))
    assert "@" not in style
    assert "url(" not in style
    paths = {node.get("clip-path", "url(#") for node in root.iter()}
    assert all(path.startswith("url(#") for path in paths)


def test_terminal_at_80_columns_without_colour(golden):
    golden("scorecard.txt", terminal.render([card()], width=80))


def test_terminal_summary_of_a_batch(golden):
    golden("summary.txt", terminal.summary(batch(), width=80))
