"""The web application around a real store, as its own process: `feedback_server.py STORE-URL PORT`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import uvicorn

from service.adapters.store.database import Database
from service.adapters.store.feedback import StoredFeedback
from service.adapters.store.migrate import migrate
from service.adapters.store.readiness import StoreReadiness
from service.settings import Settings
from tests.checked_client import small_app


def main(store_url: str, port: int) -> None:
    database = Database(store_url)
    migrate(database)
    app = small_app(
        Settings(auth="off"),
        feedback=StoredFeedback(database, clock=lambda: datetime.now(UTC)),
        readiness=StoreReadiness(database),
    )
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
