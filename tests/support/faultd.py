"""A loopback server that misbehaves on purpose: one scripted scenario a request, every one logged.

The log is the oracle for counts and spacing. In a test:

    async with FaultServer([respond(503), answer("yes")]) as server:
        ...                      # server.base_url, server.requests

A script is a list of scenarios (one a request, the last one repeats) or a function from the
request to its scenario. As a process of its own, answering whatever panel may ask:

    python -m tests.support.faultd --port 0 --answers panel --counts FILE

It prints its port, and appends one line a request to FILE: monotonic seconds and body digest.
"""

import argparse
import asyncio
import contextlib
import gzip
import hashlib
import json
import math
import random
import re
import socket
import ssl
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

from panel import testing
from panel.reviews.strategies import judge_then_write, written_review


@dataclass
class Request:
    """One request as it came in, and how far its response went."""

    method: str
    path: str
    header_list: list[tuple[str, str]]
    body: bytes
    at: float
    """Monotonic seconds when the request was complete."""
    connection: int
    sent: int = 0
    """Bytes written in response so far."""
    ended: float | None = None
    """When its scenario was over, also if the client went away first."""
    client_left: bool = False

    @property
    def headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.header_list}

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()[:32]


@dataclass
class Line:
    """The server's end of one connection."""

    writer: asyncio.StreamWriter
    request: Request
    keep: bool = True

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        self.request.sent += len(data)
        await self.writer.drain()

    async def respond(
        self, status: int, headers: Iterable[tuple[str, str]], body: bytes, *, length: int = -1
    ) -> None:
        length = len(body) if length < 0 else length
        await self.send(head(status, [*headers, ("Content-Length", str(length))]) + body)

    def close(self) -> None:
        self.keep = False

    def reset(self) -> None:
        """End with RST instead of FIN."""
        self.keep = False
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Scenario = Callable[[Request, Line], Awaitable[None]]
Handler = Callable[[Request], Scenario]


