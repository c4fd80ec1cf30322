"""A formula of TNM in one value: each category and the margin that it spells, whichever of them its code names."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Sign
from tests.charts import LOINC, SNOMED, observation
from tests.fhir_mappings.reading import LIVER, PRIMARY, proofs, read, shown

PT, CT, PN, CN = ((LOINC, code) for code in ("21899-0", "21905-5", "21900-6", "21906-3"))
MARGIN = (SNOMED, "17964000")
FACTS = ("primary-t", "primary-n", "primary-margin", "primary-pathology")


def said(code: tuple[str, str], text: str, *, ident: str = "o", on: str = "2026-06-10") -> dict[str, Any]:
    return observation(ident, code, {"valueCodeableConcept": {"text": text}}, on=on)


def told(*resources: dict[str, Any]) -> list[Any]:
    case = read(PRIMARY, LIVER, *resources)
    return [shown(case, fact) for fact in FACTS]


ABSENT = "gap: absent"


@pytest.mark.parametrize("code", [PT, PN])
def test_a_formula_under_one_code_tells_every_category_and_the_margin(code: tuple[str, str]) -> None:
    given = said(code, "pT3 pN2a (5/18) cM1a L1 V0 Pn1 R1")
    assert told(given) == ["T3", "N2a", "r1", "unfavourable-nodal"]
    case = read(PRIMARY, LIVER, given)
    assert [proofs(case, fact) for fact in FACTS[:3]] == [[("Observation/o", "coded")]] * 3
    assert [case.facts[fact].evidence[0].coding for fact in FACTS[:3]] == ["|".join(code)] * 3


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (CT, "cT4b cN2", ["T4b", "N2", ABSENT, ABSENT]),
        (PT, "T3 N2", ["T3", "N2", ABSENT, ABSENT]),
        (PT, "pT3, no pN2, R0?", ["T3", "gap: unreadable", "gap: unreadable", ABSENT]),
        (PT, "pT3 pN0", ["T3", "N0", ABSENT, ABSENT]),
        (PT, "pT3 RX", ["T3", ABSENT, "gap: unreadable", ABSENT]),
        *((PT, f"pT3 cM1 {left}", ["T3", ABSENT, {"r0", "r1", "r2"}, ABSENT]) for left in ("R2", "R2a", "R2b")),
        (PN, "pN1a", [ABSENT, "N1a", ABSENT, ABSENT]),
    ],
)
def test_what_a_formula_leaves_out_denies_or_says_clinically_stays_that(
    code: tuple[str, str], text: str, expected: list[Any]
) -> None:
    assert told(said(code, text)) == expected


def test_a_category_that_was_not_assessed_names_the_coding_that_says_so() -> None:
    fact = read(PRIMARY, LIVER, said(PN, "pNX")).facts["primary-n"]
    assert [(proof.reference, proof.coding) for proof in fact.evidence] == [("Observation/o", "|".join(PN))]


def test_a_category_of_its_own_code_and_day_must_agree_with_the_formula() -> None:
    formula = said(PT, "pT3 pN2 R0")
    contrary = [said(PN, "pN1", ident="n"), said(MARGIN, "R1", ident="r")]
    assert told(formula, *contrary)[1:3] == ["gap: conflicting"] * 2
    older = [said(PN, "pN1", ident="n", on="2026-06-01"), said(MARGIN, "R1", ident="r", on="2026-06-01")]
    assert told(formula, *older)[1:3] == ["N2", "r0"]


def test_a_clinical_formula_is_no_hint_at_a_resection() -> None:
    signs = [Sign.RESECTION_HINTED in read(PRIMARY, LIVER, said(CT, text)).signs for text in ("cT3 cN2", "cT3 pN2")]
    assert signs == [False, True]
