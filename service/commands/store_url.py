"""Which store a command works on that needs no other setting of a server."""

from __future__ import annotations

import os

from service.settings import load_settings

_NAME = "CRLM_DATABASE_URL"


def configured_database_url(given: str | None = None) -> str:
    """Give the URL of the store, the one `given` on the command line first; raise `SettingsError` where it is none.

    Only this setting is read: the others of a server may be complete elsewhere.
    """
    return load_settings({"CRLM_AUTH": "off", _NAME: given or os.environ.get(_NAME, "")}).database_url
