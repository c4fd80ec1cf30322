"""Facts that an EHR did not take and this service keeps: added to the chart of every call about their patient."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from fhir_mappings.chart import Completeness
from service.errors import StoreUnavailable

if TYPE_CHECKING:
    from fhir_mappings.chart import Chart


class OwnFacts(Protocol):
    """Where such facts are kept."""

    async def of(self, issuer: str, patient: str) -> list[dict[str, Any]]:
        """Give the Observations kept for a patient of an EHR; raise `StoreUnavailable`."""
        ...


async def with_own_facts(chart: Chart, *, issuer: str | None, own_facts: OwnFacts | None) -> Chart:
    """Add what is kept for the patient; where the store is down, the Observations of the chart count as partly had.

    What the EHR says stands. But a fact that may be kept is not absent: nothing is to be assumed in its place.
    """
    if own_facts is None or issuer is None:
        return chart
    try:
        found = await own_facts.of(issuer, chart.patient_id)
    except StoreUnavailable:
        structlog.get_logger().warning("own_facts_unavailable")
        had = chart.completeness.get("Observation")
        partly = {"Observation": Completeness.PARTIAL} if had is Completeness.COMPLETE else {}
        return replace(chart, completeness={**chart.completeness, **partly})
    return replace(chart, resources=(*chart.resources, *found)) if found else chart
