"""One computation for each turn of the event loop, in the order of arrival.

A call that is read, decided and answered holds the loop for some milliseconds. Where many are ready at once they would
run back to back, and whatever arrives meanwhile, a probe or a call that is to be refused, would wait for all of them.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """The queue of calls that are ready to compute."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_taken = False

    async def take(self) -> None:
        """Return when this call may compute: at once where no other does in this turn of the loop."""
        loop = asyncio.get_running_loop()
        if not self._is_taken:
            self._is_taken = True
            loop.call_soon(self._give)
            return
        future = loop.create_future()
        self._waiting.append(future)
        await future

    def _give(self) -> None:
        """Let the next one compute in the turn that follows, after what has arrived was looked at."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                asyncio.get_running_loop().call_soon(self._give)
                return
        self._is_taken = False
