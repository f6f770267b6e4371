"""Starting a server: opens what its settings name, puts it together, serves, and closes it."""

import asyncio
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from fastapi import FastAPI

from panel.engine.open_panel import persona_folders
from panel.publish.community.database import Database
from panel.publish.server.app import TEMPLATES, create_app
from panel.publish.server.config import ServerConfig
from panel.publish.server.database import DatabaseAccess, DatabaseLog
from panel.publish.server.mail_queue import MailQueue
from panel.publish.server.page_cache import PageCache
from panel.publish.server.review_worker import ReviewWorker
from panel.publish.server.state import ServerState
from panel.publish.server.uvicorn_limits import LimitedServer, ServerLimits, listen, run
from panel.publish.site.page import VisitorState
from panel.publish.site.site import Site
from panel.reviews.personas import load_personas
from panel.runs.forecasts.resolutions import ResolutionFile
from panel.runs.history.archive import Archive

Say = Callable[[str], None]


def serve(config: ServerConfig, *, database_url: str | None, say: Say) -> None:
    """Serve until a signal, which is raised again at the end.

    Args:
        config: What to serve; port 0 takes a free one.
        database_url: The community's database; None is a file in the data folder.
        say: Takes a line at a time for the operator.

    Raises:
        SettingsError: the place cannot be listened on, or a setting is wrong.
        DatabaseError: the database cannot be used; raised before anything is served.
    """
    socket = listen(config.host, config.port)
    with socket:
        config = replace(config, port=socket.getsockname()[1])
        database = Database.open(database_url, folder=config.data, alone=True)
        state = open_state(config, database, say=say)
        for note in (*database.notes, *state.archive.notes):
            say(f"warning: {note}")
        server = LimitedServer(
            open_app(state),
            limits=ServerLimits(proxies=config.proxies),
            on_stop=state.stopping.set,
        )
        say(f"serving {len(state.archive.histories())} tools at {config.address}/")
        run(server, [socket])


def open_state(config: ServerConfig, database: Database, *, say: Say) -> ServerState:
    """Return the state over an open database, which it closes when it ends."""
    archive = Archive.open(config.review.settings.runs)
    site = Site(
        archive,
        base_url=config.base_url,
        personas=load_personas(folders=persona_folders()),
        resolutions=ResolutionFile(config.review.settings.runs, on_trouble=say).read,
        folders=(TEMPLATES,),
    )
    live = VisitorState(takes_mail=config.mailing is not None, takes_requests=config.takes_requests)
    log = DatabaseLog(say)
    return ServerState(
        config=config,
        archive=archive,
        page_cache=PageCache(site, live=live),
        database=DatabaseAccess(database, log),
        mail_queue=MailQueue(
            config.mailing, on_trouble=say, on_down=log.failed, pauses=config.mail_pauses
        ),
        on_trouble=say,
    )


def open_app(state: ServerState) -> FastAPI:
    """Return the application of a state, which it starts and ends, with the review worker."""
    worker = ReviewWorker(
        state.requests,
        state.config.review,
        state.progress,
        archive=state.archive,
        new_request=state.new_request,
        refresh=state.page_cache.refresh,
        on_trouble=state.on_trouble,
        on_down=state.database.log.failed,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await state.start()
        if state.config.takes_requests:
            worker.start()
        try:
            yield
        finally:
            state.stopping.set()
            await asyncio.to_thread(worker.stop)
            await state.stop()

    return create_app(state, lifespan)


def trace(say: Say) -> Say:
    """Return a `say` that also shows the traceback of the fault at hand, for --debug."""

    def say_with_traceback(line: str) -> None:
        say(line)
        if sys.exc_info()[0] is not None:
            for part in traceback.format_exc().splitlines():
                say(part)

    return say_with_traceback
