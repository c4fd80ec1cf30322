"""The first look at conditions: only where row G0 is sure to exclude a chart does it say no."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Scope
from fhir_mappings.screen import may_be_in_scope
from tests.charts import ICD10, ICD10CM, LOINC, SNOMED, concept, condition, observation
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, terminology

ECOG = observation("e", (LOINC, "89247-1"), {"valueInteger": 1})
IN_LIVER, IN_COLON = LIVER["code"]["coding"][0], PRIMARY["code"]["coding"][0]

FLU = {"system": ICD10CM, "code": "J10.1"}


def coded(code: Any) -> dict[str, Any]:
    return LIVER | {"code": code}


def sited(code: str, place: str) -> dict[str, Any]:
    return condition("c", (SNOMED, code)) | {"bodySite": [concept(SNOMED, place)]}


def in_words(code: str, text: str) -> dict[str, Any]:
    return coded(concept(SNOMED, code) | {"text": text})


ASKED: list[tuple[str, list[dict[str, Any]], bool]] = [
    ("nothing", [], False),
    ("primary alone", [PRIMARY], False),
    ("metastasis elsewhere", [PRIMARY, condition("lung", (ICD10CM, "C78.00"))], False),
    ("metastasis", [LIVER], True),
    ("metastasis by another system", [condition("c", (SNOMED, "94381002"))], True),
    ("metastasis in its old edition", [condition("c", (ICD10, "C78.7"))], True),
    ("metastasis after other conditions", [PRIMARY, PRIMARY, LIVER], True),
    ("metastasis after what is no condition", [ECOG, LIVER], True),
    ("metastasis whose organ the body site names", [sited("128462008", "10200004")], True),
    ("metastasis whose body site is elsewhere", [sited("128462008", "39607008")], False),
    ("metastasis of no organ", [condition("c", (SNOMED, "128462008"))], False),
    ("cancer of no organ", [condition("c", (SNOMED, "363346000"))], False),
    ("cancer of no organ, in the liver by its text", [in_words("363346000", "Metastasen der Leber")], True),
    ("metastasis of no organ, in the liver by its text", [in_words("128462008", "Lebermetastasen")], True),
    ("metastasis that does not count", [LIVER | {"foo": 1}], True),
    ("no condition at all", [ECOG], False),
    ("of no type", [{"code": {"text": "Lebermetastasen"}}], False),
    ("text alone", [coded({"text": "Lebermetastasen"})], True),
    ("withheld", [coded({"extension": [{"url": "u"}]})], True),
    ("code of a system that is not read", [coded({"coding": [{"system": "urn:local", "code": "C78.7"}]})], True),
    ("code of such a system for the primary", [coded({"coding": [{"system": "urn:local", "code": "C18.7"}]})], False),
    ("code without a system", [coded({"coding": [{"code": "C78.7"}]})], True),
    ("code without a system for the primary", [coded({"coding": [{"code": "C18.7"}]})], False),
    ("text about the lung", [coded({"text": "Lungenmetastasen"})], False),
    ("text about the lung beside a code", [coded({"text": "Lung metastases", "coding": [FLU]})], False),
    ("no code", [{name: value for name, value in LIVER.items() if name != "code"}], True),
    ("code that is a text", [coded("C78.7")], True),
    ("code that is a list", [coded([{"coding": [IN_COLON]}])], True),
    ("one of several codings", [coded({"coding": [IN_COLON, IN_LIVER]})], True),
    ("several codings, none of them", [coded({"coding": [{"system": "urn:local", "code": "1"}, IN_COLON]})], False),
    ("codings of odd shapes", [coded({"coding": [None, "C78.7", IN_COLON]})], False),
    ("lone coding of it", [coded({"coding": IN_LIVER})], True),
    ("lone coding of another", [coded({"coding": IN_COLON})], False),
    ("numeric code of it", [coded({"coding": [IN_COLON, {"system": SNOMED, "code": 94381002}]})], True),
    ("numeric code of another", [coded({"coding": [{"system": SNOMED, "code": 93761005}]})], False),
]


@pytest.mark.parametrize(("resources", "expected"), [asked[1:] for asked in ASKED], ids=[asked[0] for asked in ASKED])
def test_a_chart_may_be_in_scope_where_a_condition_is_or_could_be_a_liver_metastasis(
    resources: list[dict[str, Any]], *, expected: bool
) -> None:
    assert may_be_in_scope(iter(resources), terminology()) is expected


@pytest.mark.parametrize("resources", [asked[1] for asked in ASKED], ids=[asked[0] for asked in ASKED])
def test_what_is_left_unread_is_out_of_scope_beside_a_primary(resources: list[dict[str, Any]]) -> None:
    read_whole = read(PRIMARY, *resources).scope is not Scope.OUT
    assert read_whole <= may_be_in_scope([PRIMARY, *resources], terminology())
