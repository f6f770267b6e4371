"""For tests of programs that use panel: a provider on this machine that answers by a script.

    from panel.testing import ScriptedProvider

    with ScriptedProvider() as provider:
        card = panel.review("Widget", description="Makes widgets.", provider=provider.url)
    assert card.verdict.outcome == "ship"
    assert len(provider.requests) == 8  # four reviewers, each judges and then writes

It is a real HTTP server on loopback, so it serves the `panel` command as well. It keeps every
request, and answers the same request always in the same way.
"""

import json
import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

_PASSAGE: Final = re.compile(r"^\[(E\d+\.\d+)\]", re.MULTILINE)
_MODEL: Final = "scripted"
_NOTICE: Final = "Does the evidence say that the tool is deprecated"


@dataclass(frozen=True)
class ScriptedRequest:
    """One question that a model was asked."""

    body: Mapping[str, Any] = field(repr=False)
    """The JSON body of the request."""
    headers: Mapping[str, str] = field(repr=False)
    """The headers of the request, names in lower case."""

    @property
    def prompt(self) -> str:
        """The text of all messages."""
        return "\n".join(str(message["content"]) for message in self.body["messages"])

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON Schema that the answer must keep to; None where free text is asked for."""
        form = self.body.get("response_format") or {}
        schema: Mapping[str, Any] | None = (form.get("json_schema") or {}).get("schema")
        return schema

    @property
    def persona(self) -> str | None:
        """The reviewer that judges or writes in one reply; None for any other question."""
        persona = ((self.schema or {}).get("properties") or {}).get("persona") or {}
        names = persona.get("enum") or [None]
        name: str | None = names[0]
        return name

    @property
    def passages(self) -> tuple[str, ...]:
        """The ids of the passages that the prompt shows."""
        return tuple(_PASSAGE.findall(self.prompt))

    @property
    def is_baseline(self) -> bool:
        """Whether the question is about a tool without evidence.

        It is asked stepwise, and the answer subtracted from what is said of the tool; a
        probability of 0.5 subtracts nothing.
        """
        return "(no evidence was found)" in self.prompt

    @property
    def is_notice(self) -> bool:
        """Whether it is asked if the page says that the tool is over: yes speaks against it."""
        return _NOTICE in self.prompt


@dataclass(frozen=True)
class Failure:
    """An answer that is an HTTP error."""

    status: int = 500
    message: str = "scripted failure"
    retry_after: float | None = None
    """Seconds, sent as `Retry-After`."""


Answer = str | float | Mapping[str, Any] | Failure
"""Text; the probability of yes to a yes/no question; a JSON object; or an HTTP error."""
Script = Callable[[ScriptedRequest], Answer]


def ship(request: ScriptedRequest) -> Answer:
    """Answer every question in favour of the tool, citing the first passage."""
    return _answered(request, yes=True)


def skip(request: ScriptedRequest) -> Answer:
    """Answer every question against the tool, citing the first passage."""
    return _answered(request, yes=False)


class ScriptedProvider:
    """An OpenAI-compatible server on a free loopback port, open within a `with` block."""

    def __init__(self, script: Script = ship) -> None:
        """Take the script: a function from a request to its answer, called in several threads."""
        self.requests: list[ScriptedRequest] = []
        """Every question asked so far."""
        self._script = script
        self._server: _Server | None = None
        self._raised: list[Exception] = []

    @property
    def url(self) -> str:
        """The address for `provider=` or `--provider`."""
        if self._server is None:
            raise RuntimeError("with ScriptedProvider() as provider: ...")
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        """Start serving."""
        self._server = _Server(("127.0.0.1", 0), _handler(self._answer))
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving; raise what the script raised, where nothing else went wrong."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if error is None and self._raised:
            raise self._raised[0]

    def _answer(self, request: ScriptedRequest) -> Answer:
        self.requests.append(request)
        try:
            return self._script(request)
        except Exception as error:
            self._raised.append(error)
            return Failure(400, f"the script raised {error!r}")


def _answered(request: ScriptedRequest, *, yes: bool) -> Answer:
    cited = request.passages or ("E1.1",)
    if request.schema is not None:
        return _review(request.schema, yes, cited)
    if request.body.get("logprobs"):
        return 0.5 if request.is_baseline else 0.95 if yes != request.is_notice else 0.05
    if "Which passage" in request.prompt:
        return cited[0]
    return "It does one thing."


def _review(schema: Mapping[str, Any], yes: bool, cited: Sequence[str]) -> Mapping[str, Any]:
    """Return a judgement or a written review; each part that the schema knows, and no other one."""
    parts = schema["properties"]
    word = "yes" if yes else "no"
    persona = (parts.get("persona") or {}).get("enum", [""])[0]
    finding = {"cites": [cited[0]], "because": "The page says so.", "answer": word}
    review = {
        "persona": persona,
        "findings": dict.fromkeys((parts.get("findings") or {}).get("properties", ()), finding),
        "fields": dict.fromkeys(
            (parts.get("fields") or {}).get("properties", ()), "It does one thing."
        ),
        "status": {"cites": [cited[0]], "is": "active" if yes else "unknown"},
        "missing": [],
        "beats": _beats(persona, (parts.get("beats") or {}).get("properties", ()), cited),
        "turns_on": "A second maintainer would turn it.",
        "forecast": {"claim": "By 2027 a team at Initech will run it.", "probability": 60},
        "chances": dict.fromkeys((parts.get("chances") or {}).get("properties", ()), 40),
        "summary": f"I judged it by its page [{cited[0]}].",
        "stance": "ship" if yes else "skip",
        # A second look at one question, or at the tool's upkeep.
        "cites": [cited[0]],
        "because": "The page says so.",
        "answer": _second_answer((parts.get("answer") or {}).get("enum", ()), yes=yes),
    }
    return {name: value for name, value in review.items() if name in parts}


def _second_answer(options: Sequence[str], *, yes: bool) -> str:
    answers = ("yes", "active") if yes else ("no", "deprecated")
    return next((option for option in options if option in answers), "")


def _beats(persona: str, idents: Iterable[str], cited: Sequence[str]) -> Mapping[str, str]:
    """Return a sentence a step, none of them another shipped reviewer's; two cite passages."""
    first = 5 * _ORDER.index(persona) if persona in _ORDER else sum(persona.encode())
    beats = {}
    for place, ident in enumerate(idents):
        sentence = _SENTENCES[(first + place) % len(_SENTENCES)]
        cite = f" [{cited[min(place, len(cited) - 1)]}]" if place < 2 else ""
        rival = "I know of no rival that does the same. " if ident == "rival" else ""
        beats[ident] = f"{rival}{sentence}{cite}."
    return beats


