"""Sites of distant metastases as Germany's oncology module tells them: an Observation for each."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Scope, Sign
from tests.charts import ICD10CM, SNOMED, coded, concept, condition, observation
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

MII = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-fernmetastasen"
SITE = (SNOMED, "385421009")
EITHER = frozenset({"resectable", "unresectable"})
PUL = coded(MII, "PUL")


def site(value: dict[str, Any], *, on: str = "2026-06-01", **more: Any) -> dict[str, Any]:
    return observation("s", SITE, value, on=on, **more)


def told(*resources: dict[str, Any]) -> tuple[Any, bool]:
    case = read(PRIMARY, LIVER, *resources)
    return shown(case, "extrahepatic-disease"), Sign.METASTASIS_ELSEWHERE in case.signs


@pytest.mark.parametrize(
    "value",
    [
        *(coded(MII, code) for code in "PUL OSS BRA LYM MAR PLE PER ADR SKI OTH GEN".split()),
        *(coded(SNOMED, code) for code in "258332000 258333005 313367003 258336002 258337006 258338001".split()),
        *(coded(SNOMED, code) for code in ("258339009", "258340006", "39607008", "14016003", "258348004")),
        {"bodySite": concept(MII, "PUL")},
        {"bodySite": concept("http://dktk.dkfz.de/fhir/onco/core/CodeSystem/FMLokalisationCS", "PER")},
        {"valueCodeableConcept": {"text": "Lunge"}, "bodySite": concept(SNOMED, "39607008")},
    ],
)
def test_a_site_outside_the_liver_is_disease_there_resectable_or_not(value: dict[str, Any]) -> None:
    case = read(PRIMARY, LIVER, site(value))
    found = (shown(case, "extrahepatic-disease"), Sign.METASTASIS_ELSEWHERE in case.signs)
    [proof] = case.facts["extrahepatic-disease"].evidence
    assert (found, proof.reference, proof.how) == ((EITHER, True), "Observation/s", "derived")
    assert proof.coding == "|".join(SITE)


@pytest.mark.parametrize(
    "value",
    [
        coded(MII, "HEP"),
        coded(SNOMED, "258334004"),
        {"bodySite": concept(SNOMED, "10200004")} | coded("x", "1"),
        {"bodySite": concept(MII, "HEP")},
    ],
)
def test_the_liver_is_no_site_outside_it(value: dict[str, Any]) -> None:
    assert told(site(value)) == ("gap: absent", False)


@pytest.mark.parametrize("value", [{"valueString": "Lunge"}, coded("urn:local", "7"), {"bodySite": {"text": "Lunge"}}])
def test_a_site_that_cannot_be_read_stops_the_assumption_alone(value: dict[str, Any]) -> None:
    assert told(site(value)) == ("gap: absent", True)


@pytest.mark.parametrize(
    "one",
    [
        site({}),
        site(PUL, status="entered-in-error"),
        site(PUL | {"dataAbsentReason": {"text": "unknown"}}),
        site(PUL, focus=[{"reference": "Condition/breast"}]),
    ],
    ids=["no value", "in error", "absent", "of another cancer"],
)
def test_what_tells_no_site_of_this_cancer_says_nothing(one: dict[str, Any]) -> None:
    breast = condition("breast", (ICD10CM, "C50.911"), onset="2015-01-01", clinical="remission")
    assert told(breast, one) == ("gap: absent", False)


def test_a_site_that_is_dated_in_the_future_cannot_be_read() -> None:
    assert told(site(PUL, on="2027-01-01")) == ("gap: unreadable", False)


def test_an_old_site_is_outdated_and_stays_a_sign() -> None:
    assert told(site(PUL, on="2025-06-01")) == ("gap: outdated", True)


def test_a_site_in_the_liver_is_no_diagnosis_of_metastases_there() -> None:
    assert read(PRIMARY, site(coded(MII, "HEP"))).scope is Scope.OUT


@pytest.mark.parametrize("side", ["353561000119103", "353741000119106"])
def test_a_metastasis_of_one_lung_is_one_outside_the_liver(side: str) -> None:
    case = read(PRIMARY, LIVER, condition("lung", (SNOMED, side), onset="2026-06-01"))
    assert shown(case, "extrahepatic-disease") == {"resectable", "unresectable"}
