"""Mails that pages send, in the background so that no response waits for one.

Whether an address is known then shows neither in a response nor in its time.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from panel.foundation.errors import DatabaseError, MailDeferred, MailError, MailUncertain
from panel.publish.newsletter.mime import MailMessage
from panel.publish.newsletter.settings import MailSettings
from panel.publish.server.thread_pool import PoolBusy, ThreadPool

Draft = Callable[[], tuple[str, MailMessage] | None]
"""Writes a mail: its address and content, None where none is due. May query the database."""

WAITING: Final = 300
PAUSES: Final = (5.0, 60.0, 600.0)
"""Seconds before each further try."""
SEND_SECONDS: Final = 120.0


class MailQueue:
    """Mails under way; they are forgotten when the server ends."""

    def __init__(
        self,
        mailing: MailSettings | None,
        *,
        on_trouble: Callable[[str], None],
        on_down: Callable[[str], None] | None = None,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        """Take the mail server; None: no mail can be sent.

        `on_trouble` takes what was not sent, `on_down` that the database failed.
        """
        self._mailing = mailing
        self._on_trouble = on_trouble
        self._on_down = on_down or on_trouble
        self._pauses = pauses
        self._pool = ThreadPool("mail", threads=4, waiting=WAITING)
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def is_open(self) -> bool:
        """Whether mail can be sent at all."""
        return self._mailing is not None

    @property
    def is_busy(self) -> bool:
        """Whether any mail is under way."""
        return bool(self._under_way)

    def put(self, draft: Draft, *, lost: Callable[[str], None] = lambda address: None) -> bool:
        """Take a mail to write and send; False where too many wait already.

        `lost` is called, in a thread, with the address of a mail that was given up.
        """
        if len(self._under_way) >= WAITING:
            return False
        task = asyncio.ensure_future(self._send(draft, lost))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return True

    async def close(self) -> None:
        """Give up what is not sent yet."""
        for task in tuple(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._pool.close()

    async def _send(self, draft: Draft, lost: Callable[[str], None]) -> None:
        written: tuple[str, MailMessage] | None = None

        def write() -> None:
            nonlocal written
            written = draft()

        def send() -> None:
            if written is not None and self._mailing is not None:
                self._mailing.send(written[1], to=written[0], now=datetime.now(UTC))

        # A mail is written once: writing it again would count as a second request.
        if not await self._tried(write) or written is None or await self._tried(send):
            return
        address = written[0]
        await self._tried(lambda: lost(address))

    async def _tried(self, call: Callable[[], None]) -> bool:
        """Do something that may fail for a while; tell whether it was done."""
        for pause in (*self._pauses, None):
            try:
                await self._pool.do(call, seconds=SEND_SECONDS)
                return True
            except DatabaseError as fault:
                self._on_down(fault.message)
            except (MailDeferred, PoolBusy) as fault:
                self._on_trouble(f"a mail waits: {_reason(fault)}")
            except MailUncertain as fault:
                self._on_trouble(f"a mail may have been sent: {_reason(fault)}")
                return True
            except (MailError, ValueError) as fault:
                self._on_trouble(f"a mail was not sent: {_reason(fault)}")
                return False
            if pause is not None:
                await asyncio.sleep(pause)
        self._on_trouble("a mail was given up")
        return False


def _reason(fault: Exception) -> str:
    return str(fault) or "too much to do"
