"""Overload: when too many calls wait, or one too long, the next are refused at once, and those let in are answered.

Without it each call that comes makes all others later, until none is answered within its deadline. A short peak, or a
machine that pauses, is ridden out: calls wait for their turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request

from service.errors import Busy
from service.logs import note
from service.web.bodies import announced_length
from service.web.problems import problem_of, response_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = frozenset({"/health/live", "/health/ready", "/metrics", "/cds-services"})
"""What operators and clients ask in trouble; each costs next to nothing."""


class Shedding:
    """Let at most `most` calls in at once, none while one waits for longer than `longest_s` for its turn to compute.

    All bodies in work take at most `most_bytes` together. `waited_s` tells how long one waits now. The others are
    refused before any of their body is read, where it does not announce its length in the middle of it.
    """

    def __init__(
        self, app: ASGIApp, *, most: int, most_bytes: int, waited_s: Callable[[], float], longest_s: float
    ) -> None:
        self._app = app
        self._most = most
        self._most_bytes = most_bytes
        self._waited_s = waited_s
        self._longest_s = longest_s
        self._in_work = 0
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one exchange on, or refuse it."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self._app(scope, receive, send)
            return
        is_full = self._in_work >= self._most or self._bytes + (announced_length(scope) or 0) > self._most_bytes
        if is_full or self._waited_s() > self._longest_s:
            note(problem=Busy.__name__)
            await response_to(Request(scope), problem_of(Busy()))(scope, receive, send)
            return
        size = 0

        async def receive_within() -> Message:
            nonlocal size
            message = await receive()
            length = len(message.get("body", b""))
            if length and self._bytes + length > self._most_bytes:
                raise Busy
            size += length
            self._bytes += length
            return message

        self._in_work += 1
        try:
            await self._app(scope, receive_within, send)
        finally:
            self._in_work -= 1
            self._bytes -= size
