"""Tumours of the liver: which measurements are of the liver, and what one study says of number, lobes and size."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest

from fhir_mappings.case import Evidence, Gap, Known, Unknown
from fhir_mappings.read.dates import parse_date
from tests.charts import ICD10CM, LOINC, SNOMED, concept, condition, observation, quantity
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

Given: TypeAlias = dict[str, Any]
IN_LIVER, LUNG = "10200004", "39607008"
DAY = "2026-06-01"
NOTHING = ("gap: absent", "gap: absent", "gap: absent")


def lobe(side: str) -> str:
    return {"left": "21514008", "right": "48521005"}[side]


def lesion(ident: str, *, at: str = IN_LIVER, qualifiers: tuple[str, ...] = (), **more: Any) -> Given:
    found: Given = {"resourceType": "BodyStructure", "id": ident, "patient": {"reference": "Patient/1"}}
    found |= {"location": concept(SNOMED, at)}
    if qualifiers:
        found["locationQualifier"] = [concept(SNOMED, code) for code in qualifiers]
    return found | more


def size(ident: str, value: float, *focus: str, on: str | None = DAY, **more: Any) -> Given:
    return observation(
        ident, (LOINC, "21889-1"), quantity(value, "mm"), on=on, focus=[{"reference": one} for one in focus], **more
    )


def study(name: str, element: str = "derivedFrom") -> Given:
    return {element: [{"reference": "Observation/1"}, {"reference": f"ImagingStudy/{name}"}]}


def facts(*resources: Given) -> tuple[Any, Any, Any]:
    case = read(*resources)
    number, lobes, largest = (
        shown(case, code) for code in ("metastasis-count", "metastasis-distribution", "largest-metastasis")
    )
    return number, lobes, largest


A, B = "BodyStructure/a", "BodyStructure/b"
TWO = [size("x", 12, A), size("y", 31, B)]
STUDIES: list[tuple[str, list[Given], tuple[Any, Any, Any]]] = [
    ("left and right", [lesion("a", at=lobe("left")), lesion("b", at=lobe("right")), *TWO], (2, "bilobar", 31)),
    ("right alone", [lesion("a", at=lobe("right")), lesion("b", at=lobe("right")), *TWO], (2, "unilobar", 31)),
    (
        "both sides by qualifiers of one",
        [lesion("a", qualifiers=(lobe("left"), lobe("right"))), size("x", 12, A)],
        (1, "bilobar", 12),
    ),
    (
        "one placed in both, one nowhere",
        [lesion("a", qualifiers=(lobe("left"), lobe("right"))), lesion("b"), *TWO],
        (2, "bilobar", 31),
    ),
    ("one placed, one nowhere", [lesion("a", at=lobe("left")), lesion("b"), *TWO], (2, "gap: absent", 31)),
    ("placed nowhere", [lesion("a"), size("x", 12, A)], (1, "gap: absent", 12)),
    ("one measurement of two", [lesion("a"), lesion("b"), size("x", 12, A, B)], (2, "gap: absent", 12)),
    ("one beside the lung", [lesion("a"), lesion("b", at=LUNG), *TWO], (1, "gap: absent", 12)),
    *(
        (
            f"two studies of a day by {element}",
            [
                lesion("a"),
                lesion("b"),
                size("x", 12, A, **study("ct", element)),
                size("y", 31, B, **study("mr", element)),
            ],
            ("gap: absent", "gap: absent", 31),
        )
        for element in ("derivedFrom", "partOf")
    ),
    (
        "one study, named by each",
        [lesion("a"), lesion("b"), size("x", 12, A, **study("ct")), size("y", 31, B, **study("ct"))],
        (2, "gap: absent", 31),
    ),
    (
        "one study, named by one",
        [lesion("a"), lesion("b"), size("x", 12, A, **study("ct")), size("y", 31, B)],
        (2, "gap: absent", 31),
    ),
    (
        "derived from what a urn leaves open",
        [
            lesion("a"),
            lesion("b"),
            size("x", 12, A, derivedFrom=[{"reference": "urn:uuid:1"}]),
            size("y", 31, B, derivedFrom=[{"reference": "urn:uuid:2"}]),
        ],
        (2, "gap: absent", 31),
    ),
    (
        "derived from something else",
        [
            lesion("a"),
            lesion("b"),
            size("x", 12, A, derivedFrom=[{"reference": "Observation/1"}]),
            size("y", 31, B, derivedFrom=[{"reference": "Observation/2"}]),
        ],
        (2, "gap: absent", 31),
    ),
    ("in the lung", [lesion("a", at=LUNG), size("x", 12, A)], NOTHING),
    ("active by word", [lesion("a", active=True), size("x", 12, A)], (1, "gap: absent", 12)),
    ("one gone", [lesion("a"), lesion("b", active=False), size("x", 12, A)], (1, "gap: absent", 12)),
    ("one not measured", [lesion("a"), lesion("b"), size("x", 12, A)], ("gap: absent", "gap: absent", 12)),
    (
        "two studies",
        [lesion("a"), size("x", 12, A), size("y", 9, A, on="2026-06-02")],
        ("gap: absent", "gap: absent", 9),
    ),
    (
        "another study of something else",
        [lesion("a"), size("x", 12, A), size("y", 9, "BodyStructure/c", on="2026-06-02")],
        (1, "gap: absent", 12),
    ),
    ("an undated one beside", [lesion("a"), size("x", 12, A), size("y", 9, A, on=None)], (1, "gap: absent", 12)),
    ("not done", [lesion("a"), size("x", 12, A, status="cancelled")], NOTHING),
    ("to come", [lesion("a"), size("x", 12, A, on="2026-07-01")], ("gap: absent", "gap: absent", "gap: unreadable")),
    *(
        (f"reference {spelled}", [lesion("a"), size("x", 12, spelled)], (1, "gap: absent", 12))
        for spelled in (
            f"https://ehr.example/fhir/{A}",
            f"{A}/_history/2",
            f"https://ehr.example/fhir/{A}/_history/2",
            f" {A}",
            "urn:uuid:a",
        )
    ),
    ("reference to another by a urn", [lesion("a"), size("x", 12, "urn:uuid:b")], NOTHING),
]


@pytest.mark.parametrize(("resources", "expected"), [one[1:] for one in STUDIES], ids=[one[0] for one in STUDIES])
def test_one_study_gives_number_lobes_and_size(resources: list[Given], expected: tuple[Any, Any, Any]) -> None:
    assert facts(*resources) == expected


LEFT, RIGHT = ("277956007", "277957003", "277958008"), ("277959000", "277960005", "277961009", "277962002")
CAUDATE = "71133005"
SEGMENTS: list[tuple[tuple[str, str], str]] = [
    *(((one, LEFT[0]), "unilobar") for one in LEFT),
    *(((one, RIGHT[0]), "unilobar") for one in RIGHT),
    *(((one, other), "bilobar") for one in LEFT for other in RIGHT),
    ((CAUDATE, LEFT[0]), "gap: absent"),
    ((CAUDATE, CAUDATE), "gap: absent"),
    ((LEFT[0], lobe("right")), "bilobar"),
]


@pytest.mark.parametrize(("places", "expected"), SEGMENTS)
def test_segments_place_the_tumours(places: tuple[str, str], expected: str) -> None:
    located = [lesion("a", at=places[0]), lesion("b", at=places[1])]
    qualified = [lesion("a", qualifiers=places[:1]), lesion("b", qualifiers=places[1:])]
    assert [facts(*lesions, *TWO) for lesions in (located, qualified)] == [(2, expected, 31)] * 2


def test_number_and_lobes_rest_on_the_tumours_on_the_day_of_the_study() -> None:
    case = read(lesion("b", at=lobe("left")), lesion("a", at=lobe("left")), *TWO)
    proof = tuple(Evidence(name, "derived") for name in (A, B))
    facts = [case.facts[code] for code in ("metastasis-count", "metastasis-distribution")]
    assert facts == [Known(2, proof, parse_date(DAY)), Known("unilobar", proof, parse_date(DAY))]


PLAIN = observation("o", (LOINC, "21889-1"), quantity(20, "mm"), on=DAY)
HEPATIC = concept(SNOMED, IN_LIVER)


def placed(kind: str, *, at: str = IN_LIVER) -> Given:
    place = concept(SNOMED, at)
    where = {"collection": {"bodySite": place}} if kind == "Specimen" else {"location": place}
    patient = {} if kind == "Specimen" else {"patient": {"reference": "Patient/1"}}
    return {"resourceType": kind, "id": "t"} | patient | where


SUBJECT = {"subject": {"reference": "Patient/1"}}
SPECIMEN = placed("Specimen") | SUBJECT
RESOLVED = condition("liver", (ICD10CM, "C78.7"), clinical="resolved")
PLACES: list[tuple[str, list[Given], Any]] = [
    ("nowhere", [PLAIN], "gap: absent"),
    ("body site", [PLAIN | {"bodySite": HEPATIC}], 20),
    ("body site in a lobe", [PLAIN | {"bodySite": concept(SNOMED, lobe("left"))}], 20),
    ("body site elsewhere", [PLAIN | {"bodySite": concept(SNOMED, LUNG)}], "gap: absent"),
    ("contained specimen", [PLAIN | {"contained": [placed("Specimen")], "specimen": {"reference": "#t"}}], 20),
    (
        "contained specimen of the lung",
        [PLAIN | {"contained": [placed("Specimen", at=LUNG)], "specimen": {"reference": "#t"}}],
        "gap: absent",
    ),
    (
        "another contained",
        [PLAIN | {"contained": [placed("Specimen")], "specimen": {"reference": "#u"}}],
        "gap: absent",
    ),
    *(
        (f"specimen {one}", [SPECIMEN, PLAIN | {"specimen": {"reference": one}}], 20)
        for one in ("Specimen/t", "urn:uuid:t", "https://ehr.example/fhir/Specimen/t/_history/1")
    ),
    ("another specimen", [SPECIMEN, PLAIN | {"specimen": {"reference": "Specimen/u"}}], "gap: absent"),
    (
        "specimen of another patient",
        [SPECIMEN | {"subject": {"reference": "Patient/2"}}, PLAIN | {"specimen": {"reference": "Specimen/t"}}],
        "gap: absent",
    ),
    (
        "specimen of the lung",
        [placed("Specimen", at=LUNG) | SUBJECT, PLAIN | {"specimen": {"reference": "Specimen/t"}}],
        "gap: absent",
    ),
    *(
        (
            f"specimen with {coding}",
            [
                SPECIMEN | {"collection": {"bodySite": {"coding": [{"system": SNOMED, **coding}]}}},
                PLAIN | {"specimen": {"reference": "Specimen/t"}},
            ],
            expected,
        )
        for coding, expected in (
            ({"code": int(IN_LIVER)}, 20),
            ({"code": f" {IN_LIVER}"}, 20),
            ({"code": [IN_LIVER]}, "gap: absent"),
            ({"code": {"value": IN_LIVER}}, "gap: absent"),
            ({"code": True}, "gap: absent"),
            ({"code": 1.5}, "gap: absent"),
            ({"code": IN_LIVER, "system": [SNOMED]}, "gap: absent"),
            ({"code": IN_LIVER, "system": 7}, "gap: absent"),
        )
    ),
    ("unreadable specimen", [SPECIMEN | {"foo": 1}, PLAIN | {"specimen": {"reference": "Specimen/t"}}], "gap: absent"),
    ("contained structure", [PLAIN | {"contained": [placed("BodyStructure")], "focus": [{"reference": "#t"}]}], 20),
    ("second focus", [lesion("t"), PLAIN | {"focus": [{"reference": one} for one in ("X/1", "BodyStructure/t")]}], 20),
    ("one elsewhere, one in the liver", [PLAIN | {"id": "a"}, PLAIN | {"id": "b", "bodySite": HEPATIC}], 20),
    ("one in the liver, one elsewhere", [PLAIN | {"id": "b"}, PLAIN | {"id": "a", "bodySite": HEPATIC}], 20),
    ("metastasis", [LIVER, PLAIN | {"focus": [{"reference": "Condition/liver"}]}], 20),
    ("metastasis, a version of it", [LIVER, PLAIN | {"focus": [{"reference": "Condition/liver/_history/1"}]}], 20),
    ("metastasis by a urn", [LIVER, PLAIN | {"focus": [{"reference": "urn:uuid:liver"}]}], 20),
    ("primary by a urn", [PRIMARY, PLAIN | {"focus": [{"reference": "urn:uuid:primary"}]}], "gap: absent"),
    ("contained metastasis", [PLAIN | {"contained": [LIVER], "focus": [{"reference": "#liver"}]}], 20),
    ("contained primary", [PLAIN | {"contained": [PRIMARY], "focus": [{"reference": "#primary"}]}], "gap: absent"),
    ("past metastasis", [RESOLVED, PLAIN | {"focus": [{"reference": "Condition/liver"}]}], 20),
    ("primary", [PRIMARY, PLAIN | {"focus": [{"reference": "Condition/primary"}]}], "gap: absent"),
    ("another metastasis", [LIVER, PLAIN | {"focus": [{"reference": "Condition/other"}]}], "gap: absent"),
    (
        "structure in the lung",
        [lesion("t", at=LUNG), PLAIN | {"focus": [{"reference": "BodyStructure/t"}]}],
        "gap: absent",
    ),
    ("by display alone", [LIVER, PLAIN | {"focus": [{"display": "Condition/liver"}]}], "gap: absent"),
]


@pytest.mark.parametrize(("resources", "expected"), [one[1:] for one in PLACES], ids=[one[0] for one in PLACES])
def test_a_size_counts_where_the_liver_was_measured(resources: list[Given], expected: Any) -> None:
    assert shown(read(*resources), "largest-metastasis") == expected


def test_specimens_of_other_places_cost_no_issue() -> None:
    others = [placed("Specimen", at=LUNG), {"resourceType": "Specimen", "id": "u"}]
    assert read(*others).issues == ()


def test_a_bound_that_agrees_with_a_size_of_its_day_leaves_the_size() -> None:
    bound = size("y", 10, A)
    bound["valueQuantity"]["comparator"] = ">"
    assert shown(read(lesion("a"), size("x", 20, A), bound), "largest-metastasis") == 20


def test_an_unreadable_size_costs_no_other_of_its_day() -> None:
    sizes = [size("w", -3, A), size("x", 20, A), size("y", 25, A)]
    assert [shown(read(lesion("a"), *found), "largest-metastasis") for found in (sizes, sizes[:2])] == [25, 20]


def test_unreadable_sizes_are_evidence_by_their_dates() -> None:
    sizes = [size("a", -3, A, on="2026-06-02"), size("b", -3, A, on="2026-06-01"), size("c", -3, A, on="2026-06-03")]
    found = read(lesion("a"), *sizes).facts["largest-metastasis"]
    assert isinstance(found, Unknown)
    named = [(proof.reference, str(proof.dated)) for proof in found.evidence]
    assert (found.gap, named) == (
        Gap.UNREADABLE,
        [("Observation/b", "2026-06-01"), ("Observation/a", "2026-06-02"), ("Observation/c", "2026-06-03")],
    )


def test_a_size_in_the_text_of_an_answer_is_read_whatever_codes_stand_beside() -> None:
    said = {"valueCodeableConcept": {"coding": [{"system": SNOMED, "code": "73211009"}], "text": "20 mm"}}
    whole = observation("o", (LOINC, "21889-1"), said, on="2026-06-01", bodySite=HEPATIC)
    parts = {"component": [{"code": concept(LOINC, "33728-7")} | said]}
    part = observation("o", (LOINC, "21889-1"), parts, on="2026-06-01", bodySite=HEPATIC)
    assert [shown(read(one), "largest-metastasis") for one in (whole, part)] == [20, 20]


@pytest.mark.parametrize("code", ["21889-1", "33728-7"])
def test_a_size_that_is_a_part_of_a_report_is_read(code: str) -> None:
    parts = {"component": [{"code": concept(LOINC, code)} | quantity(2.1, "cm")]}
    report = observation("o", (LOINC, "24627-2"), parts, on="2026-06-01", bodySite=HEPATIC)
    case = read(report)
    assert (shown(case, "largest-metastasis"), case.issues) == (21, ())


def test_a_size_that_is_not_known_is_a_gap_without_issue() -> None:
    unknown = PLAIN | {"bodySite": HEPATIC, "dataAbsentReason": {"text": "unknown"}}
    del unknown["valueQuantity"]
    case = read(unknown)
    assert (shown(case, "largest-metastasis"), case.issues) == ("gap: absent", ())


def test_tumours_and_sizes_in_the_shape_of_r5_are_counted_and_placed() -> None:
    tumours: list[Given] = []
    for ident, side in (("a", "left"), ("b", "right")):
        part = {"structure": concept(SNOMED, IN_LIVER), "qualifier": [concept(SNOMED, lobe(side))]}
        tumours.append(
            {
                "resourceType": "BodyStructure",
                "id": ident,
                "patient": {"reference": "Patient/1"},
                "includedStructure": [part],
            }
        )
    sizes = [
        size(name, value) | {"focus": None, "bodyStructure": {"reference": f"BodyStructure/{ident}"}}
        for name, value, ident in (("x", 12, "a"), ("y", 31, "b"))
    ]
    assert facts(*tumours, *sizes) == (2, "bilobar", 31)
