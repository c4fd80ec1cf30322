"""Which store a command works on that needs no other setting of a server."""

from __future__ import annotations

import os
from pathlib import Path

from service.adapters.places import is_file, is_folder
from service.settings import load_settings

_NAME = "CRLM_DATABASE_URL"


def configured_database_url(given: str | None = None) -> str:
    """Give the URL of the store, the one `given` on the command line first; raise `SettingsError` where it is none.

    Only this setting is read: the others of a server may be complete elsewhere.
    """
    return load_settings({"CRLM_AUTH": "off", _NAME: given or os.environ.get(_NAME, "")}).database_url


def sqlite_file(url: str) -> Path | None:
    """Give the file of a SQLite store; `None` for other stores, one in memory and one that SQLite's own URI names."""
    from sqlalchemy import make_url

    address = make_url(url)
    name = address.database or ":memory:"
    in_file = address.get_backend_name() == "sqlite" and not name.startswith((":memory:", "file:"))
    return Path(name) if in_file else None


def is_there(file: Path) -> bool:
    """Whether something stands where a SQLite file is to be; to open it where nothing does would make it."""
    return is_file(file) or is_folder(file)
