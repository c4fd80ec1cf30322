"""The liver as a place that is written in words or in ICD-O-3: what is there is of the liver."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Sign
from tests.charts import ICD10CM, LOINC, SNOMED, Resource, concept, observation, quantity
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

ICD_O = "http://terminology.hl7.org/CodeSystem/icd-o-3"
LUNG = concept(SNOMED, "39607008")
NAMED = [
    *({"text": text} for text in ("liver", "Liver", " LEBER ", "Foie", "hígado", "Fegato", "Fígado", "Lever", "hepar")),
    {"coding": [{"system": "urn:x", "code": "1", "display": "Liver"}]},
    {"coding": [{"display": "Liver structure"}], "text": "Liver"},
]
CODED = [concept(ICD_O, "C22.0"), concept("urn:oid:2.16.840.1.113883.6.43.1", "c220"), concept(ICD_O, "C22")]
ELSEWHERE = [
    *({"text": text} for text in ("lung", "Segment VI", "liver and lung", "hepatic flexure", "not liver", "liver?")),
    LUNG | {"text": "Liver"},
    {"coding": [{"display": "Lung"}], "text": "Liver"},
    concept(ICD_O, "C22.1"),
    concept(ICD_O, "C18.7"),
    concept(ICD_O, "C220A"),
    concept(ICD10CM, "C22.0"),
]


def largest(site: Resource, code: str = "21889-1") -> Any:
    size = observation("o", (LOINC, code), quantity(2.2, "cm"), on="2026-06-01", bodySite=site)
    return shown(read(PRIMARY, LIVER, size), "largest-metastasis")


@pytest.mark.parametrize("site", [*NAMED, *CODED])
def test_a_size_at_the_liver_is_one_of_a_metastasis(site: Resource) -> None:
    assert (largest(site), largest(site, "33728-7")) == (22, 22)


@pytest.mark.parametrize("site", ELSEWHERE)
def test_a_size_at_a_place_that_may_be_another_is_none(site: Resource) -> None:
    assert largest(site) == "gap: absent"


@pytest.mark.parametrize("site", [NAMED[0], CODED[0]])
def test_a_margin_at_the_liver_is_not_that_of_the_primary(site: Resource) -> None:
    margin = observation("o", (SNOMED, "17964000"), {"valueString": "R1"}, on="2026-06-01", bodySite=site)
    assert shown(read(PRIMARY, LIVER, margin), "primary-margin") == "gap: absent"


@pytest.mark.parametrize(("site", "elsewhere"), [(NAMED[0], False), (CODED[0], False), ({"text": "lung"}, True)])
def test_a_metastasis_in_the_liver_is_none_elsewhere(site: Resource, *, elsewhere: bool) -> None:
    place = observation("o", (SNOMED, "385421009"), {"valueCodeableConcept": site}, on="2026-06-01")
    assert (Sign.METASTASIS_ELSEWHERE in read(PRIMARY, LIVER, place).signs) is elsewhere


def test_a_lesion_in_a_liver_that_is_named_is_counted() -> None:
    lesion = {"resourceType": "BodyStructure", "id": "a", "patient": {"reference": "Patient/1"}, "location": NAMED[0]}
    size = observation("o", (LOINC, "21889-1"), quantity(22, "mm"), on="2026-06-01")
    case = read(PRIMARY, LIVER, lesion, size | {"focus": [{"reference": "BodyStructure/a"}]})
    assert [shown(case, fact) for fact in ("metastasis-count", "largest-metastasis")] == [1, 22]
