"""One commit for many callers: what arrives while a commit runs goes into the next one together."""

from __future__ import annotations

import asyncio
from contextvars import Context
from itertools import accumulate, takewhile
from typing import TYPE_CHECKING, Generic, TypeVar

from service.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST_ROWS = 256
"""Rows of one transaction, but for an item that has more of its own."""
_MOST_WAITING = 10_000


class GroupCommit(Generic[Item, Result]):
    """Each caller waits until its own item is durable; a disk that syncs slowly is asked once for all of them."""

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        rows: Callable[[Item], int] = lambda _: 1,
    ) -> None:
        """`commit` writes items in one transaction and gives one result for each, in their order; `rows` counts one's.

        A transaction is bounded, so that an item of many rows makes those of others wait for its own alone.
        """
        self._commit = commit
        self._rows = rows
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """Give the result of `item` once it is durable; raise `StoreUnavailable` where it is not.

        An item whose caller is cancelled may be written or not.
        """
        if len(self._waiting) >= _MOST_WAITING:
            raise StoreUnavailable
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None or self._task.done():
            # It works for all requests, and is no part of the one that came first.
            self._task = asyncio.create_task(self._drain(), context=Context())
        return await future

    async def _drain(self) -> None:
        while self._waiting:
            # Who gave up was told that nothing counts as recorded, and comes again.
            self._waiting = [(item, future) for item, future in self._waiting if not future.done()]
            rows = accumulate(self._rows(item) for item, _ in self._waiting)
            fitting = max(1, sum(1 for _ in takewhile(lambda count: count <= _MOST_ROWS, rows)))
            batch, self._waiting = self._waiting[:fitting], self._waiting[fitting:]
            if not batch:
                return
            try:
                results = await self._commit([item for item, _ in batch])
            except BaseException as fault:  # whatever it is: else the callers of this batch would wait for ever
                for _, future in batch:
                    if not future.done():
                        future.set_exception(StoreUnavailable() if isinstance(fault, asyncio.CancelledError) else fault)
                if not isinstance(fault, Exception):
                    raise
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    if not future.done():
                        future.set_result(result)
