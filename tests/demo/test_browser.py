"""The chart pages in Chromium, against a scripted service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.demo.axe_core import violations
from tests.demo.browsing import RunningEhr, Watched, running_ehr, watched
from tests.demo.scripted_service import ScriptedService, card

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

PATIENT = "demo-heron"
PAGES = ("/", "/exchanges", "/discovery", "/record/Patient/demo-heron", "/smart/logout")


@pytest.fixture(scope="module")
def running() -> Iterator[RunningEhr]:
    with running_ehr(_service) as found:
        yield found


@pytest.fixture
def seen(browser: Browser, running: RunningEhr) -> Iterator[Watched]:
    running.service.requests.clear()
    with watched(browser, running.url) as found:
        yield found


def _service(base: str) -> ScriptedService:
    advice = card()
    advice["links"][0]["url"] = f"{base}/smart/launch"
    advice["suggestions"][0]["actions"][0]["resource"]["subject"]["reference"] = f"Patient/{PATIENT}"
    warning = card(uuid="44444444-4444-4444-8444-444444444444", indicator="warning", summary="ECOG is missing")
    critical = card(indicator="critical", summary="Do not biopsy the liver lesion", detail=None)
    return ScriptedService(cards={"patient-view": [advice, warning], "order-sign": [critical]})


def open_chart(seen: Watched) -> None:
    seen.page.goto(f"/patients/{PATIENT}")
    seen.page.wait_for_selector("article.card")


def test_a_patient_is_found_and_opened_and_the_advice_appears(seen: Watched) -> None:
    page = seen.page
    page.goto("/")
    page.get_by_label("Find by name").fill("heron")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name=re.compile("Demo-Heron")).click()
    headings = page.locator("article.card h3")
    expect(headings).to_have_text(["ECOG is missing", "Liver first: resect the liver now"])
    expect(page.locator("#said")).to_have_text("ECOG is missing. Liver first: resect the liver now")


def test_a_suggestion_is_accepted_once_and_the_chart_shows_it(seen: Watched, running: RunningEhr) -> None:
    open_chart(seen)
    advice = seen.page.locator("article.info")
    button = advice.get_by_role("button", name=re.compile("Refer to the liver MDT"))
    button.click()
    expect(advice.locator(".outcome")).to_contain_text("Feedback stored by the service")
    expect(button).to_be_disabled()
    expect(seen.page.locator("#record")).to_contain_text("Referral to the liver MDT")
    assert running.service.bodies("/feedback")[0]["feedback"][0]["outcome"] == "accepted"


def test_a_card_is_overridden_with_the_keyboard_alone(seen: Watched, running: RunningEhr) -> None:
    open_chart(seen)
    keyboard = seen.page.keyboard
    seen.page.locator("article.info summary").focus()
    keyboard.press("Enter")
    keyboard.press("Tab")
    keyboard.press("ArrowDown")
    keyboard.press("Tab")
    keyboard.type("The patient wishes to wait")
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(seen.page.locator("article.info .outcome")).to_contain_text("Advice overridden")
    assert running.service.bodies("/feedback")[0]["feedback"][0]["overrideReason"] == {
        "reason": {"code": "mdt", "system": "urn:reasons", "display": "The MDT decided otherwise"},
        "userComment": "The patient wishes to wait",
    }


def test_everything_is_reached_by_tab_in_reading_order(seen: Watched) -> None:
    open_chart(seen)
    names = []
    for _ in range(12):
        seen.page.keyboard.press("Tab")
        names.append(seen.page.evaluate("document.activeElement.innerText || document.activeElement.name"))
    assert names[:8] == [
        "Skip to content",
        "Demo EHR",
        "Patients",
        "Exchanges",
        "Discovery",
        names[5],
        "Ask again",
        "S10",
    ]


def test_an_order_is_drafted_stopped_and_signed_anyway(seen: Watched) -> None:
    open_chart(seen)
    page = seen.page
    page.get_by_label("Order", exact=True).select_option("liver-biopsy")
    page.get_by_role("button", name="Add draft").click()
    expect(page.locator(".drafts li")).to_have_count(1)
    page.get_by_role("button", name="Sign orders").click()
    expect(page.locator("article.critical h3")).to_have_text("Do not biopsy the liver lesion")
    page.get_by_role("button", name="Sign anyway").click()
    expect(page.locator("#orders .outcome")).to_have_text("1 order signed.")


def test_the_ehr_can_be_told_to_send_nothing(seen: Watched, running: RunningEhr) -> None:
    open_chart(seen)
    with seen.page.expect_response("**/patient-view"):
        seen.page.get_by_label("This EHR").select_option("none")
    assert ["prefetch" in body for body in running.service.bodies("crlm-patient-view")] == [True, False]


@pytest.mark.parametrize("width", [1280, 820])
def test_no_page_violates_the_accessibility_rules(browser: Browser, running: RunningEhr, width: int) -> None:
    with watched(browser, running.url, width=width) as seen:
        page = seen.page
        open_chart(seen)
        page.locator("summary").first.click()
        page.get_by_role("button", name="Add draft").click()
        page.wait_for_selector(".drafts")
        page.get_by_role("button", name="Sign orders").click()
        page.wait_for_selector("article.critical")
        assert violations(page) == []
        width_needed = page.evaluate("document.documentElement.scrollWidth")
        assert width_needed <= width
        page.get_by_role("link", name=re.compile("patient-view: request")).click()
        page.wait_for_selector("pre")
        assert violations(page) == []
        for path in PAGES:
            page.goto(path)
            assert violations(page) == []


def test_every_page_fits_a_telephone(browser: Browser, running: RunningEhr, monkeypatch: pytest.MonkeyPatch) -> None:
    reason = {"code": "long", "system": "urn:reasons", "display": "The rectal primary needs chemoradiotherapy first"}
    monkeypatch.setitem(running.service.cards, "patient-view", [card(overrideReasons=[reason])])
    with watched(browser, running.url, width=320) as seen:
        open_chart(seen)
        seen.page.locator("article.info summary").click()
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 320
        form, choice = (seen.page.locator(one).bounding_box() for one in (".order", ".order select"))
        assert form
        assert choice
        assert choice["x"] + choice["width"] <= form["x"] + form["width"]
        for path in (f"/patients/{PATIENT}", *PAGES):
            seen.page.goto(path)
            assert violations(seen.page) == []
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= 320, path


def test_hostile_text_of_a_chart_stays_text(browser: Browser, running: RunningEhr) -> None:
    hostile = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    running.ehr.record.create(
        {
            "resourceType": "Condition",
            "code": {"text": hostile},
            "clinicalStatus": {"text": hostile},
            "subject": {"reference": "Patient/demo-martin"},
        }
    )
    with watched(browser, running.url) as seen:
        seen.page.goto("/patients/demo-martin")
        seen.page.wait_for_selector("article.card")
        expect(seen.page.locator("#record a").filter(has_text=hostile)).to_have_count(1)
        assert seen.page.title() == "Demo-Martin, Obi · Demo EHR"
