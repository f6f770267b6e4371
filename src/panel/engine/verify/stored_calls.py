"""A chat client that answers from a stored run.

An answer is found by its request key: same words, evidence and model. Where panel's own wording has
changed since, it is found by persona, step and sample, and counted as reworded.
"""

import contextlib
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from panel.foundation.errors import CallError, NotStored, call_error
from panel.llm.calls import ChatClient, ParsedAnswer
from panel.llm.calls.client import request_key
from panel.llm.config import ProviderConfig
from panel.llm.replay import Replay
from panel.llm.types import CallRecord, CallTag, ChatRequest, ChatResponse, RepairTail
from panel.runs.journal.call_rows import stored_reply
from panel.runs.journal.reader import JournalReader

T = TypeVar("T")


class ToolCalls:
    """The stored calls about one tool, by what finds them: read once for all who are asked."""

    def __init__(self, stored: JournalReader, slug: str) -> None:
        """Read the calls."""
        self.journal = stored
        self.by_key: dict[str, list[ChatResponse]] = defaultdict(list)
        self.by_tag: dict[tuple[str, str, int], list[ChatResponse]] = defaultdict(list)
        self.failed: dict[str, str] = {}
        self.cut: dict[str, ChatResponse] = {}
        self.last_failed: dict[tuple[str, str, int], str] = {}
        """The key of the last call of a persona, step and sample that brought no answer."""
        self.failures: set[tuple[str, str]] = set()
        """Persona and reason of every call that brought no answer."""
        self.rows: list[int] = []
        """Row numbers of the calls."""
        self.days: set[date] = set()
        """Days on which this run sent requests, in UTC."""
        for call in stored.calls(slug):
            self._add(call)

    def _add(self, call: dict[str, Any]) -> None:
        self.rows.append(call["id"])
        if not call["reused"]:
            with contextlib.suppress(ValueError, TypeError):
                self.days.add(datetime.fromisoformat(call["started"]).astimezone(UTC).date())
        if call["status"] != "ok":
            self.failed[call["key"]] = call["reason"] or "unreachable"
            self.failures.add((call["persona"], call["reason"]))
            self.last_failed[call["persona"], call["step"], call["sample"]] = call["key"]
        try:
            reply = stored_reply(call)
        except (ValueError, KeyError, TypeError):
            return  # a call without a reply, or a damaged row
        if call["status"] != "ok":
            self.cut[call["key"]] = reply
            return
        self.by_key[call["key"]].append(reply)
        self.by_tag[call["persona"], call["step"], call["sample"]].append(reply)


class StoredCalls(ChatClient):
    """The stored answers about one tool, as a `ChatClient` that sends no request."""

    def __init__(self, calls: ToolCalls, target: ProviderConfig) -> None:
        """Answer from these calls; `target` is the provider that was asked."""
        super().__init__(Replay("the stored run"), target, _Closed())
        self._calls = calls
        self.lost = ""
        """The criterion of the last question that has no stored answer."""
        self.reworded = 0
        """Questions that are worded otherwise today."""

    def asked(self, persona: str, step: str, sample: int) -> bool:
        """Tell whether a question was asked, whatever came of it."""
        about = (persona, step, sample)
        return about in self._calls.by_tag or about in self._calls.last_failed

    async def ask(
        self,
        question: ChatRequest,
        *,
        tag: CallTag,
        parse: Callable[[ChatResponse], T],
        repair: RepairTail | None = None,
    ) -> ParsedAnswer[T]:
        """Return what the stored reply says; raises what was raised then, or `NotStored`."""
        key, calls = request_key(question, self.config), self._calls
        # An answer that an earlier tool or run paid for is stored with that one.
        reused = calls.journal.find(key) if key not in calls.by_key else None
        for reply in (*calls.by_key.get(key, ()), *([reused] if reused else [])):
            with contextlib.suppress(CallError):
                return ParsedAnswer(parse(reply), reply, reply.usage, True)
        about = (tag.persona, tag.step, question.sample)
        # After a resume at another address the answer stands under another key.
        failed = key if key in calls.failed else calls.last_failed.get(about, "")
        if (reason := calls.failed.get(failed)) and not calls.by_tag.get(about):
            error = call_error(reason, f"ended as {reason} then as well")
            # A truncated answer may have been used up to its last complete sentence.
            error.reply = calls.cut.get(failed)
            raise error
        repaired = (tag.persona, "repair", question.sample)
        replies = [*calls.by_tag.get(about, ())]
        replies += calls.by_tag.get(repaired, ()) if repair else ()
        if not replies:
            self.lost = tag.step.partition(":")[2].partition(":")[0]
            raise NotStored(f"no stored answer to {tag.step}")
        self.reworded += 1
        return ParsedAnswer(parse(replies[-1]), replies[-1], replies[-1].usage, True)


class _Closed:
    """An empty recorder that accepts no call: a verification writes nothing."""

    def find(self, key: str) -> ChatResponse | None:
        return None

    async def record(self, call: CallRecord) -> None:
        raise AssertionError("a verification asks nothing")
