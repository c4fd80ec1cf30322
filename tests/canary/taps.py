"""Where the run is watched: logs, metrics, traces, audit lines, the store, error bodies, processes that tests start.

Each tap stands at the last place that everything of its kind passes, so that a test need not ask for it.
"""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar, cast

import sqlalchemy as sa
import structlog
from fastapi import FastAPI
from starlette.applications import Starlette

from service import tracing
from service.adapters import audit
from tests.canary.watch import WATCH, carries

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping
    from pathlib import Path

    import pytest
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from starlette.types import Message, Receive, Scope, Send

_SERVERS = ("service.", "crlm-cds", "_server.py")
_Text = TypeVar("_Text", str, bytes)


def install(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Open all taps; what processes say into nothing goes to files in `folder`."""
    _tap_logging(patch)
    _tap_answers(patch)
    _tap_traces(patch)
    _tap_audit(patch)
    sa.event.listen(sa.Engine, "before_cursor_execute", _see_statement)
    patch.setattr(subprocess, "Popen", _watched_processes(folder))


def see_event(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Look at a structured event of any level, as a processor of structlog; show faults alone."""
    WATCH.look("log event", repr(dict(event)))
    if method not in {"error", "critical", "exception"}:
        raise structlog.DropEvent
    return event


def _tap_logging(patch: pytest.MonkeyPatch) -> None:
    passed_on = logging.Logger.callHandlers

    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        WATCH.look("log record", f"{record.getMessage()} {trace}")
        passed_on(self, record)

    patch.setattr(logging.Logger, "callHandlers", call_handlers)


def _tap_answers(patch: pytest.MonkeyPatch) -> None:
    answered = Starlette.__call__

    async def call(self: Starlette, scope: Scope, receive: Receive, send: Send) -> None:
        # The demo EHR is a Starlette: a FHIR server may show charts, and repeat what it was asked.
        if scope["type"] == "http" and isinstance(self, FastAPI):
            exchange = _Exchange(scope, receive, send)
            await answered(self, scope, exchange.receive, exchange.send)
        else:
            await answered(self, scope, receive, send)

    patch.setattr(Starlette, "__call__", call)


class _Exchange:
    """One request and its answer, of which refusals and metrics are looked at."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._place: str | None = None
        self._carried = False
        self._is_carrier(str(scope.get("raw_path", b"")), str(scope["query_string"]), str(scope["headers"]))

    async def receive(self) -> Message:
        message = await self._receive()
        self._is_carrier(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._place = self._watched_as(message)
            WATCH.count("answers")
            if self._place == "error answer":
                WATCH.look(self._place, b"\n".join(value for _, value in message["headers"]))
        elif self._place:
            WATCH.look(self._place, message.get("body", b""))
        await self._send(message)

    def _watched_as(self, start: Message) -> str | None:
        if self._scope["path"] == "/metrics":
            return "metrics"
        # A page of the review app is the chart of the one who is logged in, also where saving it failed.
        media_type = dict(start["headers"]).get(b"content-type", b"")
        is_page = self._scope["path"].startswith("/review") and media_type.startswith(b"text/html")
        return "error answer" if start["status"] >= 400 and not is_page else None

    def _is_carrier(self, *sent: str | bytes) -> None:
        if not self._carried and any(carries(text) for text in sent):
            self._carried = True
            WATCH.count("requests with the mark")


def _tap_traces(patch: pytest.MonkeyPatch) -> None:
    made = tracing.Tracing.__init__

    def init(self: tracing.Tracing, provider: TracerProvider | None = None) -> None:
        if provider is not None:
            provider.add_span_processor(_span_processor())
        made(self, provider)

    patch.setattr(tracing.Tracing, "__init__", init)


def _span_processor() -> Any:
    from opentelemetry.sdk.trace import SpanProcessor  # noqa: PLC0415  only where something is traced

    class Seen(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            WATCH.look("span", str(span.to_json()))

    return Seen()


def _tap_audit(patch: pytest.MonkeyPatch) -> None:
    appended = audit._append  # noqa: SLF001  the one place that all lines pass

    def append(file: int, line: bytes) -> None:
        WATCH.look("audit line", line)
        appended(file, line)

    patch.setattr(audit, "_append", append)


def _see_statement(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
    if parameters:
        WATCH.look("statement", f"{statement} {parameters!r}")


class _Heard(Generic[_Text]):
    """What a process says into a pipe, looked at as a test reads it."""

    def __init__(self, pipe: IO[_Text]) -> None:
        self._pipe: IO[_Text] = pipe

    def __iter__(self) -> Iterator[_Text]:
        for line in self._pipe:
            yield self._looked_at(line)

    def readline(self, *size: int) -> _Text:
        return self._looked_at(self._pipe.readline(*size))

    def read(self, *size: int) -> _Text:
        return self._looked_at(self._pipe.read(*size))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipe, name)

    @staticmethod
    def _looked_at(text: _Text) -> _Text:
        WATCH.look("log of a process", text)
        return text


def _watched_processes(folder: Path) -> type[subprocess.Popen[Any]]:
    class Process(subprocess.Popen[Any]):
        """A process; of the service's own processes, what they log is looked at."""

        def __init__(self, args: Any, *positional: Any, **options: Any) -> None:
            self._is_server = any(name in str(args) for name in _SERVERS)
            if self._is_server and options.get("stderr") == subprocess.DEVNULL:
                with tempfile.NamedTemporaryFile(dir=folder, suffix=".stderr", delete=False) as log:
                    super().__init__(args, *positional, **{**options, "stderr": log})
            else:
                super().__init__(args, *positional, **options)
            if self._is_server and self.stderr is not None:
                self.stderr = cast("IO[Any]", _Heard(self.stderr))

        def communicate(self, *positional: Any, **options: Any) -> tuple[Any, Any]:
            said = super().communicate(*positional, **options)
            if self._is_server and said[1]:
                WATCH.look("log of a process", said[1])
            return said

    return Process


def look_at_files(folder: Path) -> None:
    """Look at the logs that nobody read and at every SQLite store that the tests have left."""
    for path in folder.rglob("*"):
        if path.suffix == ".stderr":
            WATCH.look(f"log of a process ({path.name})", path.read_bytes())
        elif _is_store(path):
            WATCH.look(f"store ({path.relative_to(folder)})", path.read_bytes())


def _is_store(path: Path) -> bool:
    # Tests take the right to read away from some files.
    if not path.is_file() or path.is_symlink() or not os.access(path, os.R_OK):
        return False
    if path.name.endswith("-wal"):
        return True
    with path.open("rb") as file:
        return file.read(15) == b"SQLite format 3"
