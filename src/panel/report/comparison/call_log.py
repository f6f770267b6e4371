"""A recorder in memory, for a question that belongs to no run: its reply is kept elsewhere."""

from panel.llm.types import CallRecord, ChatResponse


class CallLog:
    """Keeps the calls made through it as long as it lives; finds no earlier answer."""

    def __init__(self) -> None:
        """Begin without calls."""
        self.calls: list[CallRecord] = []

    def find(self, key: str) -> ChatResponse | None:
        """Return None: every question is asked."""
        return None

    async def record(self, call: CallRecord) -> None:
        """Keep the call."""
        self.calls.append(call)
