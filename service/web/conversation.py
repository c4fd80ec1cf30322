"""What every exchange has: a request id, safe headers, its duration and one log line."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from starlette.datastructures import Headers

from service.logs import begin_notes
from service.timing import begin_phases
from service.tracing import NO_TRACING, begin_tracing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.logs import Note
    from service.tracing import Attribute, Tracing

    Observer: TypeAlias = Callable[[Mapping[str, Note], int, float], None]

_log = structlog.get_logger()

_REQUEST_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")

SAFE_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
"""The headers of every answer that does not set them by itself."""
_STRICT_TRANSPORT = {"strict-transport-security": "max-age=31536000"}


class Conversation:
    """Outermost middleware. Headers that an answer sets by itself are left alone."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        strict_transport: bool,
        observe: Observer | None = None,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        """`observe` is told of each exchange: its notes, its status and its seconds."""
        self._app = app
        self._tracing = tracing
        self._observe = observe
        headers = SAFE_HEADERS | (_STRICT_TRANSPORT if strict_transport else {})
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one exchange on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        notes, phases = begin_notes(request_id=request_id), begin_phases()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                # A refusal tells its duration as a whole: phases would say how far a token got.
                told = phases if status < 400 else {}  # noqa: PLR2004  RFC 9110, section 15.5
                set_by_answer = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(header for header in self._headers if header[0] not in set_by_answer),
                    (b"x-request-id", request_id.encode()),
                    (b"server-timing", _timing(told, total_ms=_milliseconds(start)).encode()),
                ]
            await send(message)

        def described() -> dict[str, Attribute]:
            named = {f"crlm.{name}": value for name, value in notes.items()}
            standard = {
                "http.request.method": scope["method"],
                "http.route": _route(scope),
                "http.response.status_code": status,
            }
            return {**named, **standard}

        begin_tracing(self._tracing)
        try:
            with self._tracing.span_of_request("request", parent=headers.get("traceparent"), attributes=described):
                await self._app(scope, receive, send_with_headers)
        finally:
            if self._observe is not None:
                self._observe(notes, status, time.perf_counter() - start)
            _log.info(
                "request",
                method=scope["method"],
                route=_route(scope),
                status=status,
                ms=_milliseconds(start),
                **notes,
            )


def _request_id(headers: Headers) -> str:
    """Take the caller's id where it is a UUID, which can carry nothing else; else make one."""
    sent = headers.get("x-request-id", "").lower()
    return sent if _REQUEST_ID.fullmatch(sent) else str(uuid4())


def _route(scope: Scope) -> str:
    """Name the route by its template: a path may hold what somebody typed."""
    route = scope.get("route")
    return getattr(route, "path", "none")


def _timing(phases: Mapping[str, float], *, total_ms: float) -> str:
    measured = [f"{name};dur={seconds * 1000:.2f}" for name, seconds in phases.items()]
    return ", ".join([*measured, f"total;dur={total_ms}"])


def _milliseconds(start: float) -> float:
    return round((time.perf_counter() - start) * 1000, 2)
