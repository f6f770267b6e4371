"""A lean loopback server for measuring throughput: a fixed latency, a stored reply a question.

usage: python -m benchmarks.bulk_server [--latency SECONDS]

It prints its port. It answers judge and write calls of the shipped personas as the request's schema
asks, and anything else with a sentence. `GET /stats` counts; `POST /reset?latency=SECONDS` begins
anew. `--replies FOLDER` writes the judgements as files, for another server that is to give the
same.
"""

import argparse
import asyncio
import json
import re
from pathlib import Path
from typing import Any, Final

import uvloop

from panel import testing
from panel.foundation.paths import data_folder
from panel.reviews.personas import Persona, applicable, load_personas
from panel.reviews.propositions import ASKED
from panel.reviews.strategies import judge_then_write, written_review

KIND: Final = "library"
"""Of the tools that are asked about: it decides which questions a judgement must answer."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BECAUSE: Final = "The page says so in its own words, and gives an example of how it is done there"
_ENDING: Final = b'"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1370,'
_USAGE: Final = b'"completion_tokens":290,"total_tokens":1660,"prompt_tokens_details":'
_CACHED: Final = b'{"cached_tokens":0}}}'


def _personas() -> tuple[Persona, ...]:
    shipped = load_personas(folders=[data_folder("personas")])
    return tuple(applicable(persona, KIND) for persona in shipped)


def judgement(persona: Persona) -> str:
    """Return a judgement of about 2 kB: every question answered, cited and explained."""
    reply: Any = testing._review(judge_then_write.judge_schema(persona), True, ["E1.1"])
    for place, finding in enumerate(reply["findings"].values()):
        answer = ("yes", "unclear", "no", "yes")[place % 4]
        finding = {"cites": [f"E1.{1 + place % 9}"], "because": _BECAUSE, "answer": answer}
        reply["findings"][list(reply["findings"])[place]] = finding
    return json.dumps(reply)


def written(persona: Persona) -> str:
    """Return a written review that keeps every rule of the text."""
    schema = written_review.write_schema(persona, ASKED)
    return json.dumps(testing._review(schema, True, ["E1.1", "E1.2"]))


def _body(text: str) -> bytes:
    head = b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"bulk","choices":['
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = b'{"index":0,"message":' + json.dumps(message).encode() + b","
    return head + choice + _ENDING + _USAGE + _CACHED


def _http(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"x-request-id: req_1\r\n\r\n" + body


class Bulk:
    """What all connections share: replies, latency and counts."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.requests = self.running = self.most = 0
        self.replies: list[tuple[bytes, bytes, bytes]] = []
        for persona in _personas():
            name = json.dumps([persona.name]).encode()
            replies = _http(_body(judgement(persona))), _http(_body(written(persona)))
            self.replies.append((name, *replies))
        self.other = _http(_body("It sorts log files by time."))

    def reply(self, body: bytes) -> bytes:
        """Return the stored response to a request, by its schema."""
        start = body.rfind(b'"json_schema"')
        if start < 0:
            return self.other
        end = body[start:]
        for name, judged, wrote in self.replies:
            if name in end:
                return wrote if b'"beats"' in end else judged
        return self.other

    def control(self, target: bytes) -> bytes:
        """Answer `/stats` and `/reset`."""
        if target.startswith(b"/reset"):
            self.latency = float(target.partition(b"latency=")[2] or self.latency)
            self.requests = self.running = self.most = 0
        return _http(json.dumps({"requests": self.requests, "most": self.most}).encode())


class Line(asyncio.Protocol):
    """One connection: a request at a time, each answered after the latency."""

    def __init__(self, bulk: Bulk) -> None:
        self.bulk = bulk
        self.data = b""
        self.need = 0

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Take in bytes, and answer once a request is whole."""
        self.data = self.data + data if self.data else data
        if len(self.data) < self.need or (end := self.data.find(b"\r\n\r\n")) < 0:
            return
        length = _LENGTH.search(self.data, 0, end)
        self.need = end + 4 + (int(length[1]) if length else 0)
        if len(self.data) < self.need:
            return
        request, self.data, self.need = self.data, b"", 0
        target = request.split(b" ", 2)[1]
        if not target.endswith(b"/chat/completions"):
            self.transport.write(self.bulk.control(target))
            return
        bulk = self.bulk
        bulk.requests += 1
        bulk.running += 1
        bulk.most = max(bulk.most, bulk.running)
        reply = bulk.reply(request)
        if bulk.latency <= 0:
            self.answer(reply)
        else:
            asyncio.get_running_loop().call_later(bulk.latency, self.answer, reply)

    def answer(self, reply: bytes) -> None:
        """Send a reply, where the client is still there."""
        self.bulk.running -= 1
        if not self.transport.is_closing():
            self.transport.write(reply)


async def serve(latency: float) -> None:
    """Serve until killed; print the port first."""
    bulk = Bulk(latency)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Line(bulk), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve, or write the replies."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--latency", type=float, default=0.2, help="seconds a reply takes")
    parser.add_argument("--replies", type=Path, help="write the judgements to this folder")
    args = parser.parse_args()
    if args.replies:
        args.replies.mkdir(parents=True, exist_ok=True)
        for persona in _personas():
            (args.replies / f"{persona.name}.json").write_text(judgement(persona) + "\n")
    else:
        uvloop.run(serve(args.latency))


if __name__ == "__main__":
    main()
