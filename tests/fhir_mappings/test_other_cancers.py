"""Results and treatment of another cancer of the patient: they say nothing of the colorectal one."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Interval, Issue, Sign
from fhir_mappings.orders import read_orders
from tests.charts import (
    ATC,
    CPT,
    ICD10CM,
    LOINC,
    SNOMED,
    coded,
    concept,
    condition,
    dose,
    local,
    observation,
    order,
    procedure,
    quantity,
)
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown, terminology

VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
GERMAN = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
NEVER = {"refuted", "entered-in-error", "differential"}
BREAST = condition("breast", (ICD10CM, "C50.911"), onset="2015-01-01", clinical="remission")
ANORECTAL = condition("anorectal", (ICD10CM, "C21.8")) | {
    "code": {"coding": [{"system": ICD10CM, "code": "C21.8"}, {"system": ICD10CM, "code": "C20"}]}
}
ON = "2026-06-10"
LEFT = (SNOMED, "82619000")
UNSURE = "of a cancer that is known by its name alone, or does not count"
ISSUE = Issue("Observation/o", "of another cancer")


def about(*conditions: str) -> dict[str, Any]:
    return {"focus": [{"reference": one} for one in conditions]}


def result(code: tuple[str, str], value: dict[str, Any], *conditions: str) -> dict[str, Any]:
    return observation("o", code, value, on=ON) | about(*conditions)


N2 = ((LOINC, "21900-6"), {"valueString": "pN2"})
RESULTS: list[tuple[str, tuple[str, str], dict[str, Any], Any]] = [
    ("primary-t", (LOINC, "21899-0"), {"valueString": "pT4b"}, "T4b"),
    ("primary-n", *N2, "N2"),
    ("primary-pathology", *N2, "unfavourable-nodal"),
    ("primary-margin", (SNOMED, "17964000"), {"valueString": "R1"}, "r1"),
    ("nodes-positive", (LOINC, "21893-3"), {"valueInteger": 4}, 4),
    ("msi", (LOINC, "81695-9"), coded(LOINC, "LA26203-2"), "msi-high"),
    ("ras", (LOINC, "21702-6"), coded(LOINC, "LA9633-4"), "mutated"),
    ("braf", (LOINC, "85299-6"), coded(LOINC, "LA9633-4"), "mutated"),
    ("chemotherapy-response", (LOINC, "97509-4"), coded(SNOMED, "271299001"), "progressive-disease"),
]


@pytest.mark.parametrize(("fact", "code", "value", "ours"), RESULTS, ids=[one[0] for one in RESULTS])
def test_a_result_of_another_cancer_is_left_out_and_said_to_be(
    fact: str, code: tuple[str, str], value: dict[str, Any], ours: Any
) -> None:
    chart = [PRIMARY, LIVER, BREAST, dose("d", (ATC, "L01XA03"), on="2026-05-20")]
    of_breast, of_primary = (read(*chart, result(code, value, f"Condition/{one}")) for one in ("breast", "primary"))
    assert (shown(of_breast, fact), of_breast.issues) == ("gap: absent", (ISSUE,))
    assert (shown(of_primary, fact), of_primary.issues) == (ours, ())


@pytest.mark.parametrize(
    ("conditions", "left_out"),
    [
        (["https://ehr.example/fhir/Condition/breast/_history/2"], True),
        (["urn:uuid:breast"], True),
        (["BodyStructure/b", "Condition/breast"], True),
        (["Condition/breast", "Condition/primary"], False),
        (["Condition/breast", "Condition/unknown"], False),
        (["Condition/unknown"], False),
        (["Condition/liver"], False),
        (["Condition/anorectal"], False),
        (["BodyStructure/breast"], False),
        ([], False),
    ],
)
def test_what_names_no_other_cancer_alone_is_read(conditions: list[str], *, left_out: bool) -> None:
    case = read(PRIMARY, LIVER, BREAST, ANORECTAL, result(*N2, *conditions))
    assert (shown(case, "primary-n"), case.issues) == (("gap: absent", (ISSUE,)) if left_out else ("N2", ()))
    assert (Sign.RESECTION_HINTED in case.signs) is not left_out


@pytest.mark.parametrize(
    ("inside", "also", "left_out"),
    [
        (BREAST, [], True),
        (BREAST, ["Condition/breast"], True),
        (BREAST, ["Condition/primary"], False),
        (PRIMARY, [], False),
        (PRIMARY, ["Condition/breast"], False),
        ({"resourceType": "BodyStructure", "patient": {"reference": "Patient/1"}}, [], False),
    ],
)
def test_a_cancer_that_a_result_contains_is_known_by_its_code(
    inside: dict[str, Any], also: list[str], *, left_out: bool
) -> None:
    given = result(*N2, "#c", *also) | {"contained": [inside | {"id": "c"}]}
    case = read(PRIMARY, LIVER, BREAST, given)
    assert (shown(case, "primary-n"), case.issues) == (("gap: absent", (ISSUE,)) if left_out else ("N2", ()))


def staged(condition: dict[str, Any], *observations: str) -> dict[str, Any]:
    return condition | {"stage": [{"assessment": [{"reference": one} for one in observations]}]}


@pytest.mark.parametrize("name", ["Observation/o", "https://ehr.example/fhir/Observation/o/_history/1", "urn:uuid:o"])
def test_what_the_stage_of_another_cancer_rests_on_is_of_that_cancer(name: str) -> None:
    n2 = result(*N2)
    cases = [
        read(PRIMARY, LIVER, staged(BREAST, name), n2),
        read(PRIMARY, LIVER, staged(BREAST | {"code": {"text": "Breast cancer"}}, name), n2),
        read(staged(PRIMARY, name), LIVER, staged(BREAST, name), n2),
        read(staged(PRIMARY, name), LIVER, BREAST, n2),
        read(PRIMARY, LIVER, staged(BREAST, "Observation/x"), n2),
    ]
    found = [shown(case, "primary-n") for case in cases]
    assert found == ["gap: absent", "gap: unreadable", "N2", "N2", "N2"]


@pytest.mark.parametrize(("fact", "code", "value", "ours"), RESULTS, ids=[one[0] for one in RESULTS])
def test_stage_and_margin_of_another_organ_are_left_out_but_genes_of_a_metastasis_there_are_not(
    fact: str, code: tuple[str, str], value: dict[str, Any], ours: Any
) -> None:
    chart = [PRIMARY, LIVER, dose("d", (ATC, "L01XA03"), on="2026-05-20")]
    lung, sigmoid = (
        read(*chart, result(code, value) | {"bodySite": concept(SNOMED, site)}) for site in ("39607008", "60184004")
    )
    left_out = fact in {"primary-t", "primary-n", "primary-pathology", "primary-margin", "nodes-positive"}
    issues = (Issue("Observation/o", "of another organ"),) if left_out else ()
    assert (shown(lung, fact), lung.issues) == ("gap: absent" if left_out else ours, issues)
    assert (shown(sigmoid, fact), sigmoid.issues) == (ours, ())


def test_the_size_of_a_cancer_of_the_liver_itself_is_not_that_of_a_metastasis() -> None:
    hepatic = {"bodySite": concept(SNOMED, "10200004")}
    hcc = condition("hcc", (ICD10CM, "C22.0"), onset="2026-01-01")
    sizes = [result((LOINC, "21889-1"), quantity(80, "mm"), *named) | hepatic for named in (["Condition/hcc"], [])]
    found = [(shown(case, "largest-metastasis"), case.issues) for case in (read(LIVER, hcc, size) for size in sizes)]
    assert found == [("gap: absent", (ISSUE,)), (80, ())]


NAMED: list[dict[str, Any]] = [
    {"text": "Breast cancer"},
    {"coding": [{"system": SNOMED, "code": "254839007", "display": "Carcinoma of breast"}]},
    {"coding": [{"system": "urn:oid:1.2.3", "code": "7", "display": "Mammakarzinom"}]},
]


@pytest.mark.parametrize("name", NAMED, ids=lambda name: next(iter(name)))
@pytest.mark.parametrize(("fact", "code", "value", "ours"), RESULTS, ids=[one[0] for one in RESULTS])
def test_a_result_of_a_cancer_known_by_its_name_is_not_used_nor_taken_for_absent(
    name: dict[str, Any], fact: str, code: tuple[str, str], value: dict[str, Any], ours: Any
) -> None:
    breast = BREAST | {"code": name}
    of_both, of_breast = (
        read(PRIMARY, LIVER, breast, dose("d", (ATC, "L01XA03"), on="2026-05-20"), result(code, value, *named))
        for named in (["Condition/breast", "Condition/primary"], ["Condition/breast"])
    )
    assert (shown(of_both, fact), of_both.issues) == (ours, ())
    (issue,) = of_breast.issues
    assert (shown(of_breast, fact), issue.reference, issue.reason) == (
        "gap: unreadable",
        "Observation/o",
        UNSURE,
    )
    assert [proof.reference for proof in of_breast.facts[fact].evidence] == ["Observation/o"]


@pytest.mark.parametrize(
    "name",
    [
        {"text": "Sigmoid cancer"},
        {"text": "Diabetes mellitus"},
        concept(SNOMED, "128462008") | {"text": "Metastatic cancer"},
    ],
    ids=lambda name: str(name["text"]),
)
def test_a_result_of_what_is_no_other_cancer_by_its_name_is_read(name: dict[str, Any]) -> None:
    named = BREAST | {"code": name}
    assert shown(read(PRIMARY, LIVER, named, result(*N2, "Condition/breast")), "primary-n") == "N2"


def test_a_result_of_a_cancer_whose_site_is_no_part_of_the_bowel_is_not_used() -> None:
    sites = [
        {"coding": [{"system": SNOMED, "code": "80248007", "display": "Left breast structure"}]},
        concept(SNOMED, "60184004"),
        {"text": "Sigmoid colon"},
    ]
    cancers = [condition("c", (SNOMED, "363346000"), bodySite=[site]) for site in sites]
    found = [shown(read(PRIMARY, LIVER, one, result(*N2, "Condition/c")), "primary-n") for one in cancers]
    assert found == ["gap: unreadable", "N2", "N2"]


def test_what_is_of_the_patient_or_was_entered_is_read_whatever_cancer_it_names() -> None:
    ecog = observation("e", (LOINC, "89247-1"), {"valueInteger": 1}, on=ON)
    case = read(PRIMARY, BREAST, ecog | about("Condition/breast"), local("primary-n", "N1") | about("Condition/breast"))
    assert (shown(case, "ecog"), shown(case, "primary-n"), case.issues) == (1, "N1", ())


CAPECITABINE = (ATC, "L01BC06")
OF_BREAST, OF_PRIMARY = ({"reasonReference": [{"reference": f"Condition/{one}"}]} for one in ("breast", "primary"))
CODED_BREAST, CODED_COLON = ({"reasonCode": [concept(ICD10CM, code)]} for code in ("C50.911", "C18.7"))
REASONS: list[tuple[str, dict[str, Any], bool]] = [
    ("none", {}, False),
    ("another cancer", OF_BREAST, True),
    ("another cancer, by a urn", {"reasonReference": [{"reference": "urn:uuid:breast"}]}, True),
    ("another cancer, in a code", CODED_BREAST, True),
    ("both ways", OF_BREAST | CODED_BREAST, True),
    ("the primary", OF_PRIMARY, False),
    ("both cancers", {"reasonReference": [*OF_BREAST["reasonReference"], *OF_PRIMARY["reasonReference"]]}, False),
    ("one by reference, one in a code", OF_BREAST | CODED_COLON, False),
    ("one in a code, one by reference", OF_PRIMARY | CODED_BREAST, False),
    ("a Condition that is not there", {"reasonReference": [{"reference": "Condition/unknown"}]}, False),
    ("words", {"reasonCode": [{"text": "breast cancer"}]}, False),
]


@pytest.mark.parametrize(
    ("reason", "left_out"), [one[1:] for one in REASONS], ids=[one[0].replace(" ", "-") for one in REASONS]
)
def test_what_was_given_for_another_cancer_is_no_cycle_and_sets_no_adjuvant_therapy(
    reason: dict[str, Any], *, left_out: bool
) -> None:
    resected = [condition("primary", (ICD10CM, "C18.7"), onset="2025-01-05"), procedure("r", LEFT, on="2025-02-01")]
    given = dose("d", CAPECITABINE, on="2026-05-20", **reason)
    other = dose("e", CAPECITABINE, on="2026-05-25", status="in-progress", **reason)
    before = dose("b", CAPECITABINE, on="2025-04-01", **reason)
    case = read(*resected, LIVER, BREAST, given, before)
    found = (shown(case, "chemotherapy-cycles"), shown(case, "adjuvant-status"))
    assert found == (("gap: absent", "gap: absent") if left_out else (1, "completed"))
    assert Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS in case.signs
    assert str(case.last_given["chemotherapy-last-date"].value) == "2026-05-20"
    ours = dose("o", (ATC, "L01XA03"), on="2026-05-15")
    beside = read(*resected, LIVER, BREAST, other, ours)
    assert shown(beside, "chemotherapy-cycles") == (1 if left_out else Interval(1))


def test_what_was_given_after_it_for_this_cancer_is_a_cycle() -> None:
    of_breast, ours = (dose(ident, (ATC, "L01XA03"), on=f"2026-05-{day}") for ident, day in (("b", 15), ("d", 25)))
    case = read(PRIMARY, LIVER, BREAST, of_breast | OF_BREAST, ours)
    assert shown(case, "chemotherapy-cycles") == 1


@pytest.mark.parametrize(
    ("reason", "left_out"),
    [
        ([{"reference": {"reference": "Condition/breast"}}], True),
        ([{"concept": concept(ICD10CM, "C50.911")}], True),
        ([{"concept": concept(ICD10CM, "C18.7")}, {"reference": {"reference": "Condition/breast"}}], False),
        ([{"reference": {"reference": "Condition/primary"}}], False),
    ],
)
def test_what_was_given_for_another_cancer_is_none_of_ours_in_r5_either(
    reason: list[dict[str, Any]], *, left_out: bool
) -> None:
    given = {name: member for name, member in dose("d", CAPECITABINE).items() if name != "medicationCodeableConcept"}
    given |= {"medication": {"concept": concept(*CAPECITABINE)}, "occurenceDateTime": "2026-05-20", "reason": reason}
    draft = {"resourceType": "MedicationRequest", "id": "m", "medication": given["medication"], "reason": reason}
    orders = read_orders([draft], terminology(), patient_id="1", drafts=True, record=[PRIMARY, LIVER, BREAST])
    cycles = shown(read(PRIMARY, LIVER, BREAST, given), "chemotherapy-cycles")
    assert (cycles, len(orders)) == (("gap: absent", 0) if left_out else (1, 1))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "completed"),
        (OF_PRIMARY, "completed"),
        (OF_BREAST, "gap: absent"),
        (OF_BREAST | {"bodySite": [concept(SNOMED, "34402009")]}, "completed"),
    ],
)
def test_radiotherapy_of_another_cancer_is_none_of_the_rectum_but_where_it_says_so(
    more: dict[str, Any], expected: str
) -> None:
    primary = condition("primary", (ICD10CM, "C20"), onset="2026-05-01")
    course = procedure("c", (SNOMED, "1217123003"), on="2026-06-01", **more)
    assert shown(read(primary, LIVER, BREAST, course), "rectal-radiotherapy") == expected


@pytest.mark.parametrize("never", sorted(NEVER))
def test_a_result_of_a_cancer_that_is_not_asserted_is_not_used_nor_taken_for_absent(never: str) -> None:
    refuted = BREAST | {"verificationStatus": concept(VERIFICATION, never)}
    case = read(PRIMARY, LIVER, refuted, result(*N2, "Condition/breast"))
    assert (shown(case, "primary-n"), [issue.reason for issue in case.issues]) == ("gap: unreadable", [UNSURE])


REFUTED = [BREAST | {"verificationStatus": concept(VERIFICATION, one)} for one in sorted(NEVER)]
REFUTED += [BREAST | {"code": {"coding": [{"system": GERMAN, "code": "C50.9 A"}]}}]
CONTAINED: dict[str, Any] = {"reasonReference": [{"reference": "#b"}], "contained": [BREAST | {"id": "b"}]}


@pytest.mark.parametrize("never", REFUTED, ids=[*sorted(NEVER), "excluded in ICD-10-GM"])
def test_a_cancer_that_is_not_asserted_is_no_reason(never: dict[str, Any]) -> None:
    inside = CONTAINED | {"contained": [never | {"id": "b"}]}
    cases = [
        read(PRIMARY, LIVER, never, dose("d", CAPECITABINE, on="2026-05-20", **why)) for why in (OF_BREAST, inside)
    ]
    assert [shown(case, "chemotherapy-cycles") for case in cases] == [1, 1]


def test_a_cancer_that_is_contained_is_a_reason() -> None:
    assert shown(
        read(PRIMARY, LIVER, dose("d", CAPECITABINE, on="2026-05-20", **CONTAINED)), "chemotherapy-cycles"
    ) == ("gap: absent")


HCC = condition("hcc", (ICD10CM, "C22.0"), onset="2026-01-01")
FOR_HCC = {"reasonReference": [{"reference": "Condition/hcc"}]}
HEPATECTOMIES: list[tuple[dict[str, Any], str, str]] = [
    ({}, "treated", "minor"),
    (FOR_HCC, "gap: absent", "gap: absent"),
    ({"reasonCode": [concept(ICD10CM, "C22.0")]}, "gap: absent", "gap: absent"),
    ({"reasonCode": [concept(ICD10CM, "C22.9")]}, "treated", "minor"),
    ({"reasonReference": [*FOR_HCC["reasonReference"], {"reference": "Condition/liver"}]}, "treated", "minor"),
]


@pytest.mark.parametrize(("reason", "state", "extent"), HEPATECTOMIES)
def test_a_hepatectomy_for_a_cancer_of_the_liver_itself_treats_no_metastasis(
    reason: dict[str, Any], state: str, extent: str
) -> None:
    done = read(PRIMARY, LIVER, HCC, procedure("h", (CPT, "47120"), on="2026-06-01", **reason))
    planned = read(PRIMARY, LIVER, HCC, order("h", (CPT, "47120"), on="2026-06-01", **reason))
    assert (shown(done, "liver-state"), shown(planned, "hepatectomy-extent")) == (state, extent)
    assert Sign.LIVER_TREATED in done.signs
    told = Issue("Procedure/h", "an operation for another cancer, not used", "flagged", ("liver-state",))
    assert done.issues == (() if state == "treated" else (told,))


OVARY: dict[str, Any] = {"reasonCode": [concept(ICD10CM, "C56.9")]}


def test_a_resection_of_the_bowel_for_another_cancer_leaves_open_whether_the_primary_is_in_place() -> None:
    for_ovary, without_date = (
        read(PRIMARY, LIVER, procedure("r", LEFT, on=day, **OVARY)) for day in ("2026-06-01", None)
    )
    facts = ("primary-in-situ", "primary-resection-date", "primary-operation-done")
    found = [shown(case, fact) for case in (for_ovary, without_date) for fact in facts]
    told = Issue("Procedure/r", "an operation for another cancer, not used", "flagged", ("primary-in-situ",))
    assert (found, for_ovary.issues, without_date.issues) == (["gap: absent"] * 6, (told,), (told,))
    assert Sign.PRIMARY_RESECTED in for_ovary.signs
    planned = read(PRIMARY, LIVER, order("r", LEFT, on="2026-06-01", **OVARY))
    assert [shown(planned, fact) for fact in ("primary-in-situ", "colorectal-operation")] == ["gap: absent"] * 2
