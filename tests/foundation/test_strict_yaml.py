"""Strict YAML and front matter."""

import contextlib
import time

import pytest

from panel.foundation.errors import PersonaError, ToolError
from panel.foundation.strict_yaml import read_front_matter, read_yaml, read_yaml_lines


def test_o3_strings_stay_strings():
    text = "a: no\nb: 1e3\nc: 2026-01-01\nd: 12:30:45\ne: 1_000\nf: 0x10\ng: .inf\nh: 'null'\n"
    document = read_yaml(text, where="t.yaml")
    assert document == {
        "a": "no", "b": "1e3", "c": "2026-01-01", "d": "12:30:45", "e": "1_000", "f": "0x10",
        "g": ".inf", "h": "null",
    }  # fmt: skip


@pytest.mark.parametrize("null", ["", "~", "null", "Null", "NULL"])
def test_nothing_and_null_are_none(null):
    assert read_yaml(f"a: {null}\nb: [x]", where="t.yaml") == {"a": None, "b": ["x"]}


def test_an_empty_document_is_none():
    assert read_yaml("# only a comment\n", where="t.yaml") is None


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: !!python/object:os.system x", 2, "tags are not allowed"),
        ("a: !secret x", 1, "tags are not allowed"),
        ("%TAG ! tag:x,2000:\n---\na: 1", 1, "tags are not allowed"),
        ("a: &x 1\nb: *x", 1, "anchors and aliases"),
        ("b:\n  - *x", 2, "anchors and aliases"),
        ("a: 1\n<<: {b: 2}", 2, "merge keys"),
        ("a: 1\nb: 2\na: 3", 3, "'a' stands twice"),
        ("a: 1\n---\nb: 1", 2, "second document"),
        ("? [a]\n: 1", 1, "a key must be text"),
        ("~: 1", 1, "a key must be text"),
        ("a: 1\nb: [", 2, "not valid YAML"),
        ("a: 1\nb: \x01", 2, "not valid YAML"),
        ("[" * 30, 1, "nested more than"),
    ],
)
def test_o3_what_data_has_no_need_of_is_refused_with_its_line(text, line, what):
    with pytest.raises(ToolError) as caught:
        read_yaml(text, where="t.yaml")
    assert caught.value.message.startswith(f"t.yaml line {line}: ")
    assert what in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "bomb",
    [
        "[" + "a," * 490_000 + "a]",
        "[" * 900_000,
        "{a: " * 200_000,
        "- " * 400_000,
        "".join(f"{n}: 1\n" for n in range(59_000)),
        '"' + "\\n" * 490_000 + '"',
        "!" * 990_000,
        "a: " + "b\n  " * 240_000,
        "a: " + "x" * 2_000_000,
        "a: &a [x]\nb: &b [" + "*a," * 1000 + "]",
    ],
)
def test_o3_a_yaml_bomb_is_over_in_no_time(bomb):
    begun = time.process_time()
    with contextlib.suppress(ToolError):  # what is only large may be read
        read_yaml(bomb, where="t.yaml")
    assert time.process_time() - begun < 2.0  # the bar is 0.5 s on an idle machine


def test_lines_tell_where_each_value_stands():
    _, lines = read_yaml_lines("a: 1\nb:\n  - x\n  - y: 2\n", where="t", first_line=10)
    assert lines[("a",)] == 10
    assert lines[("b", 0)] == 12
    assert lines[("b", 1, "y")] == 13


def test_the_reader_says_which_error_to_raise():
    with pytest.raises(PersonaError):
        read_yaml("a: *x", where="p.md", error=PersonaError)


def test_front_matter_is_parted_from_the_body(tmp_path):
    path = tmp_path / "p.md"
    path.write_text("---\nname: x\n---\n\n# Body\n---\nmore\n", encoding="utf-8")
    assert read_front_matter(path) == ({"name": "x"}, "# Body\n---\nmore")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("name: x", "line 1: must start with a line `---`"),
        ("---\nname: x\n", "not closed"),
        ("---\na: 1\na: 2\n---\n", "line 3: key 'a' stands twice"),
        ("---\n- x\n---\n", "must be `key: value` lines"),
    ],
)
def test_broken_front_matter_names_file_and_line(tmp_path, text, what):
    path = tmp_path / "p.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PersonaError) as caught:
        read_front_matter(path, error=PersonaError)
    assert str(path) in caught.value.message
    assert what in caught.value.message


def test_a_missing_or_foreign_file_is_one_line(tmp_path):
    with pytest.raises(ToolError, match="no such file"):
        read_front_matter(tmp_path / "none.md")
    path = tmp_path / "latin.md"
    path.write_bytes(b"---\nname: x\nb: \xe9\n---\n")
    with pytest.raises(ToolError, match="line 3: not UTF-8"):
        read_front_matter(path)
