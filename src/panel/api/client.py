"""`AsyncPanel`: a client that reviews tools, and `areview`, one review by a client of its own."""

import asyncio
import inspect
import os
import warnings
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Final, ParamSpec, Self

from panel.api import arguments
from panel.api.arguments import EvidenceLike, ToolLike
from panel.engine.caps import Caps
from panel.engine.connections import Connections
from panel.engine.options import Engine, Options
from panel.engine.refresh import Movement, refresh
from panel.engine.session import Session
from panel.foundation.errors import InputError
from panel.foundation.settings import ProviderSettings, Settings, load_settings
from panel.llm.config import Ask, Wire
from panel.llm.providers.table import provider_table
from panel.reviews.events import Decided, Event
from panel.reviews.personas import Persona
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.history.archive import Archive

P = ParamSpec("P")

_KEY: Final = "PANEL_API_KEY"
"""Stands for `api_key` among the variables that a provider's key is looked up in."""


Watcher = Callable[[Event], object]
"""Called with each event of a review as it happens. What it raises ends the review."""


class AsyncPanel:
    """Reviews tools; keeps connections and the local model from one review to the next.

    Use it in `async with`, or `await close()` at the end. Nothing is opened before the first
    review. Reviews may run at the same time; together they keep the provider's concurrency.
    """

    def __init__(
        self,
        *,
        provider: str | None = None,
        model: str | None = None,
        api_key: str | None = None,
        client: object | None = None,
        ask: Ask | None = None,
        wire: Wire | None = None,
        engine: Engine = "asyncio",
        personas: str | Persona | Sequence[str | Persona] | None = None,
        spread: Sequence[str] = (),
        fallback: Sequence[str] | None = None,
        samples: int = 1,
        context: str | None = None,
        write: bool = True,
        second_look: bool = False,
        check_support: bool = False,
        support_provider: str | None = None,
        fresh: bool = False,
        offline: bool = False,
        runs: str | Path | None = None,
        settings: Settings | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Check the arguments and read the settings; nothing is opened yet.

        Args:
            provider: where the model is called, as `--provider`; None means settings, then default.
            model: the model, as `--model`.
            api_key: the provider's key, without `provider` that of the settings' provider, else of
                the Hugging Face router; None looks for it in the environment, as for all others.
            client: an `openai.AsyncOpenAI`, or huggingface_hub's `AsyncInferenceClient`, to ask
                instead of a provider, with the named `model`. It is used as it is, but without its
                own repeats, and left open.
            ask: `whole` or `stepwise`; None leaves it to the provider.
            wire: `openai` or `lean`; None leaves it to the provider and the length of a list.
            engine: `asyncio`, or `batch-api` for the first questions as a provider's batch job.
            personas: the reviewers, by name or as objects; None asks all.
            spread: several models instead of one provider, as `--spread`: `PROVIDER` or
                `PROVIDER/MODEL`, one a reviewer in turn.
            fallback: providers that are asked, in order, where one cannot answer, as `--fallback`;
                None means settings.
            samples: how often each reviewer answers, 1 to 100.
            context: for whom the reviewers judge, in words.
            write: reviewers asked `whole` write their reviews; False leaves it at verdicts.
            second_look: reviewers that contradict each other on a fact see the other's passage and
                answer again.
            check_support: ask again whether each cited passage shows what it is cited for.
            support_provider: the provider of that check; None means `provider`.
            fresh: ask again even where an earlier run has the answer.
            offline: fetch nothing; evidence comes from files, texts and earlier runs.
            runs: folder for runs; None means settings, then `runs` here.
            settings: used instead of panel.toml and the PANEL_* variables. Nothing is then read
                from the environment, the home folder or `personas/` here, but a local model.
            environ: variables to use instead of the process's environment; with `settings`, none.

        Raises:
            InputError: an argument or a setting cannot be used.
        """
        arguments.check(
            provider=provider, model=model, api_key=api_key, ask=ask, wire=wire, engine=engine,
            samples=samples, context=context, write=write, second_look=second_look, fresh=fresh,
            check_support=check_support, support_provider=support_provider, offline=offline,
            client=client,
        )  # fmt: skip
        arguments.check_alone("client", client, provider=provider, api_key=api_key)
        sealed = settings is not None
        settings, environ = _surroundings(settings, environ)
        if runs is not None:
            settings = settings.model_copy(update={"runs": arguments.as_path("runs", runs)})
        if api_key is not None:
            name = provider or settings.provider or "auto"
            settings, environ = _with_key(settings, environ, name, api_key)
        self._connections = Connections()
        self._options = Options(
            settings=settings, environ=environ, provider=provider, model=model, ask=ask, wire=wire,
            engine=engine or "asyncio", personas=arguments.as_personas(personas),
            spread=arguments.as_providers("spread", spread),
            fallback=None if fallback is None else arguments.as_providers("fallback", fallback),
            samples=samples, context=context if context is not None else settings.context,
            write=write, second_look=second_look, support_provider=support_provider,
            check_support=check_support or support_provider is not None, fresh=fresh,
            offline=offline, connections=self._connections, sealed=sealed, client=client,
        )  # fmt: skip

    async def review(
        self,
        tool: ToolLike,
        *,
        evidence: EvidenceLike | Sequence[EvidenceLike] = (),
        description: str | None = None,
        url: str | None = None,
        fetch: bool = False,
        allow_outside: bool = False,
        on_event: Watcher | None = None,
    ) -> Scorecard:
        """Review one tool, as a run of its own, and return its scorecard.

        Args:
            tool: a `Tool`, a web address, the path of a tool file, or a name together with `url`,
                `evidence` or `description`.
            evidence: a local file or a `Document` about the tool, or several.
            description: what the tool is.
            url: the tool's address; read where nothing else is known of the tool.
            fetch: read the tool's address even where it brings evidence.
            allow_outside: let a tool file name evidence outside its own folder.
            on_event: called with each event as it happens.

        Raises:
            InputError: an argument, tool, provider or model cannot be used; nothing was written.
            RunStopped: the provider turned the run down; what was answered is kept.
        """
        arguments.check(description=description, url=url, fetch=fetch, allow_outside=allow_outside)
        by_address = url is not None or arguments.is_address(tool)
        wants_page = fetch or (by_address and evidence in (None, (), []))
        options = self._with_fetch(wants_page, insists=fetch)
        named = arguments.as_tool(
            tool, evidence=evidence, description=description, url=url, allow_outside=allow_outside
        )
        cards: list[Scorecard] = []
        async with await Session.start(options, [named]) as session:
            await session.work(watch=_watch(on_event, cards.append))
        return cards[0]

    async def review_many(
        self,
        tools: str | Path | Iterable[ToolLike],
        *,
        fetch: bool = False,
        allow_outside: bool = False,
        max_cost: float | None = None,
        max_calls: int | None = None,
        deadline: float | None = None,
        allow_unpriced: bool = False,
        on_event: Watcher | None = None,
    ) -> AsyncGenerator[Scorecard, None]:
        """Review many tools as one run and yield each scorecard as soon as it is decided.

        Ending the loop early stops the run; what was answered is kept.

        Args:
            tools: the path of a tool list, or tools, addresses and paths of tool files.
            fetch: read a tool's address even where it brings evidence.
            allow_outside: let a tool list name evidence outside its own folder.
            max_cost: US dollars that the run may cost; it stops before the call after that.
            max_calls: calls that the run may take.
            deadline: seconds that the run may take.
            allow_unpriced: under `max_cost`, also make calls whose price is not known; they are
                not counted.
            on_event: called with each event as it happens; a tool about which nothing can be
                read is a `LeftOut`.

        Raises:
            InputError: an argument, tool, provider or model cannot be used; nothing was written.
            RunStopped: the provider turned the run down, or a cap is reached; what was answered
                is kept.
        """
        arguments.check(allow_outside=allow_outside)
        options = self._capped(fetch, max_cost, max_calls, deadline, allow_unpriced)
        listed = arguments.as_tools(tools, allow_outside=allow_outside)
        if not listed:
            return
        ready: asyncio.Queue[Scorecard | None] = asyncio.Queue()
        async with await Session.start(options, listed) as session:
            work = asyncio.create_task(_worked(session, ready, on_event))
            work.add_done_callback(lambda _: ready.put_nowait(None))
            try:
                while (card := await ready.get()) is not None:
                    yield card
                await work
            finally:
                if not work.done():
                    session.stop()
                    work.cancel()
                    await asyncio.wait([work])
                if not work.cancelled():
                    work.exception()  # retrieved, or asyncio would log it: the caller is gone

    async def refresh(
        self,
        tools: str | Path | Iterable[ToolLike] | None = None,
        *,
        fetch: bool = False,
        allow_outside: bool = False,
        max_cost: float | None = None,
        max_calls: int | None = None,
        deadline: float | None = None,
        allow_unpriced: bool = False,
        on_event: Watcher | None = None,
    ) -> tuple[Movement, ...]:
        """Read evidence anew, review again what changed, and tell what moved and why.

        A tool is reviewed again, as it was before and by the provider of this client if it names
        one, where a passage that a finding of its newest verdict cites changed, or a fact that code
        reads. Where nothing changed nothing is asked and no run is written.

        Args:
            tools: the path of a tool list, or tools, addresses and paths of tool files; None means
                every tool that has a verdict. One without a verdict is reviewed as new.
            fetch: read a tool's address even where its verdict does not rest on it.
            allow_outside: let a tool list name evidence outside its own folder.
            max_cost: US dollars that it may cost; it stops before the call after that.
            max_calls: calls that it may take.
            deadline: seconds that its reviews may take.
            allow_unpriced: under `max_cost`, also make calls whose price is not known.
            on_event: called with each event of a review as it happens.

        Returns:
            A `Movement` for each tool, in the order of the list or of names.

        Raises:
            InputError: an argument, tool, provider or model cannot be used.
            RunError: no tool has a verdict, and no list is given.
            RunStopped: the provider turned a run down, or a cap is reached; what was answered is
                kept.
        """
        arguments.check(allow_outside=allow_outside)
        options = self._capped(fetch, max_cost, max_calls, deadline, allow_unpriced)
        listed = None if tools is None else arguments.as_tools(tools, allow_outside=allow_outside)
        archive = Archive.open(options.settings.runs)
        for note in archive.notes:
            warnings.warn(note, stacklevel=2)
        return await refresh(options, archive, listed, watch=_watch(on_event, lambda _: None))

    async def close(self) -> None:
        """Close connections and the local model; a later review opens them again."""
        await self._connections.close()

    async def __aenter__(self) -> Self:
        """Return the client; nothing is opened yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close connections and the local model."""
        await self.close()

    def _capped(
        self,
        fetch: bool,
        max_cost: float | None,
        max_calls: int | None,
        deadline: float | None,
        allow_unpriced: bool,
    ) -> Options:
        """Return the options of work on a list. Raises `InputError` naming a wrong argument."""
        arguments.check(
            fetch=fetch, max_cost=max_cost, max_calls=max_calls, deadline=deadline,
            allow_unpriced=allow_unpriced,
        )  # fmt: skip
        caps = Caps(max_cost, max_calls, deadline, allow_unpriced)
        return replace(self._with_fetch(fetch, insists=fetch), caps=caps)

    def _with_fetch(self, fetch: bool, *, insists: bool) -> Options:
        if insists and self._options.offline:
            raise InputError("offline and fetch were both given", hint="leave one of them out")
        return replace(self._options, fetch=fetch)


def _surroundings(
    settings: Settings | None, environ: Mapping[str, str] | None
) -> tuple[Settings, Mapping[str, str]]:
    """Return settings and variables; with settings passed, no variable but those passed."""
    if settings is not None:
        return settings, environ or {}
    environ = os.environ if environ is None else environ
    return load_settings(None, environ), environ


def _with_key(
    settings: Settings, environ: Mapping[str, str], provider: str, key: str
) -> tuple[Settings, Mapping[str, str]]:
    """Return settings and variables in which a provider finds this key, and no other one."""
    router = provider_table().router
    known = settings.providers.get(provider)
    if known is None and provider in (*router.policies, *router.providers):
        return settings, {**environ, router.key_env[0]: key}
    table = known or ProviderSettings(base_url=provider if arguments.is_address(provider) else None)
    providers = {**settings.providers, provider: table.model_copy(update={"key_env": _KEY})}
    return settings.model_copy(update={"providers": providers}), {**environ, _KEY: key}


def _watch(
    on_event: Watcher | None, on_card: Callable[[Scorecard], None]
) -> Callable[[Event], None]:
    def watch(event: Event) -> None:
        if isinstance(event, Decided):
            on_card(event.card)
        if on_event is not None:
            on_event(event)

    return watch


async def _worked(
    session: Session, ready: "asyncio.Queue[Scorecard | None]", on_event: Watcher | None
) -> None:
    """Work a session; each scorecard goes into the queue as it is decided."""
    await session.work(watch=_watch(on_event, ready.put_nowait))


def _checked(
    call: Callable[P, Coroutine[Any, Any, Scorecard]],
) -> Callable[P, Coroutine[Any, Any, Scorecard]]:
    """Make an unknown argument an `InputError` that names the nearest one."""
    known = tuple(inspect.signature(call).parameters)

    @wraps(call)
    async def checked(*args: P.args, **kwargs: P.kwargs) -> Scorecard:
        arguments.check_names("areview", kwargs, known)
        return await call(*args, **kwargs)

    return checked


@_checked
async def areview(
    tool: ToolLike,
    *,
    evidence: EvidenceLike | Sequence[EvidenceLike] = (),
    description: str | None = None,
    url: str | None = None,
    provider: str | None = None,
    model: str | None = None,
    ask: Ask | None = None,
    wire: Wire | None = None,
    personas: str | Persona | Sequence[str | Persona] | None = None,
    spread: Sequence[str] = (),
    fallback: Sequence[str] | None = None,
    samples: int = 1,
    context: str | None = None,
    write: bool = True,
    second_look: bool = False,
    check_support: bool = False,
    support_provider: str | None = None,
    fresh: bool = False,
    fetch: bool = False,
    offline: bool = False,
    allow_outside: bool = False,
    runs: str | Path | None = None,
) -> Scorecard:
    """Review one tool with a client of its own; see `AsyncPanel` and its `review`."""
    async with AsyncPanel(
        provider=provider, model=model, ask=ask, wire=wire, personas=personas,
        spread=spread, fallback=fallback, samples=samples, context=context, write=write,
        second_look=second_look, check_support=check_support,
        support_provider=support_provider, fresh=fresh, offline=offline, runs=runs,
    ) as client:  # fmt: skip
        return await client.review(
            tool, evidence=evidence, description=description, url=url, fetch=fetch,
            allow_outside=allow_outside,
        )  # fmt: skip
