"""`--engine ray`: a provider is asked from Ray workers, on this machine or on many.

Workers send requests and read responses, and know nothing of the run. Prompts, limits, verdicts and
the journal stay in this process, so a worker that is lost takes no more than its open requests with
it: they are asked again. Workers import panel where they are; ray is imported with the first ones.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from panel.foundation.errors import CallError, InputError, ProviderError, TimedOut, Unreachable
from panel.llm.config import ProviderConfig, ResponseFormat
from panel.llm.openai_compat.client import OpenAICompatClient
from panel.llm.types import ChatRequest, ChatResponse

if TYPE_CHECKING:
    from panel.llm.types import Endpoint

_NO_CLUSTER: Final = "ray status tells of a cluster; without --address Ray starts here"
STARTING: Final = 120.0
"""Seconds that workers have to start."""
_LATE: Final = 15.0
"""Seconds beyond a call's deadline after which its worker counts as cut off."""
_SHARE: Final = 0.01
"""CPUs that a worker asks Ray for: it waits most of the time."""


class Worker:
    """Asks a provider, inside a Ray actor."""

    def __init__(self, config: ProviderConfig) -> None:
        self._endpoint: Endpoint = OpenAICompatClient(config)

    async def version(self) -> str:
        """Return the version of panel that this worker runs."""
        return version("panel-verdict")

    async def ask(
        self, request: ChatRequest, format: ResponseFormat, deadline: float
    ) -> ChatResponse | CallError:
        """Return the response, or the error: Ray would wrap one that is raised."""
        try:
            return await self._endpoint.ask(request, format, deadline=deadline)
        except CallError as error:
            return error.with_traceback(None)


@dataclass
class _Seat:
    """A worker, its share of the calls in flight, and how many it has."""

    actor: Any
    share: int
    running: int = 0

    @property
    def free(self) -> int:
        return self.share - self.running


class RayEndpoint:
    """A provider behind Ray workers, as an `Endpoint`."""

    def __init__(self, seats: Sequence[_Seat], host: str, stop: Callable[[], None]) -> None:
        """Use `open_ray` instead."""
        self._seats = seats
        self._host = host
        self._stop = stop

    async def ask(
        self, request: ChatRequest, format: ResponseFormat, *, deadline: float
    ) -> ChatResponse:
        """Return the reply of the worker that has most room; raise `CallError`."""
        from ray.exceptions import RayError

        seat = max(self._seats, key=lambda seat: seat.free)
        seat.running += 1
        try:
            asking = seat.actor.ask.remote(request, format, deadline)
            reply: ChatResponse | CallError = await asyncio.wait_for(asking, deadline + _LATE)
        except RayError:
            raise Unreachable(f"{self._host}: a Ray worker was lost before the answer") from None
        except TimeoutError:
            raise TimedOut(f"{self._host}: a Ray worker gave no answer in time") from None
        finally:
            seat.running -= 1
        if isinstance(reply, CallError):
            raise reply
        return reply

    async def close(self) -> None:
        """End the workers, and the Ray that was started for them."""
        await asyncio.to_thread(self._stop)


async def open_ray(config: ProviderConfig, address: str | None, workers: int | None) -> RayEndpoint:
    """Start workers that ask a provider.

    Args:
        config: The provider; its key goes to the workers. `concurrency` is shared out among them.
        address: Of a Ray cluster, or `auto` for the one this machine belongs to; None starts Ray
            here, and ends it in the end.
        workers: How many; None is one for each CPU of the cluster.

    Raises:
        InputError: ray is not installed, there is no cluster, or its panel is another version.
    """
    ray = _imported()
    is_ours = not ray.is_initialized()  # not where another judge of the panel came first
    if is_ours:
        await asyncio.to_thread(_connect, ray, address)
    try:
        wanted = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        seats = [
            _Seat(_actor(ray, config, share), share) for share in shares(config.concurrency, wanted)
        ]
        await _started(seats)
    except BaseException:
        if is_ours:
            await asyncio.to_thread(ray.shutdown)
        raise

    def stop() -> None:
        for seat in seats:
            with contextlib.suppress(Exception):
                ray.kill(seat.actor)
        if is_ours:
            ray.shutdown()

    return RayEndpoint(seats, config.provider, stop)


def shares(concurrency: int, workers: int) -> list[int]:
    """Return the calls in flight that each worker may have; they sum to `concurrency`.

    >>> shares(10, 4)
    [3, 3, 2, 2]
    """
    workers = min(workers, concurrency)
    each, more = divmod(concurrency, workers)
    return [each + (n < more) for n in range(workers)]


def _imported() -> Any:
    # Before the import: Ray reports its use to its makers unless it is told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError:
        raise InputError(
            "ray is not installed", hint="./setup ray, or pip install 'panel-verdict[ray]'"
        ) from None
    return ray


def _connect(ray: Any, address: str | None) -> None:
    # What Ray and lost workers say would stand between the lines of this command.
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    how: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    if address is None:
        how |= {"include_dashboard": False}
    elif address != "auto":
        _check_reachable(address)
    try:
        ray.init(address=address or "local", **how)  # None would be what RAY_ADDRESS names
    except (OSError, ValueError, RuntimeError) as error:
        where = "on this machine" if address in (None, "auto") else f"at {address}"
        hint = None if address is None else _NO_CLUSTER
        raise InputError(f"there is no Ray {where}: {_first_line(error)}", hint=hint) from None


def _check_reachable(address: str) -> None:
    """Raise `InputError` where nothing listens: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise InputError(f"{address} is no address of a Ray cluster", hint="--address HOST:6379")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except (OSError, OverflowError):
        raise InputError(f"nothing answers at {address}", hint=_NO_CLUSTER) from None


def _actor(ray: Any, config: ProviderConfig, share: int) -> Any:
    options = ray.remote(Worker).options(
        num_cpus=_SHARE,
        max_concurrency=share + 1,  # a question about its version goes beside
        max_restarts=-1,
        max_task_retries=0,  # whether a call is repeated is decided here
        scheduling_strategy="SPREAD",
    )
    return options.remote(config)


async def _started(seats: Sequence[_Seat]) -> None:
    """Wait for all workers, and compare their panel with ours."""
    from ray.exceptions import RayError

    asking: list[Awaitable[str]] = [seat.actor.version.remote() for seat in seats]
    try:
        versions = await asyncio.wait_for(asyncio.gather(*asking), STARTING)
    except TimeoutError:
        raise InputError(
            f"the Ray workers did not start within {STARTING:.0f} s", hint="ray status"
        ) from None
    except RayError as error:
        raise InputError(
            f"a Ray worker cannot start: {_first_line(error)}",
            hint="panel has to be installed on every machine of the cluster",
        ) from None
    ours = version("panel-verdict")
    if other := next((theirs for theirs in versions if theirs != ours), None):
        raise InputError(
            f"a Ray worker has panel {other}, this is {ours}", hint="install the same on both"
        )


def check_ray(config: ProviderConfig, *, has_client: bool) -> None:
    """Raise `ProviderError` where a provider cannot be asked from another machine."""
    if has_client or config.kind != "wire":
        what = "a client of your own" if has_client else config.provider
        raise ProviderError(
            f"{what} is asked in this process only",
            hint="leave the engine out, or name a provider that is a server",
        )


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
