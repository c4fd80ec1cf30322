"""A real server on 127.0.0.1 around a fake advisor, for tests that need sockets."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from service.settings import Settings
from service.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from service.web.ports import Advisor


class _Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]  # sockets are passed on
        await super().startup(sockets)  # type: ignore[arg-type]
        self.listening.set()


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """Run an application on a free port and give its URL."""
    server = _Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.listening.wait(20), "the server did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def serving(advisor: Advisor) -> Iterator[str]:
    """Run the service around `advisor`, without authentication."""
    settings = Settings(auth="off", max_body_bytes=40_000_000)
    templates = {"conditions": "Condition?patient={{context.patientId}}"}
    with running(create_app(settings, advisor=advisor, templates=templates)) as url:
        yield url
