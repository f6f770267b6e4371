"""`--engine batch-api`: the first question of every review, as a provider's batch jobs.

A job is journalled before it is asked for, and its answers go into the journal as if they had been
asked one by one: what follows finds them there. What a job leaves open is asked in the usual way.
"""

import asyncio
import contextlib
import itertools
import secrets
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from panel.engine.caps import Caps
from panel.engine.first_questions import FirstQuestion, FirstQuestions
from panel.engine.review_job import ReviewJob
from panel.foundation.errors import (
    CallError,
    InputError,
    ProviderError,
    RunStopped,
    TimedOut,
    Transient,
)
from panel.llm.calls import ChatClient
from panel.llm.openai_compat.batch_api import (
    MOST_BYTES,
    MOST_QUESTIONS,
    BatchApi,
    JobAnswer,
    JobState,
)
from panel.llm.types import CallRecord, ChatResponse
from panel.reviews.events import JobMoved
from panel.reviews.plan import ReviewPlan
from panel.runs.metadata import BatchJob, BatchJobs, store_jobs, stored_jobs

_TOGETHER: Final = 200
"""Answers that are stored in one go: each waits for its commit."""


@dataclass(frozen=True)
class JobPacing:
    """Seconds between two looks at a job, and how long it may be silent. Tests make them small."""

    first_look: float = 5.0
    last_look: float = 60.0
    patience: float = 900.0
    """Without any answer about a job, after which the run stops; the job goes on."""


def check_batch_api(plan: ReviewPlan, caps: Caps) -> None:
    """Raise `InputError` where batch jobs cannot ask a judge of the plan, or keep to a cap."""
    if caps.max_calls is not None or caps.max_cost is not None:
        option = "--max-calls" if caps.max_cost is None else "--max-cost"
        raise InputError(
            f"a batch job is asked as a whole: {option} cannot stop it",
            hint="--limit N, and --dry-run for what it would cost at the usual price",
        )
    for judge in (plan.of(persona.name).judge for persona in plan.personas):
        if judge.kind != "wire" or judge.batches is None:
            raise ProviderError(
                f"panel knows no batch API of {judge.provider}",
                hint="leave --engine out, or --provider openai, openrouter, dashscope, moonshot"
                " or direct:groq",
            )
        if judge.ask != "whole":
            raise ProviderError(
                f"{judge.provider} is asked one question after the other, which no batch job can",
                hint="--ask whole",
            )


async def answer_by_jobs(
    job: ReviewJob, slugs: Sequence[str], *, begin: bool, pacing: JobPacing | None = None
) -> None:
    """Have batch jobs answer the first question of each review, and store their answers.

    Jobs that an earlier session began are collected first. Returns at once where the run has none
    and `begin` is False.

    Raises:
        RunStopped: a provider does not take a job, or says nothing of one for too long.
    """
    jobs = stored_jobs(job.run)
    if jobs is None and not begin:
        return
    async with _open(job, slugs, pacing or JobPacing()) as desk:
        await desk.collect()
        if jobs is None or not jobs.complete:
            await desk.submit()
            await desk.collect()


async def cancel_jobs(
    job: ReviewJob, slugs: Sequence[str], *, pacing: JobPacing | None = None
) -> list[str]:
    """End the batch jobs of a run, keep what they answered, and return a line on each.

    Raises:
        RunStopped: a provider does not end its job.
    """
    async with _open(job, slugs, pacing or JobPacing()) as desk:
        return await desk.cancel()


@contextlib.asynccontextmanager
async def _open(job: ReviewJob, slugs: Sequence[str], pacing: JobPacing) -> AsyncIterator["_Jobs"]:
    clients = dict.fromkeys(job.client(persona.name) for persona in job.plan.personas)
    apis = {client: BatchApi(client.config) for client in clients}
    try:
        yield _Jobs(job, FirstQuestions(job, slugs), apis, pacing)
    finally:
        for api in apis.values():
            await api.close()


