"""Runs the app in process against the fake EHR: a browser with cookies, a store in memory, a clock that stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI

from service.adapters.sealing import Sealer
from service.adapters.smart_client import Registration
from service.errors import StoreUnavailable
from service.web.smart.app import AppClient, SmartApp
from service.web.smart.routes import smart_routes
from service.web.smart.sessions import Sessions
from tests.canary.mark import MARK
from tests.clock import Clock
from tests.smart.ehr import ISS, NOW, FakeEhr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.adapters.app_transport import AppTransport
    from service.adapters.store.app_sessions import RecordKind

BASE_URL = "https://crlm.example"
CONTEXT_KEY = b"k" * 32
SECRET = "a secret of the site, long enough to derive from"  # noqa: S105 - of a test


@dataclass
class MemoryRecords:
    """The store as a dictionary."""

    kept: dict[tuple[str, str], tuple[bytes, float]] = field(default_factory=dict)
    is_down: bool = False

    async def put(self, kind: RecordKind, key: str, sealed: bytes, *, expires_at_s: float) -> None:
        self._check()
        self.kept[kind, key] = sealed, expires_at_s

    async def replace(self, kind: RecordKind, key: str, old: bytes, new: bytes, *, expires_at_s: float) -> bool:
        self._check()
        if self.kept.get((kind, key), (b"",))[0] != old:
            return False
        self.kept[kind, key] = new, expires_at_s
        return True

    async def get(self, kind: RecordKind, key: str, *, now_s: float) -> bytes | None:
        self._check()
        found = self.kept.get((kind, key))
        return found[0] if found is not None and found[1] > now_s else None

    async def take(self, kind: RecordKind, key: str, *, now_s: float) -> bytes | None:
        found = await self.get(kind, key, now_s=now_s)
        self.kept.pop((kind, key), None)
        return found

    async def delete(self, kind: RecordKind, key: str) -> None:
        self.kept.pop((kind, key), None)

    def _check(self) -> None:
        if self.is_down:
            raise StoreUnavailable


@dataclass
class Harness:
    """The app, its EHR and what a test looks into."""

    ehr: FakeEhr = field(default_factory=FakeEhr)
    records: MemoryRecords = field(default_factory=MemoryRecords)
    clock: Clock = field(default_factory=lambda: Clock(NOW))
    base_url: str = BASE_URL
    frame_ancestors: tuple[str, ...] = ("https://ehr.example.org",)
    asked_origins: list[list[str]] = field(default_factory=list)

    def transport_for(self, client: AppClient, urls: Sequence[str]) -> AppTransport:
        assert client == self.clients[ISS]
        self.asked_origins.append(list(urls))
        return self.ehr

    @property
    def clients(self) -> dict[str, AppClient]:
        return {ISS: AppClient("https://ehr.example.org", Registration("crlm"), self.frame_ancestors)}

    def smart_app(self) -> SmartApp:
        return SmartApp(
            base_url=self.base_url,
            clients=self.clients,
            transport_for=self.transport_for,
            sessions=Sessions(self.records, Sealer([SECRET], "sessions"), self.clock),
            context_keys=[CONTEXT_KEY],
            clock=self.clock,
        )

    def application(self) -> FastAPI:
        application = FastAPI()
        application.include_router(smart_routes(self.smart_app()))
        return application

    def browser(self, application: FastAPI | None = None) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(application or self.application()), base_url=self.base_url
        )


async def launch(browser: httpx.AsyncClient, ehr: FakeEhr, **parameters: str) -> httpx.Response:
    """Go the whole way of an EHR launch; give the answer of the callback."""
    begun = await browser.get("/smart/launch", params={"iss": ISS, "launch": MARK, **parameters})
    assert begun.status_code == 302, begun.text
    return await browser.get("/smart/callback", params=ehr.authorize(begun.headers["location"]))


def path_of(response: httpx.Response) -> str:
    """Give the path that a redirect leads to."""
    return urlsplit(response.headers["location"]).path
