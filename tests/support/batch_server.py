"""A loopback server with a batch API, in OpenAI's form or OpenRouter's; it also answers calls.

with BatchServer() as server:
    ...  # server.url, server.jobs, server.asked, server.steps
"""

import email
import email.policy
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

from panel.testing import ScriptedRequest, _completion, ship

Outcome = Literal["answer", "error", "lost", "garbage", "cut"]


@dataclass
class Job:
    """A job as the server keeps it."""

    id: str
    lines: list[dict[str, Any]]
    metadata: dict[str, str]
    status: str = "validating"
    looks: int = 0
    created: float = field(default_factory=time.time)
    answers: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)


class BatchServer:
    """Serves within a `with` block, on a free port."""

    def __init__(
        self,
        form: Literal["files", "inline"] = "files",
        *,
        looks: int = 1,
        ends_as: str = "completed",
        outcome: Callable[[str], Outcome] = lambda ident: "answer",
        port: int = 0,
    ) -> None:
        """`looks` is how often a job is looked at until it has ended."""
        self.form = form
        self.looks = looks
        self.ends_as = ends_as
        self.outcome = outcome
        self.port = port
        self.files: dict[str, bytes] = {}
        self.jobs: dict[str, Job] = {}
        self.asked: list[dict[str, Any]] = []
        """Bodies of the questions that were asked one by one."""
        self.steps: list[str] = []
        """Requests about jobs, as `POST batches`."""
        self.headers: list[dict[str, str]] = []
        self.before: Callable[[int, str], None] = lambda n, step: None
        """Called with the number of a request about jobs before it does anything."""
        self.after: Callable[[int, str], None] = lambda n, step: None
        """Called when it has been done and before the response is sent."""
        self._lock = threading.RLock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def billed(self) -> Counter[str]:
        """How often each question was answered in a job, by its id: what is paid for."""
        return Counter(row["custom_id"] for job in self.jobs.values() for row in job.answers)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        # A client that is killed resets its connection: nothing to tell.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._server.daemon_threads, self._server.block_on_close = True, False
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, headers: Any, raw: bytes) -> tuple[int, bytes]:
        path = path.removeprefix("/v1/").partition("?")[0]
        if path == "chat/completions":
            with self._lock:
                self.asked.append(body := json.loads(raw))
            return 200, json.dumps(_answered(body)).encode()
        if path == "models":
            return 200, json.dumps({"data": [{"id": "scripted"}]}).encode()
        with self._lock:
            number, step = len(self.steps), f"{method} {path}"
            self.steps.append(step)
            self.headers.append({k.lower(): v for k, v in headers.items()})
        self.before(number, step)
        with self._lock:
            status, data = self._do(method, path.split("/"), headers, raw)
        self.after(number, step)
        return status, data if isinstance(data, bytes) else json.dumps(data).encode()

    def _do(self, method: str, path: list[str], headers: Any, raw: bytes) -> tuple[int, Any]:
        match method, path:
            case "POST", ["files"] if self.form == "files":
                ident = f"file-{len(self.files)}"
                self.files[ident] = _file(headers, raw)
                return 200, {"id": ident, "object": "file", "purpose": "batch"}
            case "POST", ["batches"]:
                return self._create(json.loads(raw))
            case "GET", ["batches"]:
                newest_first = [self._shown(job) for job in reversed(self.jobs.values())]
                return 200, {"object": "list", "data": newest_first}
            case "GET", ["batches", ident] if ident in self.jobs:
                self._look(self.jobs[ident])
                return 200, self._shown(self.jobs[ident], whole=True)
            case "POST", ["batches", ident, "cancel"] if ident in self.jobs:
                self._end(self.jobs[ident], "cancelled")
                return 200, self._shown(self.jobs[ident]) | {"status": "cancelling"}
            case "GET", ["files", ident, "content"]:
                return 200, self.files[ident]
        return 404, {"error": {"message": f"no route {method} {'/'.join(path)}"}}

    def _create(self, body: dict[str, Any]) -> tuple[int, Any]:
        if self.form == "files":
            lines = [json.loads(line) for line in self.files[body["input_file_id"]].splitlines()]
        else:
            assert [*body][:2] == ["endpoint", "model"], "the API reads the request as a stream"
            model = {"model": body["model"]}
            lines = [row | {"body": row["body"] | model} for row in body["requests"]]
        assert body["endpoint"] == "/v1/chat/completions"
        assert len({line["custom_id"] for line in lines}) == len(lines)
        job = Job(f"batch_{len(self.jobs)}", lines, body.get("metadata") or {})
        self.jobs[job.id] = job
        return (200 if self.form == "files" else 202), self._shown(job)

    def _look(self, job: Job) -> None:
        job.looks += 1
        if job.status in ("validating", "in_progress"):
            job.status = "in_progress"
            if job.looks >= self.looks:
                self._end(job, self.ends_as)

    def _end(self, job: Job, status: str) -> None:
        job.status = status
        if status == "failed":
            return
        for line in job.lines:
            made, ident = self.outcome(line["custom_id"]), line["custom_id"]
            body: Any = _answered(line["body"])
            if made == "garbage":
                body["choices"][0]["message"]["content"] = "I think that it is fine."
            elif made == "cut":
                body["choices"][0] |= {"finish_reason": "length"}
            if made == "error":
                error = {"code": "server_error", "message": "overloaded"}
                job.errors.append({"custom_id": ident, "response": None, "error": error})
            elif made != "lost":
                response = {"status_code": 200, "request_id": "r", "body": body}
                job.answers.append({"custom_id": ident, "response": response, "error": None})
        job.answers.reverse()  # they come in any order

    def _shown(self, job: Job, *, whole: bool = False) -> dict[str, Any]:
        counts = {"total": len(job.lines), "completed": len(job.answers),
                  "failed": len(job.errors)}  # fmt: skip
        shown: dict[str, Any] = {
            "id": job.id, "object": "batch", "status": job.status,
            "created_at": int(job.created), "request_counts": counts,
        }  # fmt: skip
        if job.status == "failed":
            problem = {"message": "line 1: the model takes no batches", "code": "invalid"}
            shown |= {"errors": {"data": [problem]}}
        if self.form == "inline":
            return shown | ({"results": job.answers + job.errors} if whole else {})
        shown |= {"metadata": job.metadata}
        for name, rows in (("output", job.answers), ("error", job.errors)):
            if rows:
                ident = f"file-{job.id}-{name}"
                self.files[ident] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
                shown[f"{name}_file_id"] = ident
        return shown


def _answered(body: dict[str, Any]) -> dict[str, Any]:
    reply = ship(ScriptedRequest(body, {}))
    assert isinstance(reply, str | float | dict)
    return _completion(reply, body)


def _file(headers: Any, raw: bytes) -> bytes:
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    form = email.message_from_bytes(head + raw, policy=email.policy.HTTP)
    parts = {
        part.get_param("name", header="content-disposition"): part for part in form.iter_parts()
    }
    assert parts["purpose"].get_payload(decode=True) == b"batch"
    content = parts["file"].get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def _handler(server: BatchServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._respond("GET", b"")

        def do_POST(self) -> None:
            self._respond("POST", self.rfile.read(int(self.headers["Content-Length"])))

        def _respond(self, method: str, raw: bytes) -> None:
            try:
                status, data = server.answer(method, self.path, self.headers, raw)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client was killed

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    return Handler
