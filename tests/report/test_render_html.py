"""The HTML scorecard, judged by an HTML parser."""

import re
from urllib.parse import urlsplit

import html5lib
import pytest

from panel.report.citations import line
from panel.report.scorecard import html
from tests.support.cards import PAYLOADS, batch, card, hostile, named

TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "article", "header", "section", "nav",
    "div", "p", "span", "small", "strong", "br", "h1", "h2", "h3", "ul", "li", "dl", "dt", "dd",
    "blockquote", "pre", "time", "details", "summary", "a", "table", "thead", "tbody", "tr", "th",
    "td", "svg", "rect",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "rel", "scope",
    "role", "aria-label", "aria-hidden", "aria-labelledby", "datetime", "open", "viewBox",
    "preserveAspectRatio", "x", "width", "height",
}  # fmt: skip


def parse(text):
    parser = html5lib.HTMLParser(
        html5lib.getTreeBuilder("etree"), strict=True, namespaceHTMLElements=False
    )
    return parser.parse(text)


def tag(node):
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else "comment"


def active(tree):
    """Everything in the page that could run, load, send or restyle."""
    for node in tree.iter():
        if tag(node) not in TAGS:
            yield tag(node)
        yield from (f"{tag(node)} {name}" for name in node.attrib if name not in ATTRIBUTES)
        if tag(node) == "meta" and node.get("http-equiv") not in (None, "Content-Security-Policy"):
            yield f"meta {node.get('http-equiv')}"
        if tag(node) == "style" and node.text != html.stylesheet():
            yield "foreign style"


def links(tree):
    return [node for node in tree.iter() if tag(node) == "a"]


def all_text(tree):
    return " ".join(" ".join(tree.itertext()).split())


@pytest.mark.parametrize("payload", PAYLOADS)
def test_o1_a_payload_in_every_field_leaves_no_active_node_in_html(payload):
    for page in (html.render([hostile(payload)]), html.render([hostile(payload), card()])):
        tree = parse(page)
        assert list(active(tree)) == []
        assert len([n for n in tree.iter() if tag(n) == "style"]) == 1
        assert line(payload) in all_text(tree)


@pytest.mark.parametrize("payload", [*PAYLOADS, "https://ok.example/a?b=1&c=2"])
def test_o1_links_are_https_with_rel_or_point_into_the_page(payload):
    tree = parse(html.render([hostile(payload)]))
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
    tree = parse(html.render([card()]))
    policy = next(n.get("content") for n in tree.iter() if n.get("http-equiv"))
    style = next(n.text for n in tree.iter() if tag(n) == "style")
    assert policy == (
        f"default-src 'none'; style-src '{html.style_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in style
    assert "@import" not in style
    assert "@font-face" not in style


@pytest.mark.parametrize("cards", [[], [card()], batch()], ids=["none", "one", "several"])
def test_the_page_is_valid_and_says_what_it_is(cards):
    tree = parse(html.render(cards))
    assert tree.get("lang") == "en"
    assert next(n for n in tree.iter() if tag(n) == "title").text
    assert all(n.get("scope") for n in tree.iter() if tag(n) == "th")
    names = {n.get("name"): n.get("content") for n in tree.iter() if tag(n) == "meta"}
    assert names["description"]
    ids = [n.get("id") for n in tree.iter() if n.get("id")]
    assert len(ids) == len(set(ids))


def test_every_citation_leads_to_its_passage_under_details_even_with_several_tools():
    tree = parse(html.render(batch()))
    parents = {child: parent for parent in tree.iter() for child in parent}
    cites = [a for a in links(tree) if re.fullmatch(r"E\d+\.\d+", a.text or "")]
    assert len(cites) > 50
    targets = {n.get("id"): n for n in tree.iter() if n.get("id")}
    for cite in cites:
        target = targets[cite.get("href")[1:]]
        assert cite.text in "".join(target.itertext())
        ancestors = []
        while target in parents:
            target = parents[target]
            ancestors.append(tag(target))
        assert "details" in ancestors


def test_every_bar_has_a_text_equivalent():
    bars = [n for n in parse(html.render(batch())).iter() if tag(n) == "svg"]
    assert bars
    assert all(n.get("role") == "img" and n.get("aria-label") for n in bars)


@pytest.mark.parametrize("shown", batch(), ids=lambda c: c.verdict.outcome)
def test_the_outcome_is_a_word_and_not_only_a_colour(shown):
    tree = parse(html.render([shown]))
    stamp = next(n for n in tree.iter() if n.get("class") == "stamp")
    assert "".join(stamp.itertext()).endswith(shown.verdict.outcome)


def test_warnings_stand_before_the_first_review():
    text = all_text(parse(html.render(batch()[4:])))
    assert text.index("proves the machinery only") < text.index("What I get is one function")
    assert "no answer in time (no reply within 120 s)" in text


def test_a_cost_that_is_not_known_is_said_to_be_unknown():
    text = all_text(parse(html.render([card(provider="cerebras")])))
    assert "Cost unknown" in text
    assert "$0" not in text


def test_several_cards_come_under_a_table_of_contents():
    tree = parse(html.render([named("One"), named("Two")]))
    assert [a.text for a in links(tree)[:2]] == ["One", "Two"]
    assert [a.get("href") for a in links(tree)[:2]] == ["#t1", "#t2"]


def themes():
    style = html.stylesheet()
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part))
                   for part in style.split("@media")[:2])  # fmt: skip
    return {"light": light, "dark": dark}


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_has_a_contrast_of_at_least_4_5(theme):
    colours = themes()[theme]
    tones = ("ship", "skip", "split", "hold", "incomplete")
    tones += ("builder", "skeptic", "business", "futurist", "guest")
    pairs = [(text, on) for text in ("ink", "quiet", "link", *tones) for on in ("page", "card")]
    pairs += [("on-stamp", tone) for tone in tones] + [("warn-ink", "warn-page")]
    low = {p: c for p in pairs if (c := contrast(colours[p[0]], colours[p[1]])) < 4.5}
    assert low == {}
