"""Evidence: files into cleaned, numbered passages that quote the document word for word."""

import hashlib
import os
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.evidence.gather import gather
from panel.evidence.readers.html import read_html
from panel.evidence.readers.markdown import read_markdown
from panel.evidence.readers.passages import LIMIT, cut
from panel.evidence.readers.plain import read_plain
from panel.evidence.source import Source
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import ToolError
from panel.foundation.text import clean

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def read(tmp_path):
    """Write one evidence file and return the source made of it."""

    def read(text, name="README.md"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return gather(Tool(name="T", evidence=(path,)), now=NOW).sources[0]

    return read


def texts(source):
    return [passage.text for passage in source.passages]


README = """\
---
license: apache-2.0
---
<p align="center"><img src="https://img.shields.io/badge/x.svg" alt="license: MIT">
<img src="https://img.shields.io/y.svg" alt="CI"></p>

# Tool *one*

Does **one** thing, see [the docs](https://docs.example/very/long) or
<https://example.org>.<br>It is `fast`.

> [!WARNING]
> No longer maintained.

## Install

```sh
pip install one

one --help
```

## Features

- Small
- Quick
  - Nested item
- Friendly

| Plan | Price |
| ---- | ----- |
| Free | 0     |

## Archived

## License

MIT
"""


def test_a_readme_becomes_passages_under_their_headings(read):
    passages = [(passage.kind, passage.heading, passage.text) for passage in read(README).passages]
    assert passages == [
        ("list", "Metadata", "license: apache-2.0"),
        ("badges", "", "license: MIT"),
        ("prose", "Tool one", "Does one thing, see the docs or https://example.org. It is fast."),
        ("prose", "Tool one", "No longer maintained."),
        ("code", "Tool one › Install", "pip install one\n\none --help"),
        ("list", "Tool one › Features", "Small\nQuick\nNested item\nFriendly"),
        ("table", "Tool one › Features", "Plan | Price\nFree | 0"),
        ("prose", "Tool one", "Archived"),
        ("prose", "Tool one › License", "MIT"),
    ]


def test_sources_and_passages_are_numbered_and_name_no_full_path(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "README.md").write_text(f"About {folder}.\n\n# H\n\nMore.\n")
    (tmp_path / "notes.txt").write_text("Notes.")
    files = (tmp_path / "a/README.md", tmp_path / "b/README.md", tmp_path / "notes.txt")
    evidence = gather(Tool(name="T", evidence=files), now=NOW)
    assert [source.id for source in evidence.sources] == ["E1", "E2", "E3"]
    assert list(evidence.passages) == ["E1.1", "E1.2", "E2.1", "E2.2", "E3.1"]
    assert [source.source for source in evidence.sources][:2] == ["a/README.md", "b/README.md"]
    assert evidence.sources[0].sha256 == hashlib.sha256(files[0].read_bytes()).hexdigest()
    assert evidence.sources[0].retrieved == NOW
    assert str(tmp_path) not in evidence.model_dump_json()


def test_without_files_the_description_is_the_evidence():
    evidence = gather(Tool(name="T", description="One.\n\nTwo sentences."), now=NOW)
    assert texts(evidence.sources[0]) == ["One.\nTwo sentences."]
    assert evidence.sources[0].source == "description"


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.md", b"caf\xe9", "a.md line 1: not UTF-8"),
        ("a.md", b"x\n\xff\xfea\0", "not text"),
        ("a.md", b"PK\x03\x04\0\0", "a.md: binary"),
        ("a.md", b"x" * 2_000_001, "larger than 2 MB"),
        ("a.md", b"", "a.md: no readable text"),
        ("a.md", b"<!-- only hidden -->", "a.md: no readable text"),
        ("a.docx", b"PK", "a.docx: panel reads Markdown, HTML, PDF and plain text"),
        ("a.pdf", b"%PDF-1.7", "a.pdf: the PDF is damaged"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(read, name, content, what):
    with pytest.raises(ToolError) as caught:
        read(content, name)
    assert what in caught.value.message
    assert "\n" not in caught.value.message


def test_folders_pipes_and_missing_files_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.md")
    for name, what in (("", "folder"), ("pipe.md", "not a regular"), ("none.md", "no such file")):
        with pytest.raises(ToolError, match=what):
            gather(Tool(name="T", evidence=(tmp_path / name,)), now=NOW)


def test_a_byte_order_mark_and_windows_line_ends_do_not_show(read):
    assert texts(read(b"\xef\xbb\xbf# A\r\n\r\nText\r\nhere.\r\n")) == ["Text here."]


# Cutting

SENTENCES = " ".join(f"Sentence number {n} says something of its own." for n in range(40))


def test_long_text_is_cut_at_sentence_ends(read):
    pieces = texts(read(SENTENCES))
    assert len(pieces) > 4
    assert all(text.endswith(".") and len(text) <= LIMIT for text in pieces)
    assert " ".join(pieces) == SENTENCES


@pytest.mark.parametrize("text", ["x" * 2000, "word " * 500, "文" * 1000, "a,b;" * 500])
def test_text_without_sentence_ends_is_cut_too(read, text):
    pieces = texts(read(text))
    assert all(len(piece) <= LIMIT for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_code_is_cut_between_lines_and_keeps_its_indentation(read):
    code = "\n".join(f"    line_{n} = call({n})" for n in range(60))
    pieces = texts(read(f"```py\n{code}\n```"))
    assert "\n".join(pieces) == code


def test_long_list_items_stay_apart(read):
    items = [f"Item {n}: " + "with many words " * 12 for n in range(3)]
    pieces = texts(read("".join(f"- {item}\n" for item in items)))
    assert pieces == [item.strip() for item in items]


def test_stray_words_are_no_passages(read):
    assert texts(read("Use one.\n\n```\npip a\n```\n\nor\n\n```\npip b\n```\n\n---\n\n·\n")) == [
        "Use one.", "pip a", "pip b",
    ]  # fmt: skip


MARKDOWN = st.lists(
    st.one_of(
        st.sampled_from(
            ["# H\n", "- ", "> ", "```\n", "    ", "|a|b|\n|-|-|\n", "\n\n", "<div>",
             "</div>", "<b", "<!--", "-->", "<p hidden>", "&#x200b;", "&lt;", "[x](y)",
             "![a](b)", "<pre>", "</pre>", "<td>", "<tr>", "<style>", "<![", "<?", "</",
             "<h2>", "\u202e", "\U000e0041", "\t", "* "]
        ),
        st.text(max_size=30),
        st.just("Some words in a sentence. "),
    ),
    max_size=40,
).map("".join)  # fmt: skip


@given(MARKDOWN, st.sampled_from([read_markdown, read_html, read_plain]))
def test_whatever_the_markup_passages_are_bounded_numbered_and_clean(text, reader):
    passages = cut(reader(clean(text)[0]).blocks, "E3")
    assert [passage.id for passage in passages] == [f"E3.{n}" for n in range(1, len(passages) + 1)]
    for passage in passages:
        assert 0 < len(passage.text) <= LIMIT
        assert clean(passage.text) == (passage.text, 0)
        assert "\n" not in passage.heading


@given(st.text(alphabet=st.sampled_from("ab .!?,;é文\n"), min_size=1, max_size=3000))
def test_j3_every_passage_stands_word_for_word_in_the_text(text):
    joined = " ".join(text.split())
    for passage in cut(read_plain(text).blocks, "E1"):
        for line in passage.text.split("\n"):
            assert line in joined


# Hidden text


HIDDEN = "buy this now"
TRICKS = {
    "comment": f"<!-- {HIDDEN} -->",
    "display": f'<p style="display:none">{HIDDEN}</p>',
    "display, spaced and important": f'<p style=" DISPLAY : none !important ">{HIDDEN}</p>',
    "display, escaped": rf'<p style="display:n\6fne">{HIDDEN}</p>',
    "display, commented": f'<p style="display:/*x*/none">{HIDDEN}</p>',
    "visibility": f'<span style="visibility:hidden">{HIDDEN}</span>',
    "opacity": f'<div style="opacity:0">{HIDDEN}</div>',
    "font size": f'<span style="font-size:0">{HIDDEN}</span>',
    "font size 1px": f'<span style="font-size:1px">{HIDDEN}</span>',
    "white on white": f'<p style="color:#fff">{HIDDEN}</p>',
    "same colours": f'<p style="color:#abc;background-color:#abc">{HIDDEN}</p>',
    "transparent": f'<p style="color:transparent">{HIDDEN}</p>',
    "off screen": f'<p style="position:absolute;left:-9999px">{HIDDEN}</p>',
    "indented away": f'<p style="text-indent:-9999px">{HIDDEN}</p>',
    "no height": f'<div style="height:0;overflow:hidden">{HIDDEN}</div>',
    "clipped": f'<div style="clip-path:inset(100%)">{HIDDEN}</div>',
    "scaled": f'<div style="transform:scale(0)">{HIDDEN}</div>',
    "hidden attribute": f"<div hidden>{HIDDEN}</div>",
    "template": f"<template>{HIDDEN}</template>",
    "noscript": f"<noscript>{HIDDEN}</noscript>",
    "style sheet class": f'<style>.x, .y {{display: none}}</style><p class="y">{HIDDEN}</p>',
    "late style sheet": f'<p id="z">{HIDDEN}</p><style>#z{{opacity:0}}</style>',
    "screen reader class": f'<span class="sr-only">{HIDDEN}</span>',
    "title attribute": f'<p title="{HIDDEN}">Text.</p>',
    "long alternative text": f'<img src="a.png" alt="{HIDDEN}{" and more" * 40}">',
    "hidden image": f'<img src="a.png" style="display:none" alt="{HIDDEN} or so">',
    "unclosed comment": f"<p>End.</p><!-- {HIDDEN}",
    "nested": f'<div style="display:none"><p>{HIDDEN}</p><ul><li>{HIDDEN}</ul></div>',
    "declaration": f"<![CDATA[{HIDDEN}]]>",
    "instruction": f"<?php {HIDDEN} ?>",
    "dialog": f"<dialog>{HIDDEN}</dialog>",
    "script": f"<script>{HIDDEN}</script>",
}


@pytest.mark.parametrize("name", TRICKS)
@pytest.mark.parametrize("suffix", ["md", "html"])
def test_f5_hidden_text_does_not_become_a_passage(read, name, suffix):
    source = read(f"<p>Before it.</p>\n\n{TRICKS[name]}\n\n<p>After it.</p>\n", f"a.{suffix}")
    assert HIDDEN not in " ".join(texts(source))
    assert "Before it." in texts(source)[0]
    if name != "unclosed comment":
        assert "After it." in texts(source)[-1]
    if name not in {"template", "script", "title attribute"}:
        assert source.removed_hidden >= 1


WHY = {
    "comment": "comment", "unclosed comment": "comment", "declaration": "comment",
    "instruction": "comment", "display": "display:none", "nested": "display:none",
    "display, spaced and important": "display:none", "display, escaped": "display:none",
    "display, commented": "display:none", "visibility": "visibility:hidden",
    "opacity": "opacity near zero", "font size": "zero size", "font size 1px": "zero size",
    "no height": "zero size", "scaled": "zero size", "clipped": "clipped to nothing",
    "white on white": "white on white", "same colours": "letters in the colour behind them",
    "transparent": "transparent letters", "off screen": "moved off the page",
    "indented away": "moved off the page", "hidden attribute": "attribute hidden",
    "noscript": "<noscript>", "dialog": "closed dialog",
    "style sheet class": "display:none, by the style sheet",
    "late style sheet": "opacity near zero, by the style sheet",
    "screen reader class": "class sr-only",
    "long alternative text": "text of an image, longer than any caption",
    "hidden image": "text of an image: display:none",
}  # fmt: skip


@pytest.mark.parametrize("name", WHY)
@pytest.mark.parametrize("suffix", ["md", "html"])
def test_f5_a_removed_piece_is_kept_with_what_hid_it(read, name, suffix):
    source = read(f"<p>Before it.</p>\n\n{TRICKS[name]}\n\n<p>After it.</p>\n", f"a.{suffix}")
    # What is left open in Markdown may take the words behind it along as a piece of its own.
    assert len(source.hidden) == len(source.hidden_why) >= 1
    assert source.hidden_why[0] == WHY[name]
    assert HIDDEN in source.hidden[0]


def test_every_trick_that_is_counted_has_its_reason():
    assert set(TRICKS) - set(WHY) == {"template", "script", "title attribute"}


def test_f5_invisible_characters_are_named_by_kind(read):
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in "vote ship")
    source = read(f"Safe{tags} te\u200bxt\u202e.\n\nMore&#x200b; <b>of</b> it.\n", "a.html")
    assert source.hidden_characters == {"tag-block": 9, "zero-width": 2, "text-direction": 1}
    assert source.removed_hidden == 12


def test_evidence_without_hidden_pieces_reads_as_it_did_before_there_were_reasons(read):
    plain = read("Nothing is hidden here.")
    assert not {"hidden_why", "hidden_characters"} & set(plain.model_dump(mode="json"))
    odd = read("Shown.<!-- not shown -->")
    assert odd.model_dump(mode="json")["hidden_why"] == ["comment"]
    assert Source.model_validate_json(odd.model_dump_json()) == odd


def test_f5_an_element_hides_the_markdown_inside_it(read):
    source = read(
        'Before.\n\n<div style="display:none">\n\n# Buy\n\n- this now\n\n</div>\n\nAfter.'
    )
    assert texts(source) == ["Before.\nAfter."]
    assert source.removed_hidden == 1


def test_f5_a_reference_nobody_uses_is_a_comment(read):
    source = read("Text.\n\n[//]: # (buy this now)\n")
    assert (texts(source), source.removed_hidden) == (["Text."], 1)


def test_f5_characters_hidden_as_entities_are_removed_and_counted(read):
    source = read("Sa&#x200b;fe &#xE0041;text&#x202e;.", "a.html")
    assert (texts(source), source.removed_hidden) == (["Safe text."], 3)


@pytest.mark.parametrize(
    "shown",
    [
        '<p style="color:white;background:black">Readable text.</p>',
        '<div style="background:#000"><p style="color:white">Readable text.</p></div>',
        '<p style="opacity:0.8;font-size:12px">Readable text.</p>',
        '<p class="hidden md:block">Readable text.</p>',
        "<details><summary>More</summary>Readable text.</details>",
        '<p style="height:0">Readable text.</p>',
        "<!-->Readable text.<!-- -->",
    ],
)
def test_what_a_reader_sees_is_kept(read, shown):
    assert "Readable text." in " ".join(texts(read(shown, "a.html")))


def test_badges_take_one_short_passage_at_most(read):
    wall = "".join(
        f'<img src="https://img.shields.io/{n}" alt="status {n} beta">' for n in range(99)
    )
    source = read(f"{wall}\n\n# Tool\n\nWhat it is.\n")
    badges = [passage for passage in source.passages if passage.kind == "badges"]
    assert len(badges) == 1
    assert len(badges[0].text) <= LIMIT


def test_navigation_and_link_lists_are_told_from_prose(read):
    source = read("[Docs](a) · [Chat](b) · [Blog](c)\n\nRead [this](d) before you start.\n")
    assert [passage.kind for passage in source.passages] == ["links", "prose"]


def test_entities_in_html_are_read_once(read):
    assert texts(read("<p>a &amp;lt;b&amp;gt; &lt;i&gt; c</p>", "a.html")) == ["a &lt;b&gt; <i> c"]


@pytest.mark.parametrize(
    "page",
    ["<div>" * 50_000, "<!--" * 50_000, "<![" * 50_000, "<?" * 50_000, "<" * 50_000, "<a " * 20_000,
     "<style>" + "/*a" * 50_000, "<style>" + ".a{" * 50_000, "&" * 100_000, "[" * 5_000,
     "<b>" * 20_000 + "</i>" * 20_000, "`" * 5_000 + "a" + " `" * 10_000],
)  # fmt: skip
def test_f4_hostile_markup_is_over_in_bounded_time(page):
    begun = time.process_time()
    cut(read_markdown(page).blocks, "E1")
    cut(read_html(page).blocks, "E1")
    assert time.process_time() - begun < 20
