"""Every address of the world on this machine, to see which of them a fetcher connects to.

usage: unshare -rn python -m tests.support.world

Without unshare connections are watched only.
All addresses, IPv4 and IPv6, are routed to loopback; port 80 of one public address is an honest
server (with TLS on 443 if WORLD_CERTIFICATE names a file), any other connection is a canary's.
Prints JSON.
"""

import asyncio
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from contextlib import suppress
from typing import Any

from panel.evidence.fetch.fetcher import Fetcher
from panel.foundation.errors import FetchError
from tests.support.faultd import head

PUBLIC = "93.184.216.34"

NUMBERS = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.8.8",
    "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1",
    "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1",
    "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::a9fe:a9fe", "100::1", "2001::1", "2001:0:7f00:1::",
    "2001:10::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
]  # fmt: skip
"""Addresses that are no stranger's business."""

SPELLINGS = [
    "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/",
    "http://0x7f.1/", "http://127.0.1/", "http://017700000001/", "http://0/", "http://127.0.0.1./",
    "http://0300.0250.1.1/", "http://3232235777/", "http://0xa9fea9fe/", "http://1.1.1.1.127.1/",
    "http://１２７.0.0.1/", "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://[::1%25lo]/",
    "http://[fe80::1%25lo]/", "http://%31%32%37.0.0.1/", "http://localhost/", "http://LOCALHOST./",
    "http://ⅼocalhost/", "http://x.localhost/", "http://printer.local/",
    "http://metadata.google.internal/", "http://user@127.0.0.1/", f"http://user:pw@{PUBLIC}/",
    f"http://{PUBLIC}@127.0.0.1/", f"http://127.0.0.1\\@{PUBLIC}/", f"http://{PUBLIC}\\@127.0.0.1/",
    f"http://{PUBLIC}#@127.0.0.1:22/", f"http://{PUBLIC}:22/", f"http://{PUBLIC}:0/",
    f"https://{PUBLIC}:8443/", f"ftp://{PUBLIC}/", "file:///etc/passwd", "gopher://127.0.0.1:80/",
    "data:text/html,x", "http:///127.0.0.1/", "http://127.0.0.1\t/", "//127.0.0.1/",
    "unix:///run/x.sock", "ws://127.0.0.1/",
]  # fmt: skip
"""Other ways to write such places, and addresses that nobody may write at all."""

FORMS = [*(f"http://[{n}]/" if ":" in n else f"http://{n}/" for n in NUMBERS), *SPELLINGS]
CLEAN = {f"http://{PUBLIC}#@127.0.0.1:22/"}
"""A trick that names the honest server to those who read it right."""


class World:
    """What was connected to, and who answers what."""

    def __init__(self) -> None:
        self.canary: list[str] = []
        self.watched: list[str] = []
        self.answers: dict[str, list[list[str]]] = {}
        self.names: dict[int, str | None] = {}
        self.secure: list[list[str | None]] = []
        """Of each request over TLS: the name in the handshake, `Host`, and its key."""

    async def resolve(self, host: str, port: int) -> list[str]:
        listed = self.answers.get(host)
        if listed is None:
            raise OSError("no such name")
        return listed.pop(0) if len(listed) > 1 else listed[0]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here = writer.get_extra_info("sockname")[0].removeprefix("::ffff:")
        try:
            if here != PUBLIC:
                self.canary.append(here)
                return
            request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            if tls := writer.get_extra_info("ssl_object"):
                self.secure.append(
                    [self.names[id(tls)], *(header_value(request, n) for n in ("Host", "X-Key"))]
                )
            number = request.split(" ")[1].lstrip("/")
            there = FORMS[int(number)] if number.isdigit() else number.removeprefix("to:")
            redirects = number.isdigit() or number.startswith("to:")
            moved = [("Location", there.encode().decode("latin-1"))] if redirects else []
            headers = [*moved, ("Content-Length", "2"), ("Connection", "close")]
            writer.write(head(302 if redirects else 200, headers) + b"ok")
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            self.watched.append(arguments[1][0])


