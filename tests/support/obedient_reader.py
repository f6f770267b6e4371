"""The sandbox's child as a hostile document may make it: its reader runs documents as Python code.

The child has given up its rights by then, as before any document.

    python -P -m tests.support.obedient_reader ARGUMENTS    (those of `sandbox_child`)
"""

from panel.evidence.readers import sandbox_child
from panel.evidence.readers.block import Block, Extract


def obey(raw: bytes, media_type: str, *, charset: str | None, whole: bool) -> Extract:
    said: dict[str, object] = {}
    exec(raw, said)
    return Extract((Block("prose", str(said.get("answer", "done")), ""),))


if __name__ == "__main__":
    setattr(sandbox_child, "read_document", obey)  # noqa: B010
    sandbox_child.main()
