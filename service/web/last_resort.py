"""The one handler of bugs: whatever reaches it is answered 500 and logged without its message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request

from service.web.problems import answer_bug

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class LastResort:
    """Innermost middleware, so that the answer gets the headers of every other answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one exchange on; an answer that has begun cannot be replaced, its connection is cut."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_and_remember(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_remember)
        except Exception as error:
            # Broad on purpose: a bug may be of any class, and silence would be read as "no advice".
            answer = answer_bug(Request(scope), error, request_id=scope["state"]["request_id"])
            if begun:
                raise
            await answer(scope, receive, send)
