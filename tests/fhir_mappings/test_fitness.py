"""Fitness scores that narrow, and tests of genes in every spelling."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Interval
from fhir_mappings.catalogue import FACTS_SYSTEM
from tests.charts import CPT, ICD10CM, LOINC, SNOMED, coded, concept, condition, observation
from tests.fhir_mappings.reading import proofs, read, shown

HGNC = "http://www.genenames.org"
RECENT = "2026-06-10"
GRADES = ["LA9622-7", "LA9623-5", "LA9624-3", "LA9625-0", "LA9626-8", "LA9627-6"]
GRADES_FOUND = ["425389002", "422512005", "422894000", "423053003", "423237006", "423409001"]
CLASSES = ["413495001", "413496000", "413497009", "413498004", "413499007", "413500003"]
SPELLED_CLASSES = ["LA28813-6", "LA28814-4", "LA28815-1", "LA28816-9", "LA28817-7", "LA28818-5"]
TENS = [f"LA{code}" for code in ("9627-6", "29184-1", "29183-3", "29182-5", "29181-7", "29180-9", "29179-1", "29178-3")]
TENS += ["LA29177-5", "LA29176-7", "LA29175-9"]


def said(code: str, value: dict[str, Any], *, ident: str = "o", on: str = RECENT, **more: Any) -> dict[str, Any]:
    return observation(ident, (LOINC, code), value, on=on, **more)


def bound(score: int, comparator: str) -> dict[str, Any]:
    return {"valueQuantity": {"value": score, "comparator": comparator}}


YES_NO = "http://terminology.hl7.org/CodeSystem/v2-0136"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"valueInteger": 0}, 5),
        (bound(90, ">="), 0),
        (bound(90, ">"), 0),
        (bound(80, ">"), 0),
        (bound(70, ">"), Interval(0, 1)),
        (bound(70, "<="), Interval(1, 5)),
        (bound(10, "<"), 5),
        (bound(10, "<="), Interval(4, 5)),
        ({"valueRange": {"low": {"value": 60}, "high": {"value": 70}}}, Interval(1, 2)),
        ({"valueRange": {"low": {"value": 50}, "high": {"value": 60}}}, 2),
        ({"valueRange": {"low": {"value": 81}, "high": {"value": 89}}}, "gap: unreadable"),
        ({"valueInteger": 101}, "gap: unreadable"),
        ({"valueInteger": -1}, "gap: unreadable"),
        ({"dataAbsentReason": {"text": "unknown"}}, "gap: absent"),
        ({"valueCodeableConcept": {"text": "70"}}, 1),
        ({"valueString": "80 % - some symptoms"}, 1),
        ({"valueCodeableConcept": {"text": "90%: able to carry on normal activity"}}, 0),
        (coded(LOINC, "LA9622-7"), "gap: unreadable"),
    ],
)
def test_a_karnofsky_score_gives_the_grades_it_leaves(value: dict[str, Any], expected: Any) -> None:
    assert shown(read(said("89243-0", value)), "ecog") == expected


def test_every_grade_and_class_is_read_from_its_answer() -> None:
    grades = [shown(read(said("89262-0", coded(LOINC, code))), "ecog") for code in GRADES]
    classes = [shown(read(said("97816-3", coded(SNOMED, code))), "asa") for code in CLASSES]
    spelled = [shown(read(said("97816-3", coded(LOINC, code))), "asa") for code in SPELLED_CLASSES]
    scores = [shown(read(said("89243-0", coded(LOINC, code))), "ecog") for code in TENS]
    assert (grades, classes, spelled) == ([0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6])
    assert scores == [5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0]


WHO_GRADES = ("373803006", "373804000", "373805004", "373806003", "373807007")
QUESTIONS = ("423740007", "424122007", "273437007", "373802001")


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_grades_of_the_who_are_those_of_ecog_whatever_asks_for_them(question: str) -> None:
    coded_ones = [observation("o", (SNOMED, question), coded(SNOMED, code), on=RECENT) for code in WHO_GRADES]
    numbers = [observation("o", (SNOMED, question), {"valueInteger": grade}, on=RECENT) for grade in range(5)]
    itself = [observation("o", (SNOMED, code), {}, on=RECENT) for code in WHO_GRADES]
    found = [[shown(read(one), "ecog") for one in ways] for ways in (coded_ones, numbers, itself)]
    assert found == [[0, 1, 2, 3, 4]] * 3


def test_karnofsky_is_asked_for_in_snomed_as_a_score_and_as_a_scale() -> None:
    found = [
        shown(read(observation("o", (SNOMED, code), {"valueInteger": 80}, on=RECENT)), "ecog")
        for code in ("761869008", "273546003")
    ]
    assert found == [1, 1]


MII = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-allgemeiner-leistungszustand-"


def test_the_scores_of_the_german_oncology_module_are_read() -> None:
    kps = (SNOMED, "761869008")
    grades = [
        shown(read(observation("o", (SNOMED, "423740007"), coded(f"{MII}ecog", str(grade)), on=RECENT)), "ecog")
        for grade in range(5)
    ]
    scores = [
        shown(read(observation("o", kps, coded(f"{MII}karnofsky", f"{tens}{sign}"), on=RECENT)), "ecog")
        for tens in (100, 80, 60, 40, 20)
        for sign in ("%", "")
    ]
    unknown = shown(read(said("89262-0", coded(f"{MII}ecog", "U"))), "ecog")
    assert (grades, scores, unknown) == ([0, 1, 2, 3, 4], [0, 0, 1, 1, 2, 2, 3, 3, 4, 4], "gap: unreadable")


def test_codings_of_one_score_that_differ_leave_it_between_them() -> None:
    both = coded(f"{MII}ecog", "2")
    both["valueCodeableConcept"]["coding"] += coded(LOINC, "LA9623-5")["valueCodeableConcept"]["coding"]
    assert shown(read(said("89262-0", both)), "ecog") == Interval(1, 2)


FINDINGS = [
    *(("ecog", code, grade) for grade, code in enumerate(GRADES_FOUND)),
    *(("asa", code, grade) for grade, code in enumerate(CLASSES, start=1)),
]


@pytest.mark.parametrize(("fact", "code", "expected"), FINDINGS)
def test_a_grade_that_is_the_code_itself_is_read(fact: str, code: str, expected: int) -> None:
    of_them: list[dict[str, Any]] = [
        observation("o", (SNOMED, code), {}, on=RECENT),
        observation("o", (SNOMED, code), {"valueBoolean": True}, on=RECENT),
        observation("o", (SNOMED, code), coded(SNOMED, "52101004"), on=RECENT),
        condition("o", (SNOMED, code), onset=RECENT),
    ]
    assert [shown(read(one), fact) for one in of_them] == [expected] * len(of_them)


@pytest.mark.parametrize(
    "one",
    [
        observation("o", (SNOMED, "413498004"), {"valueBoolean": False}, on=RECENT),
        observation("o", (SNOMED, "413498004"), coded(SNOMED, "2667000"), on=RECENT),
        observation("o", (SNOMED, "413498004"), {"valueString": "see note"}, on=RECENT),
    ],
    ids=lambda one: next(name for name in one if name.startswith("value")),
)
def test_a_class_that_is_the_code_of_what_is_not_affirmed_is_unreadable(one: dict[str, Any]) -> None:
    assert shown(read(one), "asa") == "gap: unreadable"


@pytest.mark.parametrize(
    "one",
    [
        observation("o", (SNOMED, "413498004"), {}, on=RECENT, status="entered-in-error"),
        observation("o", (SNOMED, "413498004"), {"dataAbsentReason": {"text": "unknown"}}, on=RECENT),
        condition("o", (SNOMED, "413498004"), onset=RECENT, verification="refuted"),
        condition("o", (SNOMED, "413498004"), onset=RECENT, clinical="resolved"),
    ],
)
def test_a_class_that_does_not_hold_is_absent(one: dict[str, Any]) -> None:
    assert shown(read(one), "asa") == "gap: absent"


@pytest.mark.parametrize(
    ("fact", "answer", "expected"),
    [
        ("ecog", (LOINC, "LA9624-3"), 2),
        ("asa", (SNOMED, "413497009"), 3),
        ("asa", (LOINC, "LA28814-4"), 2),
        ("primary-margin", (SNOMED, "278271003"), "r1"),
        ("chemotherapy-response", (SNOMED, "359746009"), "stable-disease"),
        ("liver-condition", (SNOMED, "19943007"), "cirrhosis"),
        ("liver-condition", (ICD10CM, "K74.60"), "cirrhosis"),
        ("liver-condition", (ICD10CM, "K76.0"), "steatosis"),
        ("liver-condition", (ICD10CM, "K74.0"), "gap: unreadable"),
        ("hepatectomy-extent", (CPT, "47130"), "major"),
        ("hepatectomy-extent", (SNOMED, "174431000"), "minor"),
        ("hepatectomy-extent", (SNOMED, "107963000"), "gap: unreadable"),
        ("liver-centre-discussed", (SNOMED, "373066001"), "agreed"),
        ("liver-centre-discussed", (LOINC, "LA32-8"), "refused"),
        *(("r0-achievable", (YES_NO, code), yes) for code, yes in (("Y", True), ("N", False))),
        ("r0-achievable", (f"{YES_NO[:-4]}0532", "UNK"), "gap: unreadable"),
        ("primary-n", (SNOMED, "1229978004"), "gap: unreadable"),
        ("liver-state", (SNOMED, "373066001"), "gap: unreadable"),
    ],
)
def test_a_fact_in_our_code_takes_the_answers_of_standard_codes(
    fact: str, answer: tuple[str, str], expected: Any
) -> None:
    assert shown(read(observation("o", (FACTS_SYSTEM, fact), coded(*answer), on=RECENT)), fact) == expected


PRESENT, ABSENT = coded(LOINC, "LA9633-4"), coded(LOINC, "LA9634-2")
BOTH = {
    "valueCodeableConcept": {
        "coding": [*PRESENT["valueCodeableConcept"]["coding"], *ABSENT["valueCodeableConcept"]["coding"]]
    }
}
GENES: list[tuple[dict[str, Any], str]] = [
    (PRESENT, "mutated"),
    (ABSENT, "wild-type"),
    (BOTH, "gap: unreadable"),
    *(
        ({"valueString": word}, "mutated")
        for word in ("Mutated", "mutant", "Mutation detected", "detected", "positive")
    ),
    *(({"valueString": word}, "mutated") for word in (" present ", "MT", "mut")),
    *(({"valueString": word}, "wild-type") for word in ("Wild type", "wild-type", "wildtype", "WT", "not detected")),
    *(({"valueString": word}, "wild-type") for word in ("No mutation detected", "negative", "absent")),
    ({"valueString": "mutated?"}, "gap: unreadable"),
    ({"valueCodeableConcept": {"text": "WT"}}, "wild-type"),
    ({"valueCodeableConcept": {"coding": [{"display": "Mutated"}]}}, "mutated"),
    ({"valueCodeableConcept": {"coding": [{"display": "x"}, {"display": "Mutated"}]}}, "mutated"),
    ({"valueCodeableConcept": {"text": "WT", "coding": [{"display": "Mutated"}]}}, "gap: unreadable"),
    ({"valueBoolean": True}, "gap: unreadable"),
    ({}, "gap: absent"),
]


@pytest.mark.parametrize(("value", "expected"), GENES)
def test_a_gene_test_says_mutated_or_wild_type_in_code_or_words(value: dict[str, Any], expected: str) -> None:
    found = [shown(read(said(code, value)), fact) for fact, code in (("ras", "21702-6"), ("braf", "85299-6"))]
    assert found == [expected, expected]


CHANGES = [("KRAS G12D", "ras"), ("KRAS p.G12D mutation detected", "ras"), ("p.Gly12Asp", "ras"), ("NRAS: Q61K", "ras")]
CHANGES += [("c.35G>A (p.Gly12Asp)", "ras"), ("BRAF V600E", "braf"), ("p.(Val600Glu)", "braf"), ("c.1799T>A", "braf")]
NO_CHANGES = [("BRAF V600E", "ras"), ("G12C not detected", "ras"), ("p.Gly12=", "ras"), ("see report", "ras")]
NO_CHANGES += [("KRAS G12D", "braf"), ("V600E?", "braf"), ("EGFR T790M", "ras"), ("KRAS exon 2", "ras")]


@pytest.mark.parametrize(
    ("words", "fact", "expected"),
    [
        *((*one, "mutated") for one in CHANGES),
        *((*one, "gap: unreadable") for one in NO_CHANGES),
    ],
)
def test_a_gene_test_is_answered_by_the_name_of_a_mutation(words: str, fact: str, expected: str) -> None:
    code = {"ras": "21702-6", "braf": "85299-6"}[fact]
    told = [said(code, value) for value in ({"valueString": words}, {"valueCodeableConcept": {"text": words}})]
    assert [shown(read(one), fact) for one in told] == [expected, expected]


SATELLITES: list[tuple[dict[str, Any], str]] = [
    *((coded(LOINC, code), "stable") for code in ("LA14122-8", "LA26202-4")),
    (coded(LOINC, "LA26203-2"), "msi-high"),
    (PRESENT, "msi-high"),
    (ABSENT, "stable"),
    (BOTH, "gap: unreadable"),
    *(({"valueString": word}, "stable") for word in ("MSS", "stable", "MSI-L", "pMMR", "proficient")),
    *(
        ({"valueString": word}, "msi-high")
        for word in ("MSI-H", "msi-high", "MSI high", "dMMR", "Deficient", "unstable")
    ),
    *(
        ({"valueString": text}, "msi-high")
        for text in ("MSI high (MSI-H)", "dMMR / MSI-H", "Mismatch repair deficient")
    ),
    *(({"valueString": text}, "msi-high") for text in ("Microsatellite instability-high", "MSI-H; dMMR")),
    *(({"valueString": text}, "stable") for text in ("Microsatellite stable (MSS)", "MSS, pMMR", "MSI-low")),
    *(
        ({"valueString": text}, "gap: unreadable")
        for text in ("MSI", "MSS (MSI-H?)", "pMMR, MSI-H", "High (MSI-H)", "()")
    ),
    ({}, "gap: absent"),
]


@pytest.mark.parametrize(("value", "expected"), SATELLITES)
def test_a_microsatellite_test_is_stable_or_high(value: dict[str, Any], expected: str) -> None:
    assert shown(read(said("81695-9", value)), "msi") == expected


def variant(symbol: str, value: dict[str, Any], ident: str = "v", on: str = RECENT) -> dict[str, Any]:
    unrelated = {"code": concept(LOINC, "81252-9")} | coded(HGNC, "HGNC:6407")
    gene = {"code": concept(LOINC, "48018-6")} | coded(HGNC, symbol)
    return said("69548-6", value | {"component": [unrelated, gene]}, ident=ident, on=on)


KRAS, NRAS, BRAF = "HGNC:6407", "HGNC:7989", "HGNC:1097"


@pytest.mark.parametrize(
    ("resources", "ras", "braf"),
    [
        ([variant(KRAS, PRESENT)], "mutated", "gap: absent"),
        ([variant(NRAS, ABSENT)], "wild-type", "gap: absent"),
        ([variant(BRAF, PRESENT)], "gap: absent", "mutated"),
        ([variant("HGNC:9999", PRESENT)], "gap: absent", "gap: absent"),
        ([variant(KRAS, PRESENT, "a"), variant(NRAS, ABSENT, "b")], "mutated", "gap: absent"),
        ([variant(KRAS, PRESENT, "a", "2026-06-09"), variant(NRAS, ABSENT, "b")], "wild-type", "gap: absent"),
        ([variant(KRAS, ABSENT), said("21702-6", PRESENT)], "mutated", "gap: absent"),
        ([variant(KRAS, {})], "gap: absent", "gap: absent"),
        ([variant(KRAS, {"valueString": "?"})], "gap: unreadable", "gap: absent"),
        ([said("69548-6", PRESENT)], "gap: absent", "gap: absent"),
    ],
)
def test_a_variant_is_of_the_gene_that_was_studied(resources: list[dict[str, Any]], ras: str, braf: str) -> None:
    case = read(*resources)
    assert (shown(case, "ras"), shown(case, "braf")) == (ras, braf)


def test_one_mutated_gene_of_a_day_is_the_evidence() -> None:
    case = read(variant(KRAS, PRESENT, "a"), variant(NRAS, ABSENT, "b"))
    assert proofs(case, "ras") == [("Observation/a", "coded")]


@pytest.mark.parametrize("values", [(PRESENT, ABSENT), (ABSENT, PRESENT)])
def test_one_mutated_gene_of_a_panel_is_enough_wherever_it_stands(values: tuple[dict[str, Any], ...]) -> None:
    genes = [{"code": concept(LOINC, code)} | value for code, value in zip(("21702-6", "85509-8"), values, strict=True)]
    assert shown(read(said("55232-3", {"component": genes})), "ras") == "mutated"
