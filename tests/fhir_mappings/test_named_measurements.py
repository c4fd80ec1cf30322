"""Observations known by their names alone of what is assumed where it is absent: they are asked for, not assumed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.charts import LOINC, SNOMED, coded, concept, observation
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

NAMED = [
    *(("asa", name) for name in ("ASA class", "ASA-Klassifikation", "ASA Score", "ASA", "ASA physical status")),
    *(("primary-margin", name) for name in ("Residualtumor", "Resection margin", "R-Status", "Resektionsrand")),
    *(("primary-margin", name) for name in ("Margin status", "Circumferential margin", "R classification")),
    *(("primary-margin", name) for name in ("Absetzungsrand", "Schnittränder", "Resektionsstatus", "Residu tumoral")),
    *(("primary-margin", name) for name in ("Marges de résection", "Marge chirurgicale", "Resectiemarge", "Snijvlak")),
]


def named(name: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    return observation("o", (LOINC, "x"), value, on="2026-06-01", **more) | {"code": {"text": name}}


@pytest.mark.parametrize(("fact", "name"), NAMED)
def test_what_is_known_by_its_name_is_unreadable(fact: str, name: str) -> None:
    assert shown(read(PRIMARY, LIVER, named(name, {"valueString": "IV, R1"})), fact) == "gap: unreadable"


@pytest.mark.parametrize(
    "one",
    [
        named("ASA class", {}),
        named("ASA class", {"valueInteger": 4}, status="entered-in-error"),
        named("ASA 100 mg level", {"valueInteger": 4}),
        named("ASA therapy", {"valueBoolean": True}),
        named("Nasal swab", {"valueInteger": 4}),
    ],
)
def test_what_tells_no_class_says_nothing(one: dict[str, Any]) -> None:
    assert shown(read(PRIMARY, LIVER, one), "asa") == "gap: absent"


@pytest.mark.parametrize(
    "name",
    [
        "Post-void residual volume",
        "Residual urine",
        "Residual capacity",
        "Liver edge below costal margin",
        "Marginal zone",
    ],
)
def test_another_residual_is_no_margin(name: str) -> None:
    assert shown(read(PRIMARY, LIVER, named(name, {"valueInteger": 40})), "primary-margin") == "gap: absent"


def test_a_class_that_is_coded_counts_beside_one_by_its_name() -> None:
    class_ii = observation("c", (SNOMED, "302132005"), coded(SNOMED, "413496000"), on="2026-05-01")
    assert shown(read(PRIMARY, LIVER, class_ii, named("ASA class", {"valueString": "IV"})), "asa") == 2


@pytest.mark.parametrize("site", ["10200004", "39607008"])
def test_a_margin_by_its_name_of_liver_or_lung_is_not_that_of_the_primary(site: str) -> None:
    elsewhere = named("Resection margin", {"valueString": "R1"}, bodySite=concept(SNOMED, site))
    assert shown(read(PRIMARY, LIVER, elsewhere), "primary-margin") == "gap: absent"
