"""Row G0: which Conditions put a chart in scope, and that resources of other patients are never used."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Issue, Scope, Sign
from fhir_mappings.chart import Completeness
from tests.charts import COMPLETE, ICD10CM, SNOMED, concept, condition
from tests.fhir_mappings.reading import LIVER, PRIMARY, read


def cond(code: str, ident: str = "c", **more: Any) -> dict[str, Any]:
    return condition(ident, (ICD10CM, code), **more)


TEXT_LIVER = {
    "resourceType": "Condition",
    "id": "t",
    "code": {"text": "Lebermetastasen"},
    "subject": PRIMARY["subject"],
}
TEXT_COLON = TEXT_LIVER | {"code": {"text": "Adenocarcinoma of the colon"}, "id": "u"}
BROKEN_LIVER = LIVER | {"foo": 1}
SCOPES: list[tuple[str, list[dict[str, Any]], str, list[str]]] = [
    ("both", [PRIMARY, LIVER], "in", ["Condition/primary", "Condition/liver"]),
    ("primary alone", [PRIMARY], "out", []),
    ("liver alone", [LIVER], "out", []),
    ("neither", [], "out", []),
    ("resolved primary", [cond("C20", clinical="resolved"), LIVER], "in", ["Condition/c", "Condition/liver"]),
    ("resolved metastasis", [PRIMARY, cond("C78.7", clinical="resolved")], "out", []),
    ("relapse", [PRIMARY, cond("C78.7", clinical="relapse")], "in", ["Condition/primary", "Condition/c"]),
    ("without status", [PRIMARY, cond("C78.7", clinical=None)], "in", ["Condition/primary", "Condition/c"]),
    ("refuted", [PRIMARY, cond("C78.7", verification="refuted")], "out", []),
    ("differential", [PRIMARY, cond("C78.7", verification="differential")], "out", []),
    ("entered in error", [PRIMARY, cond("C78.7", verification="entered-in-error")], "out", []),
    ("primary refuted", [cond("C20", verification="refuted"), LIVER], "out", []),
    ("history", [cond("Z85.048"), LIVER], "in", ["Condition/c", "Condition/liver"]),
    ("liver primary", [PRIMARY, cond("C22.0")], "out", []),
    ("carcinoid of the liver", [PRIMARY, cond("C7B.02")], "out", []),
    ("text liver", [PRIMARY, TEXT_LIVER], "uncertain", ["Condition/primary", "Condition/t"]),
    ("text liver refuted", [PRIMARY, TEXT_LIVER | {"verificationStatus": concept("x", "refuted")}], "out", []),
    ("text primary", [TEXT_COLON, LIVER], "uncertain", ["Condition/liver", "Condition/u"]),
    ("text both", [TEXT_COLON, TEXT_LIVER], "uncertain", ["Condition/u", "Condition/t"]),
    ("text colon alone", [TEXT_COLON], "out", []),
    ("unreadable", [PRIMARY, BROKEN_LIVER], "uncertain", ["Condition/primary", "Condition/liver"]),
    ("unreadable alone", [BROKEN_LIVER], "out", []),
    ("both unreadable", [PRIMARY | {"foo": 1}, BROKEN_LIVER], "uncertain", ["Condition/primary", "Condition/liver"]),
]


@pytest.mark.parametrize(
    ("resources", "scope", "evidence"), [one[1:] for one in SCOPES], ids=[one[0] for one in SCOPES]
)
def test_scope(resources: list[dict[str, Any]], scope: str, evidence: list[str]) -> None:
    case = read(*resources)
    assert (case.scope.value, [proof.reference for proof in case.scope_evidence]) == (scope, evidence)


@pytest.mark.parametrize("state", [Completeness.PARTIAL, Completeness.NOT_RETRIEVED])
def test_conditions_that_were_not_had_leave_the_scope_uncertain(state: Completeness) -> None:
    partial = {**COMPLETE, "Condition": state}
    assert read(completeness=partial).scope is Scope.UNCERTAIN
    assert read(PRIMARY, LIVER, completeness=partial).scope is Scope.IN
    assert read(completeness=partial).not_retrieved == ("Condition",)


def test_a_provisional_disease_counts_and_is_flagged() -> None:
    case = read(PRIMARY, cond("C78.7", verification="provisional"))
    assert (case.scope, case.scope_evidence[1].remarks) == (Scope.IN, ("provisional",))
    assert Sign.UNCONFIRMED_DISEASE in case.signs
    assert Sign.UNCONFIRMED_DISEASE not in read(PRIMARY, LIVER, cond("C78.7", verification="unconfirmed")).signs


@pytest.mark.parametrize(
    ("other", "counts"),
    [
        (cond("C50.911"), True),
        (cond("C50.911", clinical=None, verification=None), True),
        (cond("C34.90"), True),
        (cond("C22.0"), True),
        (cond("C18.1"), True),
        (condition("c", (SNOMED, "254837009")), True),
        (cond("C50.911", clinical="remission"), False),
        (cond("C50.911", verification="provisional"), False),
        (cond("C44.91"), False),
        (cond("C80.1"), False),
        (cond("C83.30"), False),
        (cond("C78.00"), False),
        (cond("C19"), False),
    ],
)
def test_another_solid_cancer_is_a_sign(other: dict[str, Any], counts: bool) -> None:  # noqa: FBT001 - expected
    assert (Sign.OTHER_CANCER in read(PRIMARY, LIVER, other).signs) is counts


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/1",
        "https://ehr.example/fhir/Patient/1",
        "https://ehr.example/fhir/Patient/1/_history/3",
        "Patient/1/_history/2",
        "urn:uuid:1",
        " Patient/1 ",
    ],
)
def test_references_to_the_patient(reference: str) -> None:
    assert read(PRIMARY, LIVER | {"subject": {"reference": reference}}).scope is Scope.IN


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ({"reference": "Patient/999"}, "of another patient"),
        ({"reference": "Patient/11"}, "of another patient"),
        ({"reference": "https://ehr.example/fhir/Patient/999/_history/1"}, "of another patient"),
        ({"reference": "Group/1"}, "of another patient"),
        ({"reference": "urn:uuid:2"}, "of another patient"),
        ({"reference": "#p"}, "of another patient"),
        ({"display": "Anna"}, "names no patient"),
        ({}, "names no patient"),
        (None, "names no patient"),
        ("Patient/1", "names no patient"),
    ],
)
def test_resources_of_others_are_never_used(subject: Any, reason: str) -> None:
    case = read(PRIMARY, LIVER | {"subject": subject})
    assert (case.scope, case.issues) == (Scope.OUT, (Issue("Condition/liver", reason),))
