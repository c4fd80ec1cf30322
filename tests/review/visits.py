"""What the tests of the review page share: a chart, a browser that has opened it, and eyes for its parts."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from tests.review.cases_charts import OPEN
from tests.review.cases_charts import local as chart
from tests.review.harness import PATIENT, ReviewHarness
from tests.smart.ehr import NOW
from tests.smart.fhir import FakeFhir
from tests.smart.harness import launch

if TYPE_CHECKING:
    import httpx

ORIGIN = {"Origin": "https://crlm.example"}
TODAY = NOW.date().isoformat()


def charted(facts: dict[str, Any] | None = None, **of_fhir: Any) -> ReviewHarness:
    fhir = FakeFhir(**of_fhir).add(PATIENT, *chart(OPEN if facts is None else facts))
    return ReviewHarness(fhir=fhir)


async def opened(harness: ReviewHarness, browser: httpx.AsyncClient) -> dict[str, str]:
    """Launch and open the page; give the hidden fields of its form."""
    await launch(browser, harness.ehr)
    response = await browser.get("/review")
    assert response.status_code == 200, response.text
    form = response.text.split('class="complete-form"')[1].split("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form))


def headline(response: httpx.Response) -> str:
    found = re.search(r'<h1 class="headline">(.*?)</h1>', response.text, re.DOTALL)
    return html.unescape(found[1]) if found else ""


def saved_part(response: httpx.Response) -> str:
    found = re.search(r'<section class="saved.*?</section>', response.text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()) if found else ""
