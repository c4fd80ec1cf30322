"""Charts of the worked cases for the tests of the review page."""

from __future__ import annotations

from typing import Any

from tests.charts import local_chart
from tests.review.harness import chart_resources
from tests.smart.ehr import NOW

OPEN = {
    "primary-in-situ": True,
    "primary-site": "ascending-colon",
    "primary-symptoms": "none",
    "metastases-detected": "at-staging",
    "metastasis-count": 1,
    "largest-metastasis": 18,
    "metastases-accessible": True,
    "r0-achievable": True,
    "hepatectomy-extent": "minor",
}
"""ECOG alone decides: simultaneous, liver first or MDT."""


def local(facts: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    """Chart facts of patient p1 in the local system."""
    return chart_resources(local_chart(facts, as_of=NOW.date(), patient_id="p1", **options))
