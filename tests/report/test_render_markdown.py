"""The Markdown scorecard, judged by a Markdown parser with HTML on and then by an HTML parser."""

import re
from collections import Counter

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import TemplateAssertionError
from markdown_it import MarkdownIt

from panel.report import templating
from panel.report.citations import line
from panel.report.escaping import escape, escape_pipes
from panel.report.scorecard import markdown
from tests.support.cards import PAYLOADS, batch, card, hostile

FORGE = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
TAGS = {
    "html", "head", "body", "h1", "h2", "p", "em", "strong", "br", "ul", "li", "code", "blockquote",
    "table", "thead", "tbody", "tr", "th", "td", "details", "summary",
}  # fmt: skip
LIVE = re.compile(r"://|www\.|@\w|#\d|\bGH-\d", re.IGNORECASE)
COUNTED = {
    "heading_open", "table_open", "tr_open", "td_open", "hr", "fence", "code_block", "html_block",
    "html_inline", "image", "link_open", "strong_open", "em_open", "s_open", "ordered_list_open",
    "bullet_list_open", "list_item_open", "blockquote_open",
}  # fmt: skip


def tree_of(text):
    return html5lib.parse(FORGE.render(text), namespaceHTMLElements=False)


def tag(node):
    return node.tag if isinstance(node.tag, str) else "comment"


def structure(text):
    tokens = FORGE.parse(text)
    flat = [t.type for t in tokens] + [c.type for t in tokens for c in t.children or ()]
    return Counter(kind for kind in flat if kind in COUNTED)


def text_outside_code(node):
    if tag(node) != "code":
        yield node.text or ""
        for child in node:
            yield from text_outside_code(child)
            yield child.tail or ""


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_a_payload_in_every_field_leaves_no_active_node_in_markdown(payload):
    tree = tree_of(markdown.render([hostile(payload)]))
    assert {tag(n) for n in tree.iter()} <= TAGS
    assert {a for n in tree.iter() for a in n.attrib} <= {"style"}
    assert {n.get("style") for n in tree.iter()} <= {None, "text-align:right"}
    shown = " ".join("".join(tree.itertext()).split())
    assert line(payload) in shown


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_a_payload_changes_nothing_in_the_structure_of_the_document(payload):
    assert structure(markdown.render([hostile(payload)])) == structure(
        markdown.render([hostile("plain words")])
    )


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_forges_find_no_address_mention_or_reference_in_untrusted_text(payload):
    tree = tree_of(markdown.render([hostile(payload)]))
    assert [text for text in text_outside_code(tree) if LIVE.search(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "# x", "- x", "+ x", "1. x", "12) x", "> x", "=== x", "--- x", ": x", "a | b", "![a](b)",
        "<b>", "<!-- x", "&lt; &copy;", "`a` ``b``", "*a* _b_ __c__", "~~a~~", "a\\", "\\*",
        "[x]: y 'z'",
        "$a$ $$b$$", "snake_case_name", "@user", "(@user)", "org/repo#1", "http://a.example/`b`",
        ":tada:", "<http://a.example>", "[^E1.1]: x", "`@a` b`", "www.x.example,", "``https://x``",
    ],
)  # fmt: skip
def test_escaped_text_reads_as_it_was_written(text):
    tree = tree_of(f"before {escape(text)} after\n\n{escape(text)}")
    paragraphs = ["".join(p.itertext()) for p in tree.iter("p")]
    assert paragraphs == [f"before {text} after", text]
    assert {tag(n) for n in tree.iter()} <= {"html", "head", "body", "p", "code"}


@pytest.mark.parametrize("text", ["a | b", "a \\| b", "https://x.example/a|b", "`a|b`", "|"])
def test_a_table_cell_holds_any_text(text):
    tree = tree_of(f"| a | b |\n|---|---|\n| {escape_pipes(escape(text))} | second |")
    cells = ["".join(td.itertext()) for td in tree.iter("td")]
    assert len(cells) == 2
    assert cells[1] == "second"


def test_a_summary_cannot_define_what_a_citation_links_to():
    review = card().reviews[0].model_copy(update={"summary": "[E1.1]: https://evil.example"})
    tree = tree_of(markdown.render([card(reviews=(review,))]))
    assert [n.get("href") for n in tree.iter("a")] == [
        "https://quillstore.example/",
        "https://quillstore.example/pricing",
    ]


def test_every_citation_is_of_a_passage_that_the_same_card_lists_once():
    for cards in ([card()], batch()):
        text = markdown.render(cards)
        folds = text.split("</details>")[:-1]
        assert len(folds) == len(cards)
        for fold in folds:
            listed = re.findall(r"^- \*\*(E\d+\.\d+)\*\* · ", fold, re.MULTILINE)
            assert len(listed) == len(set(listed))
            assert set(re.findall(r"\\\[(E\d+\.\d+)\\\]", fold)) == set(listed)


def test_warnings_stand_before_the_first_review():
    text = markdown.render(batch()[4:])
    assert text.index("proves the machinery only") < text.index("## The Builder")


def test_markdown_of_a_card(golden):
    golden("scorecard.md", markdown.render([card()]))


def test_markdown_of_an_incomplete_card(golden):
    golden("incomplete.md", markdown.render(batch()[4:]))


def test_no_cards_make_no_text():
    assert markdown.render([]) == ""


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="aB1 \\`*_{}[]<>()#+-.!|~&;:@^=$\"'/?,\n%w", max_size=24))
def test_any_text_survives_escaping(text):
    flat = line(text)
    tree = tree_of(f"- {escape(flat)}\n\n**{escape('a ' + flat + ' b')}**")
    assert "".join(tree.find(".//li").itertext()) == flat
    assert {tag(n) for n in tree.iter()} <= {
        "html", "head", "body", "p", "code", "ul", "li", "strong",
    }  # fmt: skip
    assert [t for t in text_outside_code(tree) if LIVE.search(t)] == []


@pytest.mark.parametrize("source", ["{{ text }}", "{{ row(text) }}", "{{ [text]|inline('') }}"])
def test_a_template_escapes_without_asking_for_it(source):
    made = templating._markdown_environment().from_string(source).render(text="*a* <b> `c|d`")
    assert escape("*a* <b> `c|d`") in made
    assert escape_pipes(escape("[x](javascript:a|b)")) in templating._row("[x](javascript:a|b)")


def test_no_template_can_leave_text_as_it_is():
    with pytest.raises(TemplateAssertionError, match="safe"):
        templating._markdown_environment().from_string("{{ text|safe }}")
    assert templating._figure("59.9") == "59.9"
    assert templating._figure("1. *a*") == escape("1. *a*")


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("request('https://x.example',", "`request('https://x.example',`"),
        ('Client(base_url="https://x.example",', '`Client(base_url="https://x.example",`'),
        ("(https://x.example).", "(`https://x.example`)."),
        ("“https://x.example”", "“`https://x.example`”"),
    ],
)
def test_a_piece_of_code_with_an_address_is_not_cut_in_its_middle(word, shown):
    assert escape(word) == shown
