"""A run that cannot be read, locked or gone on with."""

from panel.foundation.errors.root import PanelError


class RunError(PanelError):
    """A stored run cannot be read, locked, resumed or written."""

    exit_code = 2


class RunStopped(RunError):
    """The run stopped early; what is finished is kept and `panel resume` goes on."""

    exit_code = 3


class DiskFull(RunStopped):
    """There is no room left for the journal or a file."""
