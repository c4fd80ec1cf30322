"""Cancers whose code names no organ: the body site does, as mCODE allows."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import pytest

from fhir_mappings.bundle import read_source
from fhir_mappings.case import Scope, Sign
from fhir_mappings.screen import may_be_in_scope
from tests.charts import ICD10CM, SNOMED, concept, condition
from tests.fhir_mappings.reading import LIVER, PRIMARY, proofs, read, shown, terminology

METASTASIS, CANCER, PRIMARY_CANCER = "128462008", "363346000", "372087000"
IN_LIVER, LEFT_LOBE, LUNG, SIGMOID, COLON, BREAST = (
    concept(SNOMED, code) for code in ("10200004", "21514008", "39607008", "60184004", "71854001", "76752008")
)

COLORECTAL = ("363510005", "781382000", "737058005")
"""Cancers of colon or rectum: which of them, the code does not say."""


def topography(code: str) -> dict[str, Any]:
    return concept("urn:oid:2.16.840.1.113883.6.43.1", code)


def sited(code: str, *places: dict[str, Any], ident: str = "c", **more: Any) -> dict[str, Any]:
    found = condition(ident, (SNOMED, code), onset="2026-05-10", **more)
    return found | ({"bodySite": list(places)} if places else {})


def grown(morphology: str, *places: dict[str, Any]) -> dict[str, Any]:
    """Give a Condition whose code is a morphology of ICD-O-3."""
    return condition("m", ("urn:oid:2.16.840.1.113883.6.43.1", morphology), onset="2026-05-10") | {
        "bodySite": list(places)
    }


def named(text: str, resource: dict[str, Any]) -> dict[str, Any]:
    return resource | {"code": resource["code"] | {"text": text}}


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([PRIMARY, sited(METASTASIS, IN_LIVER)], Scope.IN),
        ([PRIMARY, sited(METASTASIS, concept(SNOMED, "181268008"))], Scope.IN),
        ([PRIMARY, sited(METASTASIS, LUNG, LEFT_LOBE)], Scope.IN),
        ([PRIMARY, sited(METASTASIS, IN_LIVER, clinical="resolved")], Scope.OUT),
        ([PRIMARY, sited(METASTASIS, LUNG)], Scope.OUT),
        ([PRIMARY, sited(METASTASIS, SIGMOID)], Scope.OUT),
        ([PRIMARY, sited(METASTASIS)], Scope.OUT),
        ([PRIMARY, named("Metastatic malignant neoplasm", sited(METASTASIS, {"text": "Leber"}))], Scope.UNCERTAIN),
        ([PRIMARY, sited(CANCER, IN_LIVER)], Scope.OUT),
        ([sited(CANCER, SIGMOID), LIVER], Scope.IN),
        ([sited(PRIMARY_CANCER, COLON), LIVER], Scope.IN),
        ([named("Primary malignant neoplasm", sited(PRIMARY_CANCER, {"text": "Sigma"})), LIVER], Scope.UNCERTAIN),
        ([sited(PRIMARY_CANCER, BREAST), LIVER], Scope.OUT),
        ([sited(CANCER), LIVER], Scope.OUT),
        ([PRIMARY, named("Malignant neoplasm metastatic to liver", sited(CANCER))], Scope.UNCERTAIN),
        ([sited(CANCER, SIGMOID), sited(METASTASIS, IN_LIVER, ident="d")], Scope.IN),
        ([PRIMARY, sited(METASTASIS, topography("C22.0"))], Scope.UNCERTAIN),
        ([PRIMARY, sited(METASTASIS, topography("C34.1"))], Scope.OUT),
        ([sited(CANCER, topography("C18.7")), LIVER], Scope.UNCERTAIN),
        ([sited(CANCER, topography("C20.9")), LIVER], Scope.UNCERTAIN),
        ([sited(CANCER, topography("C18.1")), LIVER], Scope.OUT),
        ([sited(CANCER, topography("C50.9")), LIVER], Scope.OUT),
        *(([sited(code), LIVER], Scope.UNCERTAIN) for code in COLORECTAL),
        *(([sited(code), PRIMARY], Scope.OUT) for code in COLORECTAL),
        *(([sited(code, SIGMOID), LIVER], Scope.IN) for code in COLORECTAL),
        ([condition("c", (ICD10CM, "C26.0")), LIVER], Scope.UNCERTAIN),
        *(([grown("8140/3", place), LIVER], Scope.UNCERTAIN) for place in (topography("C18.7"), SIGMOID)),
        *(([grown(code, {"text": "Rectum"}), LIVER], Scope.UNCERTAIN) for code in ("8480/3", "8000/3", "8560/3")),
        *(([PRIMARY, grown("8140/6", place)], Scope.UNCERTAIN) for place in (topography("C22.0"), IN_LIVER)),
        *(([grown("8140/3", place), LIVER], Scope.OUT) for place in (topography("C18.1"), BREAST, {"text": "Mamma"})),
        ([PRIMARY, grown("8140/3", IN_LIVER)], Scope.OUT),
        ([PRIMARY, grown("8140/6", LUNG)], Scope.OUT),
        ([PRIMARY, grown("8140/6", IN_LIVER) | {"abatementDateTime": "2026-05-20"}], Scope.OUT),
    ],
)
def test_a_body_site_names_the_organ_of_a_cancer_whose_code_names_none(
    resources: list[dict[str, Any]], expected: Scope
) -> None:
    kept = [one for found in resources for one in read_source(orjson.dumps(found), terminology()).resources]
    assert (read(*resources).scope, kept) == (expected, resources)
    assert may_be_in_scope(kept, terminology()) or expected is Scope.OUT


@pytest.mark.parametrize("morphology", ["8140/0", "8240/3", "9680/3", "8140/32"])
def test_a_morphology_of_no_carcinoma_is_not_looked_at(morphology: str) -> None:
    given = grown(morphology, SIGMOID)
    kept = read_source(orjson.dumps(given), terminology()).resources
    assert (read(given, LIVER).scope, list(kept)) == (Scope.OUT, [])


def test_site_and_dates_are_read_from_cancers_placed_by_their_body_site() -> None:
    case = read(sited(CANCER, SIGMOID), sited(METASTASIS, IN_LIVER, ident="d"))
    found = ("primary-site", "primary-diagnosis-date", "liver-metastasis-date")
    assert [shown(case, fact) for fact in found] == ["sigmoid-colon", date(2026, 5, 10), date(2026, 5, 10)]
    assert proofs(case, "liver-metastasis-date") == [("Condition/d", "coded")]


def test_a_metastasis_placed_elsewhere_is_one_outside_the_liver() -> None:
    case = read(PRIMARY, LIVER, sited(METASTASIS, LUNG))
    assert shown(case, "extrahepatic-disease") == {"resectable", "unresectable"}
    assert Sign.METASTASIS_ELSEWHERE in case.signs
    assert Sign.METASTASIS_ELSEWHERE not in read(PRIMARY, LIVER, sited(CANCER, LUNG)).signs


def test_a_body_site_does_not_move_a_cancer_whose_code_names_its_organ() -> None:
    assert read(PRIMARY, condition("c", (ICD10CM, "C78.00")) | {"bodySite": [IN_LIVER]}).scope is Scope.OUT


SITE = "363698007"


@pytest.mark.parametrize(
    ("expression", "beside", "expected"),
    [
        ("94381002 |Metastatic malignant neoplasm to liver|", PRIMARY, Scope.IN),
        ("94381002|Metastatic malignant neoplasm to liver (disorder)|", PRIMARY, Scope.IN),
        ("=== 94381002 : 246112005 = 24484000", PRIMARY, Scope.IN),
        ("94381002 + 128462008", PRIMARY, Scope.IN),
        (f"{METASTASIS}:{SITE}=10200004", PRIMARY, Scope.IN),
        (f"{METASTASIS} |Metastasis, 1| : {{ {SITE} |Finding site| = 10200004 |Liver structure| }}", PRIMARY, Scope.IN),
        (f"{METASTASIS}:{SITE}=39607008", PRIMARY, Scope.OUT),
        (f"{METASTASIS}:246090004=10200004", PRIMARY, Scope.OUT),
        ("94381002:408729009=410516002", PRIMARY, Scope.OUT),
        ("94381002x", PRIMARY, Scope.OUT),
        (f"{CANCER}:{SITE}=60184004", LIVER, Scope.IN),
        (f"{CANCER}:{SITE}=76752008", LIVER, Scope.OUT),
        ("413350009 |Finding with explicit context|: 246090004 = 94381002", PRIMARY, Scope.OUT),
        ("64572001: 255234002 = 94381002", PRIMARY, Scope.OUT),
    ],
)
def test_an_expression_of_snomed_ct_is_what_it_refines_at_the_site_that_it_names(
    expression: str, beside: dict[str, Any], expected: Scope
) -> None:
    resource = condition("c", (SNOMED, expression))
    kept = [one for found in (beside, resource) for one in read_source(orjson.dumps(found), terminology()).resources]
    assert read(*kept).scope is expected
    assert may_be_in_scope(kept, terminology()) or expected is Scope.OUT
