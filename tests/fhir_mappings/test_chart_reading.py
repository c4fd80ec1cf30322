"""A chart made ready: each resource once, found by its value sets, with its issues."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Issue, Scope
from fhir_mappings.read.chart_reading import ChartReading, Resource, matches
from tests.charts import CPT, ICD10CM, RXNORM, SNOMED, concept, dose, local, order, procedure
from tests.fhir_mappings.reading import LIVER, PRIMARY, proofs, read, shown

REPAIRED = "repaired before validation: spaces, numeric codes, lone objects or nulls"
NOT_R4 = "not valid FHIR R4"


def unnamed(resource: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {name: member for name, member in resource.items() if name != "id"} | more


def resource(name: str, *sets: str) -> Resource:
    return Resource("Procedure", f"Procedure/{name}", {}, frozenset(sets))


ONE, BOTH, OTHER = resource("one", "a-1"), resource("both", "a-1", "b"), resource("other", "a-2", "c")
CHART = ChartReading({"Procedure": [ONE, BOTH, OTHER]})


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        (("a-1",), [ONE, BOTH]),
        (("a-*",), [ONE, BOTH, OTHER]),
        (("c", "a-1"), [ONE, BOTH, OTHER]),
        (("b", "a-1"), [ONE, BOTH]),
        (("b", "c"), [BOTH, OTHER]),
        (("c", "b"), [BOTH, OTHER]),
        (("a",), []),
        (("a-",), []),
        (("d*", "e"), []),
        ((), []),
    ],
)
def test_resources_are_held_once_in_the_order_of_the_chart(sets: tuple[str, ...], expected: list[Resource]) -> None:
    found = [list(CHART.holding("Procedure", *sets)) for _ in range(2)]
    assert (found, list(CHART.holding("Condition", *sets))) == ([expected, expected], [])


def test_one_set_of_one_type_is_looked_up() -> None:
    found = [CHART.held(kind, name) for kind, name in (("Procedure", "b"), ("Procedure", "a-*"), ("Condition", "b"))]
    assert found == [[BOTH], (), ()]


def test_the_resources_of_a_type_are_put_together_once() -> None:
    chart = ChartReading({"Procedure": [ONE, BOTH, OTHER]})
    found = [chart.held("Procedure", "b"), chart.holding("Procedure", "b*"), chart.holding("Procedure", "b")]
    assert [one is found[0] for one in found] == [True, True, True]


@pytest.mark.parametrize(
    ("name", "wanted", "holds"),
    [
        ("a", ("a",), True),
        ("a-1", ("a",), False),
        ("a-1", ("b", "a-*"), True),
        ("a", ("a-*",), False),
        ("a", (), False),
    ],
)
def test_a_value_set_is_wanted_by_its_id_or_a_prefix(name: str, wanted: tuple[str, ...], holds: bool) -> None:  # noqa: FBT001 - expected
    assert matches(name, wanted) is holds


def test_resources_without_an_id_count_each_and_equal_ones_once() -> None:
    resections = [procedure("r", (CPT, code), on="2026-05-20") for code in ("44160", "44143")]
    case = read(unnamed(PRIMARY), unnamed(LIVER), *(unnamed(one) for one in resections), unnamed(resections[0]))
    assert (case.scope, shown(case, "primary-operation-done")) == (Scope.IN, "gap: conflicting")
    assert proofs(case, "primary-operation-done") == [("Procedure", "coded"), ("Procedure", "coded")]


@pytest.mark.parametrize("ident", ["", None, 5])
def test_an_id_that_is_none_is_not_shown(ident: object) -> None:
    [issue] = read(LIVER | {"id": ident, "subject": {}}).issues
    assert (issue.reference, issue.reason) == ("Condition", "names no patient")


ISSUES: list[tuple[str, list[dict[str, Any]], set[Issue]]] = [
    (
        "repaired twice",
        [LIVER | {"id": ident, "note": {"text": "x"}} for ident in ("a", "b")],
        {Issue(f"Condition/{ident}", REPAIRED, "repaired") for ident in ("a", "b")},
    ),
    (
        "repaired and in the future",
        [local("ecog", 1, on="2026-06-17", note={"text": "x"})],
        {
            Issue("Observation/local-ecog", REPAIRED, "repaired"),
            Issue("Observation/local-ecog", "dated in the future", costs=("ecog",)),
        },
    ),
    (
        "text that could be the disease",
        [LIVER | {"code": {"text": "Lebermetastasen"}}],
        {Issue("Condition/liver", "text only: not mapped", "flagged")},
    ),
    (
        "withheld",
        [LIVER | {"code": {"extension": [{"url": "http://x.example", "valueCode": "masked"}]}}],
        {Issue("Condition/liver", "code withheld", "flagged")},
    ),
    (
        "text beside a code that is understood",
        [LIVER | {"code": LIVER["code"] | {"text": "Lebermetastasen"}}],
        set(),
    ),
    (
        "a drug whose text stands beside a code that is read and not mapped",
        [
            dose(
                "d", (RXNORM, "1"), on="2026-05-20", medicationCodeableConcept=concept(RXNORM, "1") | {"text": "Xeloda"}
            )
        ],
        {Issue("MedicationAdministration/d", "known by its text alone: code not mapped", "flagged")},
    ),
    (
        "unreadable",
        [order("o", (CPT, "47125"), foo=1)],
        {Issue("ServiceRequest/o", NOT_R4, costs=("hepatectomy-extent",))},
    ),
    (
        "of another patient and unreadable",
        [PRIMARY | {"subject": {"reference": "Patient/2"}, "foo": 1}],
        {Issue("Condition/primary", "of another patient")},
    ),
    ("an order of days to come", [order("o", (CPT, "47125"), on="2026-09-01")], set()),
]


@pytest.mark.parametrize(("resources", "expected"), [one[1:] for one in ISSUES], ids=[one[0] for one in ISSUES])
def test_what_was_mended_left_out_or_flagged_is_an_issue(resources: list[dict[str, Any]], expected: set[Issue]) -> None:
    case = read(*resources)
    assert (set(case.issues), len(case.issues)) == (expected, len(expected))


MASKED = {"extension": [{"url": "http://x.example", "valueCode": "masked"}]}


@pytest.mark.parametrize("more", [{}, {"foo": 1}, {"subject": {}}])
def test_a_withheld_code_could_be_the_other_disease_and_alone_says_nothing(more: dict[str, Any]) -> None:
    masked = LIVER | {"id": "masked", "code": MASKED} | more
    scopes = [read(*found).scope for found in ([masked], [masked, PRIMARY], [masked, LIVER])]
    assert scopes == [Scope.OUT, Scope.UNCERTAIN, Scope.UNCERTAIN]


def test_a_code_that_is_read_is_not_withheld_whatever_stands_below_it() -> None:
    code = {"coding": [{"system": ICD10CM, "code": "J10.1"}], "concept": MASKED}
    assert read(PRIMARY, LIVER | {"code": code}).scope is Scope.OUT


def test_a_code_with_an_extension_is_not_withheld() -> None:
    extended = concept("urn:x", "1") | MASKED
    case = read(PRIMARY, LIVER | {"code": extended})
    assert (case.scope, case.issues) == (Scope.OUT, ())


OXALIPLATIN = {"resourceType": "Medication", "id": "m", "code": concept(RXNORM, "32592")}
METFORMIN = {"resourceType": "Medication", "id": "other", "code": concept(RXNORM, "860975")}


def referring(*names: str, **more: Any) -> dict[str, Any]:
    given = dose("d", (RXNORM, "32592"), **(more or {"on": "2026-05-20"}))
    del given["medicationCodeableConcept"]
    references = [{"reference": name} for name in names]
    return given | ({"medicationReference": references if len(names) > 1 else references[0]} if names else {})


R5_DAY = {"occurenceDateTime": "2026-05-20"}
REFERRED: list[tuple[dict[str, Any], Any]] = [
    (referring("Medication/m"), 1),
    (referring("https://ehr.example/fhir/Medication/m"), 1),
    (referring("Medication/other"), "gap: absent"),
    (referring("Medication/none"), "gap: absent"),
    (referring(medication={"reference": {"reference": "Medication/m"}}, **R5_DAY), 1),
    (referring(medication={"reference": {"reference": "Medication/other"}}, **R5_DAY), "gap: absent"),
    (referring(medication={"concept": concept(RXNORM, "32592")}, **R5_DAY), 1),
    (referring(medication={"concept": concept(RXNORM, "860975")}, **R5_DAY), "gap: absent"),
    (referring("Medication/m", "Medication/other"), "gap: unreadable"),
    (referring("Medication/other", "Medication/m"), "gap: unreadable"),
]


@pytest.mark.parametrize(("given", "expected"), REFERRED)
def test_a_drug_is_named_by_reference_and_in_the_shape_of_r5(given: dict[str, Any], expected: Any) -> None:
    case = read(PRIMARY, LIVER, OXALIPLATIN, METFORMIN, given)
    assert shown(case, "chemotherapy-cycles") == expected


@pytest.mark.parametrize(
    "broken",
    [
        {"system": ICD10CM},
        {"system": ICD10CM, "display": "x"},
        {"code": "C50.911"},
        {"system": ICD10CM, "code": True},
        {"system": ICD10CM, "code": 1.5},
        {"system": 5, "code": "C50.911"},
    ],
)
def test_a_coding_without_system_or_code_leaves_the_other_codings_and_the_text(broken: dict[str, Any]) -> None:
    valid = LIVER["code"]["coding"]
    coded = read(PRIMARY, LIVER | {"code": {"coding": [broken, *valid]}})
    texted = read(PRIMARY, LIVER | {"code": {"coding": [broken], "text": "Lebermetastasen"}})
    assert (coded.scope is Scope.OUT, texted.scope) == (False, Scope.UNCERTAIN)


@pytest.mark.parametrize(
    ("systems", "scope"),
    [
        ([ICD10CM], Scope.OUT),
        (["urn:x"], Scope.UNCERTAIN),
        (["urn:x", ICD10CM], Scope.OUT),
        ([ICD10CM, "urn:x"], Scope.OUT),
        (["urn:x", "urn:y"], Scope.UNCERTAIN),
        ([], Scope.UNCERTAIN),
    ],
)
def test_a_text_that_hardly_says_it_is_asked_where_no_code_is_of_a_system_that_is_read(
    systems: list[str], scope: Scope
) -> None:
    codings = {"coding": [{"system": system, "code": "I10"} for system in systems]} if systems else {}
    assert read(PRIMARY, LIVER | {"code": codings | {"text": "Leber, sekundär"}}).scope is scope


def test_of_codings_in_several_sets_evidence_names_the_one_of_its_fact() -> None:
    both = LIVER | {"code": {"coding": [*LIVER["code"]["coding"], *PRIMARY["code"]["coding"]]}}
    case = read(both)
    named = [
        [proof.coding for proof in case.facts[fact].evidence]
        for fact in ("primary-site", "primary-diagnosis-date", "liver-metastasis-date")
    ]
    assert named == [[f"{ICD10CM}|C18.7"], [f"{ICD10CM}|C18.7"], [f"{ICD10CM}|C78.7"]]


def test_evidence_names_the_coding_that_carried_it_among_several() -> None:
    several = [
        {"system": SNOMED, "code": "1234"},
        {"system": f" {ICD10CM} ", "code": " C78.7 "},
        {"system": SNOMED, "code": "94381002"},
    ]
    case = read(PRIMARY, LIVER | {"code": {"coding": several}})
    assert [proof.coding for proof in case.scope_evidence] == [f"{ICD10CM}|C18.7", f"{ICD10CM}|C78.7"]


def test_a_status_is_read_in_any_case_of_letters() -> None:
    refuted = LIVER | {"verificationStatus": concept("x", "Refuted")}
    resolved = LIVER | {"clinicalStatus": concept("x", "RESOLVED")}
    assert [read(PRIMARY, one).scope for one in (refuted, resolved)] == [Scope.OUT, Scope.OUT]


@pytest.mark.parametrize(
    ("element", "status", "scope"),
    [
        ("verificationStatus", {"text": "Refuted"}, Scope.OUT),
        ("verificationStatus", {"text": " Entered in  error"}, Scope.OUT),
        ("verificationStatus", {"coding": [{"display": "Differential"}]}, Scope.OUT),
        ("verificationStatus", {"text": "Confirmed"}, Scope.IN),
        ("clinicalStatus", {"text": "resolved"}, Scope.OUT),
        ("clinicalStatus", {"text": "Active"}, Scope.IN),
        ("clinicalStatus", {"coding": [{"code": "active"}], "text": "resolved"}, Scope.IN),
    ],
)
def test_a_status_without_code_is_read_by_its_words(element: str, status: dict[str, Any], scope: Scope) -> None:
    assert read(PRIMARY, LIVER | {element: status}).scope == scope


def test_unconfirmed_and_provisional_diseases_are_remarked_and_others_not() -> None:
    remarks = [
        read(PRIMARY, LIVER | {"verificationStatus": concept("x", code)}).scope_evidence[1].remarks
        for code in ("unconfirmed", "provisional", "confirmed", "Provisional")
    ]
    assert remarks == [("unconfirmed",), ("provisional",), (), ("provisional",)]


def test_a_partial_report_is_remarked_like_a_preliminary_one() -> None:
    found = [
        read(local("ecog", 1, on="2026-06-01", status=status)).facts["ecog"].evidence[0].remarks
        for status in ("partial", "preliminary", "amended", "corrected", "final")
    ]
    assert found == [("preliminary",), ("preliminary",), (), (), ()]


MODIFIED = {"modifierExtension": [{"url": "https://ehr.example/negated", "valueBoolean": True}]}


@pytest.mark.parametrize(
    ("resource", "fact"),
    [
        (LIVER, "liver-metastasis-date"),
        (procedure("p", (CPT, "44160"), on="2026-05-20"), "primary-in-situ"),
        (dose("d", (RXNORM, "32592"), on="2026-05-20"), "chemotherapy-cycles"),
        (local("ecog", 1, on="2026-06-01"), "ecog"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_an_unknown_modifier_changes_the_meaning_of_is_unreadable(resource: dict[str, Any], fact: str) -> None:
    others = [one for one in (PRIMARY, LIVER) if one["id"] != resource["id"]]
    case = read(*others, resource | MODIFIED)
    told = [(issue.reason, fact in issue.costs) for issue in case.issues]
    assert (shown(case, fact), told) == (
        "gap: unreadable",
        [("changed by a modifierExtension that is not known", True)],
    )
