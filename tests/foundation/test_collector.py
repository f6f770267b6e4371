"""Collections of garbage are seldom while a run is worked on, and as before afterwards."""

import gc

import pytest

from panel.foundation.collector import _Seldom, seldom_collected


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """Begin as Python does: the tests otherwise set objects aside and collect seldom."""
    monkeypatch.setattr(_Seldom, "program_freezes", False)
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    gc.unfreeze()
    yield
    gc.set_threshold(*before)
    gc.freeze()


def test_what_was_there_before_is_not_looked_at_and_comes_back_when_the_last_is_done():
    before = gc.get_threshold()
    with seldom_collected():
        inside, frozen = gc.get_threshold(), gc.get_freeze_count()
        with pytest.raises(KeyError), seldom_collected():
            raise KeyError
        assert (gc.get_threshold(), gc.get_freeze_count() > 0) == (inside, True)
    assert inside[0] > before[0]
    assert frozen > 1_000
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_what_a_program_chose_itself_stays():
    gc.set_threshold(0)
    gc.freeze()
    with seldom_collected():
        assert gc.get_threshold()[0] == 0
    assert gc.get_threshold()[0] == 0
    assert gc.get_freeze_count() > 0


def test_what_a_program_set_aside_is_counted_once(monkeypatch):
    counted = []
    monkeypatch.setattr(gc, "get_freeze_count", lambda: counted.append(1) or 1_000_000)
    for _ in range(3):
        with seldom_collected():
            pass
    assert len(counted) == 1
