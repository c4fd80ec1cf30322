"""Answers that a user has seen already, so that a site may let them rest for a while: keyed hashes with an expiry.

Who reads the table learns neither patients nor users nor answers. Nothing here may cost an answer: where the store
cannot tell, an answer counts as new.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite

from service.adapters.store.schema import shown_answers
from service.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection

    from service.adapters.store.database import Database

_ANSWER_S = 0.25
"""Seconds that the question may take: a slow store is no reason to be late, or silent."""
_MOST_WAITING = 1_000
_PURGE_EVERY_S = 300.0


class ShownAnswers:
    """What was shown to whom within the last `rest_s` seconds; all workers share it through the store."""

    def __init__(self, database: Database, *, index: Callable[..., tuple[str, ...]], rest_s: float) -> None:
        """`index` makes keyed hashes of texts, the newest key's first (`Sealer.index`)."""
        self._database = database
        self._index = index
        self._rest_s = rest_s
        self._waiting: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._purged_at: float | None = None

    async def was_shown(self, *parts: str, now: float) -> bool:
        """Whether `parts` (who, about whom, what) were shown and still rest; false where the store cannot tell."""
        keys = self._index(*parts)
        if any(self._waiting.get(key, 0) > now for key in keys):
            return True
        question = sa.select(shown_answers.c.key).where(
            shown_answers.c.key.in_(keys), shown_answers.c.expires_at > math.floor(now)
        )
        try:
            async with asyncio.timeout(_ANSWER_S):
                found = await self._database.read(lambda connection: connection.execute(question).first())
        except (StoreUnavailable, TimeoutError):
            structlog.get_logger().warning("shown_answers_unavailable")
            return False
        return found is not None

    def put(self, *parts: str, now: float) -> None:
        """Remember that `parts` are shown now; written behind the answer, dropped where too many wait."""
        if len(self._tasks) >= _MOST_WAITING:
            return
        key, expires_at = self._index(*parts)[0], math.ceil(now + self._rest_s)
        self._waiting[key] = expires_at
        task = asyncio.create_task(self._write(key, expires_at, now))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def flush(self) -> None:
        """Wait until all that was put is written or given up."""
        await asyncio.gather(*self._tasks)

    async def _write(self, key: str, expires_at: int, now: float) -> None:
        insert = (sqlite if self._database.is_sqlite else postgresql).insert(shown_answers)
        statement = insert.values(key=key, expires_at=expires_at).on_conflict_do_update(
            index_elements=[shown_answers.c.key], set_={"expires_at": expires_at}
        )
        purge = self._purged_at is None or not 0 <= now - self._purged_at < _PURGE_EVERY_S
        if purge:
            self._purged_at = now

        def work(connection: Connection) -> None:
            connection.execute(statement)
            if purge:
                connection.execute(sa.delete(shown_answers).where(shown_answers.c.expires_at <= math.floor(now)))

        try:
            await self._database.write_lightly(work)
        except StoreUnavailable:
            structlog.get_logger().warning("shown_answer_not_kept")
        finally:
            self._waiting.pop(key, None)
