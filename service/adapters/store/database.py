"""The connection to the store: SQLite or PostgreSQL behind one face, used from the event loop through a few threads.

The engine is synchronous: SQLite has no other kind, the commands need no loop, and a store that is slow holds a bounded
number of threads instead of the loop. SQLite gets one thread for writing, since it has one writer anyway.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import StaticPool

from service.adapters.store.patience import WRITERS, be_impatient
from service.adapters.store.schema import as_json
from service.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.pool import ConnectionPoolEntry

Result = TypeVar("Result")

_BUSY_TIMEOUT_MS = 5_000
_READING = {"reading": True}
"""Marks a transaction that will not write: SQLite then takes no lock for it."""
_LIGHT = {"light": True}
"""Marks a transaction whose commit does not wait for the disk."""
_PATIENT = {"patient": True}
"""Marks a transaction that waits for its turn as long as a migration may take on a slow disk."""


class Database:
    """One process's way to the store."""

    def __init__(self, url: str) -> None:
        """Prepare for `url` (`sqlite:///file`, `postgresql://…`); nothing is opened yet."""
        address = _with_driver(sa.make_url(url))
        self.is_sqlite = address.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(address) if self.is_sqlite else _postgresql_engine(address)
        in_memory = isinstance(self.engine.pool, StaticPool)
        self._writers = ThreadPoolExecutor(1 if self.is_sqlite else WRITERS, "store-write", be_impatient)
        self._readers = self._writers if in_memory else ThreadPoolExecutor(1, "store-read", be_impatient)
        self.last_write_failed = False

    def insert(self, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
        """Begin an INSERT that can say what becomes of a conflict: each dialect has one of its own."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in one transaction that is durable when this returns; raise `StoreUnavailable` otherwise."""
        return await self._written(self.write_now, work)

    async def write_lightly(self, work: Callable[[Connection], Result]) -> Result:
        """Do what `write` does without waiting for the disk.

        The others see it at once, and the end of any process loses nothing; a power failure may lose the last moments.
        """
        return await self._written(self.write_lightly_now, work)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in one reading transaction."""
        return await self._in(self._readers, self.read_now, work)

    def write_now(self, work: Callable[[Connection], Result]) -> Result:
        """Do what `write` does, in this thread."""
        with self.engine.begin() as connection:
            return work(connection)

    def write_patiently_now(self, work: Callable[[Connection], Result]) -> Result:
        """Do what `write_now` does, behind another that takes as long as a migration may."""
        with self.engine.connect() as connection, connection.execution_options(**_PATIENT).begin():
            return work(connection)

    def write_lightly_now(self, work: Callable[[Connection], Result]) -> Result:
        """Do what `write_lightly` does, in this thread."""
        with self.engine.connect() as connection, connection.execution_options(**_LIGHT).begin():
            if not self.is_sqlite:
                connection.execute(sa.text("SET LOCAL synchronous_commit = off"))
            return work(connection)

    def read_now(self, work: Callable[[Connection], Result]) -> Result:
        """Do what `read` does, in this thread."""
        with self.engine.connect() as connection, connection.execution_options(**_READING).begin():
            return work(connection)

    def close(self) -> None:
        """Finish what runs, then close all connections."""
        self._writers.shutdown()
        self._readers.shutdown()
        self.engine.dispose()

    async def _written(
        self, run: Callable[[Callable[[Connection], Result]], Result], work: Callable[[Connection], Result]
    ) -> Result:
        try:
            found = await self._in(self._writers, run, work)
        except StoreUnavailable:
            self.last_write_failed = True
            raise
        self.last_write_failed = False
        return found

    async def _in(
        self,
        threads: ThreadPoolExecutor,
        run: Callable[[Callable[[Connection], Result]], Result],
        work: Callable[[Connection], Result],
    ) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, run, work)
        except sa.exc.SQLAlchemyError as fault:
            structlog.get_logger().error("store_failed", fault=type(fault).__name__)
            raise StoreUnavailable from fault


def _with_driver(url: sa.URL) -> sa.URL:
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _postgresql_engine(url: sa.URL) -> Engine:
    # Its driver takes time to load, which a service on SQLite need not wait for.
    from service.adapters.store.postgresql import postgresql_engine  # noqa: PLC0415

    return postgresql_engine(url)


def _sqlite_engine(url: sa.URL) -> Engine:
    in_memory = url.database in {None, "", ":memory:"}
    engine = sa.create_engine(
        url,
        json_serializer=as_json,
        hide_parameters=True,
        connect_args={"check_same_thread": False},
        **({"poolclass": StaticPool} if in_memory else {}),
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    # The driver's own transactions begin late and without a lock: `_begin_sqlite` begins them.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    _use_write_ahead_log(connection)
    connection.execute("PRAGMA foreign_keys=ON")


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL, once in its life; two starters at once collide here without waiting for each other."""
    give_up = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if options.get('light') else 'FULL'}")
    if options.get("patient"):
        connection.exec_driver_sql("PRAGMA busy_timeout=60000")
    try:
        connection.exec_driver_sql("BEGIN" if options.get("reading") else "BEGIN IMMEDIATE")
    finally:
        if options.get("patient"):
            connection.exec_driver_sql(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
