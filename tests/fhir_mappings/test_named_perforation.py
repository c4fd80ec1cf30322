"""A perforation that is known by its name alone, or cannot be read: the pathology is not assumed to be favourable."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Sign
from tests.charts import ICD10CM, SNOMED, condition
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

NAMES = ["Perforated sigmoid colon cancer", "Perforation of colon", "Kolonperforation", "Darmperforation"]
NAMES += ["Perforation colique", "Perforación de colon", "Tumour perforation"]
OTHERS = ["Perforated appendicitis", "Perforated diverticulitis of sigmoid", "Trommelfellperforation"]
OTHERS += ["No perforation of colon", "Perforated duodenal ulcer", "Perforation of tympanic membrane"]


def named(text: str, **more: Any) -> dict[str, Any]:
    return condition("c", (SNOMED, "1"), onset="2026-05-20", **more) | {"code": {"text": text}}


@pytest.mark.parametrize("name", NAMES)
def test_a_perforation_known_by_its_name_is_a_sign_and_no_value(name: str) -> None:
    code = {"coding": [{"system": SNOMED, "code": "1", "display": name}]}
    cases = [read(PRIMARY, LIVER, one) for one in (named(name), named(name) | {"code": code})]
    found = [(Sign.PERFORATION in one.signs, shown(one, "primary-pathology")) for one in cases]
    assert found == [(True, "gap: absent")] * 2


@pytest.mark.parametrize("name", OTHERS)
def test_another_perforation_is_no_sign(name: str) -> None:
    assert Sign.PERFORATION not in read(PRIMARY, LIVER, named(name)).signs


def test_a_refuted_perforation_is_no_sign_and_one_that_cannot_be_read_is() -> None:
    refuted = named("Kolonperforation", verification="refuted")
    broken = [condition("c", (ICD10CM, "K63.1"), foo=1), named("Kolonperforation", foo=1)]
    assert [Sign.PERFORATION in read(PRIMARY, LIVER, one).signs for one in (refuted, *broken)] == [False, True, True]


@pytest.mark.parametrize(("code", "told"), [("K63.1", True), ("K631", True), ("569.83", True), ("K63.0", False)])
def test_a_perforation_in_a_system_that_is_not_read_is_a_sign_by_its_code(code: str, *, told: bool) -> None:
    assert (Sign.PERFORATION in read(PRIMARY, LIVER, condition("c", ("urn:local:icd", code))).signs) is told
