"""Pathology: the spellings of T, N and R, and what makes it unfavourable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from fhir_mappings.case import Gap, Known, Sign, Unknown
from fhir_mappings.catalogue import load_catalogue
from tests.charts import ICD10CM, LOINC, SNOMED, coded, concept, condition, local, observation
from tests.fhir_mappings.reading import LIVER, PRIMARY, proofs, read, shown

if TYPE_CHECKING:
    from fhir_mappings.case import Fact

AJCC = "http://cancerstaging.org"
PT, CT, PN, CN = ((LOINC, code) for code in ("21899-0", "21905-5", "21900-6", "21906-3"))
MARGIN = (SNOMED, "17964000")
ANY_T, ANY_N = (SNOMED, "78873005"), (SNOMED, "277206009")
OBDS = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-residualstatus"


def said(code: tuple[str, str], text: str, *, on: str = "2026-06-10", ident: str = "o") -> dict[str, Any]:
    return observation(ident, code, {"valueString": text}, on=on)


@pytest.mark.parametrize(
    ("text", "t", "n"),
    [
        ("pT1", "T1", "gap: unreadable"),
        ("T 4 N 0", "T4", "N0"),
        ("ypT4b ypN2a", "T4b", "N2a"),
        ("rpT3 rN1c", "T3", "N1c"),
        ("pt4a,pn1b", "T4a", "N1b"),
        ("mT2", "T2", "gap: unreadable"),
        ("uT3uN1", "T3", "N1"),
        ("aT1", "T1", "gap: unreadable"),
        ("pT3pN2b cM1", "T3", "N2b"),
        ("3", "T3", "gap: unreadable"),
        (" p2 ", "T2", "N2"),
        ("4b", "T4b", "gap: unreadable"),
        ("1c", "gap: unreadable", "N1c"),
        ("pT2 pT3", "gap: unreadable", "gap: unreadable"),
        ("pT2 (pT2)", "T2", "gap: unreadable"),
        ("T30", "gap: unreadable", "gap: unreadable"),
        ("ECT3", "gap: unreadable", "gap: unreadable"),
        *((text, "gap: absent", "gap: absent") for text in ("T0 NX", "pTis pNX", "ycT x N X", "X", "px")),
        *((text, "gap: absent", "N0") for text in ("0", "yp0")),
        ("is", "gap: absent", "gap: unreadable"),
        *((text, "gap: unreadable", "gap: unreadable") for text in ("Text", "0.5 cm", "Nx1", "Tissue")),
        ("pT5", "gap: unreadable", "gap: unreadable"),
        ("", "gap: absent", "gap: absent"),
    ],
)
def test_a_category_is_read_from_text(text: str, t: str, n: str) -> None:
    value = {"valueString": text} if text else {}
    found = [
        shown(read(observation("o", code, value, on="2026-06-10")), fact)
        for code, fact in ((PT, "primary-t"), (PN, "primary-n"))
    ]
    assert found == [t, n]


ANY_OF_N = set(load_catalogue()["primary-n"].choices)
BETWEEN_TWO = ["pN1-2", "N1\u20132", "pN1/2", "N1 or 2", "pN0 oder pN1", "N1 bis 2"]
DOUBTED = ["pN2?", "pN2 (?)", "?pN2", "V.a. N2", "suspected pN2", "fraglich N1", "N2 suspected", "pN2, wahrscheinlich"]
BOUNDED = ["at least pN1", "mindestens pN1", "mind. N1", "\u2265pN1", ">= pN1", "<N2", "max. pN1", "au moins pN1"]
DENIED = ["not pN2", "kein N2", "no evidence of pN2", "pas de N2", "geen N2", "pN2 excluded", "N2 ausgeschlossen"]


@pytest.mark.parametrize(
    ("text", "n"),
    [
        *((text, ANY_OF_N) for text in (*BETWEEN_TWO, *DOUBTED, *BOUNDED)),
        *((text, "gap: unreadable") for text in DENIED),
        ("N1a-b", "N1"),
        ("N1a/b", "N1"),
        ("pN2 (5/18)", "N2"),
        ("pN2a, 5/18", "N2a"),
        ("N0: no regional lymph node metastasis", "N0"),
        ("no lymph node involved: pN0", "N0"),
        ("pN2-category", "N2"),
        ("pT3 pN2a (5/18) L1 V0 Pn1 R0", "N2a"),
        ("ypN0, Pn1", "N0"),
        ("Pn1", "gap: unreadable"),
        ("pT3, suspected pN2", ANY_OF_N),
        ("pN2, suspected T4b", "N2"),
    ],
)
def test_a_category_that_the_text_denies_doubts_or_leaves_between_two_is_not_read(text: str, n: Any) -> None:
    case = read(said(PN, text))
    decided = "unfavourable-nodal" if n in ("N2", "N2a") else "gap: absent"
    assert (shown(case, "primary-n"), shown(case, "primary-pathology")) == (n, decided)


def test_a_doubted_t4b_is_one_of_those_that_are_left() -> None:
    found = [shown(read(said(PT, text)), "primary-t") for text in ("pT4b?", "pT3-4", "pT4a/b", "kein T4b")]
    assert found == [set(load_catalogue()["primary-t"].choices)] * 2 + ["T4", "gap: unreadable"]


@pytest.mark.parametrize("text", ["cN2", "ycN2", "cyN2b", "c N2", "cT3 cN2", "cN2 Pn1"])
def test_a_clinical_category_under_a_pathological_code_is_no_pathology(text: str) -> None:
    case = read(PRIMARY, said(PN, text))
    found = (shown(case, "primary-n")[:2], shown(case, "primary-pathology"), Sign.RESECTION_HINTED in case.signs)
    assert found == ("N2", "gap: absent", False)


@pytest.mark.parametrize(
    ("concept", "expected"),
    [
        ({"text": "pT3"}, "T3"),
        ({"coding": [{"display": "pT3 category"}]}, "T3"),
        ({"coding": [{"system": AJCC, "code": "pT3"}]}, "T3"),
        ({"coding": [{"system": AJCC, "code": "3"}, {"display": "T3"}], "text": "pT3"}, "T3"),
        ({"coding": [{"system": AJCC, "code": "T2"}], "text": "pT3"}, "gap: unreadable"),
        ({"coding": [{"system": SNOMED, "code": "1229866004"}], "text": "pT3"}, "T4b"),
        ({"coding": [{"system": SNOMED, "code": "1"}]}, "T1"),
        *(
            ({"coding": [{"system": SNOMED, "code": code}]}, "gap: absent")
            for code in ("1222604002", "1228882005", "1228884006", "1228950008", "1228951007", "1228953005")
        ),
        ({"coding": [{"system": SNOMED, "code": "1228950008"}], "text": "pT3"}, "T3"),
    ],
)
def test_a_category_is_read_from_a_concept_its_code_first(concept: dict[str, Any], expected: str) -> None:
    given = observation("o", PT, {"valueCodeableConcept": concept}, on="2026-06-10")
    assert shown(read(given), "primary-t") == expected


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([said(CN, "cN2")], "N2"),
        ([said(PN, "pN0", on="2026-06-01", ident="p"), said(CN, "cN2")], "N0"),
        ([said(PN, "see report", on="2026-06-01", ident="p"), said(CN, "cN2")], "N2"),
        ([local("primary-n", "N0", on="2026-06-01"), said(CN, "cN2")], "N0"),
        ([local("primary-n", "N0", on="2026-06-01"), said(PN, "pN2")], "N2"),
    ],
)
def test_pathological_and_local_categories_come_before_clinical_ones(
    resources: list[dict[str, Any]], expected: str
) -> None:
    assert shown(read(*resources), "primary-n") == expected


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([said(ANY_T, "T4b")], "T4b"),
        ([observation("o", ANY_T, coded(SNOMED, "1228946001"), on="2026-06-10")], "T4b"),
        ([said(ANY_T, "cT4b", ident="c"), said(PT, "pT3", on="2026-06-01")], "T3"),
        ([said(ANY_T, "pT4b"), said(CT, "cT3", on="2026-06-12", ident="c")], "T4b"),
        ([said(ANY_T, "p4b"), said(CT, "cT3", on="2026-06-12", ident="c")], "T4b"),
        ([said(ANY_T, "4b"), said(CT, "cT3", on="2026-06-12", ident="c")], "T3"),
    ],
)
def test_a_code_for_any_t_leaves_it_to_the_value_whether_it_is_pathological(
    resources: list[dict[str, Any]], expected: str
) -> None:
    assert shown(read(*resources), "primary-t") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"valueString": "R0"}, "r0"),
        ({"valueString": "resection margin r 1"}, "r1"),
        ({"valueString": "R0 (liver R1)"}, "gap: unreadable"),
        *(({"valueString": text}, "gap: unreadable") for text in ("R3", "R0-1", "R0/1", "R0?", "kein R0", "not R0")),
        *(({"valueString": text}, "r0") for text in ("no residual tumour (R0)", "R0-Resektion", "R0 (1 mm)")),
        ({"valueString": "AR1"}, "gap: unreadable"),
        *(({"valueString": text}, "r2") for text in ("R2a", "R 2b", "r2B (liver)")),
        *(({"valueString": text}, "gap: unreadable") for text in ("R2c", "R1a", "R0b", "R2a?", "R1/R2a")),
        ({"valueCodeableConcept": {"text": "R2"}}, "r2"),
        ({"valueCodeableConcept": {"coding": [{"display": "R1"}]}}, "r1"),
        ({"valueCodeableConcept": {"coding": [{"system": OBDS, "code": "R0", "display": "Kein Residualtumor"}]}}, "r0"),
        ({"valueCodeableConcept": {"coding": [{"system": OBDS, "code": "R1(cy+)"}]}}, "r1"),
        ({"valueCodeableConcept": {"coding": [{"system": OBDS, "code": "R1"}], "text": "R0"}}, "gap: unreadable"),
        ({"valueCodeableConcept": {"coding": [{"system": OBDS, "code": "RX"}]}}, "gap: unreadable"),
        (coded(SNOMED, "258254000"), "r0"),
        (coded(SNOMED, "278272005"), "r2"),
        ({"valueCodeableConcept": {"coding": [{"system": SNOMED, "code": "258254000"}], "text": "R1"}}, "r0"),
    ],
)
def test_the_margin_is_read_from_code_or_text(value: dict[str, Any], expected: str) -> None:
    assert shown(read(observation("o", MARGIN, value, on="2026-06-10")), "primary-margin") == expected


OF_THE_LIVER: list[dict[str, Any]] = [
    {"bodySite": concept(SNOMED, "10200004")},
    {"focus": [{"reference": "Condition/liver"}]},
    {
        "specimen": {"reference": "#s"},
        "contained": [
            {"resourceType": "Specimen", "id": "s", "collection": {"bodySite": concept(SNOMED, "10200004")}},
        ],
    },
]


@pytest.mark.parametrize("place", OF_THE_LIVER, ids=lambda place: next(iter(place)))
def test_the_margin_of_a_liver_resection_is_not_that_of_the_primary(place: dict[str, Any]) -> None:
    of_primary = observation("p", MARGIN, {"valueString": "R0"}, on="2026-06-01")
    of_liver = observation("l", MARGIN, {"valueString": "R1"}, on="2026-06-10", **place)
    alone, both = (read(PRIMARY, LIVER, *margins) for margins in ([of_liver], [of_primary, of_liver]))
    found = (shown(alone, "primary-margin"), Sign.RESECTION_HINTED in alone.signs, shown(both, "primary-margin"))
    assert found == ("gap: absent", False, "r0")


def test_a_margin_of_primary_and_liver_stays_that_of_the_primary() -> None:
    focus = [{"reference": "Condition/primary"}, {"reference": "Condition/liver"}]
    case = read(PRIMARY, LIVER, observation("m", MARGIN, {"valueString": "R1"}, on="2026-06-10", focus=focus))
    assert (shown(case, "primary-margin"), Sign.RESECTION_HINTED in case.signs) == ("r1", True)


def nodes(*codes: str) -> dict[str, Any]:
    """Say in one local Observation that N is one of several."""
    given = local("primary-n", codes[0], on="2026-06-10", ident="n")
    given["valueCodeableConcept"]["coding"] = [
        local("primary-n", code)["valueCodeableConcept"]["coding"][0] for code in codes
    ]
    return given


def clinically(entered: dict[str, Any]) -> dict[str, Any]:
    """Code what was entered as a clinical category, too."""
    return entered | {"code": {"coding": [*entered["code"]["coding"], *concept(*CN)["coding"]]}}


PERFORATION = condition("k", (ICD10CM, "K63.1"), onset="2026-05-03")
FAVOURABLE: list[tuple[str, list[dict[str, Any]], str, bool]] = [
    ("pN2", [said(PN, "pN2")], "unfavourable-nodal", True),
    ("pN2b", [said(PN, "pN2b")], "unfavourable-nodal", True),
    ("N2 under the code of pN", [said(PN, "N2")], "unfavourable-nodal", True),
    ("pN1c", [said(PN, "pN1c")], "gap: absent", True),
    ("cN2", [said(CN, "cN2")], "gap: absent", False),
    ("N by a code for any, pN2", [said(ANY_N, "pN2")], "unfavourable-nodal", True),
    ("N by a code for any, ypN2a", [said((LOINC, "21912-1"), "ypN2a")], "unfavourable-nodal", True),
    (
        "N by a code for any, pN2 in SNOMED CT",
        [observation("o", ANY_N, coded(SNOMED, "1229957002"), on="2026-06-10")],
        "unfavourable-nodal",
        True,
    ),
    (
        "N by a code for any, cN2 in SNOMED CT",
        [observation("o", ANY_N, coded(SNOMED, "1229978004"), on="2026-06-10")],
        "gap: absent",
        False,
    ),
    ("N by a code for any, N2", [said(ANY_N, "N2")], "gap: absent", False),
    ("N by a code for any, cN2 beside pT3", [said(ANY_N, "pT3 cN2")], "gap: absent", False),
    (
        "N by a code for any, pN1 newer than pN2 there",
        [said(ANY_N, "pN2"), said(PN, "pN1", on="2026-06-11", ident="p")],
        "gap: absent",
        True,
    ),
    ("local N2", [nodes("N2")], "unfavourable-nodal", True),
    ("local N2a or N2b", [nodes("N2a", "N2b")], "unfavourable-nodal", True),
    ("local N1 or N2", [nodes("N1", "N2")], "gap: absent", True),
    ("local N2 under the code of cN, too", [clinically(nodes("N2"))], "gap: absent", False),
    ("pN2 beside an agreeing cN2", [said(PN, "pN2"), said(CN, "cN2", ident="c")], "unfavourable-nodal", True),
    ("perforated", [PRIMARY, PERFORATION], "unfavourable-perforated", False),
    ("perforated and pN2", [PRIMARY, PERFORATION, said(PN, "pN2")], "unfavourable-perforated", True),
    ("no primary to place it", [PERFORATION], "gap: absent", False),
    (
        "perforated by symptom",
        [local("primary-symptoms", "perforation", on="2026-06-10")],
        "unfavourable-perforated",
        False,
    ),
    ("obstructed", [local("primary-symptoms", "obstruction", on="2026-06-10")], "gap: absent", False),
]


@pytest.mark.parametrize(
    ("resources", "expected", "pathological"), [one[1:] for one in FAVOURABLE], ids=[one[0] for one in FAVOURABLE]
)
def test_pathology_is_unfavourable_by_perforation_or_pathological_n2(
    *, resources: list[dict[str, Any]], expected: str, pathological: bool
) -> None:
    case = read(*resources)
    assert (shown(case, "primary-pathology"), Sign.PATHOLOGICAL_NODES in case.signs) == (expected, pathological)


def test_unfavourable_nodes_rest_on_the_evidence_of_n() -> None:
    case = read(said(PN, "pN2", ident="a"), said(PN, "pN2", ident="b"), said(PN, "pN1", on="2026-05-01", ident="c"))
    assert proofs(case, "primary-pathology") == [("Observation/a", "derived"), ("Observation/b", "derived")]


@pytest.mark.parametrize(
    ("fact", "code", "one", "other", "expected"),
    [
        ("primary-t", PT, "pT4", "pT4b", "T4b"),
        ("primary-t", CT, "cT4", "cT4a", "T4a"),
        ("primary-n", PN, "pN2", "pN2a", "N2a"),
        ("primary-n", PN, "pN1", "pN1c", "N1c"),
        ("primary-n", PN, "pN1", "pN2a", "gap: conflicting"),
        ("primary-n", PN, "pN2a", "pN2b", "gap: conflicting"),
    ],
)
def test_a_category_gives_way_to_one_of_its_own_subcategories(
    fact: str, code: tuple[str, str], one: str, other: str, expected: str
) -> None:
    wide, fine = said(code, one), said(code, other, ident="p")
    concept = {"coding": [{"system": AJCC, "code": one}, {"system": AJCC, "code": other}]}
    both = observation("o", code, {"valueCodeableConcept": concept}, on="2026-06-10")
    found = [shown(read(PRIMARY, *given), fact) for given in ([wide, fine], [both])]
    assert found == [expected, expected.replace("conflicting", "unreadable")]


@pytest.mark.parametrize(("on", "expected"), [("2026-06-09", "T4b"), ("2026-06-11", "T4b")])
def test_a_subcategory_stays_beside_its_category_whichever_is_newer(on: str, expected: str) -> None:
    assert shown(read(PRIMARY, said(PT, "pT4b"), said(PT, "pT4", on=on, ident="p")), "primary-t") == expected


@pytest.mark.parametrize(
    ("fact", "code", "values", "expected"),
    [
        ("primary-t", PT, ("pT4b", "pT3", "pT4"), "T4b"),
        ("primary-n", PN, ("pN2a", "pN0", "pN2"), "N2a"),
        ("primary-n", PN, ("pN2a", "pN2b", "pN2"), "N2b"),
        ("primary-n", PN, ("pN2a", "pN2", "pN0"), "N0"),
    ],
)
def test_a_newer_category_still_counts_against_what_was_said_before_it(
    fact: str, code: tuple[str, str], values: tuple[str, ...], expected: str
) -> None:
    staged = [said(code, value, on=f"2026-06-{day:02}", ident=value) for day, value in enumerate(values, start=1)]
    assert shown(read(PRIMARY, *staged), fact) == expected


def test_a_subcategory_that_was_entered_stays_beside_a_newer_category() -> None:
    entered = local("primary-n", "N2b", on="2026-06-01")
    assert shown(read(PRIMARY, entered, said(PN, "pN2")), "primary-n") == "N2b"


def test_a_category_that_was_not_assessed_leaves_that_of_a_panel() -> None:
    panel = observation("p", (LOINC, "21902-2"), {"component": [{"code": concept(*PT), "valueString": "T3"}]})
    unsaid = observation("u", PT, {"dataAbsentReason": {"text": "not assessed"}})
    assert shown(read(PRIMARY, panel, unsaid), "primary-t") == "T3"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("pN1c", "pN2b", Unknown(Gap.CONFLICTING, contested=frozenset({"favourable", "unfavourable-nodal"}))),
        ("pN2a", "pN2b", Known("unfavourable-nodal")),
        ("pN0", "pN1", Unknown()),
        ("cN1", "cN2", Unknown()),
    ],
)
def test_reports_that_contradict_each_other_on_pn2_leave_the_pathology_in_conflict(
    one: str, other: str, expected: Fact
) -> None:
    code = CN if one.startswith("c") else PN
    case = read(PRIMARY, LIVER, said(code, one, ident="a"), said(code, other, ident="b"))
    found = case.facts["primary-pathology"]
    assert replace(found, evidence=()) == expected
    assert proofs(case, "primary-pathology") == (
        [] if expected == Unknown() else [("Observation/a", "derived"), ("Observation/b", "derived")]
    )


def test_a_newer_word_on_the_pathology_settles_reports_that_contradict_each_other() -> None:
    reports = [said(PN, "pN1", ident="a"), said(PN, "pN2", ident="b")]
    settled = local("primary-pathology", "favourable", on="2026-06-12")
    assert shown(read(PRIMARY, LIVER, *reports, settled), "primary-pathology") == "favourable"


def test_the_nodes_of_a_specimen_are_counted_in_snomed_too() -> None:
    case = read(observation("n", (SNOMED, "443527007"), {"valueInteger": 3}, on="2026-06-10"))
    assert shown(case, "nodes-positive") == 3
