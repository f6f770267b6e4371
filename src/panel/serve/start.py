"""Starting a server: what its setup names is opened, put together, served, and closed again."""

import sys
import traceback
from collections.abc import Callable
from dataclasses import replace

from panel.archive.archive import Archive
from panel.community.database import Database
from panel.personas import load_personas
from panel.serve.app import TEMPLATES, create_app
from panel.serve.outbox import Outbox
from panel.serve.records import Records
from panel.serve.server import Limits, Server, listen, run
from panel.serve.service import Service
from panel.serve.setup import Setup
from panel.serve.shelf import Shelf
from panel.serve.trouble import Trouble
from panel.session.opening import persona_folders
from panel.site.live import Live
from panel.site.site import Site

Say = Callable[[str], None]


def serve(setup: Setup, *, database_url: str | None, say: Say) -> None:
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
        server = Server(
            create_app(service),
            limits=Limits(proxies=setup.proxies),
            on_stop=service.stopping.set,
        )
        say(f"serving {len(service.shelf.archive.histories())} tools at {setup.address}/")
        run(server, [socket])


def open_service(setup: Setup, database: Database, *, say: Say) -> Service:
    """Return a service over an open database, which it closes when it ends."""
    site = Site(
        Archive.open(setup.review.settings.runs),
        base_url=setup.base_url,
        personas=load_personas(folders=persona_folders()),
        folders=(TEMPLATES,),
    )
    offered = Live(takes_mail=setup.mailing is not None, takes_requests=setup.takes_requests)
    trouble = Trouble(say)
    return Service(
        setup=setup,
        shelf=Shelf(site, live=offered),
        records=Records(database, trouble),
        outbox=Outbox(
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
