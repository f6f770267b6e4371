"""Brings up loopback in a network namespace of its own and runs panel commands in it.

usage: unshare -rn python -m tests.support.isolated FOLDER COMMANDS.json
COMMANDS.json maps names to lists of commands; those of a name are run in FOLDER/NAME. Every
connection and name look-up of every Python process of theirs is written to FOLDER/NAME/network.log,
and the exit codes to FOLDER/NAME/codes.json; what happens while panel is imported, once for all,
is written to FOLDER/network.log. `URL` in a command stands for the answering server.
"""

import fcntl
import json
import os
import socket
import struct
import sys
from pathlib import Path

from tests.support.command import Desk, answering

WATCH = """
import os, sys
WHERE = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0}
def watch(event, args):
    if event in WHERE:
        with open(os.environ["NETWORK_LOG"], "a") as log:
            log.write(f"{event} {args[WHERE[event]]!r}\\n")
sys.addaudithook(watch)
"""
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        name = b"lo".ljust(16, b"\0")
        (flags,) = struct.unpack("16xh", fcntl.ioctl(handle, SIOCGIFFLAGS, name + b"\0\0"))
        fcntl.ioctl(handle, SIOCSIFFLAGS, name + struct.pack("h", flags | IFF_UP))


def main(folder: Path, groups: dict[str, list[list[str]]]) -> None:
    if os.environ.get("LONELY") == "1":
        loopback_up()
    watch = folder / "watch"
    watch.mkdir()
    (watch / "sitecustomize.py").write_text(WATCH)
    # The fork server reads both when it starts, and each command a log of its own.
    os.environ["PYTHONPATH"] = f"{watch}{os.pathsep}{os.environ['PYTHONPATH']}"
    os.environ["NETWORK_LOG"] = str(folder / "network.log")
    with answering() as url:
        for name, commands in groups.items():
            place = folder / name
            desk = Desk(place, {"NETWORK_LOG": str(place / "network.log")})
            codes = []
            for command in commands:
                done = desk.run(*(word.replace("URL", url) for word in command))
                codes.append([done.returncode, done.stderr[-2000:]])
            (place / "codes.json").write_text(json.dumps({"url": url, "codes": codes}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()))
