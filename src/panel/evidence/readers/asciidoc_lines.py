"""What of an AsciiDoc file is read at all: conditions and attributes, line by line.

A condition holds as it would where a README is shown; what one keeps back is told to the page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from panel.evidence.readers.html_writer import Rewriting

_GIVEN: Final = {"env-github": "", "env": "github", "asciidoctor": "", "backend-html5": ""}
"""Attributes that are set where a README is shown."""
_SIGNS: Final = {
    "empty": "", "sp": " ", "nbsp": " ", "zwsp": "", "wj": "", "apos": "'", "quot": '"',
    "lsquo": "‘", "rsquo": "’", "ldquo": "“", "rdquo": "”", "deg": "°", "plus": "+", "brvbar": "|",
    "vbar": "|", "amp": "&", "lt": "<", "gt": ">", "startsb": "[", "endsb": "]", "caret": "^",
    "asterisk": "*", "tilde": "~", "backslash": "\\", "backtick": "`", "two-colons": "::",
    "two-semicolons": ";;", "cpp": "C++", "pp": "++",
}  # fmt: skip
_LONGEST_VALUE: Final = 2_000
_CONDITION: Final = re.compile(r"(ifdef|ifndef|ifeval)::([^\[\s]*)\[(.*)\]\s*")
_END: Final = re.compile(r"endif::[^\[]*\[.*\]\s*")
_ENTRY: Final = re.compile(r":(!?[\w][\w -]*!?):(?:[ \t]+(.*)|[ \t]*)")
_REFERENCE: Final = re.compile(r"(?<!\\)\{([\w][\w-]*)\}")


@dataclass
class Lines:
    """The lines of a document that are to be seen, and the attributes they set and use."""

    lines: list[str]
    page: Rewriting
    attributes: dict[str, str] = field(default_factory=lambda: dict(_GIVEN))
    used: set[str] = field(default_factory=set)
    entries: dict[str, str] = field(default_factory=dict)

    def seen(self) -> Iterator[str]:
        """Yield the lines that conditions let through; what they keep back is hidden."""
        shown: list[bool] = []
        kept_back: list[str] = []
        for line in self.lines:
            if _END.fullmatch(line) and shown:
                shown.pop()
                self._keep_back(kept_back, closed=all(shown))
            elif found := _CONDITION.fullmatch(line):
                holds = self._holds(*found.groups())
                if found[1] == "ifeval" or not found[3]:
                    shown.append(holds)
                elif holds and all(shown):
                    yield found[3]
                else:
                    self.page.hide(found[3], f"condition {found[1]}::{found[2]}")
            elif all(shown):
                yield line
            else:
                kept_back.append(line)
        self._keep_back(kept_back, closed=True)

    def _keep_back(self, lines: list[str], *, closed: bool) -> None:
        if closed:
            self.page.hide("\n".join(lines), "condition that does not hold")
            lines.clear()

    def _holds(self, kind: str, names: str, _: str) -> bool:
        if kind == "ifeval":
            return False
        every = all if "+" in names else any
        holds = every(name in self.attributes for name in re.split(r"[,+]", names))
        return holds == (kind == "ifdef")

    def entry(self, line: str) -> bool:
        """Take an attribute entry; tell whether the line is one."""
        found = _ENTRY.fullmatch(line)
        if found is None:
            return False
        name, value = found[1].strip().lower(), (found[2] or "").strip()
        if "!" in name:
            self.attributes.pop(name.strip("!"), None)
        else:
            value = self.expanded(value)[:_LONGEST_VALUE]
            self.attributes[name] = self.entries[name] = value
        return True

    def expanded(self, text: str) -> str:
        """Return the text with its attributes in place."""
        return _REFERENCE.sub(lambda found: self._value(found[1].lower(), found[0]), text)

    def _value(self, name: str, written: str) -> str:
        self.used.add(name)
        return _SIGNS.get(name, self.attributes.get(name, written))

    def unused(self) -> None:
        """Hide the attributes that nothing showed."""
        for name, value in self.entries.items():
            if name not in self.used:
                self.page.hide(f":{name}: {value}".strip(), "attribute entry")
