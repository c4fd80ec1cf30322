"""The schema's versions: brought up to date by whoever starts first, while the others wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from service.adapters.store.database import Database

_LOCK = 0x63726C6D
"""The key of the advisory lock on PostgreSQL: any number that is only ours."""


def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the schema up to date; give its version before and after.

    Safe to run by several starters at once, and in one transaction: a fault leaves the old version. Raises
    SQLAlchemy's errors where the store is not there, `alembic.util.CommandError` where it is newer than this program.
    """

    def work(connection: Connection) -> tuple[str | None, str]:
        if not database.is_sqlite:
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        before = _version(connection)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return before, head()

    return database.write_now(work)


def head() -> str:
    """Give the version that this program needs."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    if found is None:
        raise RuntimeError("the package holds no migrations")
    return found


def version(database: Database) -> str | None:
    """Give the version that the store has, `None` before its first migration."""
    return database.read_now(_version)


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "service.adapters.store:migrations")
    config.set_main_option("path_separator", "os")
    return config
