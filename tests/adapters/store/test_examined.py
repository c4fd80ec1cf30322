from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from service.adapters.store.migrate import head
from service.adapters.store.schema import token_ids
from service.commands.doctor_inside import examine_store
from service.commands.findings import ok, warn
from service.settings import Settings

if TYPE_CHECKING:
    from service.adapters.store.database import Database


def kind(database: Database) -> str:
    return "SQLite" if database.is_sqlite else "PostgreSQL"


def test_the_doctor_tries_to_write_and_leaves_nothing(database: Database, store_url: str) -> None:
    found = examine_store(Settings(auth="off", database_url=store_url))
    kept = database.read_now(lambda connection: connection.execute(sa.select(token_ids)).all())
    assert (found, kept) == ([ok("store", f"{kind(database)}: version {head()}, it can be written")], [])


def test_the_doctor_names_the_version_of_an_older_store(database: Database, store_url: str) -> None:
    older = sa.text("UPDATE alembic_version SET version_num = '0001'")
    database.write_now(lambda connection: connection.execute(older))
    message = f"{kind(database)}: version 0001, this program needs {head()}"
    remedy = "run `crlm-cds migrate`; `serve` does it too"
    assert examine_store(Settings(auth="off", database_url=store_url)) == [warn("store", message, remedy)]
