import pytest

from panel.testing import ScriptedProvider


@pytest.fixture
def provider():
    """A provider that answers every question with yes, and keeps what it was asked."""
    with ScriptedProvider() as scripted:
        yield scripted
