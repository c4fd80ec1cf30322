"""Overload: beyond a number of calls in work the next ones are refused at once, so that those let in are answered.

Without it each call that comes makes all others later, until none is answered within its deadline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request

from service.errors import Busy
from service.logs import note
from service.web.problems import problem_of, response_to

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_ALWAYS = frozenset({"/health/live", "/health/ready", "/metrics", "/cds-services"})
"""What operators and clients ask in trouble; each costs next to nothing."""


class Shedding:
    """Let at most `most` calls in at once; refuse the next before any of its body is read."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._most = most
        self._in_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one exchange on, or refuse it."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self._app(scope, receive, send)
            return
        if self._in_work >= self._most:
            note(problem=Busy.__name__)
            await response_to(Request(scope), problem_of(Busy()))(scope, receive, send)
            return
        self._in_work += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_work -= 1
