"""The root of every error of panel: one line, and what to type next."""

from typing import ClassVar


class PanelError(Exception):
    """Anything panel reports in one line instead of a traceback."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
