"""What the names of the two diseases, or of a state after an operation, say beside their codes: it is not assumed away.

"Colon cancer with lung metastases" is a problem of its own on many lists, coded as one of the two diseases.
"""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Case, Sign
from tests.charts import SNOMED, concept, condition
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

ABSENT, UNREADABLE = "gap: absent", "gap: unreadable"


def called(disease: dict[str, Any], text: str, **more: Any) -> dict[str, Any]:
    return disease | {"code": disease["code"] | {"text": text}} | more


def beside(one: dict[str, Any], other: dict[str, Any], sign: Sign) -> tuple[bool, Case]:
    case = read(one, other)
    return sign in case.signs, case


ELSEWHERE = [
    (LIVER, "Liver and lung metastases"),
    (LIVER, "Metastatic to liver, lung and bone"),
    (LIVER, "Leber- und Lungenmetastasen"),
    (LIVER, "Métastases hépatiques et péritonéales"),
    (PRIMARY, "Sigmoid cancer with liver and peritoneal metastases"),
    (PRIMARY, "Sigmakarzinom mit Lungenfiliae"),
]
IN_THE_LIVER = [
    (LIVER, "Secondary malignant neoplasm of liver and intrahepatic bile duct"),
    (LIVER, "Sekundäre bösartige Neubildung der Leber und der intrahepatischen Gallengänge"),
    (LIVER, "Multiple liver metastases"),
    (PRIMARY, "Karzinom der Milzflexur mit Lebermetastasen"),
    (PRIMARY, "Cancer below the peritoneal reflection with liver metastases"),
    (PRIMARY, "Sigmoid cancer"),
]


@pytest.mark.parametrize(("disease", "text"), ELSEWHERE)
def test_a_metastasis_elsewhere_in_the_name_of_a_disease_is_a_sign_and_no_value(
    disease: dict[str, Any], text: str
) -> None:
    other = PRIMARY if disease is LIVER else LIVER
    told, case = beside(called(disease, text), other, Sign.METASTASIS_ELSEWHERE)
    assert (told, shown(case, "extrahepatic-disease"), case.issues) == (True, ABSENT, ())


@pytest.mark.parametrize(("disease", "text"), IN_THE_LIVER)
def test_a_name_of_the_disease_alone_is_no_sign(disease: dict[str, Any], text: str) -> None:
    other = PRIMARY if disease is LIVER else LIVER
    assert beside(called(disease, text), other, Sign.METASTASIS_ELSEWHERE)[0] is False


def test_stage_and_evidence_of_a_disease_may_name_a_metastasis_elsewhere() -> None:
    evidence = PRIMARY | {"evidence": [{"code": [{"text": "Lung metastases on CT"}]}]}
    stage = PRIMARY | {"stage": [{"summary": {"text": "Stage IV, peritoneal metastases"}}]}
    assert [beside(one, LIVER, Sign.METASTASIS_ELSEWHERE)[0] for one in (evidence, stage)] == [True, True]


def test_a_disease_that_is_over_or_refuted_names_nothing() -> None:
    over = called(LIVER, "Liver and lung metastases", id="old", clinicalStatus=concept("urn:x", "resolved"))
    refuted = called(PRIMARY, "Perforated cancer with lung metastases", id="no") | {
        "verificationStatus": concept("urn:x", "refuted")
    }
    signs = read(PRIMARY, LIVER, over, refuted).signs
    assert signs.isdisjoint({Sign.METASTASIS_ELSEWHERE, Sign.PERFORATION})


def test_a_perforation_in_the_name_of_the_primary_is_a_sign() -> None:
    found = [
        beside(called(PRIMARY, text), LIVER, Sign.PERFORATION)[0]
        for text in ("Perforated sigmoid cancer", "Perforiertes Sigmakarzinom", "Sigmoid cancer, no perforation")
    ]
    assert found == [True, True, False]


@pytest.mark.parametrize(
    ("text", "t", "n", "hinted"),
    [
        ("Sigma-Ca cT4b cN2 cM1a (HEP)", UNREADABLE, UNREADABLE, False),
        ("Sigmoid cancer pT3 pN2", UNREADABLE, UNREADABLE, True),
        ("Sigmoid cancer, T4", UNREADABLE, ABSENT, False),
        ("Sigmoid cancer", ABSENT, ABSENT, False),
    ],
)
def test_tnm_in_the_name_of_the_primary_is_unreadable_in_what_it_spells(
    text: str, t: str, n: str, *, hinted: bool
) -> None:
    told, case = beside(called(PRIMARY, text), LIVER, Sign.RESECTION_HINTED)
    assert (shown(case, "primary-t"), shown(case, "primary-n"), told) == (t, n, hinted)


OPERATED = [
    "Status post right hemicolectomy",
    "Z.n. Sigmaresektion",
    "Zustand nach Hemikolektomie rechts",
    "S/P low anterior resection",
    "Acquired absence of part of large intestine",
    "History of resection of colon",
    "Status après colectomie droite",
    "Erworbenes Fehlen von Dickdarmanteilen",
]
NOT_OPERATED = [
    "Status post appendectomy",
    "Polypectomy of colon",
    "Endoscopic resection of colon polyp",
    "Resectable colon cancer",
    "Unresectable sigmoid tumour",
    "Awaiting sigmoid colectomy",
    "Small bowel resection",
    "Absence of bowel sounds",
    "Status post liver resection",
]


@pytest.mark.parametrize(("names", "hinted"), [(OPERATED, True), (NOT_OPERATED, False)], ids=["bowel", "others"])
def test_a_state_after_a_resection_of_the_bowel_that_is_known_by_its_name_hints_at_it(
    names: list[str], *, hinted: bool
) -> None:
    for name in names:
        alone = condition("s", (SNOMED, "1")) | {"code": {"text": name}}
        coded = condition("s", (SNOMED, "1")) | {"code": {"coding": [{"system": SNOMED, "code": "1", "display": name}]}}
        found = [Sign.RESECTION_HINTED in read(PRIMARY, LIVER, one).signs for one in (alone, coded)]
        assert (name, found) == (name, [hinted] * 2)


def test_a_resection_in_the_name_of_the_primary_hints_at_it() -> None:
    found = [
        beside(called(PRIMARY, text), LIVER, Sign.RESECTION_HINTED)[0]
        for text in ("Sigmoid cancer, s/p sigmoid resection", "Unresected sigmoid cancer", "Sigmoid cancer")
    ]
    assert found == [True, False, False]


@pytest.mark.parametrize(
    "name",
    ["Para-aortic lymph node metastases", "Disseminated metastases", "Malignant ascites", "Maligner Pleuraerguss"],
)
def test_more_names_of_disease_outside_the_liver_are_signs(name: str) -> None:
    alone = condition("s", (SNOMED, "1")) | {"code": {"text": name}}
    assert Sign.METASTASIS_ELSEWHERE in read(PRIMARY, LIVER, alone).signs


@pytest.mark.parametrize(("code", "hinted"), [("Z90.49", True), ("Z90.4", True), ("Z85.038", True), ("Z90.5", False)])
def test_a_state_after_a_resection_in_a_system_that_is_not_read_hints_at_it_by_its_code(
    code: str, *, hinted: bool
) -> None:
    after = condition("s", ("urn:local:icd", code))
    assert (Sign.RESECTION_HINTED in read(PRIMARY, LIVER, after).signs) is hinted
