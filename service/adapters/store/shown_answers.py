"""Answers that a user has seen already, so that a site may let them rest for a while: keyed hashes with an expiry.

Who reads the table learns neither patients nor users nor answers. Nothing here may cost an answer: where the store
cannot tell, an answer counts as new.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from service.adapters.store.rounds import Rounds, delete_some
from service.adapters.store.schema import columns_of, shown_answers
from service.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.engine import Connection

    from service.adapters.store.database import Database

_ANSWER_S = 0.25
"""Seconds that the question may take: a slow store is no reason to be late, or silent."""
_MOST_WAITING = 1_000
_PURGE_EVERY_S = 300.0


@dataclass(frozen=True, slots=True)
class _Shown:
    """One row: keyed hashes of the reader and of the answer."""

    reader: str
    answer: str
    expires_at: int


class ShownAnswers:
    """The last answer of each reader within `rest_s` seconds; all workers share it through the store."""

    def __init__(self, database: Database, *, index: Callable[..., tuple[str, ...]], rest_s: float) -> None:
        """`index` makes keyed hashes of texts, the newest key's first (`Sealer.index`)."""
        self._database = database
        self._index = index
        self._rest_s = rest_s
        self._writing: dict[str, asyncio.Task[None]] = {}
        self._purging = Rounds(_PURGE_EVERY_S)

    async def was_shown(self, answer: str, *, to: Sequence[str], now: float) -> bool:
        """Whether `answer` is the last one that this reader got, and still rests; false where nobody can tell."""
        readers, answers = self._index(*to), self._index(answer)
        question = sa.select(shown_answers.c.reader).where(
            shown_answers.c.reader.in_(readers),
            shown_answers.c.answer.in_(answers),
            shown_answers.c.expires_at > math.floor(now),
            # Later than any answer of this moment: the clock was ahead, and would keep it silent for that long.
            shown_answers.c.expires_at <= math.ceil(now + self._rest_s),
        )
        try:
            async with asyncio.timeout(_ANSWER_S):
                if readers[0] in self._writing:
                    await asyncio.shield(self._writing[readers[0]])
                found = await self._database.read(lambda connection: connection.execute(question).first())
        except (StoreUnavailable, TimeoutError):
            structlog.get_logger().warning("shown_answers_unavailable")
            return False
        return found is not None

    def put(self, answer: str, *, to: Sequence[str], now: float) -> None:
        """Remember that `answer` is shown now; written behind it, dropped where too many wait."""
        if len(self._writing) >= _MOST_WAITING:
            return
        shown = _Shown(self._index(*to)[0], self._index(answer)[0], math.ceil(now + self._rest_s))
        self._writing[shown.reader] = asyncio.create_task(self._write(shown, now, self._writing.get(shown.reader)))

    async def flush(self) -> None:
        """Wait until all that was put is written or given up."""
        await asyncio.gather(*self._writing.values())

    async def _write(self, shown: _Shown, now: float, earlier: asyncio.Task[None] | None) -> None:
        insert = self._database.insert(shown_answers)
        statement = insert.values(columns_of(shown)).on_conflict_do_update(
            index_elements=[shown_answers.c.reader], set_={"answer": shown.answer, "expires_at": shown.expires_at}
        )
        purge, is_over = self._purging.are_due(now), shown_answers.c.expires_at <= math.floor(now)

        def work(connection: Connection) -> None:
            connection.execute(statement)
            if purge:
                self._purging.made(delete_some(connection, shown_answers, is_over))

        try:
            if earlier is not None:
                await earlier
            await self._database.write_lightly(work)
        except StoreUnavailable:
            structlog.get_logger().warning("shown_answer_not_kept")
        finally:
            if self._writing.get(shown.reader) is asyncio.current_task():
                del self._writing[shown.reader]
