"""Starting a server: what its setup names is opened, put together, served, and closed again."""

import sys
import traceback
from collections.abc import Callable
from dataclasses import replace

from panel.engine.open_panel import persona_folders
from panel.publish.community.database import Database
from panel.publish.server.app import TEMPLATES, create_app
from panel.publish.server.config import ServerConfig
from panel.publish.server.database import DatabaseAccess
from panel.publish.server.database_log import Trouble
from panel.publish.server.mail_queue import MailQueue
from panel.publish.server.page_cache import PageCache
from panel.publish.server.state import ServerState
from panel.publish.server.uvicorn_limits import LimitedServer, ServerLimits, listen, run
from panel.publish.site.context import VisitorState
from panel.publish.site.site import Site
from panel.review.personas import load_personas
from panel.runs.history.archive import Archive

Say = Callable[[str], None]


def serve(setup: ServerConfig, *, database_url: str | None, say: Say) -> None:
    """Serve until a signal, which is raised again at the end.

    Args:
        setup: What to serve; port 0 takes a free one.
        database_url: The community's database; None is a file in the data folder.
        say: Told, a line at a time, what the operator should know.

    Raises:
        SettingsError: the place cannot be listened on, or a setting is wrong.
        DatabaseError: the database cannot be used; it is told before anything is served.
    """
    socket = listen(setup.host, setup.port)
    with socket:
        setup = replace(setup, port=socket.getsockname()[1])
        database = Database.open(database_url, folder=setup.data, alone=True)
        service = open_service(setup, database, say=say)
        for note in (*database.notes, *service.shelf.archive.notes):
            say(f"warning: {note}")
        server = LimitedServer(
            create_app(service),
            limits=ServerLimits(proxies=setup.proxies),
            on_stop=service.stopping.set,
        )
        say(f"serving {len(service.shelf.archive.histories())} tools at {setup.address}/")
        run(server, [socket])


def open_service(setup: ServerConfig, database: Database, *, say: Say) -> ServerState:
    """Return a service over an open database, which it closes when it ends."""
    site = Site(
        Archive.open(setup.review.settings.runs),
        base_url=setup.base_url,
        personas=load_personas(folders=persona_folders()),
        folders=(TEMPLATES,),
    )
    offered = VisitorState(
        takes_mail=setup.mailing is not None, takes_requests=setup.takes_requests
    )
    trouble = Trouble(say)
    return ServerState(
        setup=setup,
        shelf=PageCache(site, live=offered),
        records=DatabaseAccess(database, trouble),
        outbox=MailQueue(
            setup.mailing, on_trouble=say, on_down=trouble.failed, pauses=setup.mail_pauses
        ),
        on_trouble=say,
    )


def trace(say: Say) -> Say:
    """Return a `say` that also shows the traceback of the fault at hand, for --debug."""

    def told(line: str) -> None:
        say(line)
        if sys.exc_info()[0] is not None:
            for part in traceback.format_exc().splitlines():
                say(part)

    return told
