"""Names masked in what a reviewer is shown, so that reading can be told from remembering. Pure.

The tool is called "the tool", its owner "the owner", and what looks like an address, a path or a
package of its own is replaced whole. Words are compared without case; a name inside of a longer
word of small letters stays.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool

NAME: Final = "the tool"
OWNER: Final = "the owner"
ADDRESS: Final = "[masked]"

FORGES: Final = frozenset(
    {"github.com", "gitlab.com", "codeberg.org", "bitbucket.org", "sr.ht", "git.sr.ht",
     "huggingface.co", "sourceforge.net"}
)  # fmt: skip
"""Hosts of everybody's projects: there a path names the tool, elsewhere the host does."""

_TOKEN: Final = re.compile(r"[^\s<>\"'`|()\[\]{},;]+")
_ADDRESS: Final = re.compile(r"://|[/@\\]|\w\.\w", re.ASCII)
_MARKS: Final = ".:!?*_"
"""What may stand around an address without being part of it."""
_SHORTEST: Final = 3
"""Letters that a name needs to be searched for within addresses."""


@dataclass(frozen=True)
class Mask:
    """What is masked in texts about one tool."""

    names: re.Pattern[str]
    owner: re.Pattern[str] | None
    keys: tuple[str, ...]
    """Letters and digits, in small letters, by which an address is known as the tool's own."""

    @classmethod
    def of(cls, tool: Tool) -> Self:
        """Return the mask of a tool, from its name, slug and address."""
        owner, repo, host = _parts(tool.url)
        names = [*_spellings(tool.name), tool.slug]
        keys = [*names, host]
        if repo and _tells(repo, tool.name):
            names.append(repo)
            keys.append(repo)
        elif repo:
            keys.append(f"{owner}/{repo}")
        keys.append(owner)
        known = (_letters(key) for key in keys)
        names_pattern = _pattern(names)
        if names_pattern is None:  # a name of signs alone
            names_pattern = re.compile(re.escape(tool.name))
        return cls(
            names_pattern,
            _pattern([owner]),
            tuple(dict.fromkeys(key for key in known if len(key) >= _SHORTEST)),
        )

    def text(self, text: str) -> str:
        """Return a text with names and addresses masked."""
        text = _TOKEN.sub(self._token, text)
        text = _words(self.names, NAME, text)
        return text if self.owner is None else _words(self.owner, OWNER, text)

    def tool(self, tool: Tool) -> Tool:
        """Return the tool without a name of its own and without an address."""
        texts = {key: getattr(tool, key) for key in ("category", "tagline", "price", "description")}
        masked = {key: value and self.text(value) for key, value in texts.items()}
        return tool.model_copy(update={"name": NAME, "url": None, **masked})

    def evidence(self, evidence: Evidence) -> Evidence:
        """Return the evidence with its passages, headings and file names masked."""
        sources = tuple(
            source.model_copy(
                update={
                    "source": self.text(source.source),
                    "passages": tuple(
                        passage.model_copy(
                            update={
                                "text": self.text(passage.text),
                                "heading": self.text(passage.heading),
                            }
                        )
                        for passage in source.passages
                    ),
                }
            )
            for source in evidence.sources
        )
        notes = tuple(self.text(note) for note in evidence.notes)
        return evidence.model_copy(update={"sources": sources, "notes": notes, "links": {}})

    def _token(self, match: re.Match[str]) -> str:
        token = match[0]
        inner = token.strip(_MARKS)
        if not _ADDRESS.search(inner) or self.names.fullmatch(inner):
            return token
        letters = _letters(inner)
        if not any(key in letters for key in self.keys):
            return token
        before, _, after = token.partition(inner)
        return f"{before}{ADDRESS}{after}"


def _parts(url: str | None) -> tuple[str, str, str]:
    """Return owner, repository and own host of an address, "" for what it does not have."""
    if not url:
        return "", "", ""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    if host not in FORGES:
        return "", "", host
    path = [part for part in parts.path.split("/") if part]
    owner = path[0].lstrip("~") if len(path) > 1 else ""
    return owner, path[-1].removesuffix(".git") if path else "", ""


def _spellings(name: str) -> Iterator[str]:
    """Yield a name, and both parts of one such as `Etebase (EteSync)`."""
    yield name
    if match := re.fullmatch(r"(.+?)\s*\((.+)\)\s*", name):
        yield from match.groups()


def _tells(repo: str, name: str) -> bool:
    """Tell a repository's name from a common word such as `server` or `docs`."""
    own, other = _letters(repo), _letters(name)
    return own in other or other in own or not (repo.isalpha() and repo.islower())


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def _pattern(names: list[str]) -> re.Pattern[str] | None:
    """Return a pattern of any of the names, whatever stands between their words."""
    spelled = [re.findall(r"[^\W_]+", name) for name in names]
    forms = {r"[\s_.\-/]*".join(map(re.escape, words)) for words in spelled if words}
    if not forms:
        return None
    return re.compile("|".join(sorted(forms, key=len, reverse=True)), re.IGNORECASE)


def _words(pattern: re.Pattern[str], mask: str, text: str) -> str:
    def masked(match: re.Match[str]) -> str:
        return mask if _is_word(text, match.start(), match.end()) else match[0]

    return pattern.sub(masked, text)


def _is_word(text: str, start: int, end: int) -> bool:
    """Tell whether words end at both places.

    One also ends between a letter and a digit, before a capital letter after a small one, and
    behind the `-D` with which compilers are given a name.
    """

    def ends(place: int) -> bool:
        before, after = text[place - 1 : place], text[place : place + 1]
        if not (before.isalnum() and after.isalnum()):
            return True
        return before.isalpha() != after.isalpha() or (before.islower() and after.isupper())

    return (ends(start) or text[max(0, start - 2) : start] == "-D") and ends(end)
