"""What stands in a text and is no prose: pictures and fonts as `data:` addresses, front matter."""

import pytest

from panel.evidence.readers.document import read_document
from panel.evidence.readers.format_detection import ASCIIDOC, MARKDOWN, ORG, PLAIN, RST
from panel.evidence.readers.plain import without_pictures

PAYLOAD = "PHN2ZyB4bWxucz0naHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmcn" * 40 + "=="
SVG = f"data:image/svg+xml;base64,{PAYLOAD}"

PICTURES = {
    "inline": f"![logo]({SVG})",
    "by reference": f"![logo][l]\n\n[l]: {SVG}",
    "by reference, next line": f"![logo][l]\n\n[l]:\n{SVG}",
    "unquoted": f"A <img src={SVG}> picture",
    "html": f'<p><img src="{SVG}" alt="x"></p>',
    "srcset": f'<picture><source srcset="{SVG}"><img src="{SVG}" alt="x"></picture>',
    "link": f"[open it]({SVG})",
    "address": f"<{SVG}>",
    "bare": f"See {SVG} for it",
    "style": f"```css\n.a {{ background: url({SVG}) }}\n```",
    "code span": f"Use `url('{SVG}')` now",
    "font": f"@font-face {{ src: url(data:font/woff2;base64,{PAYLOAD}) }}",
    "font as application": f"src: url(data:application/x-font-woff;charset=utf-8;base64,{PAYLOAD})",
    "percent escapes": "![x](data:image/svg+xml,%3Csvg%20xmlns=%22http://w3.example%22%3E%3C/svg%3E)",
    "markup": "![x](data:image/svg+xml;utf8,<svg xmlns='http://w3.example'><text>Hi</text></svg>)",
    "wrapped": "![x](data:image/png;base64,\n" + "\n".join(["iVBORw0KGgo" * 6] * 9) + "\nAAA=)",
    "upper case": f"![x]({SVG.upper()})",
    "in a table": f"| a | b |\n|---|---|\n| ![l]({SVG}) | word |",
    "pdf": f"A data:application/pdf;base64,{PAYLOAD} file",
    "json": f'```json\n{{"icon": "{SVG}"}}\n```',
}


@pytest.mark.parametrize("kind", [MARKDOWN, PLAIN, RST, ASCIIDOC, ORG])
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_as_a_data_address_is_no_word_of_a_passage(name, kind):
    page = f"Quill sorts notes.\n\n{PICTURES[name]}\n\nIt is under the MIT licence.\n"
    extract = read_document(page.encode(), kind)
    text = " ".join(block.text for block in extract.blocks)
    assert "data:" not in text.lower()
    assert not any(len(word) > 40 for word in text.split())
    assert text.startswith("Quill sorts notes.")
    assert text.endswith("It is under the MIT licence.")


def test_a_page_about_such_addresses_keeps_its_example():
    assert (
        without_pictures("Try `data:text/plain,hello` first.")
        == "Try `data:text/plain,hello` first."
    )
    assert without_pictures("The metadata: image/png, base64") == "The metadata: image/png, base64"


def test_many_of_them_take_no_time_to_speak_of():
    for text in ("data:image/svg+xml,<svg " * 80_000, "![a](data:image/png;base64,A " * 60_000):
        assert len(without_pictures(text)) < len(text)


RESULTS = "model-index:\n- name: q\n  results:\n" + "".join(
    f"  - task: {{type: {n}}}\n    value: {n}\n" for n in range(9_000)
)
BODY = "# Quill\n\nQuill sorts notes.\n"
FRONT = {
    "yaml": (f"---\nlicense: mit\ntags:\n- en\n---\n{BODY}", ["license: mit", "tags:", "- en"]),
    "long": (f"---\nlicense: mit\n{RESULTS}tags: [a]\n---\n{BODY}", ["license: mit", "tags: [a]"]),
    "byte order mark": (f"\ufeff---\nlicense: mit\n---\n{BODY}", ["license: mit"]),
    "windows": (f"---\r\nlicense: mit\r\n---\r\n{BODY}", ["license: mit"]),
    "dots": (f"---\nlicense: mit\n...\n{BODY}", ["license: mit"]),
    "named": (f"---yaml\nlicense: mit\n---\n{BODY}", ["license: mit"]),
    "after a blank line": (f"\n---\nlicense: mit\n---\n{BODY}", ["license: mit"]),
    "toml": (f'+++\nname = "Q"\nlicense = "MIT"\n+++\n{BODY}', ["name: Q", "license: MIT"]),
    "json marks": (f';;;\n{{"license": "mit", "n": {{}}}}\n;;;\n{BODY}', ["license: mit"]),
    "json": (f'{{\n "license": "mit",\n "tags": ["a"]\n}}\n\n{BODY}', ["license: mit", "tags: a"]),
    "no end mark": (f"---\nlicense: mit\n{RESULTS}\n{BODY}", ["license: mit"]),
    "no end mark, toml": (f'+++\nlicense = "mit"\n\n{BODY}', ["license: mit"]),
    "empty": (f"---\n---\n{BODY}", []),
}  # fmt: skip


@pytest.mark.parametrize("name", FRONT)
def test_front_matter_is_metadata_and_never_prose(name):
    page, metadata = FRONT[name]
    blocks = read_document(page.encode(), MARKDOWN).blocks
    assert [block.text for block in blocks if block.heading == "Metadata"] == metadata
    assert [block.text for block in blocks if block.heading != "Metadata"] == ["Quill sorts notes."]


@pytest.mark.parametrize(
    "page",
    [
        "---\nQuill sorts notes: all.\nIt is quick.\n\n---\n\nMore.\n",
        "---\n\nQuill sorts notes.\n\n---\n\nMore.\n",
        "{{< note >}} Quill sorts notes.\n\nMore.\n",
        "---\nQuill sorts notes, see https://q.example\n\nMore.\n",
    ],
)
def test_prose_between_rules_stays_prose(page):
    blocks = read_document(page.encode(), MARKDOWN).blocks
    assert "Metadata" not in {block.heading for block in blocks}
    assert "Quill sorts notes" in str(blocks)
    assert "More." in str(blocks)