class FaultServer:
    """Serves a script on a free loopback port for the length of an `async with` block."""

    def __init__(
        self,
        script: Handler | Sequence[Scenario],
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.script = script
        self.port = port
        self.tls = tls
        self.requests: list[Request] = []
        self.connections = 0
        self._arrived = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> "FaultServer":
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def received(self, count: int) -> None:
        """Wait until so many requests have come in."""
        while len(self.requests) < count:
            self._arrived.clear()
            await self._arrived.wait()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._serve(reader, writer, self.connections)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort() if writer.is_closing() else writer.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> None:
        keep = True
        while keep:
            request = await _read(reader, connection)
            self.requests.append(request)
            self._arrived.set()
            line = Line(writer, request)
            try:
                await self._scenario(request)(request, line)
            except OSError:
                request.client_left = True
                raise
            finally:
                request.ended = time.monotonic()
            keep = line.keep

    def _scenario(self, request: Request) -> Scenario:
        if callable(self.script):
            return self.script(request)
        return self.script[min(len(self.requests), len(self.script)) - 1]


async def _read(reader: asyncio.StreamReader, connection: int) -> Request:
    opening = await reader.readexactly(1)
    if opening == b"\x16":
        raise ConnectionError("TLS is not spoken here")
    raw = opening + await reader.readuntil(b"\r\n\r\n")
    first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    length = next((int(value) for name, value in pairs if name.lower() == "content-length"), 0)
    body = await reader.readexactly(length)
    return Request(method, path, pairs, body, time.monotonic(), connection)


def head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", f"Date: {formatdate(usegmt=True)}"]
    pairs = [(name, value) for name, value in headers]
    if any(name.lower() == "date" for name, _ in pairs):
        lines.pop()
    return "\r\n".join([*lines, *(f"{n}: {v}" for n, v in pairs), "", ""]).encode("latin-1")


JSON = ("Content-Type", "application/json")
SSE = ("Content-Type", "text/event-stream")
Headers = Sequence[tuple[str, str]]


# --- scenarios ----------------------------------------------------------------------------------


def respond(status: int, body: Any = "", headers: Headers = (JSON,)) -> Scenario:
    """Answer with a status; dicts and lists go as JSON."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else (
        json.dumps(body).encode())  # fmt: skip

    async def scenario(request: Request, line: Line) -> None:
        await line.respond(status, headers, raw)

    return scenario


def completion(
    text: str | None, *, finish: str | None = "stop", usage: dict[str, Any] | None = None,
    logprobs: list[dict[str, Any]] | None = None, **message: Any,
) -> dict[str, Any]:  # fmt: skip
    """Return a chat completion body."""
    reply_message = {"role": "assistant", "content": text, **message}
    choice: dict[str, Any] = {"index": 0, "finish_reason": finish, "message": reply_message}
    if logprobs is not None:
        choice["logprobs"] = {"content": logprobs}
    default = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107,
               "prompt_tokens_details": {"cached_tokens": 60}}  # fmt: skip
    return {"id": "cmpl-1", "object": "chat.completion", "model": "scripted", "choices": [choice],
            "usage": default if usage is None else usage}  # fmt: skip


def events(body: dict[str, Any], *, size: int = 5) -> list[bytes]:
    """Return the same completion as server-sent events, `size` characters each."""
    choice = body["choices"][0]
    message = {k: v for k, v in choice["message"].items() if k not in ("role", "content")}
    text = choice["message"]["content"] or ""
    places = (choice.get("logprobs") or {}).get("content", [])
    deltas: list[dict[str, Any]] = [{"delta": {"role": "assistant", "content": ""}}]
    deltas += [{"delta": message}] if message else []
    deltas += [{"delta": {"content": text[i : i + size]}} for i in range(0, len(text), size)]
    deltas += [{"delta": {"content": ""}, "logprobs": {"content": [place]}} for place in places]
    deltas += [{"delta": {}, "finish_reason": choice["finish_reason"]}]
    shared = {"id": body["id"], "object": "chat.completion.chunk", "model": body["model"]}
    chunks = [shared | {"choices": [{"index": 0, **delta}]} for delta in deltas]
    chunks.append(shared | {"choices": [], "usage": body["usage"]})
    return [b"data: %s\n\n" % json.dumps(c).encode() for c in chunks] + [b"data: [DONE]\n\n"]


def answer(text: str | None, *, headers: Headers = (), **parts: Any) -> Scenario:
    """Answer with a completion: as events when the request asks for a stream, else as JSON."""
    body = completion(text, **parts)

    async def scenario(request: Request, line: Line) -> None:
        if request.json().get("stream"):
            return await chunked(events(body), headers=(SSE, *headers))(request, line)
        return await respond(200, body, (JSON, *headers))(request, line)

    return scenario


def chunked(
    pieces: Iterable[bytes], *, headers: Headers = (SSE,), every: float = 0.0, end: bool = True
) -> Scenario:
    """Send pieces as HTTP chunks, `every` seconds; without `end` the last chunk never comes."""

    async def scenario(request: Request, line: Line) -> None:
        await line.send(head(200, [*headers, ("Transfer-Encoding", "chunked")]))
        for piece in filter(None, pieces):  # an empty chunk would end the body
            await line.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            if every:
                await asyncio.sleep(every)
        if not end:
            return await hang()(request, line)
        return await line.send(b"0\r\n\r\n")

    return scenario


def after(seconds: float, then: Scenario) -> Scenario:
    async def scenario(request: Request, line: Line) -> None:
        await asyncio.sleep(seconds)
        await then(request, line)

    return scenario


def hang() -> Scenario:
    """Never answer (again)."""

    async def scenario(request: Request, line: Line) -> None:
        await asyncio.sleep(3600)

    return scenario


def drip(raw: bytes, *, every: float) -> Scenario:
    """Send raw bytes of a response one by one."""

    async def scenario(request: Request, line: Line) -> None:
        for byte in raw:
            await line.send(bytes([byte]))
            await asyncio.sleep(every)

    return scenario


def raw(data: bytes, *, reset: bool = False) -> Scenario:
    """Send exactly these bytes, then end the connection, by RST if `reset`."""

    async def scenario(request: Request, line: Line) -> None:
        if data:
            await line.send(data)
            await asyncio.sleep(0.01)
        line.reset() if reset else line.close()

    return scenario


def endless(piece: bytes, *, opening: bytes = b"", headers: Headers = (JSON,)) -> Scenario:
    """Send the opening and then the piece until the client leaves, at most 50 MB."""

    def pieces() -> Iterable[bytes]:
        yield opening
        for _ in range(50_000_000 // len(piece)):
            yield piece

    return chunked(pieces(), headers=headers)


def gzipped(body: bytes, headers: Headers = (JSON,)) -> Scenario:
    return respond(200, gzip.compress(body), (*headers, ("Content-Encoding", "gzip")))


def redirect(url: str, status: int = 307) -> Scenario:
    return respond(status, "", (("Location", url),))


class Bucket:
    """A handler with a token bucket before it: 429 when empty, Retry-After `hint` if not None."""

    def __init__(
        self, then: Handler, *, rate: float, burst: float, hint: float | None = 1.0
    ) -> None:
        self.then = then
        self.rate = rate
        self.burst = self.level = burst
        self.hint = hint
        self.filled = time.monotonic()
        self.refused: list[float] = []
        """When each 429 was sent, monotonic seconds."""

    def __call__(self, request: Request) -> Scenario:
        now = time.monotonic()
        self.level = min(self.burst, self.level + (now - self.filled) * self.rate)
        self.filled = now
        if self.level >= 1:
            self.level -= 1
            return self.then(request)
        self.refused.append(now)
        headers = (JSON,) if self.hint is None else (JSON, ("Retry-After", f"{self.hint:g}"))
        return respond(429, {"error": {"message": "slow down"}}, headers)


# --- answers to whatever panel may ask -------------------------------------------------------


def panel_answers(
    *, latency: float = 0.0, counts: Path | None = None, usage: dict[str, Any] | None = None
) -> Handler:
    """Return a handler that answers every question validly, the same way for the same body."""

    def handler(request: Request) -> Scenario:
        if counts is not None:
            with counts.open("a") as file:
                file.write(f"{request.at:.6f} {request.digest}\n")
        if request.method == "GET":
            return respond(200, {"object": "list", "data": [{"id": "scripted"}]})
        body = request.json()
        text, places = reply_to(body)
        finish = "length" if body["max_tokens"] == 1 else "stop"
        reply = answer(text, logprobs=places, finish=finish, usage=usage)
        return after(latency, reply) if latency else reply

    return handler


def turning_down(status: int, then: Handler) -> Handler:
    """Return a handler that counts as `then` does and answers as the router does on `status`."""
    messages = {401: "Invalid credentials in Authorization header",
            403: "no sufficient permissions",
            402: "You have depleted your credits.", 404: "no such model"}  # fmt: skip

    def handler(request: Request) -> Scenario:
        then(request)
        return respond(status, {"error": messages[status]})

    return handler


def troubled(kind: str, then: Handler, *, seconds: float = 60.0) -> Handler:
    """Return a handler that fails before `then` is asked.

    `half`: every second request by luck is a 500; `drip`: one in ten sends its body byte by byte;
    `limit`: one in three is turned away with a 429; `hang`: nothing is answered in the first
    `seconds`. `stuck`, `cut` and `filter`: every third question, however often it is asked, meets
    a 500, a reset half way, or a content filter.
    """
    luck = random.Random(20261127)
    begun: list[float] = []
    share, fault = {
        "half": (0.5, respond(500, {"error": "internal"})),
        "drip": (0.1, chunked([b"{"] * 10_000, headers=(JSON,), every=0.2)),
        "limit": (0.3, respond(429, {"error": "slow down"}, (JSON, ("Retry-After", "0.2")))),
        "hang": (0.0, hang()),
        "stuck": (0.0, respond(500, {"error": "internal"})),
        "cut": (0.0, raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{", reset=True)),
        "filter": (0.0, answer("", finish="content_filter")),
    }[kind]

    def fails(request: Request) -> bool:
        if kind == "hang":
            begun.append(request.at)
            return request.at - begun[0] < seconds
        if kind in ("stuck", "cut", "filter"):
            return int(request.digest, 16) % 3 == 0
        return luck.random() < share

    return lambda request: fault if fails(request) else then(request)


def counted(file: Path) -> Counter[str]:
    """Return how often each body was asked, from the file `--counts` wrote."""
    return Counter(line.split()[1] for line in file.read_text().splitlines())


def reply_to(body: dict[str, Any]) -> tuple[str, list[dict[str, Any]] | None]:
    """Return text, and its log-probabilities if the body asks for them: a function of the body."""
    prompt = "\n".join(message["content"] for message in body["messages"])
    luck = random.Random(hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest())
    schema = _schema_of(body, prompt)
    if schema is not None:
        passages = re.findall(r"\bE\d+\.\d+\b", prompt)
        value = instance(schema, luck, passages=passages)
        if "beats" in schema["properties"]:  # a text that keeps to the rules of texts
            shown = re.findall(r"^\[(E\d+\.\d+)\]", prompt, re.MULTILINE)
            value = testing._review(schema, True, shown or ["E1.1"])
        text = json.dumps(value)
        places = [_place({text: -0.01})] if body.get("logprobs") else None
        return text, places
    if body.get("logprobs"):
        chance = luck.uniform(-3, 3)
        yes, no = -_softplus(-chance), -_softplus(chance)
        text = "yes" if yes > no else "no"
        return text, [_place({"yes": yes - 0.1, " Yes": yes - 2.4, "no": no - 0.1, "No": no - 2.4})]
    return luck.choice(["It does what it says.", "I would look elsewhere first."]), None


def _softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def _place(tokens: dict[str, float]) -> dict[str, Any]:
    top = [{"token": t, "logprob": p} for t, p in sorted(tokens.items(), key=lambda i: -i[1])]
    return top[0] | {"top_logprobs": top}


def _schema_of(body: dict[str, Any], prompt: str) -> dict[str, Any] | None:
    """Return the schema sent, or for the `json_object` rung the last one the prompt shows."""
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return dict(form["json_schema"]["schema"])
    if form.get("type") != "json_object":
        return None
    last, end = _schema_of_form(prompt), 0
    for found in re.finditer(r"\{\s*\"", prompt):
        if found.start() < end:
            continue  # a part of the one before
        with contextlib.suppress(ValueError):
            shown, end = json.JSONDecoder().raw_decode(prompt, found.start())
            if shown.get("type") == "object" and "properties" in shown:
                last = dict(shown)
    return last


def _schema_of_form(prompt: str) -> dict[str, Any]:
    """Return the schema of the form that a prompt shows in one line, by the code that wrote it."""
    tail = prompt.rpartition("The evidence ends here.")[2]
    asked = re.findall(r"^- (\w+): .*\?$", tail, re.MULTILINE)
    for form in re.findall(r'^(\{"persona": .*)$', prompt, re.MULTILINE)[-1:]:
        name = re.search(r'"persona": "(\w+)"', form)[1]  # type: ignore[index]
        if '"beats": ' in form:
            steps = tuple(json.loads(form)["beats"])
            return dict(written_review._schema(name, steps))
        return dict(judge_then_write._schema(name, tuple(asked)))
    return {"type": "object", "properties": {}}


def instance(
    schema: dict[str, Any], luck: random.Random, *, passages: Sequence[str] = (), name: str = ""
) -> Any:
    """Return a value that a schema of the portable subset allows."""
    if "enum" in schema:
        # Mostly answers that count: where half is unclear a panel cannot decide.
        sure = [choice for choice in schema["enum"] if choice != "unclear"]
        return luck.choice(sure if luck.random() < 0.85 and sure else schema["enum"])
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return instance(luck.choice(schema["anyOf"]), luck, passages=passages, name=name)
    kind = schema.get("type")
    kind = luck.choice(kind) if isinstance(kind, list) else kind
    if kind == "object":
        return {key: instance(part, luck, passages=passages, name=key)
                for key, part in schema.get("properties", {}).items()}  # fmt: skip
    if kind == "array":
        count = schema.get("minItems", 1)
        return [instance(schema["items"], luck, passages=passages, name=name)
                for _ in range(count)]  # fmt: skip
    if kind == "string":
        return _words(name, luck, passages)
    low, high = schema.get("minimum", 0), schema.get("maximum", 1)
    return {"integer": luck.randint(int(low), int(max(low, high))), "boolean": luck.random() < 0.5,
            "number": round(luck.uniform(low, high), 3)}.get(str(kind))  # fmt: skip


def _words(name: str, luck: random.Random, passages: Sequence[str]) -> str:
    if re.search("cite|passage", name) and passages:
        return luck.choice(passages)
    if re.search("date|resolve_by", name):
        return "2027-11-22"
    return luck.choice(
        ["It holds up in small work.", "The page shows how.", "Too little is shown."]
    )


async def _run(port: int, handler: Handler) -> None:
    async with FaultServer(handler, port=port) as server:
        print(server.port, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="Answer whatever panel asks, on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--answers", choices=["panel"], default="panel")
    parser.add_argument("--counts", type=Path)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--status", type=int, help="turn every question down with this status")
    parser.add_argument("--untold", action="store_true", help="tell nothing of tokens")
    parser.add_argument("--trouble", help="see `troubled`")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long it hangs")
    parser.add_argument("--bucket", type=float, help="answers a second; 429 with a hint above it")
    options = parser.parse_args()
    usage: dict[str, Any] | None = {} if options.untold else None
    handler = panel_answers(latency=options.latency, counts=options.counts, usage=usage)
    if options.status:
        handler = turning_down(options.status, handler)
    if options.trouble:
        handler = troubled(options.trouble, handler, seconds=options.seconds)
    if options.bucket:
        handler = Bucket(handler, rate=options.bucket, burst=options.bucket / 4)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(options.port, handler))


if __name__ == "__main__":
    main()
