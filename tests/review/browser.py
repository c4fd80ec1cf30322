"""Serves the app on loopback and opens it in Debian's Chromium; the EHR's login is passed by."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tests.loopback import running_at
from tests.smart.ehr import ISS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from playwright.sync_api import BrowserContext, Page, Route

    from tests.review.harness import ReviewHarness


@contextmanager
def serving(harness: ReviewHarness) -> Iterator[str]:
    """Serve the harness on a free port; give its address."""

    def make(url: str) -> FastAPI:
        harness.base_url = url
        return harness.application()

    with running_at(make) as url:
        yield url


class Watched:
    """A page whose console errors and requests beyond loopback are kept."""

    def __init__(self, context: BrowserContext, harness: ReviewHarness) -> None:
        self.troubles: list[str] = []
        self._harness = harness
        context.route("**/*", self._route)
        self.page: Page = context.new_page()
        self.page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda fault: self.troubles.append(str(fault)))

    def _route(self, route: Route) -> None:
        url = route.request.url
        if url.startswith(self._harness.base_url):
            route.continue_()
        else:
            self.troubles.append(f"left loopback: {url}")
            route.abort()

    def launch(self) -> Page:
        """Open the app as an EHR does; its login page is passed by outside the browser, with the browser's cookies."""
        asked = f"{self._harness.base_url}/smart/launch?{urlencode({'iss': ISS, 'launch': 'x'})}"
        begun = self.page.context.request.get(asked, max_redirects=0)
        answer = urlencode(self._harness.ehr.authorize(begun.headers["location"]))
        self.page.goto(f"{self._harness.base_url}/smart/callback?{answer}")
        return self.page
