"""The worked cases, each as two charts over HTTP: in our own codes, and in the standard codings."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.charts import local_chart, standard_chart
from tests.ehr import post_hook
from tests.noise import noise

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.checked_client import CheckedClient

PATIENT = "p1"
EXAMPLES = yaml.safe_load((Path(__file__).parent.parent / "cases" / "examples.yaml").read_text(encoding="utf-8"))
ADVICE = "example.crlm-cds.advice"


def resources_of(make: Callable[..., dict[str, list[dict[str, Any]]]], facts: dict[str, Any]) -> list[dict[str, Any]]:
    chart = make(facts, as_of=datetime.now(UTC), patient_id=PATIENT)
    return [resource for of_type in chart.values() for resource in of_type]


def answered(advice: dict[str, Any]) -> dict[str, Any]:
    """Give an answer in the words of the worked cases."""
    answer: dict[str, Any] = {
        "strategy": advice.get("strategy", "undetermined"),
        "advisories": sorted(advice.get("advisories", [])),
    }
    if advice["determined"]:
        answer["next-step"] = advice["nextStep"]
    else:
        answer["candidates"] = sorted(f"{c['strategy']}: {c['nextStep']}" for c in advice["candidates"])
        answer["missing"] = advice["missing"]
    return answer


@pytest.mark.parametrize("make", [local_chart, standard_chart])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["id"])
async def test_a_worked_case_gets_its_answer(
    service: CheckedClient, example: dict[str, Any], make: Callable[..., dict[str, list[dict[str, Any]]]]
) -> None:
    resources = resources_of(make, example["facts"])
    cards = (await post_hook(service, resources, patient_id=PATIENT))["cards"]
    advice = cards[0]["extension"][ADVICE]
    assert answered(advice) == example["expected"]
    assert cards[0]["source"]["topic"]["code"] == example["expected"]["strategy"]
    read = {fact["fact"]: fact.get("value") for fact in advice["facts"] if fact["how"] != "assumed"}
    assert {code: read.get(code) for code in example["facts"]} == example["facts"]


@pytest.mark.parametrize("example", EXAMPLES[:6], ids=lambda example: example["id"])
async def test_shuffled_duplicated_and_irrelevant_resources_change_nothing(
    service: CheckedClient, example: dict[str, Any]
) -> None:
    resources = resources_of(standard_chart, example["facts"])
    rng = random.Random(example["id"])
    crowded = resources * 2 + noise(rng, 300, patient_id=PATIENT)
    rng.shuffle(crowded)
    plain = (await post_hook(service, resources, patient_id=PATIENT))["cards"][0]
    among = (await post_hook(service, crowded, patient_id=PATIENT))["cards"][0]
    assert among["extension"] == plain["extension"]
    assert (among["summary"], among["detail"]) == (plain["summary"], plain["detail"])


def resources_in(path: Path) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in json.loads(path.read_text(encoding="utf-8"))["entry"]]


SYNTHEA = sorted((Path(__file__).parent.parent / "samples" / "synthea").glob("*.json"))


@pytest.mark.parametrize("path", SYNTHEA, ids=lambda path: path.stem[:12])
async def test_a_patient_without_liver_metastases_gets_no_card(service: CheckedClient, path: Path) -> None:
    resources = resources_in(path)
    patient = next(resource["id"] for resource in resources if resource["resourceType"] == "Patient")
    for resource in resources:
        if "subject" in resource:
            resource["subject"] = {"reference": f"Patient/{patient}"}
    assert (await post_hook(service, resources, patient_id=patient))["cards"] == []
