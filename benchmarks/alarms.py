"""False alarms: how many honest pages are flagged as speaking to a reviewer.

    python -m benchmarks.alarms FOLDER…

Reads every README, Markdown page and package description under the folders, each text once, and
names those that are flagged. Point it at pages you trust.
"""

import argparse
import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from panel.errors import PanelError
from panel.evidence.gather import gather
from panel.tools.tool import Tool

PATTERNS = ("**/*.dist-info/METADATA", "**/README*.md", "**/docs/**/*.md")
LEAST, MOST = 200, 300_000
"""Characters: shorter ones say nothing, longer ones are data."""


def pages(folders: list[Path]) -> Iterator[tuple[Path, str]]:
    seen: set[str] = set()
    for folder in folders:
        for path in (p for pattern in PATTERNS for p in sorted(folder.glob(pattern))):
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            if path.name == "METADATA":
                text = text.partition("\n\n")[2]
            digest = hashlib.sha256(text.encode()).hexdigest()
            if digest not in seen and LEAST <= len(text) <= MOST:
                seen.add(digest)
                yield path, text


def main() -> None:
    parser = argparse.ArgumentParser(description="Count honest pages that are flagged.")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--scratch", type=Path, default=Path("alarms-page.md"))
    args = parser.parse_args()
    read = flagged = 0
    began = time.monotonic()
    for path, text in pages(args.folders):
        args.scratch.write_text(text, encoding="utf-8")
        try:
            found = gather(Tool(name="T", evidence=(args.scratch,)), now=datetime.now(UTC))
        except PanelError:
            continue
        read += 1
        if flags := [flag for source in found.sources for flag in source.flags]:
            flagged += 1
            print(f"{path}: {flags[0]}")
    args.scratch.unlink(missing_ok=True)
    print(f"{read} pages, {flagged} flagged, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
