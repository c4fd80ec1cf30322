from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import cache

import pytest

from fhir_mappings.case import Case, Scope
from fhir_mappings.catalogue import FACTS_SYSTEM, load_catalogue
from fhir_mappings.chart import Chart, Completeness
from fhir_mappings.mapper import map_case
from fhir_mappings.policy import MappingPolicy
from fhir_mappings.terminology import load_terminology
from service.demo.fhir.parameters import TYPES
from service.demo.fhir.validation import check_resource
from service.demo.patients.load import Story, all_resources, stories
from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline

TODAY = date(2026, 11, 23)
DAYS = [TODAY, date(2027, 3, 31), date(2028, 2, 29)]
COMPLETE = dict.fromkeys(TYPES, Completeness.COMPLETE)


@cache
def cases(as_of: date) -> dict[str, tuple[Story, Case]]:
    terminology, catalogue = load_terminology(), load_catalogue()
    moment = datetime.combine(as_of, time(9), UTC)
    return {
        story.id: (
            story,
            map_case(
                Chart(story.id, resources=story.resources, completeness=COMPLETE),
                as_of=moment,
                terminology=terminology,
                catalogue=catalogue,
                policy=MappingPolicy(),
            ),
        )
        for story in stories(as_of)
    }


@pytest.mark.parametrize("as_of", DAYS)
def test_every_story_reaches_the_rows_that_it_names(as_of: date) -> None:
    guideline = load_guideline()
    found = {
        name: decide(case, guideline).rows if case.scope is Scope.IN else () for name, (_, case) in cases(as_of).items()
    }
    assert found == {name: story.rows for name, (story, _) in cases(as_of).items()}


def test_every_row_decides_some_patient() -> None:
    guideline = load_guideline()
    decisions = [decide(case, guideline) for _, case in cases(TODAY).values() if case.scope is Scope.IN]
    decided = {decision.rows[0] for decision in decisions if len(decision.rows) == 1}
    silent = {"G0", "T0"}
    assert {row.id for row in guideline.rows} - decided - silent == set()
    assert [name for name, (_, case) in cases(TODAY).items() if case.scope is Scope.OUT] == [
        "demo-lapwing",
        "demo-martin",
    ]
    assert [decision.no_card for decision in decisions].count(True) == 1


def test_every_advisory_is_given_to_some_patient() -> None:
    guideline = load_guideline()
    given = {
        code
        for _, case in cases(TODAY).values()
        if case.scope is Scope.IN
        for code in decide(case, guideline).advisories
    }
    assert {advisory.code for advisory in guideline.advisories} - given == set()


def test_some_charts_stay_open_for_one_fact_and_some_for_many() -> None:
    guideline = load_guideline()
    missing = {
        name: [fact.fact for fact in decide(case, guideline).missing]
        for name, (_, case) in cases(TODAY).items()
        if case.scope is Scope.IN
    }
    assert missing["demo-sparrow"] == ["ecog"]
    assert missing["demo-siskin"] == ["extrahepatic-disease"]
    assert missing["demo-dunnock"] == ["flr-percent"]
    assert len(missing["demo-thrush"]) > 5


def test_a_metastasis_in_words_alone_leaves_the_scope_uncertain() -> None:
    assert cases(TODAY)["demo-starling"][1].scope is Scope.UNCERTAIN


def test_an_mdt_decision_is_on_record() -> None:
    found = {name: case.mdt.strategy for name, (_, case) in cases(TODAY).items() if case.mdt}
    assert found == {"demo-bittern": "liver-first", "demo-dipper": "simultaneous"}


def test_every_resource_is_valid_fhir_and_has_an_id_of_its_own() -> None:
    resources = all_resources(TODAY)
    for resource in resources:
        check_resource(resource)
    names = [f"{resource['resourceType']}/{resource['id']}" for resource in resources]
    assert len(set(names)) == len(names)


def test_the_relevant_is_hidden_among_hundreds() -> None:
    assert min(len(story.resources) for story in stories(TODAY)) > 200


def test_one_day_gives_the_same_patients_always() -> None:
    assert all_resources(TODAY) == all_resources(TODAY)


def test_patients_keep_their_age_and_lie_in_the_past() -> None:
    for as_of in (TODAY, date(2031, 1, 1)):
        born = {one["id"]: one["birthDate"] for one in all_resources(as_of) if one["resourceType"] == "Patient"}
        assert born["demo-heron"][:4] == str(as_of.year - 62 - (as_of.month < 7))
        dates = [one["effectiveDateTime"][:10] for one in all_resources(as_of) if "effectiveDateTime" in one]
        assert max(dates) < as_of.isoformat()


def test_every_name_says_that_it_is_invented() -> None:
    families = {one["name"][0]["family"] for one in all_resources(TODAY) if one["resourceType"] == "Patient"}
    assert len(families) == len(stories(TODAY)) >= 20
    assert all(family.startswith("Demo-") for family in families)


def test_values_are_recorded_in_words_beside_their_codes() -> None:
    said = {
        one["valueCodeableConcept"]["coding"][0]["code"]: one["valueCodeableConcept"]["text"]
        for one in all_resources(TODAY)
        if one.get("valueCodeableConcept", {}).get("coding", [{}])[0].get("system") == FACTS_SYSTEM
    }
    assert (said["not-yet"], said["partial-response"]) == ("not yet", "partial response")
