"""`--concurrency auto`: what a run found stands in the run, in `usage` and in `doctor`."""

import json
import threading
from pathlib import Path

from click.testing import CliRunner

from panel.cli.main import panel as command
from panel.runs.metadata import stored_limits
from panel.runs.run import Run
from panel.testing import ScriptedProvider, ship


def test_the_limit_that_was_found_is_kept_and_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"T{n},Cuts {n}.\n" for n in range(20))
    Path("tools.csv").write_text("name,description\n" + rows)

    def run(*arguments):
        done = CliRunner().invoke(command, arguments)
        assert done.exit_code == 0, done.output
        return done.stdout

    full = threading.Event()

    def answer(request):
        """Answer the list when as many calls are under way as may be at first."""
        if len(provider.requests) > 16:
            full.set()
        if len(provider.requests) > 1:
            full.wait(30)
        return ship(request)

    with ScriptedProvider(answer) as provider:
        Path("panel.toml").write_text(
            f'[providers.mine]\nbase_url = "{provider.url}"\nmodel = "m"\nconcurrency = "auto"\n'
        )
        short = ("--provider", "mine", "--personas", "builder", "--no-write")
        run("review", "One", "--description", "Cuts.", *short)
        assert "calls at a time" not in run("usage", "latest"), "one call finds nothing"
        run("batch", "tools.csv", *short)
    (path,) = Path("runs").glob("*20-tools*")
    with Run.open(path) as stored:
        limit = stored_limits(stored)["mine"]
    assert 16 <= limit <= 256
    assert f"mine was found to take {limit} calls at a time." in run("usage", path.name)
    data = json.loads(run("usage", path.name, "--format", "json"))
    assert data["calls_at_a_time"] == {"mine": limit}
    found = f"limit mine took {limit} calls at a time in {path.name}"
    assert found in " ".join(CliRunner().invoke(command, ["doctor"]).output.split())
