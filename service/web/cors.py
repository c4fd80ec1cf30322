"""Cross-origin calls from browser-based clients: to the CDS Hooks paths alone, errors and preflights included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PATH = "/cds-services"
_READABLE = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"X-Request-Id, Server-Timing, Retry-After, WWW-Authenticate"),
)
# Any origin: what a caller may do is decided by its token, which no browser adds by itself; cookies are not read here.
_PREFLIGHT = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, OPTIONS",
    # A wildcard would not cover Authorization (Fetch standard, "CORS-preflight fetch").
    "access-control-allow-headers": "Authorization, Content-Type, Accept, X-Request-Id",
    "access-control-max-age": "600",
}


class CrossOrigin:
    """Answer preflights without authentication, and let every origin read the other answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one exchange on, or answer it where it is a preflight."""
        if scope["type"] != "http" or not _is_cds_path(scope["path"]):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            answer = Response(status_code=204, headers=_PREFLIGHT)
            if Headers(scope=scope).get("access-control-request-private-network") == "true":
                answer.headers["access-control-allow-private-network"] = "true"
            await answer(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_READABLE]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _is_cds_path(path: str) -> bool:
    return path == _PATH or path.startswith(_PATH + "/")
