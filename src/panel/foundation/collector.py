"""Python's garbage collector while much is made that is not garbage.

Reviewing and verifying make many objects, nearly all of which are gone once nothing refers to
them; collections in between find next to nothing, and each full one stops everything that waits.
"""

import contextlib
import gc
import threading
from collections.abc import Iterator
from typing import Final

_THRESHOLD: Final = (20_000, 20, 20)
"""Objects more than before, and younger collections, after which the next one begins."""


class _Seldom:
    """How many are at work, and what is put back after the last."""

    guard = threading.Lock()
    at_work = 0
    before = (0, 0, 0)
    frozen = False
    program_freezes = False  # seen once and for all: counting walks over everything set aside


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """Collect garbage seldom while the body runs, and never look at what was there before it.

    Several at a time count as one. A program that was once seen to have set objects aside itself
    (`gc.freeze`), or has turned collection off, keeps it so.
    """
    with _Seldom.guard:
        _Seldom.at_work += 1
        if _Seldom.at_work == 1:
            _Seldom.before = gc.get_threshold()
            _Seldom.program_freezes = _Seldom.program_freezes or gc.get_freeze_count() > 0
            _Seldom.frozen = not _Seldom.program_freezes
            if _Seldom.before[0]:
                gc.set_threshold(*map(max, _THRESHOLD, _Seldom.before))
            if _Seldom.frozen:
                gc.freeze()
    try:
        yield
    finally:
        with _Seldom.guard:
            _Seldom.at_work -= 1
            if not _Seldom.at_work:
                gc.set_threshold(*_Seldom.before)
                if _Seldom.frozen:
                    gc.unfreeze()
