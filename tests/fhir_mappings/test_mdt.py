"""The MDT's decision: which plan carries it, and the reason beside it."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Evidence, Gap, MdtRecord, Unknown
from fhir_mappings.read.dates import parse_date
from tests.charts import STRATEGY, concept, local
from tests.fhir_mappings.reading import read, shown


def plan(*strategies: str, ident: str = "plan", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "CarePlan",
        "id": ident,
        "status": "active",
        "intent": "plan",
        "subject": {"reference": "Patient/1"},
        "created": "2026-06-01",
        "category": [concept(STRATEGY, strategy) for strategy in strategies],
    } | more


def reason(*resources: dict[str, Any]) -> str | None:
    found = read(*resources).mdt
    assert isinstance(found, MdtRecord)
    return found.reason


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (plan("staged"), "staged"),
        (plan("staged", status="completed"), "staged"),
        (plan("staged", status="revoked"), "gap: absent"),
        (plan("staged", status="on-hold"), "gap: absent"),
        (plan("undetermined"), "gap: absent"),
        (plan("undetermined", "staged"), "staged"),
        (plan("staged", "mdt"), {"staged", "mdt"}),
        (plan("staged", created="2026-06-16"), "staged"),
        (plan("staged", activity=[{"reference": {"reference": "Appointment/1"}}]), "staged"),
        (plan("staged", created="2026-06-17"), "gap: absent"),
    ],
)
def test_an_open_or_completed_plan_says_what_was_decided(given: dict[str, Any], expected: Any) -> None:
    assert shown(read(given), "mdt-decision") == expected


def test_a_plan_for_months_to_come_was_decided_at_their_start() -> None:
    planned = plan("staged", period={"start": "2026-06-01", "end": "2026-12-01"})
    del planned["created"]
    facts = [local("ecog", 1, on="2026-05-20"), local("ecog", 3, on="2026-06-10", ident="later")]
    found = read(planned, *facts).mdt
    assert found is not None
    assert (found.decided, found.facts_then["ecog"]) == (parse_date("2026-06-01"), read(facts[0]).facts["ecog"])
    newer = local("mdt-decision", "liver-first", on="2026-06-10")
    assert shown(read(planned, newer), "mdt-decision") == "liver-first"


def test_a_plan_that_begins_on_a_day_to_come_was_decided_before_on_a_day_that_is_not_recorded() -> None:
    planned = plan("staged", period={"start": "2026-06-22"}, note=[{"text": "bulky"}])
    del planned["created"]
    case = read(planned)
    assert (case.mdt, case.issues) == (
        MdtRecord("staged", None, Evidence("CarePlan/plan", coding=f"{STRATEGY}|staged"), "bulky"),
        (),
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, None),
        ({"note": [{"text": "bulky"}]}, "bulky"),
        ({"note": [{"text": " "}, {"text": "bulky"}, {"text": "frail"}]}, "bulky"),
        ({"note": [{"text": "bulky"}], "description": "as discussed"}, "bulky"),
        ({"note": [{"text": " "}], "description": "as discussed"}, "as discussed"),
        ({"description": " "}, None),
        ({"note": {"text": "bulky"}}, "bulky"),
    ],
)
def test_the_reason_is_the_first_note_with_words_else_the_description(more: dict[str, Any], expected: str) -> None:
    assert reason(plan("staged", **more)) == expected


def test_the_reason_is_that_of_the_resource_that_decides() -> None:
    older = plan("mdt", ident="older", created="2026-05-01", note=[{"text": "older"}])
    other = local("ecog", 1, on="2026-06-02", note=[{"text": "other"}])
    newer = local("mdt-decision", "staged", on="2026-06-02", note=[{"text": "newer"}])
    found = [reason(*resources) for resources in ((older,), (older, other, newer), (newer, plan("mdt")))]
    assert found == ["older", "newer", "newer"]


def test_without_ids_the_reason_is_still_that_of_the_decision() -> None:
    """All Observations without an id have one reference."""
    decided = local("mdt-decision", "staged", on="2026-06-02", note=[{"text": "decided"}])
    others = [
        local("ecog", 1, on="2026-06-02", note=[{"text": "of the same day"}]),
        local("mdt-decision", "mdt", on="2026-05-02", note=[{"text": "older"}]),
    ]
    anonymous = [{name: value for name, value in one.items() if name != "id"} for one in (*others, decided)]
    assert reason(*anonymous) == reason(*reversed(anonymous)) == "decided"


def test_what_could_not_be_read_is_unreadable_among_the_facts_of_the_day() -> None:
    found = read(local("ecog", 1, on="2026-06-01", foo=1), local("mdt-decision", "staged", on="2026-06-02")).mdt
    assert isinstance(found, MdtRecord)
    assert found.facts_then["ecog"] == Unknown(Gap.UNREADABLE, (Evidence("Observation/local-ecog"),))


def test_the_record_names_strategy_day_and_evidence() -> None:
    case = read(plan("staged"))
    assert case.mdt is not None
    proof = case.facts["mdt-decision"].evidence[0]
    assert (case.mdt.strategy, case.mdt.decided, case.mdt.evidence) == ("staged", parse_date("2026-06-01"), proof)
