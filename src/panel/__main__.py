"""The `panel` command, also as `python -m panel`: ends quietly on Ctrl-C from its first moment."""

import os
import signal
from types import FrameType


def main() -> None:
    """Run the command line."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Nothing is begun while modules are read: there is nothing to be put in order.
        signal.signal(signal.SIGINT, _leave)
    from panel.cli.main import main as command

    command()


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    main()
