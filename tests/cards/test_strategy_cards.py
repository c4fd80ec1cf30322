"""Whole cards of typical decisions, and what holds for the card of every case."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from fhir_mappings.case import Evidence, Known, Sign, Unknown
from service.cds.advice import advice_of
from service.knowledge.decide import decide
from service.knowledge.explain import explain
from service.knowledge.guideline import load_guideline
from service.knowledge.reading import Reading
from tests.cards.golden import TYPICAL, card_of, kept
from tests.charts import CPT, procedure
from tests.decided import CATALOGUE, cards_of, example, section_of, with_facts
from tests.fhir_mappings.reading import LIVER, PRIMARY, read
from tests.generated_cases import random_case
from tests.reference_evaluator import Settings
from tests.response_checker import check_response

if TYPE_CHECKING:
    from fhir_mappings.case import Case

ADVICE = "example.crlm-cds.advice"
OBLIGATION = re.compile(r"\b(must|shall|should|have to|has to|obliged|mandatory)\b", re.IGNORECASE)


@pytest.mark.parametrize("name", TYPICAL)
def test_the_card_of_a_typical_decision_is_the_one_kept(name: str) -> None:
    assert card_of(name) == kept(name)


@pytest.mark.parametrize("name", TYPICAL)
def test_the_card_of_a_typical_decision_conforms(name: str) -> None:
    assert check_response({"cards": [card_of(name)]}, hook="patient-view") == []


@pytest.mark.parametrize("name", TYPICAL)
def test_every_proposed_resource_is_a_valid_draft_for_the_patient(name: str) -> None:
    resources = [action["resource"] for suggestion in card_of(name)["suggestions"] for action in suggestion["actions"]]
    assert resources
    for resource in resources:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        assert (resource["status"], resource["intent"]) == ("draft", "proposal")
        assert resource["subject"] == {"reference": "Patient/pat-1"}


@pytest.mark.parametrize("name", TYPICAL)
def test_the_detail_is_short(name: str) -> None:
    lines = [line for line in card_of(name)["detail"].splitlines() if line]
    assert len(lines) <= 30


def _random_cases(number: int) -> list[Case]:
    random = Random(20261123)
    return [random_case(random, Settings()) for _ in range(number)]


def test_summary_detail_and_advice_agree_for_any_case() -> None:
    guideline = load_guideline()
    for case in _random_cases(250):
        decision = decide(case, guideline)
        cards = cards_of(case)
        assert check_response({"cards": cards}, hook="patient-view") == []
        if decision.no_card:
            assert cards == []
            continue
        (card,) = cards
        advice = card["extension"][ADVICE]
        assert {(found["strategy"], found.get("nextStep")) for found in advice["candidates"]} == {
            (outcome.strategy, outcome.next_step) for outcome in decision.outcomes
        }
        settled = decision.strategy is not None and Sign.OTHER_CANCER not in case.signs
        assert advice["determined"] == settled
        assert advice.get("strategy") == (decision.strategy if settled else None)
        assert ("**Recommended: " in card["detail"]) == advice["determined"]
        assert ("**Not decided yet**" in card["detail"]) == (decision.strategy is None)
        assert ("**Another active cancer" in card["detail"]) == (Sign.OTHER_CANCER in case.signs)
        assert "S30" in card["detail"]
        assert f"{advice['knowledge']['id']} {advice['knowledge']['version']}" in card["detail"]


def test_every_advisory_of_any_case_is_said_on_its_card() -> None:
    guideline = load_guideline()
    for case in _random_cases(250):
        decision = decide(case, guideline)
        if decision.no_card:
            continue
        explanation = explain(Reading(case, decision, guideline, CATALOGUE))
        said = {code for section in explanation.sections for line in section.lines for code in line.codes}
        assert said >= set(decision.advisories)


def test_every_assumption_and_the_first_missing_facts_are_said() -> None:
    guideline = load_guideline()
    for case in _random_cases(150):
        decision = decide(case, guideline)
        if decision.no_card:
            continue
        explanation = explain(Reading(case, decision, guideline, CATALOGUE))
        assumed = section_of(explanation, "assumptions")
        assert (
            [line.fact for line in assumed.lines] if assumed else [found.fact for found in decision.assumptions] == []
        )
        missing = section_of(explanation, "missing")
        named = list(dict.fromkeys(line.fact for line in missing.lines if line.fact)) if missing else []
        assert named == [found.fact for found in decision.missing[:3]]


def test_no_card_speaks_of_an_obligation() -> None:
    for case in _random_cases(150):
        for card in cards_of(case):
            assert OBLIGATION.search(f"{card['summary']}\n{card['detail']}") is None


def test_a_conditional_recommendation_is_offered_for_consideration() -> None:
    guideline = load_guideline()
    for case in _random_cases(150):
        decision = decide(case, guideline)
        if decision.strategy is None or decision.strength != "conditional" or Sign.OTHER_CANCER in case.signs:
            continue
        (card,) = cards_of(case)
        assert card["summary"].startswith(("Consider ", "For the MDT"))
        assert "to be considered" in card["detail"]


def test_the_same_case_gives_the_same_card() -> None:
    for case in _random_cases(20):
        assert json.dumps(cards_of(case)) == json.dumps(cards_of(case))


def test_facts_carry_value_unit_origin_and_day() -> None:
    advice: dict[str, Any] = card_of("liver-first")["extension"][ADVICE]
    (remnant,) = [found for found in advice["facts"] if found["fact"] == "flr-percent"]
    assert remnant == {
        "fact": "flr-percent",
        "value": 42,
        "unit": "%",
        "how": "entered",
        "evidence": ["Observation/flr-percent"],
        "dated": "2026-11-02",
    }


def test_assumed_narrowed_and_unusable_facts_are_told_apart() -> None:
    advice = card_of("open-old-and-narrowed")["extension"][ADVICE]
    (narrowed,) = [found for found in advice["facts"] if "narrowed" in found]
    assert narrowed == {
        "fact": "extrahepatic-disease",
        "narrowed": ["resectable", "unresectable"],
        "how": "coded",
        "evidence": ["Condition/lung"],
    }
    assert advice["gaps"] == [
        {"fact": "ecog", "gap": "outdated", "evidence": ["Observation/ecog-old"]},
        {"fact": "metastasis-count", "gap": "conflicting", "evidence": ["Observation/ct", "Observation/mri"]},
    ]
    assumed = card_of("liver-first-after-response")["extension"][ADVICE]
    assert {"fact": "asa", "value": "<= 3", "how": "assumed"} in assumed["facts"]


def test_the_extension_names_as_evidence_what_is_a_type_and_an_id() -> None:
    well_formed = ("Observation/ecog", "Xy/1.2-3")
    malformed = (
        "", "/1", "X/1", "ecog", "Observation/", "observation/1", "Obs3/1", "\u00d6bservation/1",
        "Observation/a/b", "Observation/a b", "Observation/\u202eb",
    )  # fmt: skip
    proofs = tuple(Evidence(reference) for reference in (*malformed, *well_formed))
    (card,) = cards_of(with_facts(example("V01"), ecog=Known(0, proofs)))
    facts = card["extension"]["example.crlm-cds.advice"]["facts"]
    assert [fact["evidence"] for fact in facts if fact["fact"] == "ecog"] == [list(well_formed)]


@pytest.mark.parametrize("name", ["V01", "V19"])
def test_a_fact_that_a_case_lacks_is_as_one_that_is_absent(name: str) -> None:
    case = example(name)
    lacking = replace(case, facts={code: fact for code, fact in case.facts.items() if not isinstance(fact, Unknown)})
    assert (lacking.facts != case.facts, cards_of(lacking)) == (True, cards_of(case))


def test_the_extension_of_an_open_case_names_no_strategy() -> None:
    guideline = load_guideline()
    case = TYPICAL["open-ecog"]()
    advice = advice_of(Reading(case, decide(case, guideline), guideline, CATALOGUE)).advice
    assert (advice.determined, advice.strategy, advice.next_step, advice.strength) == (False, None, None, None)


def test_metastases_found_at_staging_have_their_own_day_and_not_that_of_the_resection() -> None:
    resected = procedure("resection", (CPT, "44160"), on="2026-06-01")
    (card,) = cards_of(read(PRIMARY, LIVER, resected))
    (fact,) = (one for one in card["extension"][ADVICE]["facts"] if one["fact"] == "metastases-detected")
    assert "- Metastases found at staging (10 May 2026, Condition/liver, Condition/primary)\n" in card["detail"]
    assert (fact["dated"], fact["evidence"]) == (
        "2026-05-10",
        ["Condition/liver", "Condition/primary", "Procedure/resection"],
    )
