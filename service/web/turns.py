"""One computation for each turn of the event loop, in the order of arrival.

A call that is read, decided and answered holds the loop for some milliseconds. Where many are ready at once they would
run back to back, and whatever arrives meanwhile, a probe or a call that is to be refused, would wait for all of them.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Turns:
    """The queue of calls that are ready to compute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds and never goes back."""
        self._clock = clock
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._is_taken = False

    def longest_wait_s(self) -> float:
        """Give the seconds that the next call in the queue has waited; 0 without a queue."""
        return self._clock() - self._waiting[0][0] if self._waiting else 0.0

    async def take(self) -> None:
        """Return when this call may compute: at once where no other does in this turn of the loop."""
        loop = asyncio.get_running_loop()
        if not self._is_taken:
            self._is_taken = True
            loop.call_soon(self._give)
            return
        future = loop.create_future()
        self._waiting.append((self._clock(), future))
        await future

    def _give(self) -> None:
        """Let the next one compute in the turn that follows, after what has arrived was looked at."""
        while self._waiting:
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                asyncio.get_running_loop().call_soon(self._give)
                return
        self._is_taken = False
