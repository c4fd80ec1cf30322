"""What a card says of a recorded MDT decision once treatment has begun, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.charts import ATC, CPT, dose, local, procedure
from tests.hooks.serving import PATIENT, chart, message, prefetch_of, served

if TYPE_CHECKING:
    from pathlib import Path

BEGUN = [
    dose("cycle", (ATC, "L01XA03"), on="2026-11-19", patient_id=PATIENT),
    local("chemotherapy-response", "partial-response", on="2026-11-22", patient_id=PATIENT),
]
RESECTED = [procedure("colectomy", (CPT, "44140"), on="2026-11-19", patient_id=PATIENT)]


@pytest.mark.parametrize(
    ("without", "changed", "decided", "since", "verdict"),
    [
        ("chemotherapy_cycles", {}, "liver-first", BEGUN, "The next step would now differ"),
        (
            "primary_in_situ",
            {"primary_symptoms": "minor", "primary_pathology": "favourable"},
            "staged",
            RESECTED,
            "The next step would now differ",
        ),
    ],
    ids=["chemotherapy", "primary resected"],
)
async def test_the_recommendation_of_the_day_is_compared_not_what_todays_chart_would_make_of_it(  # noqa: PLR0913
    tmp_path: Path,
    *,
    without: str,
    changed: dict[str, Any],
    decided: str,
    since: list[dict[str, Any]],
    verdict: str,
) -> None:
    left_out: dict[str, Any] = {without: ...}
    resources = chart("V01", **left_out, **changed)
    mdt = local("mdt-decision", decided, on="2026-11-17", patient_id=PATIENT)
    async with served(tmp_path) as service:
        [card] = (await service.call(message(prefetch=prefetch_of([*resources, mdt, *since])))).json()["cards"]
    assert card["summary"].endswith(verdict), card["summary"]
