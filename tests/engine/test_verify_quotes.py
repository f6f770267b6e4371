"""Quotes are compared as a reader of the card reads them: honest runs hold, whatever the text."""

import asyncio
import html

import pytest
from benchmarks.verify import reviewed
from hypothesis import example, given
from hypothesis import strategies as st

from panel.engine.verify.quotes import quotes, stands_in
from panel.evidence.readers.html import read_html
from panel.evidence.readers.passages import cut
from panel.evidence.source import Passage
from panel.evidence.tools.tool import Tool
from panel.report.citations import cut as shortened
from panel.report.citations import line
from panel.report.escaping import escape
from panel.reviews.quotes import SENTENCE

AWKWARD = {
    "generics": "Returns `Vec<Option<&str>>`, a List<str> or Map<K, V>; `<str>` is a type.",
    "entities": "AT&amp;T &lt;b&gt; &#x3C;i&#x3E; &copy; &nbsp; A&B; &notanentity; 1 &lt 2",
    "emphasis": "**bold** *em* ***both*** __under__ _it_ snake_case_name 2*3*4 a_b_ _c",
    "code spans": "Use `` a`b `` and ```c``d``` and `unclosed and \\`escaped\\`.",
    "tables": "| a \\| b | `c|d` |\n|---|---|\n| <x> | y * z |",
    "links": "[a [nested] (b)](https://x.example/(y)) [ref][1] [^E1.1] ![a [b]](c)\n\n[1]: /u",
    "backslashes": "C:\\dir\\*.txt \\\\server\\share \\[x\\] \\<y\\> \\1 end\\",
    "right to left": "مرحبا <b>بالعالم</b> שלום *עולם* 123 (אבג) [1]",
    "emoji": "Ship it 🚀👩‍💻 :rocket: 1️⃣ ✔️ ❤️ ⚡",
    "blocks of html": "<div align=center>\n<p>One<br>two</p>\n<ul><li>x</ul></div>\n\n<kbd>C</kbd>",
    "math": "$a_i < b_j$ and $$\\sum_{i<n} x_i * y_i$$ \\(z\\)",
    "addresses": "See https://x.example/a_b*c, www.y.example, @user, #12, a@b.example, <https://z.example>.",
    "quotes": "He said “yes” [E1.2] and “no”. 'x' \"y\" “[E9.9]”",
    "tags in code": "```html\n<p class=\"a\">&lt;x&gt;</p><!-- c --><script>1<2</script>\n```",
    "comparison": "1. a<b and c>d; if (x<y&&z>w) {return <T,>(p) => p;}\n2) #### not a title",
}  # fmt: skip


@pytest.mark.parametrize("suffix", ["md", "html"])
def test_an_honest_run_over_awkward_text_holds(tmp_path, suffix):
    tools = []
    for number, (name, text) in enumerate(AWKWARD.items()):
        path = tmp_path / f"{number}.{suffix}"
        body = (
            text if suffix == "md" else f"<p>{html.escape(text)}</p><pre>{html.escape(text)}</pre>"
        )
        path.write_text(f"{body}\n\nIt sorts the lines of a file.\n", encoding="utf-8")
        tools.append(Tool(name=f"T {name}", slug=f"t-{number}", evidence=(path,)))
    report = asyncio.run(reviewed(tools, tmp_path / "runs", ask="whole", seed=2))
    assert report.faults == []
    assert report.checked["quotes"] >= 10 * len(tools)


def in_markdown(text):
    """Return a quote as a Markdown card holds it."""
    quote = escape(shortened(line(text), SENTENCE))
    return f"# T\n\n- **yes** · A question? Because.\n  - “{quote}” [^E1.1]\n\n## Evidence\n"


def in_html(text):
    """Return a quote as an HTML card holds it."""
    cite = '<span class="cite"><a href="#t2-E1.1">E1.1</a></span>'
    quote = html.escape(shortened(line(text), SENTENCE))
    return f"<div><blockquote>“{quote}” {cite}</blockquote></div>"


ANY = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("<>&;[]()*_`~\\|#:!-+=\"'“”^$ \n\taE1.;/@:"),
    ),
    min_size=1,
)


@pytest.mark.parametrize(("suffix", "written"), [(".md", in_markdown), (".html", in_html)])
@given(text=ANY)
@example(text="List<str>")
@example(text="&lt;str&gt; <!-- x -->")
@example(text="a `b <c> d` e")
@example(text="“x” [^E1.1]")
def test_a_quote_reads_as_its_passage(suffix, written, text):
    result = [*quotes(suffix, written(text))]
    if line(text).strip():
        assert [cite for _, cite in result] == ["E1.1"]
    assert all(stands_in(quote, text) for quote, _ in result)


@pytest.mark.parametrize(("suffix", "written"), [(".md", in_markdown), (".html", in_html)])
def test_another_word_in_a_tag_is_another_quote(suffix, written):
    [(quote, _)] = quotes(suffix, written("It returns a List<str> of names."))
    assert stands_in(quote, "It returns a List<str> of names.")
    assert not stands_in(quote, "It returns a List<int> of names.")
    assert not stands_in(quote, "It returns a List of names.")


def test_the_passages_of_a_page_are_compared_too():
    page = (
        '<div id="E1.4"><dt>E1.4</dt><dd><p class="small quiet">Head</p><pre>a &lt; b</pre></dd>'
        "</div>"
        '<div id="E1.5"><dt>E1.5</dt><dd><p>One.</p><p>Two.</p></dd></div>'
    )
    assert [*quotes(".html", page)] == [("a < b", "E1.4"), ("One.Two.", "E1.5")]


def test_what_a_page_shows_is_what_its_passage_holds():
    [passage, *_] = cut(read_html("<p>A <code>&lt;str&gt;</code> &amp;amp; b</p>").blocks, "E1")
    assert isinstance(passage, Passage)
    assert passage.text == "A <str> &amp; b"
