"""Drafts and write-backs are valid R4 resources that say what was given."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, get_args

import pytest
from fhir.resources.R4B import get_fhir_model_class

from fhir_mappings.catalogue import load_catalogue
from fhir_mappings.outbound import (
    Activity,
    Draft,
    RequestCode,
    care_plan,
    observation,
    provenance,
    request_text,
    service_request,
)

DAY = date(2026, 11, 23)
DRAFT = Draft(
    patient_id="pat-1",
    authored=DAY,
    new_id=lambda: "new-1",
    user="PractitionerRole/surgeon",
    reasons=("Condition/primary", "Observation/cea", "Condition/liver"),
)
FACTS = load_catalogue()


def valid(resource: dict[str, Any]) -> dict[str, Any]:
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    return resource


@pytest.mark.duty(2, 61)
@pytest.mark.parametrize("code", get_args(RequestCode))
def test_every_request_is_a_valid_draft(code: RequestCode) -> None:
    request = valid(service_request(DRAFT, code))
    assert request["code"]["text"] == request_text(code)
    assert request["reasonReference"] == [{"reference": "Condition/primary"}, {"reference": "Condition/liver"}]
    assert request["requester"] == {"reference": "PractitionerRole/surgeon"}


def test_a_request_without_practitioner_and_reasons_leaves_them_out() -> None:
    bare = Draft(patient_id="pat-1", authored=DAY, new_id=lambda: "new-1", user="Patient/pat-1")
    assert valid(service_request(bare, "ct-volumetry")) == {
        "resourceType": "ServiceRequest",
        "id": "new-1",
        "status": "draft",
        "intent": "proposal",
        "code": {"text": "CT of the liver with volumetry of the future remnant"},
        "subject": {"reference": "Patient/pat-1"},
        "authoredOn": "2026-11-23",
    }


def test_a_care_plan_carries_its_activities_in_order_with_their_windows() -> None:
    plan = valid(
        care_plan(
            DRAFT,
            strategy="staged",
            next_step=None,
            title="Primary first",
            activities=[
                Activity("Resection of the primary"),
                Activity("Liver resection", date(2027, 1, 4), date(2027, 2, 15), "about 2 months later"),
            ],
        )
    )
    assert [activity["detail"] for activity in plan["activity"]] == [
        {"status": "not-started", "code": {"text": "Resection of the primary"}},
        {
            "status": "not-started",
            "code": {"text": "Liver resection"},
            "description": "about 2 months later",
            "scheduledPeriod": {"start": "2027-01-04", "end": "2027-02-15"},
        },
    ]
    assert [coding["code"] for coding in plan["category"][0]["coding"]] == ["staged"]


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        ("ecog", 1, {"valueInteger": 1}),
        (
            "flr-percent",
            38.5,
            {
                "valueQuantity": {
                    "value": 38.5,
                    "unit": "%",
                    "system": "http://unitsofmeasure.org",
                    "code": "%",
                }
            },
        ),
        ("r0-achievable", False, {"valueBoolean": False}),
        (
            "primary-symptoms",
            "minor",
            {
                "valueCodeableConcept": {
                    "coding": [
                        {
                            "system": "https://crlm-cds.example/fhir/CodeSystem/case-facts",
                            "code": "minor",
                            "display": "minor symptoms",
                        }
                    ]
                }
            },
        ),
        ("adjuvant-end-date", date(2026, 5, 4), {"valueDateTime": "2026-05-04"}),
    ],
)
def test_a_fact_is_written_as_its_kind(code: str, value: Any, expected: dict[str, Any]) -> None:
    written = valid(
        observation(
            DRAFT,
            FACTS[code],
            value,
            effective=DAY,
            title="minor symptoms",
            note="from the MDT",
            identifier=("https://crlm-cds.example/app", "x"),
        )
    )
    assert {key: found for key, found in written.items() if key.startswith("value")} == expected
    assert (written["status"], written["effectiveDateTime"]) == ("final", "2026-11-23")


def test_an_unknown_fact_says_that_it_is_unknown() -> None:
    written = valid(observation(DRAFT, FACTS["ecog"], None, effective=DAY))
    assert written["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    assert not [key for key in written if key.startswith("value")]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("ecog", True),
        ("ecog", 1.5),
        ("flr-percent", "38"),
        ("r0-achievable", 1),
        ("primary-symptoms", "headache"),
        ("adjuvant-end-date", "2026-05-04"),
    ],
)
def test_a_value_of_another_kind_is_refused_without_naming_it(code: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^the value is no [a-z]+ that {code} can have$"):
        observation(DRAFT, FACTS[code], value, effective=DAY)


def test_provenance_names_the_user_and_the_application() -> None:
    recorded = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    written = valid(provenance(DRAFT, ["Observation/new-1"], recorded=recorded, application="crlm-cds"))
    assert written["recorded"] == "2026-11-23T09:30:00+00:00"
    assert [agent["who"] for agent in written["agent"]] == [
        {"reference": "PractitionerRole/surgeon"},
        {"display": "crlm-cds"},
    ]


def test_without_a_practitioner_the_application_is_the_only_agent() -> None:
    bare = Draft(patient_id="pat-1", authored=DAY, new_id=lambda: "new-1")
    written = valid(
        provenance(bare, ["Observation/x"], recorded=datetime(2026, 11, 23, tzinfo=UTC), application="crlm-cds")
    )
    assert [agent["who"] for agent in written["agent"]] == [{"display": "crlm-cds"}]
