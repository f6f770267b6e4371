"""The index that the pages' search reads: a script file, since pages from disk may not fetch."""

import json
from collections.abc import Iterable
from typing import Final

from panel.publish.site.tool_summary import name_of
from panel.report.citations import cut, line
from panel.runs.history.entry import History

_PURPOSE: Final = 60
"""Characters of a tool's tagline that are searched."""


def search_script(histories: Iterable[History]) -> bytes:
    """Return the script: a list of (name, key, outcome, category, purpose), by name."""
    rows = [
        (
            name_of(each.latest),
            each.key,
            each.latest.verdict.outcome,
            line(each.latest.tool.category),
            cut(line(each.latest.tool.tagline), _PURPOSE),
        )
        for each in histories
    ]
    rows.sort(key=lambda row: (row[0].casefold(), row[1]))
    # Letters beyond ASCII and `<` are written as escapes: safe in a script however it is read.
    text = json.dumps(rows, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return f"window.panelTools={text};\n".encode()
