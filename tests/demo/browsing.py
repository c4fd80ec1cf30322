"""A browser in front of a running demo EHR, that notes every error and every request that leaves this machine."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import expect, sync_playwright

from service.demo.addresses import Addresses
from service.demo.ehr import Ehr, app_client, create_ehr
from service.demo.fhir.record import Record
from service.demo.patients.load import all_resources
from tests.loopback import running_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, Request
    from starlette.applications import Starlette

    from tests.demo.scripted_service import ScriptedService

_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-default-apps", "--no-first-run", "--disable-dev-shm-usage"),
]
_PATIENCE_MS = 60_000
"""A bound for what never comes: a page on a busy machine may be slow."""


@dataclass
class Watched:
    """A page with what went wrong on it."""

    page: Page
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Note what goes wrong on a page."""
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._check)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(message.text)

    def _check(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in {"127.0.0.1", None}:
            self.strangers.append(request.url)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium without a window."""
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched(browser: Browser, url: str, *, width: int = 1280, height: int = 900) -> Iterator[Watched]:
    """Open a page of its own, and prove at the end that nothing went wrong on it and nothing left this machine."""
    context = browser.new_context(base_url=url, viewport={"width": width, "height": height})
    context.set_default_timeout(_PATIENCE_MS)
    found = Watched(context.new_page())
    found.watch(found.page)
    context.on("page", found.watch)
    yield found
    context.close()
    assert not found.errors, found.errors
    assert not found.strangers, found.strangers


@dataclass(frozen=True)
class RunningEhr:
    """A demo EHR that serves."""

    url: str
    ehr: Ehr
    service: ScriptedService


@contextmanager
def running_ehr(make_service: Callable[[str], ScriptedService]) -> Iterator[RunningEhr]:
    """Serve a demo EHR with all patients; `make_service` gets the address at which the service would be."""
    made: list[RunningEhr] = []

    def make(url: str) -> Starlette:
        addresses = Addresses(ehr=url, service="http://127.0.0.1:1")
        service = make_service(addresses.service)
        record = Record(":memory:", base_url=addresses.fhir, clock=_now)
        record.load(all_resources(_now().date()))
        http = httpx.AsyncClient(transport=httpx.MockTransport(service))
        ehr = create_ehr(addresses, record=record, clients=(app_client(addresses, None),), clock=_now, http=http)
        made.append(RunningEhr(addresses.ehr, ehr, service))
        return ehr.app

    with running_at(make):
        yield made[0]


def _now() -> datetime:
    return datetime.now(UTC)
