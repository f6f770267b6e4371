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

EQUAL = [
    ("foo", "foo/"), ("foo", "foo //"), ("foo", "FOO"), ("foo", "Ｆｏｏ"), ("foo", "  foo "),
    ("foo", "foo.git"), ("foo", "foo.git/"), ("foo bar", "foo\u00a0 bar"), ("x2", "x²"),
    ("x2", "x₂"), ("Café", "Cafe\u0301"), ("Straße", "STRASSE"), ("foo", "f\u200boo"),
    ("ﬁle", "file"), ("İo", "i\u0307o"), ("a/b", "A/B/"), ("½", "1⁄2"),
]  # fmt: skip
DIFFERENT = [
    ("C", "C++"),
    ("C#", "C"),
    ("foo", "foo-bar"),
    ("foo", "foo."),
    ("a/b", "a b"),
    ("é", "e"),
]


def scorecard(name, url=None):
    template = card()
    tool = template.tool.model_copy(update={"name": name, "url": url, "slug": "s"})
    return template.model_copy(update={"tool": tool})


def tool_list(tmp_path, *names):
    path = tmp_path / "t.yaml"
    path.write_text("".join(f"- {{name: '{n}', description: x}}\n" for n in names), "utf-8")
    return read_tools(path).tools


@pytest.mark.parametrize(("first_name", "second_name"), [*EQUAL, *DIFFERENT], ids=str)
def test_list_archive_lookup_and_request_agree_on_names(tmp_path, first_name, second_name):
    equal = (first_name, second_name) in EQUAL
    shelve(tmp_path / "runs", [scorecard(first_name)])
    shelve(tmp_path / "runs", [scorecard(second_name)], created=NOW + timedelta(days=1))
    archive = Archive.open(tmp_path / "runs")
    assert (len(archive.histories()) == 1) is equal
    assert (len(tool_list(tmp_path, first_name, second_name)) == 1) is equal
    assert same_name(first_name, second_name) is equal
    assert same_tool(Tool(name=first_name), Tool(name=second_name)) is equal
    match = lookup.in_archive(archive, second_name)
    assert match is not None
    assert second_name in {entry.tool.name for entry in match.entries}
    if equal:
        assert pick(tool_list(tmp_path, first_name), second_name).name == first_name


@pytest.mark.parametrize("name", ["/", "//", ".git", "é", "²"])
def test_no_name_has_an_empty_key(name):
    assert name_key(name)
    assert (
        name_key(name) == name_key(name_key(name)) == name_key(unicodedata.normalize("NFD", name))
    )


@pytest.mark.parametrize(
    ("first_name", "second_name", "equal"),
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
def test_spellings_of_one_address_do_not_contradict(first_name, second_name, equal):
    assert contradict(first_name, second_name) is not equal
    assert second_name is None or (url_key(first_name) == url_key(second_name)) is equal


def test_what_one_list_holds_apart_the_archive_holds_apart(tmp_path):
    def run(day, *pairs):
        cards = [
            first_name.model_copy(
                update={"tool": first_name.tool.model_copy(update={"slug": f"s{n}"})}
            )
            for n, first_name in enumerate(scorecard(*pair) for pair in pairs)
        ]
        return shelve(tmp_path, cards, created=NOW + timedelta(days=day))

    run(0, ("fx", "https://a.example"), ("fx", "https://b.example"))
    run(1, ("fx", "https://b.example"), ("fx", "https://a.example/"))
    run(2, ("FX", "https://b.example"))
    run(3, ("fx", "https://moved.example"))
    first, second = Archive.open(tmp_path).histories()
    assert {first.key, second.key} >= {"fx"}
    addresses = [{entry.tool.url for entry in history.entries} for history in (first, second)]
    assert {"https://b.example"} in addresses
    assert len(first.entries) + len(second.entries) == 6
    archive = Archive.open(tmp_path)
    assert lookup.in_archive(archive, "fx").key == "fx"
    with pytest.raises(ToolError, match="name of 2 tools") as caught:
        lookup.in_archive(archive, "FX")
    assert second.key in caught.value.hint
    assert first.key in caught.value.hint
