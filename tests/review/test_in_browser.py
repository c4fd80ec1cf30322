"""The review page in Debian's Chromium: with the keyboard alone, without script, on a tablet, checked by axe-core."""

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect
from starlette.responses import HTMLResponse

from tests.demo.axe_core import violations
from tests.loopback import running
from tests.review.browser import Watched, serving
from tests.review.cases_charts import OPEN, local
from tests.review.harness import PATIENT, ReviewHarness
from tests.smart.fhir import FakeFhir

DATED = {
    **OPEN,
    "primary-diagnosis-date": "2026-05-04",
    "liver-metastasis-date": "2026-05-12",
    "cea": 34.5,
}


def _harness() -> ReviewHarness:
    return ReviewHarness(fhir=FakeFhir().add(PATIENT, *local(DATED)), frame_ancestors=())


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element that matches has the focus, as somebody without a mouse does."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement?.matches(selector) ?? false", selector):
            return
    raise AssertionError(f"{selector} is not reached by the Tab key")


def test_the_case_is_completed_with_the_keyboard_alone(browser: Browser) -> None:
    harness = _harness()
    with serving(harness), browser.new_context() as context:
        watched = Watched(context, harness)
        page = watched.launch()
        _tab_to(page, "input[name=ecog]")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(page.locator("input[name=ecog]:checked")).to_have_value("1")
        expect(page.locator(".what-if-changed")).to_have_text("The answer changes.")
        assert harness.fhir.of("Provenance") == []
        _tab_to(page, "button.primary")
        page.keyboard.press("Enter")
        expect(page.locator("#saved h2")).to_have_text("Saved")
        expect(page.locator("#saved")).to_be_focused()
        expect(page.locator("h1.headline")).to_contain_text("simultaneous resection")
        assert watched.troubles == []
    assert len(harness.fhir.of("Provenance")) == 1


def test_without_script_the_same_works_by_its_buttons(browser: Browser) -> None:
    harness = _harness()
    with serving(harness), browser.new_context(java_script_enabled=False) as context:
        watched = Watched(context, harness)
        page = watched.launch()
        page.check("input[name=ecog][value='2']")
        page.click("text=Show what if")
        expect(page.locator(".what-if-headline")).to_contain_text("liver first", ignore_case=True)
        page.click("text=Save to the chart")
        expect(page.locator("#saved h2")).to_have_text("Saved")
        assert watched.troubles == []


def test_the_mdt_decides_and_the_summary_is_copied_as_text(browser: Browser) -> None:
    harness = _harness()
    with serving(harness) as url, browser.new_context() as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        watched = Watched(context, harness)
        page = watched.launch()
        page.select_option("#mdt-strategy", "liver-first")
        page.click("text=Record the decision")
        expect(page.locator("#saved h2")).to_have_text("Saved")
        page.goto(f"{url}/review/summary")
        page.click("text=Copy as text")
        expect(page.locator("[data-copied]")).to_have_text("Copied.")
        assert page.evaluate("navigator.clipboard.readText()").startswith("MDT summary: colorectal cancer")
        assert watched.troubles == []


def test_logout_ends_at_a_page_without_the_patient(browser: Browser) -> None:
    harness = _harness()
    with serving(harness) as url, browser.new_context() as context:
        watched = Watched(context, harness)
        page = watched.launch()
        page.click("text=Log out")
        expect(page.locator("h1")).to_have_text("You are logged out")
        page.goto(f"{url}/review")
        expect(page.locator("h1")).to_have_text("No patient is open here")
        assert [trouble for trouble in watched.troubles if "401" not in trouble] == []


@pytest.mark.parametrize("width", [1366, 820, 400])
def test_no_page_has_a_barrier(browser: Browser, width: int) -> None:
    harness = _harness()
    with serving(harness) as url, browser.new_context(viewport={"width": width, "height": 900}) as context:
        watched = Watched(context, harness)
        page = watched.launch()
        page.click("text=Change any other fact")
        assert violations(page) == []
        page.check("input[name=ecog][value='1']")
        expect(page.locator(".what-if-changed")).to_be_visible()
        assert violations(page) == []
        page.fill("#field-flr-percent", "120")
        page.click("text=Save to the chart")
        expect(page.locator(".alert")).to_contain_text("nothing was saved")
        assert violations(page) == []
        page.fill("#field-flr-percent", "38")
        page.click("text=Save to the chart")
        expect(page.locator("#saved h2")).to_have_text("Saved")
        assert violations(page) == []
        page.goto(f"{url}/review/summary")
        assert violations(page) == []
        page.goto(f"{url}/smart/launch?iss=https://stranger.example")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert [trouble for trouble in watched.troubles if "422" not in trouble and "403" not in trouble] == []