async def ask(fetcher: Fetcher, url: str) -> str:
    try:
        return str((await fetcher.get(url, deadline=5)).status)
    except FetchError as error:
        return error.code


def header_value(request: str, header: str) -> str | None:
    lines = [line.partition(": ") for line in request.split("\r\n")[1:]]
    return next((value for name, _, value in lines if name == header), None)


def naive(host: str) -> None:
    """Connect as one does who trusts the resolver."""
    with suppress(OSError, UnicodeError):
        socket.create_connection((host, 80), timeout=1).close()


async def explore(world: World) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    if world_is_ours():
        server = await asyncio.start_server(world.serve, sock=_listener())
        for host in [*NUMBERS, "2130706433", "0x7f000001", "127.1", "0177.0.0.1"]:
            await asyncio.to_thread(naive, host)
        await asyncio.sleep(0.2)
        answers["naive"] = len(world.canary)
        world.canary.clear()
    sys.addaudithook(world.watch)
    for number, address in enumerate(NUMBERS):
        world.answers[f"n{number}.test"] = [[address]]
        world.answers[f"m{number}.test"] = [[PUBLIC, address]]
    world.answers |= {"public.test": [[PUBLIC]], "turncoat.test": [[PUBLIC], ["127.0.0.1"]]}
    fetcher = Fetcher(resolve=world.resolve)
    answers["direct"] = {form: await ask(fetcher, form) for form in FORMS}
    answers["names"] = {
        f"{kind} {n}": await ask(fetcher, f"http://{kind}{place}.test/")
        for kind in "nm"
        for place, n in enumerate(NUMBERS)
    }
    if world_is_ours():
        answers["redirected"] = {
            form: await ask(fetcher, f"http://public.test/{n}") for n, form in enumerate(FORMS)
        }
        answers["turncoat"] = await ask(fetcher, "http://turncoat.test/to:http://turncoat.test/x")
        answers["honest"] = await ask(fetcher, "http://public.test/x")
    await fetcher.close()
    if certificate := os.environ.get("WORLD_CERTIFICATE"):
        answers |= await explore_tls(world, certificate)
    if world_is_ours():
        server.close()
        await server.wait_closed()
    answers["canary"] = world.canary
    answers["watched"] = sorted(set(world.watched) - {PUBLIC})
    return answers


async def explore_tls(world: World, certificate: str) -> dict[str, Any]:
    def named(tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        world.names[id(tls)] = name

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = named
    server = await asyncio.start_server(world.serve, sock=_listener(443), ssl=context)
    world.answers |= {"secure.test": [[PUBLIC]], "other.test": [[PUBLIC]]}
    fetcher = Fetcher(resolve=world.resolve, keys={"secure.test": ("X-Key", "hunter2")})
    bare = Fetcher(resolve=world.resolve)
    answers = {
        "secure": await ask(fetcher, "https://secure.test/x"),
        "upgraded": await ask(bare, "http://public.test/to:https://secure.test/y"),
        "downgraded with a key": await ask(fetcher, "https://secure.test/to:http://public.test/x"),
        "downgraded": await ask(bare, "https://secure.test/to:http://public.test/x"),
        "of another": await ask(bare, "https://other.test/x"),
    }
    for client in (fetcher, bare):
        await client.close()
    server.close()
    await server.wait_closed()
    return {"tls": answers, "secure": world.secure}


def _listener(port: int = 80) -> socket.socket:
    listening = socket.socket(socket.AF_INET6)
    listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("::", port))
    return listening


def world_is_ours() -> bool:
    return os.environ.get("WORLD") == "1"


def route_everything_here() -> None:
    ip = shutil.which("ip", path=f"{os.environ['PATH']}:/sbin:/usr/sbin") or "ip"
    for words in ("link set lo up", "route add local 0.0.0.0/0 dev lo",
                  "-6 route add local ::/0 dev lo"):  # fmt: skip
        subprocess.run([ip, *words.split()], check=True)


if __name__ == "__main__":
    if world_is_ours():
        route_everything_here()
    print(json.dumps(asyncio.run(explore(World()))))
