"""Batch APIs: many questions as one job, answered within a day at a lower price.

Two forms: OpenAI's, where the questions are an uploaded file (Groq, DashScope and Moonshot have
it too), and OpenRouter's, where they stand in the request. Calls go through the official client.
Nothing is repeated here.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from panel.foundation.errors import BadReply
from panel.llm.config import ProviderConfig, ResponseFormat
from panel.llm.openai_compat.client import OpenAICompatClient
from panel.llm.openai_compat.official import OpenAITransport
from panel.llm.openai_compat.request import Payload
from panel.llm.types import ChatRequest, ChatResponse

MOST_QUESTIONS: Final = 50_000
"""Of one job: OpenAI's and Groq's limit (their batch guides)."""
MOST_BYTES: Final = 40_000_000
"""Of one job's questions. Vendors take 100 or 200 MB; the official client reads a file whole."""

_DEADLINE: Final = 120.0
"""Seconds for one short request, and for a silence while a file of answers is read."""
_UPLOAD_DEADLINE: Final = 900.0
_INLINE_CAP: Final = 1_000_000_000
"""Bytes of the answers to questions that stood in the request."""
_LONGEST: Final = 4_000_000
"""Bytes of one answer; a longer one is left out."""
_LISTED: Final = 100
"""Jobs looked through for one whose id was lost."""
_ENDPOINT: Final = "/v1/chat/completions"
_MARK: Final = "panel"
"""The key of a job's metadata that holds the mark of its run."""
_ENDED: Final = frozenset(("completed", "failed", "expired", "cancelled"))


class JobState(NamedTuple):
    """How far a job is."""

    id: str
    status: str
    """validating, in_progress, finalizing, cancelling; or completed, failed, expired, cancelled."""
    done: int
    """Questions answered, with or without success."""
    total: int
    files: tuple[str, ...] = ()
    """Ids of the files that hold answers and failures."""
    problem: str = ""
    """What the provider says is wrong, in one line."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will be answered."""
        return self.status in _ENDED


class JobAnswer(NamedTuple):
    """The answer to one question of a job."""

    custom_id: str
    body: Any
    """The completion; None where the question failed."""


