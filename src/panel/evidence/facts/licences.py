"""Licence names as people write them, and their SPDX names. Knows names, not law."""

import re
from typing import Final

_SPDX: Final = (
    "0BSD", "AGPL-3.0", "AGPL-3.0-only", "AGPL-3.0-or-later", "Apache-2.0", "Artistic-2.0",
    "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "BUSL-1.1", "CC-BY-4.0", "CC-BY-NC-4.0",
    "CC-BY-SA-4.0", "CC0-1.0", "ECL-2.0", "EPL-2.0", "EUPL-1.2", "Elastic-2.0", "GPL-2.0",
    "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0", "GPL-3.0-only", "GPL-3.0-or-later", "ISC",
    "LGPL-2.1", "LGPL-3.0", "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT", "MIT-0", "MPL-2.0",
    "MS-PL", "MulanPSL-2.0", "NCSA", "OFL-1.1", "PostgreSQL", "PSF-2.0", "SSPL-1.0",
    "Unlicense", "UPL-1.0", "WTFPL", "Zlib", "ZPL-2.1", "OpenRAIL", "OpenRAIL++",
    "BigScience-OpenRAIL-M", "CreativeML-OpenRAIL-M", "Gemma", "Llama2", "Llama3", "Llama3.1",
    "Llama3.2", "Llama3.3", "Llama4",
)  # fmt: skip
_OTHER: Final = {
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache v2": "Apache-2.0",
    "apache version 2.0": "Apache-2.0",
    "bsd 2 clause": "BSD-2-Clause",
    "bsd 3 clause": "BSD-3-Clause",
    "2 clause bsd": "BSD-2-Clause",
    "3 clause bsd": "BSD-3-Clause",
    "gplv2": "GPL-2.0",
    "gplv3": "GPL-3.0",
    "agplv3": "AGPL-3.0",
    "lgplv3": "LGPL-3.0",
    "gnu agplv3": "AGPL-3.0",
    "gnu gplv3": "GPL-3.0",
    "mozilla public 2.0": "MPL-2.0",
    "expat": "MIT",
    "the unlicense": "Unlicense",
    "business source 1.1": "BUSL-1.1",
    "elastic 2.0": "Elastic-2.0",
}
_NOISE: Final = re.compile(r"\b(?:the|licen[cs]e[ds]?|version(?= \d))\b|[,()]", re.IGNORECASE)


def _key(text: str) -> str:
    return " ".join(_NOISE.sub(" ", text).replace("-", " ").lower().split())


_NAMES: Final = {_key(name): name for name in _SPDX} | {_key(k): v for k, v in _OTHER.items()}


def named_licence(text: str) -> str | None:
    """Return the SPDX name of the licence a few words name, None where they name none known here.

    The words may go on behind the name (`MIT license and is free`), not stand before it.
    """
    found = _key(text.split("\n")[0]).rstrip(".").split()
    for length in range(min(5, len(found)), 0, -1):
        if name := _NAMES.get(" ".join(found[:length]).rstrip(".")):
            rest = found[length : length + 1]
            return None if rest in (["or"], ["and"]) and _starts(found[length + 1 :]) else name
    return None


def _starts(words: list[str]) -> bool:
    """Tell whether a second licence follows: which of two holds is not for code to say."""
    return any(" ".join(words[:length]).rstrip(".") in _NAMES for length in range(1, 6))
