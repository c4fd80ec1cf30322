"""Garbage collection between requests instead of inside them, where it is the source of the long tail."""

from __future__ import annotations

import asyncio
import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send

_YOUNG_OBJECTS = 20_000
"""Collect when this many more objects were made than freed; a request frees nearly all of its own by itself."""
_FULL_EVERY = 50
"""Every so many young collections the middle generation is looked at too."""


@contextmanager
def collect_between_requests() -> Iterator[None]:
    """Take what start-up made out of every later collection, and switch the automatic collector off meanwhile."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


class CollectAfterAnswer:
    """Collect after an answer is on its way, as soon as enough young objects have gathered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._collections = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one exchange on."""
        await self._app(scope, receive, send)
        if not gc.isenabled() and gc.get_count()[0] > _YOUNG_OBJECTS:
            asyncio.get_running_loop().call_soon(self._collect)

    def _collect(self) -> None:
        self._collections += 1
        gc.collect(2 if self._collections % _FULL_EVERY == 0 else 0)
