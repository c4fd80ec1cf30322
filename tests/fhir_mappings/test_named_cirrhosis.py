"""A cirrhosis that is known by its name alone: the liver may be cirrhotic, and no remnant is assumed to suffice."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.catalogue import load_catalogue
from tests.charts import ICD10CM, SNOMED, condition, local
from tests.fhir_mappings.reading import read, shown

FACT = "liver-condition"
ANY = set(load_catalogue()[FACT].choices)
NAMES = ["Leberzirrhose", "Cirrhosis of liver", "Child-Pugh A cirrhosis", "Cirrhose hépatique", "Cirrosis hepática"]
NAMES += ["Alcoholic cirrhosis", "Levercirrose", "Skrumplever"]


def named(text: str, **more: Any) -> dict[str, Any]:
    return condition("c", (SNOMED, "1"), onset="2026-06-01", **more) | {"code": {"text": text}}


@pytest.mark.parametrize("name", NAMES)
def test_a_cirrhosis_known_by_its_name_leaves_each_condition_of_the_liver(name: str) -> None:
    code = {"coding": [{"system": SNOMED, "code": "1", "display": name}]}
    found = [shown(read(one), FACT) for one in (named(name), named(name) | {"code": code})]
    assert found == [ANY, ANY]


@pytest.mark.parametrize(
    "one",
    [
        *(
            named(text)
            for text in ("Family history of cirrhosis", "No cirrhosis", "Keine Zirrhose", "Rule out cirrhosis")
        ),
        *(
            named("Cirrhosis", **{name: value})
            for name, value in (("clinical", "resolved"), ("verification", "refuted"))
        ),
        named("Cirrhosis") | {"onsetDateTime": "2027-01-01"},
        named("Scirrhous carcinoma of breast"),
    ],
)
def test_what_names_no_cirrhosis_of_today_says_nothing(one: dict[str, Any]) -> None:
    assert shown(read(one), FACT) == "gap: absent"


def test_what_is_coded_or_entered_stays_beside_a_name() -> None:
    coded = condition("k", (ICD10CM, "K74.60"), onset="2026-01-01")
    entered = local(FACT, "normal", on="2026-05-01")
    assert [shown(read(one, named("Leberzirrhose")), FACT) for one in (coded, entered)] == ["cirrhosis", "normal"]
