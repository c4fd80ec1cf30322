from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from service.adapters.store import database as database_module
from service.adapters.store.app_schema import app_records
from service.adapters.store.database import Database
from service.adapters.store.migrate import head, migrate, read_version, versions
from service.adapters.store.readiness import StoreReadiness

if TYPE_CHECKING:
    from pathlib import Path


def test_an_empty_store_is_brought_up_to_date_and_then_left_alone(store_url: str) -> None:
    database = Database(store_url)
    try:
        before = database.read_now(read_version)
        assert [before, migrate(database), migrate(database), database.read_now(read_version)] == [
            None,
            (None, head()),
            (head(), head()),
            head(),
        ]
    finally:
        database.close()


def test_the_numbers_in_the_names_are_the_versions_that_alembic_knows() -> None:
    config = Config()
    config.set_main_option("script_location", "service.adapters.store:migrations")
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert [script.revision for script in reversed(list(scripts.walk_revisions()))] == list(versions())


async def test_a_newer_store_is_left_alone_and_serves(database: Database) -> None:
    newer = sa.text("UPDATE alembic_version SET version_num = '9999'")
    database.write_now(lambda connection: connection.execute(newer))
    assert [migrate(database), await StoreReadiness(database).faults()] == [("9999", "9999"), []]


def test_a_store_that_takes_no_writes_is_not_said_to_be_up_to_date(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite3"
    for url, refuses in ((f"sqlite:///{file}", False), (f"sqlite:///file:{file}?mode=ro&uri=true", True)):
        database = Database(url)
        try:
            with pytest.raises(sa.exc.OperationalError) if refuses else nullcontext():
                migrate(database)
        finally:
            database.close()


def test_an_older_store_goes_up_and_keeps_what_it_has(store_url: str) -> None:
    database = Database(store_url)
    try:
        migrate(database)
        config = Config()
        config.set_main_option("script_location", "service.adapters.store:migrations")
        config.set_main_option("path_separator", "os")

        def back(connection: sa.Connection) -> None:
            config.attributes["connection"] = connection
            command.downgrade(config, versions()[0])
            connection.execute(sa.text("INSERT INTO token_ids VALUES ('a', '1', 2)"))

        database.write_now(back)
        assert migrate(database) == (versions()[0], head())
        kept = sa.text("SELECT issuer FROM token_ids")
        assert database.read_now(lambda connection: connection.execute(kept).scalars().all()) == ["a"]
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


def test_a_starter_waits_longer_for_another_that_migrates_sqlite_than_a_write_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_BUSY_TIMEOUT_MS", 50)
    file = tmp_path / "store.sqlite3"
    database = Database(f"sqlite:///{file}")
    with closing(sqlite3.connect(file, isolation_level=None)) as other, ThreadPoolExecutor(1) as threads:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        starting = threads.submit(migrate, database)
        with pytest.raises(TimeoutError):
            starting.result(0.5)
        other.execute("ROLLBACK")
        assert starting.result(30) == (None, head())
        timeout = database.write_now(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one())
    database.close()
    assert timeout == 50


@pytest.mark.parametrize(("light", "synchronous"), [(False, 2), (True, 1)])
def test_sqlite_writes_ahead_and_waits_for_the_disk_unless_asked_lightly(
    tmp_path: Path, *, light: bool, synchronous: int
) -> None:
    database = Database(f"sqlite:///{tmp_path}/store.sqlite3")

    def work(connection: sa.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "busy_timeout")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]

    try:
        found = database.write_lightly_now(work) if light else database.write_now(work)
    finally:
        database.close()
    assert found == ["wal", synchronous, 5000]


def test_a_store_in_memory_lives_as_long_as_its_process(tmp_path: Path) -> None:
    database = Database("sqlite://")
    try:
        migrate(database)
        assert database.read_now(read_version) == head()
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
