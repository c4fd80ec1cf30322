"""HEAD: pages answer it as they answer GET, without the body; health probes and checkers of links ask so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


_WITH_EFFECT = frozenset({"/smart/launch", "/smart/callback", "/review"})
"""A launch begins or ends with these, and a note is shown once: who only looks must not use them up."""


class HeadAsGet:
    """Ask what is inside for GET, refusals included, and keep back the body; outside, the method stays HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one exchange on."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"] in _WITH_EFFECT:
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, send_without_body)
        finally:
            # What is logged names the route, and the router tells it to its own scope alone.
            scope["route"] = asked.get("route")
