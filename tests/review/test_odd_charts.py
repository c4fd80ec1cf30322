"""One resource of an odd shape costs the app neither its page nor what was entered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.review.visits import ORIGIN, TODAY, charted, opened, saved_part

CEA = {
    "resourceType": "Observation",
    "id": "odd",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2039-6"}]},
    "valueQuantity": {"value": 3, "unit": "ng/mL"},
    "effectiveDateTime": TODAY,
    "subject": {"reference": "Patient/p1"},
}


METAS: list[Any] = ["x", 1, [1], [{}], {"versionId": {}}, True]


@pytest.mark.parametrize(
    "odd",
    [
        *[{"meta": meta} for meta in METAS],
        {"identifier": [{"system": {}, "value": []}, {"system": [], "value": {}}]},
    ],
)
async def test_a_resource_whose_meta_or_identifier_is_odd_hinders_neither_looking_nor_saving(
    odd: dict[str, Any],
) -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        harness.fhir.kept["Observation/odd"] = {**CEA, **odd}
        harness.fhir.kept["Condition/odd"] = {
            "resourceType": "Condition",
            "id": "odd",
            "code": {"text": "Lebermetastasen"},
            "subject": {"reference": "Patient/p1"},
            **odd,
        }
        looked = await browser.get("/review")
        saved = await browser.post("/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN, follow_redirects=True)
    assert (looked.status_code, saved.status_code) == (200, 200)
    assert "ECOG performance status: 1" in saved_part(saved)
