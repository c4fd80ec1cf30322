"""Row G0: which Conditions put a chart in scope, and that resources of other patients are never used."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fhir_mappings.case import Evidence, Issue, PartialDate, Scope, Sign
from fhir_mappings.chart import Completeness
from tests.charts import COMPLETE, CPT, ICD10CM, LOINC, SNOMED, concept, condition, local, observation, procedure
from tests.fhir_mappings.reading import LIVER, PRIMARY, read


def cond(code: str, ident: str = "c", **more: Any) -> dict[str, Any]:
    return condition(ident, (ICD10CM, code), **more)


def snomed(code: str) -> dict[str, Any]:
    return condition("c", (SNOMED, code))


def text_only(text: str) -> dict[str, Any]:
    return cond("x") | {"code": {"text": text}}


def named(display: str) -> dict[str, Any]:
    return cond("x") | {"code": {"coding": [{"system": SNOMED, "code": "1", "display": display}]}}


def unnamed(code: str, **system: str) -> dict[str, Any]:
    return cond("x") | {"code": {"coding": [{"code": code, **system}]}}


TEXT_LIVER = {
    "resourceType": "Condition",
    "id": "t",
    "code": {"text": "Lebermetastasen"},
    "subject": PRIMARY["subject"],
}
TEXT_COLON = TEXT_LIVER | {"code": {"text": "Adenocarcinoma of the colon"}, "id": "u"}
BROKEN_LIVER = LIVER | {"foo": 1}
BOTH = LIVER | {"code": {"coding": [*LIVER["code"]["coding"], *PRIMARY["code"]["coding"]]}}
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
    ("history in SNOMED CT", [snomed("429699009"), LIVER], "in", ["Condition/c", "Condition/liver"]),
    ("liver primary", [PRIMARY, cond("C22.0")], "out", []),
    ("carcinoid of the liver", [PRIMARY, cond("C7B.02")], "out", []),
    ("text liver", [PRIMARY, TEXT_LIVER], "uncertain", ["Condition/primary", "Condition/t"]),
    ("text liver refuted", [PRIMARY, TEXT_LIVER | {"verificationStatus": concept("x", "refuted")}], "out", []),
    ("code of no system", [PRIMARY, unnamed("C78.7")], "uncertain", ["Condition/primary", "Condition/c"]),
    (
        "code of a system that is not read",
        [unnamed("153.3", system="urn:x"), LIVER],
        "uncertain",
        ["Condition/liver", "Condition/c"],
    ),
    ("code of no system for another organ", [PRIMARY, unnamed("C78.0")], "out", []),
    ("text primary", [TEXT_COLON, LIVER], "uncertain", ["Condition/liver", "Condition/u"]),
    ("text both", [TEXT_COLON, TEXT_LIVER], "uncertain", ["Condition/u", "Condition/t"]),
    ("text liver resolved", [PRIMARY, TEXT_LIVER | {"clinicalStatus": concept("x", "resolved")}], "out", []),
    (
        "text primary resolved",
        [TEXT_COLON | {"clinicalStatus": concept("x", "resolved")}, LIVER],
        "uncertain",
        ["Condition/liver", "Condition/u"],
    ),
    ("text unreadable", [PRIMARY, TEXT_LIVER | {"foo": 1}], "uncertain", ["Condition/primary", "Condition/t"]),
    ("history unreadable", [cond("Z85.038", foo=1), LIVER], "uncertain", ["Condition/liver", "Condition/c"]),
    ("primary unreadable", [cond("C20", foo=1), LIVER], "uncertain", ["Condition/liver", "Condition/c"]),
    ("lung unreadable", [PRIMARY, cond("C78.00", foo=1)], "out", []),
    ("liver twice unreadable", [LIVER, BROKEN_LIVER | {"id": "b"}], "out", []),
    ("primary twice unreadable", [PRIMARY, PRIMARY | {"id": "b", "foo": 1}], "out", []),
    (
        "text both, one of them twice",
        [TEXT_COLON, PRIMARY, TEXT_LIVER],
        "uncertain",
        ["Condition/primary", "Condition/t"],
    ),
    ("text both, the liver twice", [TEXT_COLON, LIVER, TEXT_LIVER], "uncertain", ["Condition/liver", "Condition/u"]),
    (
        "both in one",
        [LIVER | {"code": {"coding": [*LIVER["code"]["coding"], *PRIMARY["code"]["coding"]]}}],
        "in",
        ["Condition/liver", "Condition/liver"],
    ),
    (
        "text of both in one",
        [TEXT_LIVER | {"code": {"text": "Colon cancer with liver metastases"}}],
        "uncertain",
        ["Condition/t"],
    ),
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
        (cond("C40.20"), True),
        (cond("C41.9"), True),
        *((condition("c", (SNOMED, code)), True) for code in ("254837009", "372137005", "93974005", "372003004")),
        (condition("c", (SNOMED, "254637007")), True),
        (condition("c", (SNOMED, "25370001")), True),
        *((condition("c", (SNOMED, code)), True) for code in ("254838004", "254900004", "254626006")),
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
    ],
)
def test_resources_of_others_are_never_used(subject: Any, reason: str) -> None:
    case = read(PRIMARY, LIVER | {"subject": subject})
    assert (case.scope, case.issues) == (Scope.OUT, (Issue("Condition/liver", reason),))


@pytest.mark.parametrize("subject", [{"display": "Anna"}, {}, None, "Patient/1"])
def test_a_condition_that_names_no_patient_is_not_used_and_leaves_the_scope_uncertain(subject: Any) -> None:
    case = read(PRIMARY, LIVER | {"subject": subject})
    lost = ("liver-metastasis-date", "metastases-detected", "months-primary-to-metastases")
    assert (case.scope, case.issues) == (Scope.UNCERTAIN, (Issue("Condition/liver", "names no patient", costs=lost),))
    assert read(PRIMARY, cond("I10") | {"subject": subject}).scope is Scope.OUT


def test_scope_evidence_names_coding_day_and_remarks() -> None:
    def day(text: str) -> PartialDate:
        return PartialDate(date.fromisoformat(text), date.fromisoformat(text))

    known = Evidence("Condition/primary", "coded", day("2026-05-01"), f"{ICD10CM}|C18.7")
    past = Evidence("Condition/c", "coded", day("2020-05-01"), f"{ICD10CM}|Z85.038")
    liver = Evidence("Condition/liver", "coded", day("2026-05-10"), f"{ICD10CM}|C78.7")
    text = Evidence("Condition/t", dated=day("2026-06-01"))
    found = [
        read(*resources).scope_evidence
        for resources in (
            (PRIMARY, cond("Z85.038", onset="2020-05-01"), LIVER),
            (PRIMARY, TEXT_LIVER | {"onsetDateTime": "2026-06-01"}),
            (PRIMARY, BROKEN_LIVER),
        )
    ]
    assert found == [(known, past, liver), (known, text), (known, Evidence("Condition/liver"))]


def test_what_was_found_stays_evidence_where_conditions_were_not_had() -> None:
    partial = {**COMPLETE, "Condition": Completeness.PARTIAL}
    found = [read(one, completeness=partial) for one in (PRIMARY, LIVER)]
    assert [(case.scope, [proof.reference for proof in case.scope_evidence]) for case in found] == [
        (Scope.UNCERTAIN, ["Condition/primary"]),
        (Scope.UNCERTAIN, ["Condition/liver"]),
    ]


PLAIN = frozenset({Sign.PROCEDURES_COMPLETE, Sign.RECENT_DIAGNOSIS})
ELSEWHERE, HINTED = Sign.METASTASIS_ELSEWHERE, Sign.RESECTION_HINTED
ANY_T = (SNOMED, "78873005")


def gm(code: str) -> dict[str, Any]:
    return condition("gm", ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", code))


def contradicting(fact: str, *values: str) -> list[dict[str, Any]]:
    return [local(fact, value, on="2026-06-01", ident=value) for value in values]


CONTRADICTED = Sign.DATES_CONTRADICTED


def said_resected(day: str) -> dict[str, Any]:
    return local("primary-resection-date", day, on="2026-06-01")


SIGNS: list[tuple[str, list[dict[str, Any]], set[Sign]]] = [
    ("nothing more", [], set()),
    ("treated", [local("liver-state", "treated", on="2026-06-01")], {Sign.LIVER_TREATED}),
    ("recurrence", [local("liver-state", "recurrence", on="2026-06-01")], {Sign.LIVER_TREATED}),
    ("untreated", [local("liver-state", "untreated", on="2026-06-01")], set()),
    ("ablated long ago", [procedure("h", (CPT, "47382"), on="2020-01-01")], {Sign.LIVER_TREATED}),
    ("lung", [cond("C78.00")], {ELSEWHERE}),
    ("pleura", [cond("C78.2")], {ELSEWHERE}),
    ("pleura in a system that is not read", [cond("1") | {"code": concept("urn:local", "C78.2")}], {ELSEWHERE}),
    *(
        (words, [text_only(words)], {ELSEWHERE})
        for words in ("Longmetastasen", "Uitzaaiingen in de longen", "Metástasis óseas", "Métastases de la plèvre")
    ),
    ("lung over", [cond("C78.00", abatementDateTime="2026-06-01")], set()),
    ("lung in text", [text_only("Lung metastases")], {ELSEWHERE}),
    ("lung in German text", [text_only("Multiple Lungenmetastasen")], {ELSEWHERE}),
    ("peritoneum in text", [text_only("Peritoneal carcinomatosis")], {ELSEWHERE}),
    ("bone in text", [text_only("Secondary malignant neoplasm of bone")], {ELSEWHERE}),
    ("lung in ICD-9", [cond("1") | {"code": concept("http://hl7.org/fhir/sid/icd-9-cm", "197.0")}], {ELSEWHERE}),
    ("lung in text, over", [text_only("Lung metastases") | {"abatementDateTime": "2026-06-01"}], set()),
    ("lung that cannot be read", [cond("C78.00", foo=1)], {ELSEWHERE}),
    ("peritoneum by a code in no set", [named("Secondary malignant neoplasm of peritoneum")], {ELSEWHERE}),
    *(
        (f"{words} by a code in no set", [named(words)], {ELSEWHERE})
        for words in ("Peritoneal carcinomatosis", "Bone marrow metastases", "Multiple Lungenmetastasen", "Brain mets")
    ),
    *(
        (f"{words} by a code in no set", [named(words)], set())
        for words in (
            "No lung metastases",
            "Screening for bone metastases",
            "Mediastinal node metastasis",
            "Family history of bone metastases",
            "Lung metastases excluded",
        )
    ),
    ("ovary by a code in no set", [named("Metastasis to ovary")], {ELSEWHERE}),
    ("nodes by a code in no set", [named("Metastasis to retroperitoneal lymph node")], set()),
    ("a carcinoid by a code in no set", [named("Metastatic carcinoid tumor to bone")], set()),
    ("another disease by a code in no set", [named("Osteoarthritis of spine")], set()),
    ("nodes in text", [text_only("Regional lymph node metastases")], set()),
    ("another disease of the lung in text", [text_only("Secondary pulmonary hypertension")], set()),
    ("the liver in text", [text_only("Metastatic disease, liver")], set()),
    ("lung refuted", [cond("C78.00", verification="refuted")], set()),
    ("resected long ago", [procedure("r", (CPT, "44160"), on="2020-01-01")], {Sign.PRIMARY_RESECTED}),
    ("resected 90 days before the diagnosis", [said_resected("2026-01-31")], {HINTED}),
    ("resected 91 days before the diagnosis", [said_resected("2026-01-30")], {HINTED, CONTRADICTED}),
    ("resected in a month of doubt", [said_resected("2026-01")], {HINTED, CONTRADICTED}),
    (
        "found at staging and at follow-up",
        contradicting("metastases-detected", "at-staging", "follow-up"),
        {CONTRADICTED},
    ),
    ("perforated", [cond("K63.1", clinical="resolved")], {Sign.PERFORATION}),
    ("perforated, said", [local("primary-symptoms", "perforation", on="2026-01-01")], {Sign.PERFORATION}),
    ("obstructed, said", [local("primary-symptoms", "obstruction", on="2026-06-01")], set()),
    ("breast", [cond("C50.911")], {Sign.OTHER_CANCER}),
    ("breast, over", [cond("C50.911", abatementDateTime="2026-06-01")], set()),
    ("nodes, pathological", [local("primary-n", "N1", on="2026-06-01")], {Sign.PATHOLOGICAL_NODES, HINTED}),
    ("bowel gone", [cond("Z90.49")], {HINTED}),
    ("bowel gone, in the fourth digit of WHO and Germany", [gm("Z90.4")], {HINTED}),
    ("cancer of digestive organs in the past, as WHO and Germany code it", [gm("Z85.0")], {HINTED}),
    ("stomach and pancreas gone", [gm("Z90.3"), cond("Z90.411", "d")], set()),
    ("bowel gone, cannot be read", [cond("Z90.49", foo=1)], {HINTED}),
    *(
        (f"{code} that cannot be read", [observation("o", (LOINC, code), {"valueString": "pT3"}, foo=1)], hinted)
        for code, hinted in (("21899-0", {HINTED}), ("21900-6", {HINTED}), ("21905-5", set[Sign]()))
    ),
    ("bowel gone, refuted", [cond("Z90.49", verification="refuted")], set()),
    ("margin", [local("primary-margin", "r0", on="2026-06-01")], {HINTED}),
    ("operation said", [local("primary-operation-done", "hartmann", on="2026-06-01")], {HINTED}),
    ("resection dated", [local("primary-resection-date", "2026-05-20", on="2026-06-01")], {HINTED}),
    ("adjuvant running", [local("adjuvant-status", "ongoing", on="2026-06-01")], {HINTED}),
    ("adjuvant done", [local("adjuvant-status", "completed", on="2026-06-01")], {HINTED}),
    ("resection dated twice", contradicting("primary-resection-date", "2026-05-20", "2026-05-21"), {HINTED}),
    ("resection dated unreadably", [local("primary-resection-date", "in May", on="2026-06-01")], {HINTED}),
    ("margins that contradict", contradicting("primary-margin", "r0", "r1"), {HINTED}),
    ("nodes that contradict", contradicting("primary-n", "N1", "N2"), {HINTED}),
    ("adjuvant done or not", contradicting("adjuvant-status", "none", "completed"), {HINTED}),
    ("no adjuvant", [local("adjuvant-status", "none", on="2026-06-01")], set()),
    ("pT", [observation("o", (LOINC, "21899-0"), {"valueString": "?"}, on="2026-06-01", status="corrected")], {HINTED}),
    ("pT by a code for any", [observation("o", ANY_T, {"valueString": "pT3"}, on="2026-06-01")], {HINTED}),
    ("cT by a code for any", [observation("o", ANY_T, {"valueString": "cT3"}, on="2026-06-01")], set()),
    ("pT to come", [observation("o", (LOINC, "21899-0"), {"valueString": "pT3"}, on="2026-07-01")], set()),
    ("pN unreadable", [observation("o", (LOINC, "21900-6"), {"valueString": "?"}, on="2026-06-01")], {HINTED}),
    ("margin unreadable", [observation("o", (SNOMED, "17964000"), {"valueString": "?"}, on="2026-06-01")], {HINTED}),
    ("cT", [observation("o", (LOINC, "21905-5"), {"valueString": "cT3"}, on="2026-06-01")], set()),
]


def test_another_cancer_is_told_by_the_coding_that_says_so() -> None:
    (proof,) = read(PRIMARY, LIVER, cond("C50.911")).other_cancers
    assert (proof.reference, proof.coding) == ("Condition/c", f"{ICD10CM}|C50.911")


@pytest.mark.parametrize(("resources", "signs"), [one[1:] for one in SIGNS], ids=[one[0] for one in SIGNS])
def test_signs_stand_beside_the_facts(resources: list[dict[str, Any]], signs: set[Sign]) -> None:
    assert read(PRIMARY, LIVER, *resources).signs == PLAIN | signs


@pytest.mark.parametrize(
    ("primary", "liver", "unconfirmed"),
    [
        (["confirmed"], ["confirmed"], False),
        (["provisional"], ["confirmed"], True),
        (["confirmed"], ["unconfirmed"], True),
        (["provisional", "confirmed"], ["confirmed", "unconfirmed"], False),
        (["provisional", "unconfirmed"], ["confirmed"], True),
        ([], ["confirmed"], False),
        ([], ["provisional"], True),
    ],
)
def test_a_disease_is_unconfirmed_where_no_condition_of_it_is(
    *, primary: list[str], liver: list[str], unconfirmed: bool
) -> None:
    conditions = [cond("C20", f"p{status}", verification=status) for status in primary]
    conditions += [cond("C78.7", f"l{status}", verification=status) for status in liver]
    assert (Sign.UNCONFIRMED_DISEASE in read(*conditions).signs) is unconfirmed


def test_an_unconfirmed_history_is_an_unconfirmed_primary() -> None:
    signs = [read(cond("Z85.038", verification=status), LIVER).signs for status in ("unconfirmed", "confirmed")]
    assert [Sign.UNCONFIRMED_DISEASE in one for one in signs] == [True, False]
