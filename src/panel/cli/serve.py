"""`panel serve`: the pages live, with votes, subscriptions, requests and the API."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from panel.cli import options
from panel.cli.console import say
from panel.foundation.errors import SettingsError
from panel.publish.server.proxy_headers import TrustedProxies

if TYPE_CHECKING:
    from panel.publish.newsletter.settings import MailSettings
    from panel.publish.server.config import ServerConfig


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    default=8000,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--base-url", metavar="URL", help="Public address of the site: https://…")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of votes and subscribers; by default community beside the runs.",
)
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="NAME",
    help="Further host name of the site. Repeatable.",
)
@click.option(
    "--trusted-proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Proxy or network whose X-Forwarded-For and -Host are trusted. Repeatable.",
)
@click.option("--no-requests", is_flag=True, help="Accept no review requests from visitors.")
@options.provider
@options.support
@options.work
@click.pass_context
def command(
    ctx: click.Context,
    host: str,
    port: int,
    base_url: str | None,
    data: Path | None,
    allow_hosts: tuple[str, ...],
    proxies: tuple[str, ...],
    no_requests: bool,
    provider: options.ProviderOptions,
    support: options.SupportOptions,
    work: options.WorkOptions,
) -> None:
    """Serve the pages live, with votes, requests and an API.

    Settings: PANEL_DATABASE_URL (a PostgreSQL server instead of a file in --data), PANEL_SMTP_URL
    and PANEL_MAIL_FROM (mail for signing in and subscribing), PANEL_API_KEY (lets programs write
    through the API).
    """
    from panel.publish.server import config
    from panel.publish.server.main import serve, trace

    asking = options.AskingOptions(support=support)
    plan = options.review_options(provider, work, asking=asking)
    plan = replace(plan, on_read=lambda line: None)
    setup = config.ServerConfig(
        review=plan,
        data=data or plan.settings.runs.parent / "community",
        host=host,
        port=port,
        base_url=config.base_url(base_url),
        allow_hosts=allow_hosts,
        proxies=TrustedProxies.of(proxies),
        mailing=_mailing(),
        key=config.api_key(os.environ.get("PANEL_API_KEY")),
        takes_requests=not no_requests,
    )
    _check(setup)
    log = trace(say) if ctx.find_root().obj else say
    serve(setup, database_url=os.environ.get("PANEL_DATABASE_URL"), say=log)


def _mailing() -> "MailSettings | None":
    from panel.publish.newsletter.settings import MailSettings

    if not os.environ.get("PANEL_SMTP_URL"):
        say("no mail: signing in and subscribing are off; PANEL_SMTP_URL sets a mail server")
        return None
    return MailSettings.read(os.environ)


def _check(setup: "ServerConfig") -> None:
    """Refuse a setup whose mailed links would lead nowhere, or that answers to no host name."""
    _ = setup.same_origin  # its names are checked before anything is opened
    if setup.base_url is not None or setup.host in ("127.0.0.1", "::1", "localhost"):
        return
    if setup.mailing is not None or not setup.allow_hosts:
        raise SettingsError(
            f"on {setup.host} the site's own address has to be known",
            hint="--base-url https://panel.example.org",
        )
