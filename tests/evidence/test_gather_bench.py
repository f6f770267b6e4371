"""The benchmark of gathering runs on any folder of that shape."""

import json

from benchmarks import gather

from tests.support.forge import README


def test_the_tools_of_a_folder_are_served_gathered_and_summed_up_last(tmp_path, capsys):
    entries = []
    for name, licence in (("one", "MIT"), ("two", "Apache-2.0")):
        folder = tmp_path / "dossiers" / name
        folder.mkdir(parents=True)
        meta = {"repo": f"acme/{name}", "commit_date": "2026-10-02T00:00:00+02:00"}
        (folder / "meta.json").write_text(json.dumps(meta))
        (folder / "LICENSE-NAME.txt").write_text(f"{licence}\n")
        (folder / "README.md").write_text(README)
        entries.append(f"- name: {name.title()}\n  url: https://github.com/acme/{name}\n")
    (tmp_path / "tools.yaml").write_text("".join(entries))
    gather.main(tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:3:2] == ["one", "2"]
    assert "MIT" in lines[1]
    assert "Apache-2.0" in lines[2]
    assert lines[-1].startswith("2 tools in ")
    assert "8 requests" in lines[-1]
