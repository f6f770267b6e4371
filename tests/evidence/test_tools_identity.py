"""One rule says what one tool is: in lists, runs, the archive and review requests."""

import unicodedata
from datetime import timedelta

import pytest

from panel.evidence.tools.identity import contradict, name_key, same_tool, url_key
from panel.evidence.tools.tool import Tool
from panel.evidence.tools.tool_list import pick, read_tools
from panel.foundation.errors import ToolError
from panel.publish.server.review_request import same_name
from panel.report.comparison import lookup
from panel.runs.history.archive import Archive
from tests.support.cards import NOW, card
from tests.support.shelf import shelve

SAME = [
    ("foo", "foo/"), ("foo", "foo //"), ("foo", "FOO"), ("foo", "Ｆｏｏ"), ("foo", "  foo "),
    ("foo", "foo.git"), ("foo", "foo.git/"), ("foo bar", "foo\u00a0 bar"), ("x2", "x²"),
    ("x2", "x₂"), ("Café", "Cafe\u0301"), ("Straße", "STRASSE"), ("foo", "f\u200boo"),
    ("ﬁle", "file"), ("İo", "i\u0307o"), ("a/b", "A/B/"), ("½", "1⁄2"),
]  # fmt: skip
OTHER = [("C", "C++"), ("C#", "C"), ("foo", "foo-bar"), ("foo", "foo."), ("a/b", "a b"), ("é", "e")]


def named(name, url=None):
    told = card()
    tool = told.tool.model_copy(update={"name": name, "url": url, "slug": "s"})
    return told.model_copy(update={"tool": tool})


def listed(tmp_path, *names):
    path = tmp_path / "t.yaml"
    path.write_text("".join(f"- {{name: '{n}', description: x}}\n" for n in names), "utf-8")
    return read_tools(path).tools


@pytest.mark.parametrize(("one", "other"), [*SAME, *OTHER], ids=str)
def test_list_archive_lookup_and_request_agree_on_names(tmp_path, one, other):
    same = (one, other) in SAME
    shelve(tmp_path / "runs", [named(one)])
    shelve(tmp_path / "runs", [named(other)], created=NOW + timedelta(days=1))
    archive = Archive.open(tmp_path / "runs")
    assert (len(archive.histories()) == 1) is same
    assert (len(listed(tmp_path, one, other)) == 1) is same
    assert same_name(one, other) is same
    assert same_tool(Tool(name=one), Tool(name=other)) is same
    found = lookup.in_archive(archive, other)
    assert found is not None
    assert other in {each.tool.name for each in found.entries}
    if same:
        assert pick(listed(tmp_path, one), other).name == one


@pytest.mark.parametrize("name", ["/", "//", ".git", "é", "²"])
def test_no_name_has_an_empty_key(name):
    assert name_key(name)
    assert (
        name_key(name) == name_key(name_key(name)) == name_key(unicodedata.normalize("NFD", name))
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example/x", "http://A.example/x/", True),
        ("https://a.example/x", "https://www.a.example:443/x", True),
        ("https://github.com/a/b", "https://GitHub.com/A/B.git", True),
        ("https://github.com/a/b.git/", "http://github.com/a/b#readme", True),
        ("https://a.example/x", "https://a.example/X", False),
        ("https://a.example", "https://b.example", False),
        ("https://a.example/?p=1", "https://a.example/?p=2", False),
        ("https://a.example:8443/", "https://a.example/", False),
        ("https://a.example", None, True),
    ],
)
def test_spellings_of_one_address_do_not_contradict(one, other, same):
    assert contradict(one, other) is not same
    assert other is None or (url_key(one) == url_key(other)) is same


def test_what_one_list_holds_apart_the_archive_holds_apart(tmp_path):
    def run(day, *pairs):
        cards = [
            one.model_copy(update={"tool": one.tool.model_copy(update={"slug": f"s{n}"})})
            for n, one in enumerate(named(*pair) for pair in pairs)
        ]
        return shelve(tmp_path, cards, created=NOW + timedelta(days=day))

    run(0, ("fx", "https://a.example"), ("fx", "https://b.example"))
    run(1, ("fx", "https://b.example"), ("fx", "https://a.example/"))
    run(2, ("FX", "https://b.example"))
    run(3, ("fx", "https://moved.example"))
    first, second = Archive.open(tmp_path).histories()
    assert {first.key, second.key} >= {"fx"}
    addresses = [{each.tool.url for each in history.entries} for history in (first, second)]
    assert {"https://b.example"} in addresses
    assert len(first.entries) + len(second.entries) == 6
    archive = Archive.open(tmp_path)
    assert lookup.in_archive(archive, "fx").key == "fx"
    with pytest.raises(ToolError, match="name of 2 tools") as caught:
        lookup.in_archive(archive, "FX")
    assert second.key in caught.value.hint
    assert first.key in caught.value.hint
