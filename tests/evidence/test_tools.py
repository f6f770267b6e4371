"""Tool lists: formats, duplicates, names to paths, and errors that say what to type next."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.evidence.tools.tool_list import pick, read_tools, single_tool
from panel.foundation.errors import ToolError
from panel.foundation.slug import slug

YAML = """\
- name: Alpha
  url: https://alpha.example
  price: 5
  description: First letter.
  evidence: [alpha.md]
- name: Beta
  description: no
"""


@pytest.fixture
def write(tmp_path):
    (tmp_path / "alpha.md").write_text("# Alpha\n\nThe first.\n", encoding="utf-8")

    def write(name, text):
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return write


def failure(path):
    with pytest.raises(ToolError) as caught:
        read_tools(path)
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.yaml", YAML),
        ("t.yml", YAML.replace("\n", "\r\n")),
        (
            "t.json",
            '[{"name": "Alpha", "url": "https://alpha.example", "price": "5", "description":'
            ' "First letter.", "evidence": ["alpha.md"]},\n {"name": "Beta", "description": "no"}]',
        ),
        (
            "t.jsonl",
            '{"name": "Alpha", "url": "https://alpha.example", "price": "5", "description":'
            ' "First letter.", "evidence": ["alpha.md"]}\n\n{"name": "Beta",'
            ' "description": "no"}\n',
        ),
        (
            "t.csv",
            "\ufeffname,url,price,description,evidence\r\n"
            "Alpha,https://alpha.example,5,First letter.,alpha.md\r\n"
            "Beta,,,no\r\n",
        ),
    ],
)
def test_every_format_gives_the_same_tools(write, tmp_path, name, text):
    tool_list = read_tools(write(name, text))
    alpha, beta = tool_list.tools
    assert (alpha.name, alpha.url, alpha.price) == ("Alpha", "https://alpha.example", "5")
    assert alpha.evidence == ((tmp_path / "alpha.md").resolve(),)
    assert (beta.name, beta.description, beta.url, beta.slug) == ("Beta", "no", None, "beta")
    assert tool_list.notes == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.yaml", "name: Solo\ndescription: one\n"),
        ("t.json", '{"name":"Solo","description":"one"}'),
    ],
)
def test_one_mapping_is_one_tool(write, name, text):
    assert [tool.name for tool in read_tools(write(name, text)).tools] == ["Solo"]


def test_csv_parts_evidence_by_semicolons(write):
    write("b.md", "b")
    path = write("t.csv", "name,evidence\nA,alpha.md; b.md\n")
    assert [file.name for file in read_tools(path).tools[0].evidence] == ["alpha.md", "b.md"]


@pytest.mark.parametrize(
    ("name", "text", "what", "hint"),
    [
        (
            "t.yaml",
            "- name: A\n  description: x\n  tagine: y\n",
            "line 3: unknown key 'tagine'",
            "tagline",
        ),
        (
            "t.yaml",
            "- name: A\n  slug: x\n  description: x\n",
            "line 2: unknown key 'slug'",
            "keys are",
        ),
        ("t.yaml", "- url: https://x.example\n  description: x\n", "line 1: no name", "name:"),
        ("t.yaml", "- name: '  '\n  description: x\n", "line 1: no name", "name:"),
        (
            "t.yaml",
            "- name: A\n  description: [x]\n",
            "line 2: description must be one text",
            '"TEXT"',
        ),
        ("t.yaml", "- name: A\n", "'A' has neither description nor evidence", "add description"),
        (
            "t.yaml",
            "- name: A\n  url: javascript:x\n  description: x\n",
            "line 2: url must be",
            "https",
        ),
        (
            "t.yaml",
            "- name: A\n  evidence: [none.md]\n",
            "line 2: no evidence file 'none.md'",
            None,
        ),
        (
            "t.yaml",
            "- name: A\n  evidence: {a: b}\n",
            "line 2: evidence must be a list",
            "evidence:",
        ),
        ("t.yaml", "- just text\n", "line 1: expected a tool", "- name"),
        ("t.yaml", "just text\n", "line 1: expected a list of tools", None),
        ("t.yaml", "", "no tools in it", "add an entry"),
        ("t.yaml", "- name: A\n  description: a: b\n", "line 2: not valid YAML", "quotes"),
        ("t.json", '[{"name": "A"},]', "line 1: not valid JSON", None),
        (
            "t.json",
            '[{"name": "A", "description": "x"}\n {"name": "B"}]',
            "line 2: expected , or ]",
            None,
        ),
        (
            "t.json",
            '[\n{"name": "A",\n "name": "B"}]',
            "line 2: not valid JSON: key 'name' stands twice",
            None,
        ),
        ("t.json", '[{"name": "A", "price": NaN}]', "NaN is not a JSON value", None),
        ("t.json", '[{"name": "A", "price": -Infinity}]', "-Infinity is not a JSON value", None),
        ("t.json", '[{"name": "A", "price": 5}]', "price must be one text", '"price": "5"'),
        ("t.json", '[{"name": "A", "price": [5]}]', "price must be one text", '"TEXT"'),
        ("t.json", "[" * 100_000, "nested too deep", None),
        ("t.json", '[{"name": "A", "price": ' + "9" * 5000 + "}]", "not valid JSON", None),
        ("t.json", '{"name": "A", "description": "x"} x', "after the end", None),
        ("t.json", "[]", "no tools in it", None),
        ("t.json", '[{"name": "A", "description": "x"}', "line 1: expected , or ]", None),
        (
            "t.jsonl",
            '{"name": "A", "description": "x"}\n{"name": "B"',
            "line 2: not valid JSON",
            None,
        ),
        ("t.jsonl", '{"name": "A", "description": "x"}\n[]\n', "line 2: expected a tool", None),
        ("t.csv", "name,descripton\nA,x\n", "line 1: unknown key 'descripton'", "description"),
        ("t.csv", "name;what\nA;x\n", "separated by commas, not by semicolons", "description"),
        ("t.csv", "name,name\nA,x\n", "line 1: column 'name' stands twice", None),
        ("t.csv", 'name,description\n\nA,"x\ny"\nB,b,c\n', "line 5: 3 cells under 2", "quotes"),
        ("t.csv", 'name,description\nA,"x\n', "not valid CSV", None),
        ("t.csv", "name,description\n", "no tools in it", None),
        ("t.toml", "", "a tool list ends in", ".yaml"),
        ("t.yaml", "- name: A\n  description: \udcff\n", "", None),
    ],
)
def test_a_bad_list_is_one_line_with_the_place_and_the_next_step(tmp_path, name, text, what, hint):
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    error = failure(path)
    assert str(path) in error.message
    assert what in error.message
    assert error.exit_code == 2
    if hint:
        assert hint in (error.hint or "")


def test_a_list_over_its_size_or_missing_is_refused(tmp_path, write):
    assert "no such file" in failure(tmp_path / "none.yaml").message
    assert "larger than 1 MB" in failure(write("t.yaml", "# x\n" * 300_000)).message


# Duplicates


@pytest.mark.parametrize(
    "variant",
    [
        "Café Tool",
        "café tool",
        "CAFÉ TOOL",
        "Cafe\u0301 Tool",
        "  Café   Tool ",
        "Café Tool/",
        "Café\u200b Tool",
    ],
)
def test_r8_variants_of_a_name_are_one_tool_and_the_merge_names_both_lines(write, variant):
    entries = [{"name": "Café Tool", "description": "x"}, {"name": "Other", "description": "y"}]
    entries.append({"name": variant, "description": "z"})
    path = write("t.jsonl", "".join(json.dumps(entry) + "\n" for entry in entries))
    tool_list = read_tools(path)
    assert [tool.name for tool in tool_list.tools] == ["Café Tool", "Other"]
    assert tool_list.tools[0].description == "x"
    [note] = [note for note in tool_list.notes if "merged" in note]
    assert "line 3:" in note
    assert "line 1" in note


def test_r8_a_slash_behind_the_address_makes_no_other_tool(write):
    path = write(
        "t.yaml",
        "- {name: A, url: 'https://a.example/x', description: one}\n"
        "- {name: a, url: 'http://A.example/x/', description: two, tagline: filled}\n",
    )
    [tool] = read_tools(path).tools
    assert (tool.name, tool.description, tool.tagline) == ("A", "one", "filled")


def test_namesakes_at_other_addresses_stay_two_tools_and_a_note_says_so(write):
    path = write(
        "t.yaml",
        "- {name: fx, url: 'https://a.example', description: one}\n"
        "- {name: fx, url: 'https://b.example', description: two}\n",
    )
    tool_list = read_tools(path)
    assert len({tool.slug for tool in tool_list.tools}) == 2
    assert "kept apart" in tool_list.notes[0]


def test_r8_the_order_is_that_of_first_appearance(write):
    names = ["z", "a", "m", "A", "Z", "b"]
    path = write("t.yaml", "".join(f"- {{name: {n}, description: x}}\n" for n in names))
    assert [tool.name for tool in read_tools(path).tools] == ["z", "a", "m", "b"]


def test_long_and_invisible_text_is_cut_and_cleaned_with_a_note(write):
    entry = {"name": "N" * 300, "tagline": "t\u202eag", "description": "d" * 5000}
    tool_list = read_tools(write("t.jsonl", json.dumps(entry)))
    [tool] = tool_list.tools
    assert (len(tool.name), tool.tagline, len(tool.description or "")) == (200, "tag", 4000)
    assert any("name cut from 300 to 200" in note for note in tool_list.notes)
    assert any("1 invisible characters removed from tagline" in note for note in tool_list.notes)


# Names to paths


@given(st.lists(st.text(min_size=1), min_size=1, max_size=8, unique=True))
def test_o2_distinct_names_get_distinct_safe_slugs(names):
    slugs: set[str] = set()
    for name in names:
        plain_slug = slug(name, taken=slugs)
        assert plain_slug not in slugs
        assert plain_slug.strip("-") == plain_slug
        assert set(plain_slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert 0 < len(plain_slug.encode()) <= 120
        slugs.add(plain_slug)


@pytest.mark.parametrize(
    "name",
    ["..", ".", "/", "/etc/passwd", "a\0b", "CON", "nul", "com1", "LPT9", "x" * 300, "👩‍💻" * 30,
     "\u202eevil", "עברית", "工具", "-rf", "a/../b", "C:\\x", "con.", "~"],
)  # fmt: skip
def test_o2_no_name_leaves_its_folder_or_is_reserved(name, tmp_path):
    plain_slug = slug(name)
    path = tmp_path / f"{plain_slug}.json"
    assert path.resolve().parent == tmp_path.resolve()
    assert plain_slug.split(".")[0] not in {"con", "nul", "com1", "lpt9", "prn", "aux"}
    assert not plain_slug.startswith("-")
    path.write_text("x")


def test_r8_names_with_one_slug_get_paths_of_their_own(write):
    path = write(
        "t.yaml", "".join(f"- {{name: '{n}', description: x}}\n" for n in ["C", "C++", "C#"])
    )
    slugs = [tool.slug for tool in read_tools(path).tools]
    assert slugs[0] == "c"
    assert len(set(slugs)) == 3
    assert all(slug_text.startswith("c-") for slug_text in slugs[1:])


# One tool, and picking


def test_a_single_tool_is_checked_like_one_of_a_list(tmp_path):
    file = tmp_path / "a.md"
    file.write_text("x", encoding="utf-8")
    tool = single_tool("Foo/Bar", url="https://x.example", evidence=[file])
    assert (tool.slug, tool.evidence) == ("foo-bar", (file.resolve(),))
    with pytest.raises(ToolError, match="neither description nor evidence"):
        single_tool("Foo")
    with pytest.raises(ToolError, match="no evidence file"):
        single_tool("Foo", evidence=[tmp_path / "none.md"])
    with pytest.raises(ToolError, match="no name"):
        single_tool(" \u200b", description="x")


def test_pick_finds_by_name_or_slug_and_suggests(write):
    tools = read_tools(write("t.yaml", YAML)).tools
    assert pick(tools, " alpha ").name == "Alpha"
    assert pick(tools, "beta").name == "Beta"
    with pytest.raises(ToolError) as caught:
        pick(tools, "alpah")
    assert caught.value.hint == "did you mean Alpha?"