class BatchApi:
    """The batch API of one provider."""

    def __init__(self, config: ProviderConfig) -> None:
        """Open nothing yet; imports the official client."""
        prices = {who: (a * config.batch_price, b * config.batch_price)
                  for who, (a, b) in config.prices.items()}  # fmt: skip
        self.config = config.model_copy(update={"prices": prices, "stream": False})
        self._transport = OpenAITransport(self.config)
        self._client = OpenAICompatClient(self.config, self._transport)
        self._payload = Payload(self.config)
        self.host = self._client.host

    def line(self, custom_id: str, request: ChatRequest) -> bytes:
        """Return a question as one line of a job's file."""
        body = self._payload.of(request, self._format(request))
        if self.config.batches == "inline":
            del body["model"]
            line: dict[str, Any] = {"custom_id": custom_id, "body": body}
        else:
            line = {"custom_id": custom_id, "method": "POST", "url": _ENDPOINT, "body": body}
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"

    async def submit(self, questions: Path, mark: str) -> JobState:
        """Begin a job of the questions in a file and return its state.

        Args:
            questions: Lines made by `line`.
            mark: Kept with the job where the API keeps such data, so that `find` knows it again.

        Raises:
            CallError: the job was not taken, or it is not known whether it was.
        """
        if self.config.batches == "inline":
            lines = (await asyncio.to_thread(questions.read_bytes)).splitlines()
            # The API reads the request as a stream: what holds for all has to come first.
            body: dict[str, Any] = {"endpoint": _ENDPOINT, "model": self.config.wire_model,
                    "requests": [json.loads(line) for line in lines]}  # fmt: skip
        else:
            form = self._transport.upload("files", {"purpose": "batch"}, questions)
            file = await self._client.json_of(form, "files", deadline=_UPLOAD_DEADLINE)
            body = {"input_file_id": self._ident(file, "files"), "endpoint": _ENDPOINT,
                    "completion_window": "24h", "metadata": {_MARK: mark}}  # fmt: skip
        return self._state(await self._post("batches", body))

    async def find(self, mark: str, *, questions: int, since: datetime) -> JobState | None:
        """Return the job with a mark, or None.

        Where no mark is kept it is the one job of so many questions begun since then.
        """
        listing = await self._client.get(f"batches?limit={_LISTED}", deadline=_DEADLINE)
        rows = listing.get("data") if isinstance(listing, dict) else None
        jobs = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        if self.config.batches == "files":
            marked = (job for job in jobs if _mark_of(job) == mark)
            return next((self._state(job) for job in marked), None)
        moment = since.timestamp() - 60  # their clock may differ
        states = [self._state(job) for job in jobs if _number(job.get("created_at")) >= moment]
        alike = [state for state in states if state.total == questions]
        return alike[0] if len(alike) == 1 else None

    async def state(self, ident: str) -> JobState:
        """Return how far a job is."""
        return self._state(await self._job(ident))

    async def cancel(self, ident: str) -> JobState:
        """End a job: it is `cancelling` until the questions under way are answered."""
        if self.config.batches == "inline":
            raise BadReply(
                f"{self.host} has no way to end a job",
                hint="it ends by itself within a day: panel resume RUN collects it",
            )
        return self._state(await self._post(f"batches/{ident}/cancel", {}))

    async def answers(self, state: JobState) -> AsyncIterator[JobAnswer]:
        """Yield the answers of a job that has ended, in any order.

        Raises:
            CallError: they could not be read to the end.
        """
        if self.config.batches == "inline":
            job = await self._job(state.id)
            for row in _rows(job.get("results")):
                yield _answer(row)
            return
        for file in state.files:
            sending = self._transport.send(f"files/{file}/content", None)
            lines = self._client.lines_of(sending, idle=_DEADLINE, longest=_LONGEST)
            async for line in lines:
                for row in _rows([_parsed(line)]):
                    yield _answer(row)

    def read(self, answer: JobAnswer, request: ChatRequest) -> ChatResponse:
        """Return the reply that an answer holds; raise `CallError` where it is none."""
        return self._client.read_completion(answer.body, request, self._format(request))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _format(self, request: ChatRequest) -> ResponseFormat:
        return self.config.format if request.schema is not None else "prompt"

    async def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        sending = self._transport.send(path, body)
        return await self._client.json_of(sending, path, deadline=_UPLOAD_DEADLINE)

    async def _job(self, ident: str) -> dict[str, Any]:
        path = f"batches/{ident}"
        # An ended job of the inline form comes with its answers.
        cap = _INLINE_CAP if self.config.batches == "inline" else _LONGEST
        sending = self._transport.send(path, None)
        job = await self._client.json_of(sending, path, deadline=_UPLOAD_DEADLINE, cap=cap)
        return job if isinstance(job, dict) else {}

    def _ident(self, made: Any, path: str) -> str:
        ident = made.get("id") if isinstance(made, dict) else None
        if not isinstance(ident, str) or not _is_plain(ident):
            raise BadReply(f"{self.host}/{path} answers without an id")
        return ident

    def _state(self, job: Any) -> JobState:
        ident = self._ident(job, "batches")
        counts = job.get("request_counts")
        counts = counts if isinstance(counts, dict) else {}
        done = _number(counts.get("completed")) + _number(counts.get("failed"))
        names = (job.get("output_file_id"), job.get("error_file_id"))
        files = tuple(n for n in names if isinstance(n, str) and _is_plain(n))
        return JobState(
            ident, str(job.get("status") or "unknown")[:40], int(done),
            int(_number(counts.get("total"))), files, self._problem(job),
        )  # fmt: skip

    def _problem(self, job: dict[str, Any]) -> str:
        errors = job.get("errors") or job.get("error")
        rows = errors.get("data") if isinstance(errors, dict) else errors
        first = rows[0] if isinstance(rows, list) and rows else errors
        text = first.get("message") if isinstance(first, dict) else first
        return self._client.printable(text) if isinstance(text, str) else ""


def _answer(row: dict[str, Any]) -> JobAnswer:
    response = row.get("response")
    response = response if isinstance(response, dict) and not row.get("error") else {}
    is_good = response.get("status_code", 200) in range(200, 300)
    return JobAnswer(str(row.get("custom_id")), response.get("body") if is_good else None)


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _rows(rows: Any) -> Iterable[dict[str, Any]]:
    return (row for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()


def _mark_of(job: dict[str, Any]) -> object:
    metadata = job.get("metadata")
    return metadata.get(_MARK) if isinstance(metadata, dict) else None


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _is_plain(ident: str) -> bool:
    """Tell whether an id can stand in a path as it is."""
    return 0 < len(ident) <= 200 and all(c.isalnum() or c in "-_." for c in ident)
