"""The way to PostgreSQL: bounded waiting at every step, also for a server that took a question and keeps silent.

The server ends statements that last too long, TCP ends a line that is dead; neither helps where a server, or a proxy
before it, holds the line and says nothing. The threads of the store would wait for ever, and the process never end.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa

from service.adapters.store.patience import WRITERS, patience_s
from service.adapters.store.schema import as_json

if TYPE_CHECKING:
    from psycopg.abc import RV, PQGen
    from sqlalchemy.engine import Dialect, Engine
    from sqlalchemy.pool import ConnectionPoolEntry


def postgresql_engine(url: sa.URL) -> Engine:
    """Prepare for `url`; nothing is opened yet."""
    engine = sa.create_engine(
        url,
        json_serializer=as_json,
        pool_size=WRITERS + 1,
        max_overflow=0,
        pool_timeout=3,
        pool_pre_ping=True,
        # Messages of faults would repeat what is written, comments included.
        hide_parameters=True,
        connect_args={
            "connect_timeout": 3,
            "tcp_user_timeout": 5_000,
            "options": "-c statement_timeout=10000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=30000",
        },
    )
    sa.event.listen(engine, "do_connect", _connect)
    return engine


def _connect(_: Dialect, __: ConnectionPoolEntry, arguments: list[Any], named: dict[str, Any]) -> _Impatient:
    return _Impatient.connect(*arguments, **named)


class _Impatient(psycopg.Connection[Any]):
    """Gives up, and closes itself, where an answer takes longer than the thread has patience.

    A closed connection tells the pool that all its others, opened before, are not to be trusted either.
    """

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Do what the driver does, for a limited time."""
        limit_s = patience_s() if timeout is None else timeout
        start = time.monotonic()
        try:
            return super().wait(gen, interval, limit_s)
        except psycopg.OperationalError:
            if limit_s is not None and time.monotonic() - start >= limit_s:
                self.close()
            raise
