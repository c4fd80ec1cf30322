"""From an open question to the determined card: chart, app, chart, and the report of what became of the advice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.demo.axe_core import violations
from tests.demo.browsing import Watched, watched
from tests.demo.running_demo import COMMAND, RunningDemo, running_demo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def demo(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo("--keep", str(kept), folder=tmp_path_factory.mktemp("scratch")) as found:
        yield found


@pytest.fixture
def seen(browser: Browser, demo: RunningDemo) -> Iterator[Watched]:
    with watched(browser, demo.url) as found:
        yield found


def report(kept: Path) -> dict[str, Any]:
    """Give the feedback report of the demo's store as a site reads it."""
    options = ["--format", "json", "--database-url", f"sqlite:///{kept / 'service.sqlite3'}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CRLM_")}
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "feedback", "report", *options],
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this text has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        text = page.evaluate("document.activeElement.innerText || document.activeElement.value || ''")
        if re.match(name, text.strip()):
            return
    raise AssertionError(f"{name} is not reached by the Tab key")


def test_the_app_in_the_page_settles_the_question(seen: Watched) -> None:
    page = seen.page
    page.goto("/patients/demo-sparrow")
    card = page.locator("#advice article.card")
    expect(card.locator("h3")).to_contain_text("ECOG decides")
    card.get_by_role("button", name="Review and complete the case, in this page").click()
    app = page.frame_locator("iframe[name=app-frame]")
    expect(app.locator("h1.headline")).to_contain_text("ECOG decides")
    assert violations(page) == []
    app.locator("input[name=ecog][value='1']").check()
    expect(app.locator(".what-if-changed")).to_have_text("The answer changes.")
    app.get_by_role("button", name="Save to the chart").click()
    expect(app.locator("#saved h2")).to_have_text("Saved")
    page.get_by_role("button", name="Close the app").click()
    expect(page.locator("#advice article.card h3")).to_contain_text("simultaneous resection: only after discussion")
    expect(page.locator("#record")).to_contain_text("ECOG performance status")


def test_the_app_in_a_tab_does_it_with_the_keyboard_alone(seen: Watched) -> None:
    page = seen.page
    page.goto("/patients/demo-dunnock")
    page.wait_for_selector("#advice article.card")
    tab_to(page, "Review and complete the case")
    with seen.page.context.expect_page() as opened:
        page.keyboard.press("Enter")
    app = opened.value
    app.wait_for_selector("h1.headline")
    for _ in range(60):
        app.keyboard.press("Tab")
        if app.evaluate("document.activeElement.name") == "flr-percent":
            break
    app.keyboard.type("41")
    tab_to(app, "Save to the chart")
    app.keyboard.press("Enter")
    expect(app.locator("#saved h2")).to_have_text("Saved")
    app.close()
    page.bring_to_front()
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.innerText") == "Ask again":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#advice article.card h3")).to_contain_text("Consider liver first")


def test_what_became_of_the_advice_is_in_the_report(seen: Watched, kept: Path) -> None:
    page = seen.page
    page.goto("/patients/demo-robin")
    card = page.locator("#advice article.card")
    card.locator(".decide button").first.click()
    expect(card.locator(".outcome")).to_contain_text("Feedback stored by the service")
    page.goto("/patients/demo-heron")
    card = page.locator("#advice article.card")
    card.get_by_text("Override this advice").click()
    card.get_by_label("Reason").select_option("mdt-decided-otherwise")
    card.get_by_role("button", name="Override").click()
    expect(card.locator(".outcome")).to_contain_text("Feedback stored by the service")
    after = report(kept)
    for _ in range(9):  # a card is written behind its answer, within a second, and counted from then on
        if after["total"]["overridden"]:
            break
        after = report(kept)
    assert after["total"] | {"issued": 0, "unanswered": 0} == {
        "key": "total",
        "issued": 0,
        "accepted": 1,
        "overridden": 1,
        "unanswered": 0,
        "acceptance": 0.5,
    }
    assert after["override_reasons"] == [
        {
            "system": "https://crlm-cds.example/fhir/CodeSystem/override-reason",
            "code": "mdt-decided-otherwise",
            "count": 1,
        }
    ]
