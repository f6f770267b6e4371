"""Which tallies a page was made with, so that it is made anew only when one of them changes."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

V = TypeVar("V")


class TrackedLookups(Mapping[str, V], Generic[V]):
    """A mapping that remembers what was looked up in it."""

    def __init__(self, values: Mapping[str, V]) -> None:
        """Look up in `values`, which must not change."""
        self._values = values
        self._found: dict[str, V | None] = {}
        self._all = False

    def __getitem__(self, key: str) -> V:
        self._found[key] = self._values.get(key)
        return self._values[key]

    def __contains__(self, key: object) -> bool:
        if isinstance(key, str):
            self._found[key] = self._values.get(key)
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        self._all = True
        return iter(self._values)

    def __len__(self) -> int:
        self._all = True
        return len(self._values)

    def holds(self, values: Mapping[str, V]) -> bool:
        """Tell whether the same lookups in `values` would have found the same."""
        if values is self._values:
            return True
        if self._all:
            return values == self._values
        return all(values.get(key) == value for key, value in self._found.items())
