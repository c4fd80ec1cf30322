"""The checkers must find faults, or the tests that rest on them prove nothing."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.response_checker import ADVICE, check_discovery, check_operation_outcome, check_response

STRATEGY = "https://crlm-cds.example/fhir/CodeSystem/strategy"
CARD: dict[str, Any] = {
    "uuid": "5f6c9d3e-0000-4000-8000-000000000001",
    "summary": "Liver first",
    "detail": "a < b",
    "indicator": "info",
    "source": {
        "label": "crlm-cds",
        "url": "https://x/knowledge#A12b",
        "topic": {"code": "liver-first", "system": STRATEGY},
    },
    "selectionBehavior": "any",
    "suggestions": [
        {
            "label": "Refer",
            "uuid": "5f6c9d3e-0000-4000-8000-00000000000a",
            "isRecommended": True,
            "actions": [
                {"type": "create", "description": "d", "resource": {"resourceType": "ServiceRequest", "id": "s"}},
                {"type": "delete", "description": "d", "resourceId": "ServiceRequest/s"},
            ],
        },
        {"label": "Plan", "uuid": "5f6c9d3e-0000-4000-8000-00000000000b"},
    ],
    "overrideReasons": [{"code": "c", "system": "s", "display": "d"}],
    "links": [
        {"label": "App", "url": "https://x/launch", "type": "smart", "appContext": "a"},
        {"label": "Page", "url": "https://x/knowledge", "type": "absolute"},
    ],
    "extension": {
        ADVICE: {
            "strategy": "liver-first",
            "determined": True,
            "nextStep": "resect-now-no-more-chemotherapy",
            "strength": "strong",
            "rows": ["A12b"],
            "candidates": [{"strategy": "liver-first", "nextStep": "resect-now-no-more-chemotherapy"}],
            "alternatives": [{"strategy": "mdt"}],
            "timing": "synchronous",
            "missing": [{"fact": "ecog", "settles": True}],
            "assumptions": [{"fact": "asa", "value": "<= 3"}],
            "advisories": ["no-biopsy"],
            "statements": ["S10", "R4"],
            "facts": [
                {
                    "fact": "flr-percent",
                    "value": 38,
                    "unit": "%",
                    "how": "coded",
                    "evidence": ["Observation/f1"],
                    "dated": "2026-11",
                }
            ],
            "gaps": [{"fact": "cea", "gap": "outdated", "evidence": ["Observation/c"]}],
            "knowledge": {"id": "crlm-summary-2025", "version": "1.0.0", "policy": "default"},
        }
    },
}


def card_with(path: str, value: object) -> dict[str, Any]:
    """Change one place of the sound card (`links.0.url`); `...` removes it."""
    card = copy.deepcopy(CARD)
    node: Any = card
    *steps, last = [int(step) if step.isdigit() else step for step in path.replace(ADVICE, "@").split(".")]
    for step in steps:
        node = node[ADVICE if step == "@" else step]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return card


def faults(card: dict[str, Any], *, hook: str = "patient-view") -> list[str]:
    return check_response({"cards": [card]}, hook=hook)


def test_a_sound_answer_has_no_faults() -> None:
    assert check_response(json.dumps({"cards": [CARD]}).encode(), hook="patient-view") == []
    assert check_response({"cards": []}, hook="order-sign") == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"cards":null}', b'{"cards":{}}', b'{"cards":[],"systemActions":[]}']
)
def test_an_answer_without_a_list_of_cards_is_faulty(body: bytes) -> None:
    assert check_response(body, hook="patient-view")


E = f"extension.{ADVICE}"


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("uuid", ..., "uuid: is required"),
        ("uuid", "urn:uuid:5f6c9d3e-0000-4000-8000-000000000001", "bare lower-case UUID"),
        ("uuid", "5F6C9D3E-0000-4000-8000-000000000001", "bare lower-case UUID"),
        ("uuid", "5f6c9d3e-0000-4000-8000-00000000000a", "uuids repeat"),
        ("summary", "s" * 140, "shorter than 140"),
        ("summary", "two\nlines", "printable line"),
        ("summary", "", "null or empty"),
        ("detail", "<b>x</b>", "raw HTML"),
        ("detail", None, "null or empty"),
        ("indicator", "hard-stop", "indicator: must be one of"),
        ("source.topic", ..., "topic: is required"),
        ("source.topic.system", "https://other", "topic.system: must be"),
        ("source.topic.code", "staged", "differs from the topic"),
        ("source.url", "/knowledge", "absolute URL"),
        ("source.label", 7, "wrong type"),
        ("selectionBehavior", ..., "selectionBehavior: must be one of"),
        ("suggestions", ..., "selectionBehavior: only with suggestions"),
        ("suggestions", [], "null or empty"),
        ("suggestions.0.uuid", "x", "bare lower-case UUID"),
        ("suggestions.0.actions.0.description", ..., "description: is required"),
        ("suggestions.0.actions.0.type", "CREATE", "type: must be create, update or delete"),
        ("suggestions.0.actions.0.resource", "{}", "wrong type"),
        ("suggestions.0.actions.0.resource.id", ..., "resourceType and id"),
        ("suggestions.0.actions.0.resourceId", "A/1", "only for delete"),
        ("suggestions.0.actions.1.resourceId", ..., "must be 'Type/id'"),
        ("suggestions.0.actions.1.resource", {"a": 1}, "deprecated for delete"),
        ("overrideReasons.0.display", ..., "display: is required"),
        ("links.0.type", "launch", "type: must be one of"),
        ("links.0.url", "https://x/launch?iss=a", "added by the client"),
        ("links.0.autoLaunchable", True, "unknown member"),
        ("links.1.appContext", "a", "only for smart links"),
        ("extension", ..., "is required"),
        (f"{E}.determined", "yes", "true or false"),
        (f"{E}.strategy", ..., "exactly where there is one strategy"),
        (f"{E}.strategy", "undetermined", "unknown code"),
        (f"{E}.nextStep", "other", "agree on it"),
        (f"{E}.candidates", [{"strategy": "staged"}], "the one strategy"),
        (f"{E}.candidates", [{"nextStep": "a"}], "must have a strategy"),
        (f"{E}.candidates", [{"strategy": "liver-first"}] * 2, "repeat"),
        (f"{E}.alternatives", [], "null or empty"),
        (f"{E}.rows", ["a-12"], "rows: must be a list"),
        (f"{E}.rows", ["A1", "A1"], "rows: repeats"),
        (f"{E}.strength", "weak", "strength: must be one of"),
        (f"{E}.timing", "now", "timing: must be one of"),
        (f"{E}.missing.0.settles", "yes", "fact and settles"),
        (f"{E}.missing", "ecog", "fact and settles"),
        (f"{E}.assumptions.0.value", [1], "fact and value"),
        (f"{E}.facts.0.how", "guessed", "how: must be"),
        (f"{E}.facts.0.value", ..., "value: is required"),
        (f"{E}.facts.0.evidence", ["f1"], "evidence: must be a list"),
        (f"{E}.facts.0.dated", "yesterday", "must be a date"),
        (f"{E}.facts.0.more", 1, "must have fact and how"),
        (f"{E}.gaps.0.gap", "lost", "gap: unknown code"),
        (f"{E}.knowledge.policy", ..., "id, version and policy"),
        (f"{E}.knowledge.policy", 1, "hold texts"),
        (f"{E}.extra", 1, "unknown member"),
    ],
)
def test_each_fault_of_a_card_is_found(path: str, value: object, fault: str) -> None:
    assert any(fault in found for found in faults(card_with(path, value))), faults(card_with(path, value))


def test_an_advice_that_is_no_object_is_found() -> None:
    card = copy.deepcopy(CARD)
    card["extension"] = {ADVICE: "x"}
    assert faults(card) == [f"$.cards[0].extension.{ADVICE}: must be an object"]


def test_an_open_answer_has_no_next_step_and_no_strength() -> None:
    card = copy.deepcopy(CARD)
    advice = card["extension"][ADVICE]
    del advice["strategy"]
    advice["determined"] = False
    card["source"]["topic"]["code"] = "undetermined"
    assert faults(card) == [f"$.cards[0].extension.{ADVICE}: nextStep and strength belong to a determined strategy"]


def test_two_recommended_suggestions_need_that_several_may_be_chosen() -> None:
    card = copy.deepcopy(CARD)
    card["suggestions"][1]["isRecommended"] = True
    assert faults(card) == []
    card["selectionBehavior"] = "at-most-one"
    assert faults(card) == ["$.cards[0].suggestions: only one may be recommended where at most one may be chosen"]


def test_patient_view_has_one_card_and_order_hooks_have_topics_of_advisories() -> None:
    second = card_with("uuid", "5f6c9d3e-0000-4000-8000-000000000002")
    assert "$.cards: patient-view gives at most one card" in check_response(
        {"cards": [CARD, second]}, hook="patient-view"
    )
    topic = {"code": "no-biopsy", "system": "https://crlm-cds.example/fhir/CodeSystem/advisory"}
    assert faults(card_with("source.topic", topic), hook="order-sign") == []


@pytest.mark.parametrize("card", [None, "x", {}])
def test_what_is_no_card_is_found(card: Any) -> None:
    assert check_response({"cards": [card]}, hook="patient-view")


SERVICE = {"hook": "patient-view", "description": "d", "id": "a", "prefetch": {"p": "Patient/{{context.patientId}}"}}


@pytest.mark.parametrize(
    "service",
    [
        {"hook": "patient-view", "id": "a"},
        {**SERVICE, "name": "x"},
        {**SERVICE, "title": ""},
        {**SERVICE, "prefetch": {"p": 7}},
        {**SERVICE, "prefetch": {"p": "https://x/Patient/1"}},
        {**SERVICE, "prefetch": {"p": "Condition?patient={{context.patientId}}&date=gt1&date=lt2"}},
        {**SERVICE, "prefetch": {"p": "Condition?patient={{context.patientId}}&_include=x"}},
        {**SERVICE, "prefetch": {"p": "Condition?patient={{today()}}"}},
    ],
)
def test_each_fault_of_discovery_is_found(service: dict[str, Any]) -> None:
    assert check_discovery({"services": [SERVICE]}) == []
    assert check_discovery({"services": [service]})
    assert check_discovery({"services": [SERVICE, SERVICE]})
    assert check_discovery(b"x")


ISSUE = {"severity": "error", "code": "invalid", "details": {"text": "t"}}


@pytest.mark.parametrize(
    "outcome",
    [
        {"resourceType": "Bundle", "issue": [ISSUE]},
        {"resourceType": "OperationOutcome", "issue": []},
        {"resourceType": "OperationOutcome", "issue": [{**ISSUE, "severity": "bad"}]},
        {"resourceType": "OperationOutcome", "issue": [{**ISSUE, "code": "teapot"}]},
        {"resourceType": "OperationOutcome", "issue": [{**ISSUE, "diagnostics": ""}]},
        {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid"}]},
        {"detail": "Not Found"},
    ],
)
def test_each_fault_of_an_outcome_is_found(outcome: dict[str, Any]) -> None:
    assert check_operation_outcome({"resourceType": "OperationOutcome", "issue": [ISSUE]}) == []
    assert check_operation_outcome(outcome)
    assert check_operation_outcome(b"x")
