"""A real server on 127.0.0.1 around a fake advisor, for tests that need sockets."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from service.settings import Settings
from service.web.draining import PatientProtocol
from tests.checked_client import small_app

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp

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
def running(app: ASGIApp) -> Iterator[str]:
    """Run an application on a free port and give its URL."""
    with running_at(lambda _: app) as url:
        yield url


@contextmanager
def running_at(
    make_app: Callable[[str], ASGIApp], *, protocol: type[asyncio.Protocol] = PatientProtocol
) -> Iterator[str]:
    """Run an application that has to know its own URL, which it is made with."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        options: dict[str, Any] = {"http": protocol, "loop": "asyncio", "ws": "none"}  # as the command has them
        server = _Server(uvicorn.Config(make_app(url), log_config=None, access_log=False, **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert server.listening.wait(20), "the server did not start"
            yield url
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def serving(advisor: Advisor) -> Iterator[str]:
    """Run the service around `advisor`, without authentication."""
    settings = Settings(auth="off", max_body_bytes=40_000_000)
    templates = {"conditions": "Condition?patient={{context.patientId}}"}
    with running(small_app(settings, advisor=advisor, templates=templates)) as url:
        yield url
