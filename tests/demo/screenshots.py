"""Take the pictures that the README shows, from the running demo: `python -m tests.demo.screenshots FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.demo.browsing import chromium, watched
from tests.demo.running_demo import running_demo

if TYPE_CHECKING:
    from playwright.sync_api import Page


def take(folder: Path) -> None:
    """Write one picture a page into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory() as scratch,
        running_demo(folder=Path(scratch)) as demo,
        chromium() as browser,
        watched(browser, demo.url, width=1360, height=900) as seen,
    ):
        page = seen.page
        page.goto("/")
        page.screenshot(path=folder / "patients.png")
        for patient, name in (("demo-heron", "decided"), ("demo-sparrow", "open"), ("demo-thrush", "complete")):
            _open(page, patient)
            page.screenshot(path=folder / f"{name}.png")
        _open(page, "demo-heron")
        page.get_by_label("Order", exact=True).select_option("liver-biopsy")
        page.get_by_role("button", name="Add draft").click()
        page.wait_for_selector("#orders article.card")
        page.screenshot(path=folder / "orders.png")
        page.get_by_role("link", name="patient-view: request and response").click()
        page.wait_for_selector("pre")
        page.screenshot(path=folder / "exchange.png")
        page.goto("/discovery")
        page.screenshot(path=folder / "discovery.png")


def _open(page: Page, patient: str) -> None:
    page.goto(f"/patients/{patient}")
    page.wait_for_selector("#advice article.card")


if __name__ == "__main__":
    take(Path(sys.argv[1]))
