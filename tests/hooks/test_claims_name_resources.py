"""What a card claims of the chart names the resource that says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.charts import ICD10CM, condition, local
from tests.hooks.serving import ADVICE, PATIENT, chart, message, prefetch_of, served
from tests.hooks.test_order_hooks import BIOPSY, request
from tests.hooks.test_order_hooks import cards as order_cards

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.checked_client import CheckedClient

    Json = dict[str, Any]

pytestmark = pytest.mark.asyncio(loop_scope="module")

BREAST = condition("breast", (ICD10CM, "C50.911"), onset="2026-10-01", patient_id=PATIENT)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CheckedClient]:
    async with served(tmp_path_factory.mktemp("claims")) as found:
        yield found


async def card(client: CheckedClient, resources: Sequence[Json]) -> Json:
    answer = await client.call(message(prefetch=prefetch_of(resources)), "/cds-services/crlm-patient-view")
    (found,) = answer.json()["cards"]
    assert isinstance(found, dict)
    return found


def lines(found: Json, start: str) -> list[str]:
    return [line.rstrip() for line in found["detail"].splitlines() if line.startswith(start)]


async def test_another_cancer_is_named_by_its_condition(client: CheckedClient) -> None:
    (line,) = lines(await card(client, [*chart("V01"), BREAST]), "**Another")
    assert line == (
        "**Another active cancer is recorded** (1 Oct 2026, Condition/breast): the liver metastases may come from it. "
        "What follows holds only if they are colorectal."
    )


async def test_a_biopsy_is_judged_by_another_cancer_that_is_named(client: CheckedClient) -> None:
    (found,) = await order_cards(client, [*chart("V01"), BREAST], request(BIOPSY[0]))
    (line,) = lines(found, "- Another")
    assert line == (
        "- Another cancer is recorded (1 Oct 2026, Condition/breast): "
        "where the origin is in doubt, ask the hepatobiliary unit first."
    )


async def test_a_provisional_disease_is_named_by_its_condition(client: CheckedClient) -> None:
    doubted = condition("liver", (ICD10CM, "C78.7"), verification="provisional", patient_id=PATIENT)
    resources = [one for one in chart("V01") if one["id"] != "liver"]
    assert lines(await card(client, [*resources, doubted]), "The primary or") == [
        "The primary or the metastases are recorded as provisional or unconfirmed (provisional, Condition/liver)"
    ]


async def test_what_leaves_the_scope_open_is_named_in_one_sentence(client: CheckedClient) -> None:
    primary = condition("primary", (ICD10CM, "C18.7"), patient_id=PATIENT)
    words = {"resourceType": "Condition", "id": "words", "code": {"text": "liver metastases"}}
    found = await card(client, [primary, words | {"subject": {"reference": f"Patient/{PATIENT}"}}])
    assert lines(found, "What is") == [
        "What is or could be the primary or the metastases (Condition/primary, Condition/words)"
    ]


async def test_decisions_of_the_mdt_that_contradict_each_other_are_named(client: CheckedClient) -> None:
    decided = [
        local("mdt-decision", strategy, on="2026-11-10", patient_id=PATIENT, ident=strategy)
        for strategy in ("staged", "liver-first")
    ]
    found = await card(client, [*chart("V01"), *decided])
    (line,) = lines(found, "- Decision of")
    assert line == (
        "- Decision of the MDT: sources contradict each other, liver first against staged (primary first) "
        "(10 Nov 2026, Observation/liver-first, Observation/staged)"
    )
    assert found["extension"][ADVICE]["gaps"] == [
        {
            "fact": "mdt-decision",
            "gap": "conflicting",
            "evidence": ["Observation/liver-first", "Observation/staged"],
        }
    ]


async def test_a_decision_of_the_mdt_is_quoted_without_the_papers_of_another_strategy(client: CheckedClient) -> None:
    undated = local("mdt-decision", "staged", patient_id=PATIENT)
    found = await card(client, [*chart("V01"), undated])
    assert found["summary"] == "MDT decided primary first (date not recorded)"
    assert (lines(found, "Statements"), lines(found, "Papers")) == ([], [])
    assert "statements" not in found["extension"][ADVICE]
