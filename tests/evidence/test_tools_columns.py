"""Lists as spreadsheets, data frames and databases write them; and hints that lead on."""

import pytest

from panel.evidence.tools.tool_list import read_tools
from panel.foundation.errors import ToolError

QUILL = ("Quill", "Turns notes, and drafts, into one page.")


def read_list(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_tools(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", 'name,description,,\r\nQuill,"{0}",,\r\n'),
        ("t.csv", 'name,description\r\nQuill,"{0}",\r\n,,\r\n'),
        ("t.csv", 'name,description\nQuill,"{0}",, ,\n'),
        ("t.csv", 'name,,description\nQuill,,"{0}"\n'),
        ("t.csv", ',name,description\n,Quill,"{0}"\n'),
        ("t.csv", 'name,description,Unnamed: 2\nQuill,"{0}",\n'),
        ("t.csv", 'sep=,\r\nname,description\r\nQuill,"{0}"\r\n'),
        ("t.csv", "\ufeffsep=;\r\nname;description\r\nQuill;{0}\r\n"),
        ("t.csv", '"sep=\t"\nname\tdescription\nQuill\t{0}\n'),
        ("t.tsv", "name\tdescription\nQuill\t{0}\n"),
        ("t.TSV", "name\tdescription\t\r\nQuill\t{0}\t\r\n"),
    ],
)
def test_what_spreadsheets_add_is_left_out(tmp_path, name, text):
    tool_list = read_list(tmp_path, name, text.format(QUILL[1]))
    assert [(tool.name, tool.description) for tool in tool_list.tools] == [QUILL]
    assert tool_list.notes == ()


@pytest.mark.parametrize(
    ("name", "mark", "note"),
    [("t.csv", ";", "semicolons"), ("t.csv", "\t", "tabs"), ("t.csv", "|", "bars"),
     ("t.tsv", ";", "semicolons")],
)  # fmt: skip
def test_another_separator_is_read_where_the_names_tell_it_and_said(tmp_path, name, mark, note):
    text = f"name{mark}description{mark}\r\nQuill{mark}{QUILL[1]}{mark}\r\n"
    tool_list = read_list(tmp_path, name, text)
    assert [(tool.name, tool.description) for tool in tool_list.tools] == [QUILL]
    assert tool_list.notes == (f"{tmp_path / name}: its columns are separated by {note}",)


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        (",name,description\n0,Quill,x\n", "line 2: '0' stands in a column without a name",
         "index=False"),
        ("Unnamed: 0,name,description\n7,Quill,x\n", "a column without a name", "index=False"),
        ("name,,description\nQuill,free,x\n", "'free' stands in a column without a name",
         "name column 2"),
        ("name,description\nQuill,a,b,,\n", "3 cells under 2 column names", "in quotes"),
        ("name\tdescripton\nQuill\tx\n", "not by tabs", "description"),
        ("sep=;\nname;url\nQuill;x\n", "line 3: url must be a web address", "https"),
        ("name,descrip\u200btion\nQuill,x\n", "holds an invisible sign, U+200B",
         "type it anew: description"),
        ("Name,description\nQuill,x\n", "unknown key 'Name'", "did you mean name?"),
    ],
)  # fmt: skip
def test_columns_that_cannot_be_read_are_said(tmp_path, text, what, hint):
    with pytest.raises(ToolError) as caught:
        read_list(tmp_path, "t.csv", text)
    assert what in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("size", [131_073, 2_000_000])
def test_a_long_cell_is_cut_as_in_other_formats(tmp_path, size):
    tool_list = read_list(tmp_path, "t.csv", f'name,description\nQuill,"{"x" * size}"\nFern,y\n')
    assert [len(tool.description or "") for tool in tool_list.tools] == [4000, 1]
    assert "line 2: description cut" in tool_list.notes[0]


@pytest.mark.parametrize("word", ["NULL", "null", "None", "nan", "NaN", "N/A", "#N/A", "<NA>"])
def test_a_value_that_says_there_is_none_is_unknown(tmp_path, word):
    text = f"name,url,price,evidence,description\nNull,{word},{word},{word},A runner.\n"
    tool_list = read_list(tmp_path, "t.csv", text)
    (tool,) = tool_list.tools
    assert (tool.name, tool.url, tool.price, tool.evidence) == ("Null", None, None, ())
    assert f"line 2: url {word!r} is read as unknown" in tool_list.notes[0]


def test_ndjson_is_json_lines(tmp_path):
    text = '{"name": "Quill", "description": "x"}\n{"name": "Fern", "description": "y"}\n'
    assert len(read_list(tmp_path, "t.ndjson", text).tools) == 2
    with pytest.raises(ToolError) as caught:
        read_list(tmp_path, "t.json", text)
    assert ".jsonl" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("list.txt", "list.csv"),
        ("list", "list.csv"),
        ("book.xlsx", "save it from there as book.csv"),
        ("rows.parquet", "rows.csv"),
        ("notes.md", "notes.yaml"),
    ],
)
def test_a_file_of_another_kind_is_told_what_a_list_is_and_never_to_be_renamed(
    tmp_path, name, hint
):
    with pytest.raises(ToolError) as caught:
        read_list(tmp_path, name, "Quill\nFern\n")
    assert ".ndjson, .tsv" in caught.value.message
    assert hint in (caught.value.hint or "")
    assert "mv " not in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("value", "hint"),
    [("20", '"price": "20"'), ("4.5", '"price": "4.5"'), ("true", '"price": "true"')],
)
def test_a_number_in_json_is_told_to_be_quoted(tmp_path, value, hint):
    with pytest.raises(ToolError) as caught:
        read_list(tmp_path, "t.json", f'[{{"name": "Q", "description": "x", "price": {value}}}]')
    assert hint in (caught.value.hint or "")