@dataclass
class _Jobs:
    """The batch jobs of one run."""

    job: ReviewJob
    questions: FirstQuestions
    apis: dict[ChatClient, BatchApi]
    pacing: JobPacing
    stored: BatchJobs = field(init=False)

    def __post_init__(self) -> None:
        self.stored = stored_jobs(self.job.run) or BatchJobs()

    async def submit(self) -> None:
        """Begin jobs of all questions that have no answer yet."""
        for client, api in self.apis.items():
            with tempfile.TemporaryDirectory(prefix="panel-") as folder:
                async for file, questions in self._files(client, api, Path(folder)):
                    await self._submit(api, file, questions)
        await self._store(self.stored.model_copy(update={"complete": True}))

    async def collect(self) -> None:
        """Wait for the jobs that were begun, and store their answers."""
        looks = itertools.chain(
            itertools.takewhile(
                lambda wait: wait < self.pacing.last_look,
                (self.pacing.first_look * 1.5**n for n in itertools.count()),
            ),
            itertools.repeat(self.pacing.last_look),
        )
        for wait in looks:
            for waiting in self.stored.waiting:
                state = await self._look(waiting)
                if state is not None and state.ended:
                    await self._end(waiting, state)
            if not self.stored.waiting:
                return
            self.job.calls.check()  # a deadline is over, or a signal came
            await asyncio.sleep(wait)

    async def cancel(self) -> list[str]:
        """End the jobs that are waited for, and store what they have answered."""
        lines = []
        before = self._stored_answers()
        for waiting in self.stored.waiting:
            api = self._api(waiting)
            try:
                if waiting.id is not None and not (await api.state(waiting.id)).ended:
                    await api.cancel(waiting.id)
            except CallError as error:
                _stop(error)
            lines.append(f"job {waiting.id or waiting.mark} at {api.host} is cancelled")
        await self._store(self.stored.model_copy(update={"complete": True}))
        await self.collect()
        kept = self._stored_answers() - before
        return [*lines, f"{kept} of its answers are kept" if kept else "it had answered nothing"]

    async def _submit(self, api: BatchApi, file: Path, questions: int) -> None:
        config = api.config
        job = BatchJob(
            mark=f"{self.job.run.name}/{secrets.token_hex(4)}", provider=config.provider,
            wire_model=config.wire_model, questions=questions, created=datetime.now(UTC),
        )  # fmt: skip
        await self._store(self.stored.having(job))
        try:
            state = await api.submit(file, job.mark)
        except (Transient, TimedOut) as error:
            # It may have been taken all the same: the next session looks for it.
            _stop(error)
        except CallError as error:
            await self._store(self.stored.without(job))
            _stop(error)
        await self._store(self.stored.having(job.model_copy(update={"id": state.id})))
        self._watch(api, state)

    async def _look(self, waiting: BatchJob) -> JobState | None:
        """Return how far a job is, None where it was never taken: its questions are then open."""
        api = self._api(waiting)
        silent_since = asyncio.get_running_loop().time()
        while True:
            try:
                if waiting.id is not None:
                    state = await api.state(waiting.id)
                else:
                    found = await api.find(
                        waiting.mark, questions=waiting.questions, since=waiting.created
                    )
                    if found is None:
                        await self._store(self.stored.without(waiting))
                        return None
                    state = found
                    named = waiting.model_copy(update={"id": state.id})
                    await self._store(self.stored.having(named))
            except (Transient, TimedOut) as error:
                silent = asyncio.get_running_loop().time() - silent_since
                if silent > self.pacing.patience:
                    _stop(error)
                await asyncio.sleep(error.retry_after or self.pacing.last_look)
            except CallError as error:
                _stop(error)
            else:
                self._watch(api, state)
                return state

    async def _end(self, waiting: BatchJob, state: JobState) -> None:
        api = self._api(waiting)
        if state.status != "failed":
            try:
                await self._keep(api, api.answers(state))
            except (Transient, TimedOut):
                return  # read once more at the next look; what is stored is not stored twice
            except CallError as error:
                _stop(error)
        status = "failed" if state.status == "failed" else "collected"
        ended = waiting.model_copy(update={"id": state.id, "status": status})
        await self._store(self.stored.having(ended))
        if state.status == "failed":
            await self._store(self.stored.model_copy(update={"complete": True}))
            why = state.problem or "it gives no reason"
            raise RunStopped(
                f"{api.host} did not do the job {state.id}: {why}",
                hint="panel resume RUN asks one by one, at the usual price",
            )

    async def _keep(self, api: BatchApi, answers: AsyncIterator[JobAnswer]) -> None:
        """Store the answers that are not stored yet; one that is no answer stays open."""
        recorder, records = self.job.run.journal, []
        async for answer in answers:
            if record := self._record(api, answer):
                records.append(recorder.record(record))
            if len(records) == _TOGETHER:
                await asyncio.gather(*records)
                records = []
        await asyncio.gather(*records)

    def _record(self, api: BatchApi, answer: JobAnswer) -> CallRecord | None:
        question = self.questions.find(answer.custom_id)
        if question is None or answer.body is None or self.job.run.journal.find(question.key):
            return None
        reply, error = _read(api, answer, question)
        if reply is None:
            return None
        return CallRecord(
            key=question.key, tag=question.tag, question=question.request, attempt=1,
            started=datetime.now(UTC), seconds=0.0, reply=reply,
            reason=error.reason if error else None, detail=error.message if error else "",
            usable=error is None,
        )  # fmt: skip

    async def _files(
        self, client: ChatClient, api: BatchApi, folder: Path
    ) -> AsyncIterator[tuple[Path, int]]:
        """Yield files of questions that no answer is stored for, each no larger than a job may be.

        A file is written anew once the next one is asked for.
        """
        path, lines = folder / "questions.jsonl", self._lines(client, api)
        line = await anext(lines, None)
        while line is not None:
            questions = size = 0
            with path.open("wb") as file:
                while line is not None and questions < MOST_QUESTIONS:
                    if questions and size + len(line) > MOST_BYTES:
                        break
                    file.write(line)
                    questions, size = questions + 1, size + len(line)
                    line = await anext(lines, None)
            yield path, questions

    async def _lines(self, client: ChatClient, api: BatchApi) -> AsyncIterator[bytes]:
        for slug in self.questions.slugs:
            for question in self.questions.of(slug, client):
                if self.job.run.journal.find(question.key) is None:
                    yield api.line(question.ident, question.request)
            await asyncio.sleep(0)  # a signal is heard between two tools

    def _api(self, job: BatchJob) -> BatchApi:
        same = (
            api
            for api in self.apis.values()
            if (api.config.provider, api.config.wire_model) == (job.provider, job.wire_model)
        )
        return next(same, next(iter(self.apis.values())))

    def _stored_answers(self) -> int:
        return self.job.run.usage().calls

    def _watch(self, api: BatchApi, state: JobState) -> None:
        self.job.watch(JobMoved(api.host, state.id, state.status, state.done, state.total))

    async def _store(self, jobs: BatchJobs) -> None:
        await store_jobs(self.job.run, jobs)
        self.stored = jobs


def _read(
    api: BatchApi, answer: JobAnswer, question: FirstQuestion
) -> tuple[ChatResponse | None, CallError | None]:
    """Return the reply that an answer holds, if any, and what keeps it from being used."""
    try:
        reply = api.read(answer, question.request)
    except CallError as error:
        return (error.reply if isinstance(error.reply, ChatResponse) else None), error
    try:
        question.parse(reply)
    except CallError as error:
        return reply, error
    return reply, None


def _stop(error: CallError) -> NoReturn:
    raise RunStopped(error.message, hint=error.hint) from error
