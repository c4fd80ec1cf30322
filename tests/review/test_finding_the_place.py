"""In Chromium: the page opens where the next thing is to be done, and says what to correct, also without script."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from service.cds.app_context import AppContext, sign_app_context
from tests.demo.axe_core import violations
from tests.demo.browsing import chromium
from tests.review.browser import Watched, serving
from tests.review.cases_charts import OPEN, local
from tests.review.harness import PATIENT, ReviewHarness
from tests.smart.ehr import NOW
from tests.smart.fhir import FakeFhir
from tests.smart.harness import CONTEXT_KEY


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def _harness() -> ReviewHarness:
    return ReviewHarness(fhir=FakeFhir().add(PATIENT, *local(OPEN)), frame_ancestors=())


def _asking(fact: str) -> ReviewHarness:
    """Give the app as the link of a card opens it: at the question for `fact`."""
    harness = _harness()
    of_card = AppContext("https://ehr.example.org", "b0a3c1de-0000-4000-8000-000000000001", fact)
    signed = sign_app_context(of_card, key=CONTEXT_KEY, now_s=int(NOW.timestamp()))
    harness.ehr.token_changes = {"appContext": signed}
    return harness


@pytest.mark.parametrize("script", [True, False])
def test_the_link_of_a_missing_fact_opens_the_page_at_its_question(browser: Browser, script: bool) -> None:  # noqa: FBT001
    harness = _asking("ecog")
    with serving(harness), browser.new_context(java_script_enabled=script) as context:
        page = Watched(context, harness).launch()
        expect(page.locator("#ask-ecog")).to_be_in_viewport()
        page.keyboard.press("Tab")
        expect(page.locator("input[name=ecog]:checked")).to_be_focused()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_covers_the_question_that_the_page_opens_at(browser: Browser, width: int) -> None:
    harness = _asking("ecog")
    with (
        serving(harness),
        browser.new_context(viewport={"width": width, "height": 800}, reduced_motion="reduce") as context,
    ):
        page = Watched(context, harness).launch()
        expect(page.locator("#ask-ecog")).to_be_in_viewport()
        on_top = page.eval_on_selector(
            "#ask-ecog legend",
            """words => {
              const {left, top, height} = words.getBoundingClientRect();
              return document.elementFromPoint(left + 9, top + height / 2).closest("fieldset")?.id;
            }""",
        )
        assert on_top == "ask-ecog"


@pytest.mark.parametrize("script", [True, False])
def test_what_is_to_be_corrected_is_said_first_and_leads_to_its_fields(browser: Browser, script: bool) -> None:  # noqa: FBT001
    harness = _harness()
    with serving(harness), browser.new_context(java_script_enabled=script) as context:
        page = Watched(context, harness).launch()
        page.fill("[name=flr-percent]", "abc")
        page.fill("[name=entered-on]", "2020-02-02")
        page.eval_on_selector("[name=entered-on]", "field => { field.type = 'text'; field.value = 'today'; }")
        page.click("text=Save to the chart")
        expect(page).to_have_title("Nothing was saved: Review · crlm-cds")
        expect(page.locator("#alert")).to_be_in_viewport()
        if script:
            expect(page.locator("#alert")).to_be_focused()
        expect(page.locator("#alert a")).to_have_text(
            [
                "What is the future liver remnant? Enter a number from 0 to 100.",
                "The entries hold for: Enter a date as year-month-day.",
            ]
        )
        assert not script or violations(page) == []
        page.locator("#alert a").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("[name=flr-percent]")).to_be_focused()


def test_a_form_without_entries_says_so_where_the_focus_is(browser: Browser) -> None:
    harness = _harness()
    with serving(harness), browser.new_context() as context:
        page = Watched(context, harness).launch()
        page.click("text=Save to the chart")
        expect(page.locator("#alert")).to_be_focused()
        expect(page.locator("#alert a")).to_have_count(0)


def test_the_faults_of_the_mdts_decision_lead_to_its_fields(browser: Browser) -> None:
    harness = _harness()
    with serving(harness), browser.new_context() as context:
        page = Watched(context, harness).launch()
        page.click("text=Record the decision")
        expect(page.locator("#alert")).to_be_focused()
        expect(page.locator("#alert a")).to_have_text(["Strategy: Choose a strategy."])
        page.click("#alert a")
        expect(page.locator("#mdt-strategy")).to_be_focused()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_reload_after_a_save_writes_nothing_and_back_leads_to_the_review(browser: Browser, *, script: bool) -> None:
    harness = _harness()
    with serving(harness) as url, browser.new_context(java_script_enabled=script) as context:
        page = Watched(context, harness).launch()
        page.check("input[name=ecog][value='2']")
        page.click("text=Save to the chart")
        expect(page.locator("#saved h2")).to_have_text("Saved")
        expect(page).to_have_title("Saved: Review · crlm-cds")
        expect(page).to_have_url(f"{url}/review")
        page.reload()
        expect(page.locator("h1.headline")).to_contain_text("liver first", ignore_case=True)
        expect(page.locator("#saved")).to_have_count(0)
        assert len(harness.fhir.of("Provenance")) == 1
        page.click("text=Summary to print")
        page.go_back()
        expect(page.locator("h1.headline")).to_be_visible()


@pytest.mark.parametrize("path", ["/review", "/review/summary"])
def test_a_long_name_and_record_number_stay_inside_the_banner_of_a_telephone(browser: Browser, path: str) -> None:
    patient = {
        **PATIENT,
        "name": [{"family": "Wolfeschlegelstein" * 9, "given": ["Anna"]}],
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "4711" * 25}],
    }
    harness = ReviewHarness(fhir=FakeFhir().add(patient, *local(OPEN)), frame_ancestors=())
    with serving(harness) as url, browser.new_context(viewport={"width": 320, "height": 740}) as context:
        page = Watched(context, harness).launch()
        page.goto(url + path)
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        assert violations(page) == []
