"""The review page over all charts of the demo EHR: every row of the pathway, every gap, standard codes and noise."""

import re
from functools import cache
from typing import Any

import pytest

from service.demo.patients.load import all_resources
from tests.review.harness import ReviewHarness
from tests.smart.ehr import NOW
from tests.smart.fhir import FakeFhir
from tests.smart.harness import launch

ORIGIN = {"Origin": "https://crlm.example"}


@cache
def _charts() -> dict[str, list[dict[str, Any]]]:
    charts: dict[str, list[dict[str, Any]]] = {}
    for resource in all_resources(NOW.date()):
        if resource["resourceType"] == "Patient":
            charts.setdefault(resource["id"], []).append(resource)
    for resource in all_resources(NOW.date()):
        reference = (resource.get("subject") or resource.get("patient") or {}).get("reference", "")
        if reference.removeprefix("Patient/") in charts:
            charts[reference.removeprefix("Patient/")].append(resource)
    return charts


@pytest.mark.parametrize("patient", sorted(_charts()))
async def test_the_page_of_every_patient_is_whole(patient: str) -> None:
    harness = ReviewHarness(fhir=FakeFhir().add(*_charts()[patient]))
    harness.ehr.patient = patient
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        response = await browser.get("/review")
        assert response.status_code == 200
        if "Nothing to review" in response.text:
            return
        csrf = re.findall(r'name="csrf" value="([^"]+)"', response.text)[0]
        tried = await browser.post("/review/what-if", data={"csrf": csrf, "ecog": "2"}, headers=ORIGIN)
        summary = await browser.get("/review/summary")
    assert (tried.status_code, summary.status_code) == (200, 200)
    ids = re.findall(r'\sid="([^"]+)"', response.text)
    assert len(ids) == len(set(ids))
    assert "None" not in re.sub(r"<[^>]+>|None</|>None", "", response.text.replace("<span>None</span>", ""))
