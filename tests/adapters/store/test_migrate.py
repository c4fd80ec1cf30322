from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from service.adapters.store.app_schema import app_records
from service.adapters.store.database import Database
from service.adapters.store.migrate import head, migrate, version
from service.adapters.store.retention import StoreReadiness

if TYPE_CHECKING:
    from pathlib import Path


def test_an_empty_store_is_brought_up_to_date_and_then_left_alone(store_url: str) -> None:
    database = Database(store_url)
    try:
        assert [version(database), migrate(database), migrate(database), version(database)] == [
            None,
            (None, head()),
            (head(), head()),
            head(),
        ]
    finally:
        database.close()


def test_the_migrations_build_the_tables_that_the_code_uses(database: Database) -> None:
    differences = database.read_now(
        lambda connection: compare_metadata(MigrationContext.configure(connection), app_records.metadata)
    )
    assert differences == []


def test_several_starters_at_once_all_find_it_done(store_url: str) -> None:
    databases = [Database(store_url) for _ in range(6)]
    try:
        with ThreadPoolExecutor(6) as threads:
            found = list(threads.map(migrate, databases))
    finally:
        for database in databases:
            database.close()
    assert sorted(found, key=str) == [(head(), head())] * 5 + [(None, head())]


def test_sqlite_writes_ahead_and_waits_for_the_disk(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/store.sqlite3")
    try:
        found = database.read_now(
            lambda connection: [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "busy_timeout")
            ]
        )
    finally:
        database.close()
    assert found == ["wal", 2, 5000]


def test_a_store_in_memory_lives_as_long_as_its_process(tmp_path: Path) -> None:
    database = Database("sqlite://")
    try:
        migrate(database)
        assert version(database) == head()
    finally:
        database.close()


async def test_readiness_tells_a_migrated_store_from_an_empty_one(store_url: str) -> None:
    database = Database(store_url)
    readiness = StoreReadiness(database)
    try:
        before = await readiness.faults()
        migrate(database)
        assert [before, await readiness.faults()] == [
            ["the store has not the tables of this version: run crlm-cds migrate"],
            [],
        ]
    finally:
        database.close()


async def test_readiness_says_that_a_store_is_away(tmp_path: Path) -> None:
    away = [Database(f"sqlite:///{tmp_path}/no/such/folder.sqlite3"), Database("postgresql://crlm@127.0.0.1:1/crlm")]
    try:
        assert [await StoreReadiness(database).faults() for database in away] == [["the store does not answer"]] * 2
    finally:
        for database in away:
            database.close()


def test_faults_of_statements_do_not_repeat_what_was_written(database: Database) -> None:
    try:
        database.write_now(
            lambda connection: connection.execute(sa.text("INSERT INTO none VALUES (:x)"), {"x": "ca-na-ry"})
        )
    except sa.exc.SQLAlchemyError as fault:
        assert "ca-na-ry" not in str(fault)  # noqa: PT017  the message is the claim
    else:
        raise AssertionError