@pytest.mark.parametrize("width", [1280, 360])
def test_the_timeline_can_be_read_on_every_screen(browser: Browser, width: int) -> None:
    harness = _harness()
    with serving(harness), browser.new_context(viewport={"width": width, "height": 800}) as context:
        page = Watched(context, harness).launch()
        drawn = page.locator(".timeline .mark-when").evaluate_all(
            "(texts) => texts.map((text) => text.getBoundingClientRect().height)"
        )
        assert len(drawn) > 1
        assert min(drawn) > 11
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def _framing(addresses: list[str]) -> FastAPI:
    """Serve a page that shows `addresses`, as they are when it is asked for, in frames."""

    def page() -> HTMLResponse:
        frames = "".join(f'<iframe src="{address}"></iframe>' for address in addresses)
        return HTMLResponse(f"<!doctype html>{frames}")

    found = FastAPI()
    found.add_api_route("/", page, response_class=HTMLResponse)
    return found


def test_a_stranger_cannot_frame_the_page(browser: Browser) -> None:
    harness = _harness()
    with serving(harness) as url, browser.new_context() as context:
        Watched(context, harness).launch()
        context.unroute_all()
        paths = ("/review", "/smart/launch?iss=x", "/review/static/review.css")
        with running(_framing([url + path for path in paths])) as stranger:
            page = context.new_page()
            page.goto(stranger)
            page.wait_for_load_state("networkidle")
            shown = [frame.url for frame in page.frames[1:]]
    assert shown == ["chrome-error://chromewebdata/"] * 2 + [f"{url}/review/static/review.css"]


def test_the_ehr_of_the_launch_may_frame_the_page(browser: Browser) -> None:
    addresses: list[str] = []
    with running(_framing(addresses)) as ehr, browser.new_context() as context:
        harness = _harness()
        harness.frame_ancestors = (ehr,)
        with serving(harness) as url:
            addresses.append(f"{url}/review")
            Watched(context, harness).launch()
            context.unroute_all()
            page = context.new_page()
            page.goto(ehr)
            expect(page.frame_locator("iframe").locator("h1.headline")).to_contain_text("ECOG decides")
            context.clear_cookies()
            page.reload()
            expect(page.frame_locator("iframe").locator("h1")).to_have_text("No patient is open here")


RICH = {
    **DATED,
    "ecog": 1,
    "asa": 2,
    "hepatectomy-extent": "major",
    "flr-percent": 38,
    "metastasis-count": 5,
    "largest-metastasis": 42,
    "metastasis-distribution": "bilobar",
    "chemotherapy-cycles": 6,
    "chemotherapy-response": "partial-response",
    "chemotherapy-last-date": "2026-10-20",
    "bevacizumab-last-date": "2026-10-01",
    "primary-t": "T3",
    "primary-n": "N1a",
    "ras": "wild-type",
    "braf": "wild-type",
    "msi": "stable",
    "liver-mri-done": True,
    "liver-condition": "steatosis",
    "extrahepatic-disease": "none",
    "impending-complication": False,
    "liver-centre-discussed": "agreed",
}


@pytest.mark.parametrize("facts", [{}, DATED, RICH], ids=["nothing known", "open", "everything known"])
def test_the_summary_fits_on_one_printed_page(browser: Browser, facts: dict[str, object]) -> None:
    harness = ReviewHarness(fhir=FakeFhir().add(PATIENT, *local(facts)))
    with serving(harness) as url, browser.new_context() as context:
        watched = Watched(context, harness)
        page = watched.launch()
        page.goto(f"{url}/review/summary")
        assert page.pdf(format="A4").count(b"/Type /Page\n") == 1
        assert watched.troubles == []