_ORDER: Final = ("builder", "skeptic", "business", "futurist")
_SENTENCES: Final = (
    "What the page offers is one small part that other programs can be built on without glue",
    "It takes the bookkeeping on itself and leaves naming and clean-up to whoever calls it",
    "The first command prints a result within a minute, and a wrong argument in a plain message",
    "An evening of scripting would give half of that, without the tests and without the odd cases",
    "Keeping every default in a single place is the decision I would copy before any other",
    "The gap shows when thirty people share an installation that was designed around a lone user",
    "A larger project could fold this into its next release and nobody would write about the loss",
    "Nothing tells me who answers at night, how long a fix takes, or what is still served",
    "I would change my mind after reading one incident report that names a cause and its repair",
    "Careful as the wording is, numbers are missing wherever a careful reader would look for them",
    "Whoever runs the platform budget signs for this, since it saves hours that are billed today",
    "Ten seats cost what the page states, and where it is silent I count hours of a week",
    "Every project that stores its settings here makes the next migration a little less attractive",
    "Given away by a cloud vendor, the same function would leave only support as a reason to pay",
    "My signature needs a named owner, an exit of a day, and a price that holds two years",
    "Before the decade ends, work of this kind will be bought as a commodity or not at all",
    "That requires formats to stay open, and it fails once one platform decides what is allowed",
    "Those who sell the glue between systems lose their margin first, before customers see",
    "As trends go this is neither early nor late, which leaves execution as the thing that decides",
    "In the end it is infrastructure when new staff meet it on a first day and never ask its name",
)
"""Five a shipped reviewer, in their order."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # an idle connection must not hold up the end of the block

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: the client has gone away, as after a timeout or an interrupt."""


def _handler(answer: Script) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(200, {"object": "list", "data": [{"id": _MODEL, "object": "model"}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = answer(ScriptedRequest(body, headers))
            if isinstance(reply, Failure):
                self._send(reply.status, {"error": {"message": reply.message}}, reply.retry_after)
            else:
                self._send(200, _completion(reply, body))

        def _send(self, status: int, data: object, retry_after: float | None = None) -> None:
            text = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            if retry_after is not None:
                self.send_header("Retry-After", f"{retry_after:g}")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    return Handler


def _completion(answer: str | float | Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    logprobs = None
    if isinstance(answer, int | float):
        logprobs, answer = _yes_no(answer), "yes" if answer >= 0.5 else "no"
    text = answer if isinstance(answer, str) else json.dumps(answer)
    message = {"role": "assistant", "content": text}
    finish = "length" if body.get("max_tokens") == 1 else "stop"
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": logprobs}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return {"id": "scripted", "object": "chat.completion", "created": 0,
            "model": body.get("model", _MODEL),
            "choices": [choice], "usage": usage}  # fmt: skip


def _yes_no(p: float) -> dict[str, Any]:
    """Return the log-probabilities of a one-token answer that is yes with probability `p`."""
    chances = {"yes": min(max(p, 1e-6), 1 - 1e-6)}
    chances["no"] = 1 - chances["yes"]
    top = [{"token": token, "logprob": math.log(chance), "bytes": None}
           for token, chance in sorted(chances.items(), key=lambda item: -item[1])]  # fmt: skip
    return {"content": [top[0] | {"top_logprobs": top}]}
