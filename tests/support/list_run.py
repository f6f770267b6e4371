"""A run over a list whose hosts are on loopback, with slugs of its tools as output.

    python -m tests.support.list_run ACTION PROVIDER BASE COUNT

ACTION is `batch` or the name of a run to resume; BASE answers for the hosts of GitHub.
"""

import os
import sys
from pathlib import Path

from panel.cli import run_session
from panel.engine.options import Options
from panel.engine.session import Session
from panel.evidence.tools.tool_list import single_tool
from panel.foundation.errors import PanelError
from panel.foundation.settings import Settings
from panel.runs.run import Run


def main() -> None:
    action, provider, base, count = sys.argv[1:]
    # Of a host two pages are fetched at a time: these are two hosts, as those they stand for.
    hosts = {
        "raw.githubusercontent.com": f"{base}/raw.githubusercontent.com",
        "api.github.com": f"{base}/api.github.com".replace("127.0.0.1", "localhost"),
    }
    options = Options(
        settings=Settings(runs=Path("runs")), environ=os.environ, provider=provider, model="m",
        personas=("builder",), hosts=hosts,
    )  # fmt: skip
    urls = [f"https://github.com/acme/tool-{n}" for n in range(int(count))]
    tools = [single_tool(f"tool-{n}", url=url) for n, url in enumerate(urls)]
    opening = (
        Session.start(options, tools)
        if action == "batch"
        else Session.resume(options, Path("runs") / action)
    )
    try:
        path = run_session.perform(opening).path
    except PanelError as error:
        print(f"hint: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
    with Run.open(path) as run:
        print(*(card.tool.slug for card in run.each_verdict()))


if __name__ == "__main__":
    main()
