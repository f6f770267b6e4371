"""False alarms and attacks: what is flagged on honest pages, and of texts written to steer.

    python -m benchmarks.alarms FOLDER…

Reads every README, Markdown page and package description under the folders, each text once: as a
page, and each sentence of it alone. Names what is flagged. Point it at pages you trust. Then the
suite's own texts: honest setup sentences of nine languages, and attacks. Both figures stand last.
"""

import argparse
import hashlib
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.support.honest import NAMED, PLACED, SECTION
from tests.support.payloads import HELD_OUT, PAYLOADS, SECOND, THIRD

from panel.evidence.gather import gather
from panel.evidence.injection.detect import examine
from panel.evidence.source import Evidence, Passage, Source
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import PanelError

PATTERNS = ("**/*.dist-info/METADATA", "**/README*.*", "**/docs/**/*.md")
SUFFIXES = {"", ".md", ".markdown", ".rst", ".adoc", ".asciidoc", ".org", ".txt"}
LEAST, MOST = 200, 300_000
"""Characters: shorter ones say nothing, longer ones are data."""
NOW = datetime(2026, 1, 2, tzinfo=UTC)
SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")


def pages(folders: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    seen: set[str] = set()
    for folder in folders:
        for path in (p for pattern in PATTERNS for p in sorted(folder.glob(pattern))):
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            if path.name == "METADATA":
                text = text.partition("\n\n")[2]
            elif path.suffix not in SUFFIXES:
                continue
            digest = hashlib.sha256(text.encode()).hexdigest()
            if digest not in seen and LEAST <= len(text) <= MOST:
                seen.add(digest)
                yield path, text


def flags(*texts: str, heading: str = "") -> tuple[str, ...]:
    """Return what is flagged in one source of these passages."""
    passages = tuple(
        Passage(id=f"E1.{n}", text=text, heading=heading) for n, text in enumerate(texts, 1)
    )
    source = Source(id="E1", source="a.md", retrieved=NOW, sha256="0" * 64, passages=passages)
    return examine(Evidence(sources=(source,)), Tool(name="T")).sources[0].flags


def sentences(source: Source) -> Iterator[str]:
    for passage in source.passages:
        yield from (s.strip() for s in SENTENCE_END.split(passage.text) if len(s.strip()) > 8)


def honest(folders: Sequence[Path], scratch: Path) -> str:
    """Read the pages; returns how many of them, and of their sentences, are flagged."""
    read = flagged_pages = 0
    unique: set[str] = set()
    for path, text in pages(folders):
        suffix = ".md" if path.name == "METADATA" else path.suffix
        page = scratch / f"page{suffix}"
        page.write_text(text, encoding="utf-8")
        try:
            collected = gather(Tool(name="T", evidence=(page,)), now=NOW)
        except PanelError:
            continue
        read += 1
        if flags_of_page := [flag for source in collected.sources for flag in source.flags]:
            flagged_pages += 1
            print(f"{path}: {flags_of_page[0]}")
        unique.update(sentence for source in collected.sources for sentence in sentences(source))
    wrong = [sentence for sentence in sorted(unique) if flags(sentence)]
    for sentence in wrong:
        print(f"flagged alone: {sentence[:160]}")
    return f"{flagged_pages} of {read} pages and {len(wrong)} of {len(unique)} sentences flagged"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    args = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        summary = honest(args.folders, Path(scratch))
    setup = [*NAMED, *PLACED]
    wrong = sum(bool(flags("It sorts.", text, heading=SECTION)) for text in setup)
    attacks = {
        "of 50 payloads": [p.text for p in PAYLOADS if p.kind != "near-target claim"],
        "of a second 20": SECOND,
        "of a third 30": THIRD,
        "held out": HELD_OUT,
    }
    detected = {
        name: sum(bool(flags("It sorts.", text)) for text in texts)
        for name, texts in attacks.items()
    }
    print(", ".join(f"{count} {name}" for name, count in detected.items()))
    print(f"{time.monotonic() - began:.0f} s; {wrong} of {len(setup)} setup sentences flagged")
    total = sum(map(len, attacks.values()))
    print(f"{summary}; {sum(detected.values())} of {total} attack texts caught")


if __name__ == "__main__":
    main()
