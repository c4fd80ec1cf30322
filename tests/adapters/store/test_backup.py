"""The backup of PostgreSQL as the handbook tells it, on a real server."""

from __future__ import annotations

import re
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa

from service.adapters.store.database import Database
from service.adapters.store.issued_cards import IssuedCards
from service.adapters.store.migrate import head, migrate, read_version
from service.adapters.store.schema import issued_cards
from service.web.handbook.routes import page_text
from tests.adapters.store.cards import card, uuid
from tests.adapters.store.conftest import program
from tests.adapters.store.replicas import Load, kept, replica
from tests.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path


def cards(database: Database) -> list[str]:
    query = sa.select(issued_cards.c.card).order_by(issued_cards.c.card)
    return list(database.read_now(lambda connection: connection.execute(query).scalars()))


async def test_a_dump_brings_back_what_was_kept_and_nothing_that_came_later(
    postgresql_server: str, tmp_path: Path
) -> None:
    url = f"{postgresql_server}/backup"
    with psycopg.connect(f"{postgresql_server}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE backup")
    dump, restore = told()
    database = Database(url)
    try:
        migrate(database)
        queue = IssuedCards(database)
        queue.put([card(1)])
        await queue.flush()
        run(dump, url, tmp_path)
        queue.put([card(2)])
        await queue.flush()
        run(restore, url, tmp_path)
        assert (cards(database), database.read_now(read_version)) == ([uuid(1)], head())
        queue.put([card(3)])
        await queue.flush()
        assert cards(database) == [uuid(1), uuid(3)]
    finally:
        database.close()


def test_a_backup_and_a_restore_cost_replicas_under_load_no_call(postgresql_server: str, tmp_path: Path) -> None:
    url, ports = f"{postgresql_server}/busy", [free_port(), free_port()]
    with psycopg.connect(f"{postgresql_server}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE busy")
    dump, restore = told()
    load = Load(ports, threads=1)
    with ExitStack() as replicas:
        for port in ports:
            replicas.enter_context(replica(url, port))
        with load.running():
            while not (before := kept(url)):
                load.wait()
            run(dump, url, tmp_path)
            load.wait()
            run(restore, url, tmp_path)
            restored = len(load.cards)
            load.wait()
    after = kept(url)
    assert load.failures == []
    assert before
    assert before <= after
    assert set(load.cards[restored:]) <= after


def told() -> tuple[tuple[str, str], tuple[str, str]]:
    """Give the commands of backup and restore in the handbook."""
    dump, restore = re.findall(r"^(pg_\w+)( .*)$", page_text("operating"), re.MULTILINE)
    return dump, restore


def run(command: tuple[str, str], url: str, folder: Path) -> None:
    """Run a command of the handbook; Debian keeps the server's programs out of PATH."""
    name, options = command
    arguments = [option.replace('"$DATABASE"', url) for option in options.split()]
    subprocess.run([program(name), *arguments], cwd=folder, check=True)
