from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

import pytest

from fhir_mappings.chart import Chart
from service.errors import StoreUnavailable
from service.own_facts import with_own_facts

KEPT = {"resourceType": "Observation", "id": "kept"}
READ = {"resourceType": "Condition", "id": "read"}
CHART = Chart("p1", (READ,))


@dataclass
class Kept:
    """Keeps one Observation for one patient of one EHR, or is down."""

    is_down: bool = False

    async def of(self, issuer: str, patient: str) -> list[dict[str, Any]]:
        if self.is_down:
            raise StoreUnavailable
        return [KEPT] if (issuer, patient) == ("https://ehr.example.org", "p1") else []


async def test_what_is_kept_joins_the_chart_of_its_patient() -> None:
    chart = await with_own_facts(CHART, issuer="https://ehr.example.org", own_facts=Kept())
    assert chart == Chart("p1", (READ, KEPT))


@pytest.mark.parametrize(
    ("issuer", "own_facts"), [(None, Kept()), ("https://other.example", Kept()), ("https://ehr.example.org", None)]
)
async def test_nobody_else_gets_what_is_kept(issuer: str | None, own_facts: Kept | None) -> None:
    assert await with_own_facts(CHART, issuer=issuer, own_facts=own_facts) is CHART


async def test_a_store_that_is_down_takes_nothing_from_the_chart(log_lines: list[MutableMapping[str, Any]]) -> None:
    chart = await with_own_facts(CHART, issuer="https://ehr.example.org", own_facts=Kept(is_down=True))
    assert chart is CHART
    assert [line["event"] for line in log_lines] == ["own_facts_unavailable"]
