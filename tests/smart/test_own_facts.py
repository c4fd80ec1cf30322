from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from fhir_mappings.chart import Chart, Completeness
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


@pytest.mark.parametrize(
    ("had", "counts"),
    [
        (Completeness.COMPLETE, Completeness.PARTIAL),
        (Completeness.PARTIAL, Completeness.PARTIAL),
        (Completeness.NOT_RETRIEVED, Completeness.NOT_RETRIEVED),
    ],
)
async def test_a_store_that_is_down_leaves_what_the_ehr_says_and_may_have_held_more(
    log_lines: list[MutableMapping[str, Any]], had: Completeness, counts: Completeness
) -> None:
    asked = Chart("p1", (READ,), completeness={"Condition": Completeness.COMPLETE, "Observation": had})
    chart = await with_own_facts(asked, issuer="https://ehr.example.org", own_facts=Kept(is_down=True))
    assert chart == replace(asked, completeness={"Condition": Completeness.COMPLETE, "Observation": counts})
    assert [line["event"] for line in log_lines] == ["own_facts_unavailable"]
