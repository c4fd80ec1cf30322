"""The whole service in process, as it is served, without authentication."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.settings import Settings
from service.web.server import build_app
from tests.checked_client import CheckedClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[CheckedClient]:
    settings = Settings(auth="off", database_url=f"sqlite:///{tmp_path / 'store.sqlite3'}")
    app = build_app(settings, own_process=False)
    async with app.router.lifespan_context(app), CheckedClient(app) as client:
        yield client
