"""The schema's versions: brought up to date by whoever starts first, while the others wait.

Migrations only add, so that a program runs on a newer store too: replicas are renewed one after the other, and a
program can go back while its store stays.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import sqlalchemy as sa

from service.adapters.store.schema import NOBODY, token_ids

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from service.adapters.store.database import Database

_PROBE = "readiness"
_LOCK = 0x63726C6D
"""The key of the advisory lock on PostgreSQL: any number that is only ours."""


def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the schema up to date; give its version before and after.

    Safe to run by several starters at once, and in one transaction: a fault leaves the old version. A newer store is
    left alone. Raises SQLAlchemy's errors where the store is not there or takes no writes.
    """

    def work(connection: Connection) -> tuple[str | None, str]:
        if not database.is_sqlite:
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        before = read_version(connection)
        if before is not None and suffices(before):
            # A file that belongs to another user answers questions as ever.
            write_and_delete(connection)
            return before, before
        _upgrade(connection)
        return before, head()

    return database.write_patiently_now(work)


@cache
def versions() -> tuple[str, ...]:
    """Give the versions that this program knows, oldest first: the numbers in the names of the migrations."""
    found = files("service.adapters.store.migrations").joinpath("versions").iterdir()
    return tuple(sorted(file.name.partition("_")[0] for file in found if file.name[:1].isdigit()))


def head() -> str:
    """Give the version that this program needs."""
    return versions()[-1]


def suffices(found: str | None) -> bool:
    """Whether a store of this version has the tables of this program: its own version or one that it cannot know."""
    return found == head() or (found is not None and found not in versions())


def write_and_delete(connection: Connection) -> None:
    """Change the store and leave nothing behind; raise SQLAlchemy's errors where it takes no writes."""
    probe = {token_ids.c.issuer: NOBODY, token_ids.c.token_id: _PROBE, token_ids.c.expires_at: 0}
    connection.execute(sa.insert(token_ids).values(probe))
    connection.execute(sa.delete(token_ids).where(token_ids.c.issuer == NOBODY, token_ids.c.token_id == _PROBE))


def read_version(connection: Connection) -> str | None:
    """Give the version that the store has, `None` before its first migration."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return found


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  takes long, and most starts find nothing to do
    from alembic.config import Config  # noqa: PLC0415  the same

    config = Config()
    config.set_main_option("script_location", "service.adapters.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
