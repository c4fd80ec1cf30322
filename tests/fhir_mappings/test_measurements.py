"""Sizes and numbers of the metastases, as measurements of one study tell them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mappings.case import Interval, Issue
from fhir_mappings.chart import Completeness
from tests.charts import COMPLETE, LOINC, SNOMED, concept, observation, quantity
from tests.fhir_mappings.reading import LIVER, PRIMARY, proofs, read, shown


def lesion(ident: str, *codes: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resourceType": "BodyStructure",
        "id": ident,
        "patient": {"reference": "Patient/1"},
        "location": concept(SNOMED, "10200004"),
    }
    if codes:
        found["locationQualifier"] = [concept(SNOMED, code) for code in codes]
    return found | more


def size(ident: str, of: str, value: float, on: str | None = "2026-06-01", **more: Any) -> dict[str, Any]:
    focus: dict[str, Any] = {"focus": [{"reference": f"https://ehr.example/fhir/{of}"}]}
    return observation(ident, (LOINC, "21889-1"), quantity(value, "mm"), on=on, **focus, **more)


@pytest.mark.parametrize("had", [Completeness.PARTIAL, Completeness.NOT_RETRIEVED])
def test_tumours_of_which_not_all_were_had_are_the_least_that_there_are(had: Completeness) -> None:
    def found(*lobes: str) -> list[Any]:
        lesions = [lesion(name, lobe) for name, lobe in zip("ab", lobes, strict=True)]
        sizes = [size(f"o{name}", f"BodyStructure/{name}", 12) for name in "ab"]
        case = read(*lesions, *sizes, completeness=COMPLETE | {"BodyStructure": had})
        return [shown(case, fact) for fact in ("metastasis-count", "metastasis-distribution", "largest-metastasis")]

    assert found("21514008", "48521005") == [Interval(2), "bilobar", 12]
    assert found("48521005", "48521005")[:2] == [Interval(2), "gap: absent"]


def test_tumours_of_one_study_are_counted_and_placed() -> None:
    case = read(
        lesion("a", "21514008"),
        lesion("b", "48521005"),
        size("x", "BodyStructure/a", 12),
        size("y", "BodyStructure/b", 31),
    )
    facts = ("metastasis-count", "metastasis-distribution", "largest-metastasis")
    assert [shown(case, fact) for fact in facts] == [2, "bilobar", 31]
    assert proofs(case, "metastasis-count") == [("BodyStructure/a", "derived"), ("BodyStructure/b", "derived")]


def test_tumours_in_one_lobe_are_unilobar_where_each_is_placed() -> None:
    sizes = [size("x", "BodyStructure/a", 12), size("y", "BodyStructure/b", 31)]
    placed = read(lesion("a", "21514008"), lesion("b", "21514008"), *sizes)
    open_case = read(lesion("a", "21514008"), lesion("b"), *sizes)
    assert shown(placed, "metastasis-distribution") == "unilobar"
    assert shown(open_case, "metastasis-distribution") == "gap: absent"


@pytest.mark.parametrize(
    "resources",
    [
        [lesion("a"), lesion("b"), size("x", "BodyStructure/a", 12)],
        [lesion("a"), size("x", "BodyStructure/a", 12), size("y", "BodyStructure/a", 13, on="2026-06-02")],
        [lesion("a"), size("x", "BodyStructure/a", 12, on=None)],
        [lesion("a"), lesion("b")],
    ],
)
def test_tumours_of_several_studies_are_not_counted(resources: list[dict[str, Any]]) -> None:
    assert shown(read(*resources), "metastasis-count") == "gap: absent"


def test_an_inactive_body_structure_is_no_tumour() -> None:
    case = read(lesion("a"), lesion("b", active=False), size("x", "BodyStructure/a", 12))
    assert shown(case, "metastasis-count") == 1


def test_a_size_is_of_the_liver_by_focus_body_site_or_specimen() -> None:
    specimen = {"resourceType": "Specimen", "id": "s", "collection": {"bodySite": concept(SNOMED, "10200004")}}
    plain = observation("o", (LOINC, "21889-1"), quantity(20, "mm"), on="2026-06-01")
    of_metastasis = plain | {"focus": [{"reference": "Condition/liver"}]}
    of_specimen = plain | {"contained": [specimen], "specimen": {"reference": "#s"}}
    of_primary = plain | {"focus": [{"reference": "Condition/primary"}]}
    found = [shown(read(PRIMARY, LIVER, one), "largest-metastasis") for one in (of_metastasis, of_specimen, of_primary)]
    assert found == [20, 20, "gap: absent"]


def test_the_size_component_is_read_with_its_unit() -> None:
    components = [
        {"code": concept(LOINC, "33728-7")} | quantity(5.2, "cm"),
        {"code": concept(LOINC, "33729-5")} | quantity(31, "mm"),
    ]
    given = observation(
        "o", (LOINC, "21889-1"), {"component": components}, on="2026-06-01", bodySite=concept(SNOMED, "10200004")
    )
    assert shown(read(given), "largest-metastasis") == 52


@pytest.mark.parametrize("sizes", [(20, 45), (45, 20)])
def test_the_largest_of_several_size_components_counts(sizes: tuple[int, int]) -> None:
    components = [{"code": concept(LOINC, "33728-7")} | quantity(size, "mm") for size in sizes]
    given = observation(
        "o", (LOINC, "21889-1"), {"component": components}, on="2026-06-01", bodySite=concept(SNOMED, "10200004")
    )
    assert shown(read(given), "largest-metastasis") == 45


def test_the_newest_study_gives_the_largest_size() -> None:
    case = read(
        lesion("a"),
        size("x", "BodyStructure/a", 60, on="2026-05-01"),
        size("y", "BodyStructure/a", 20),
        size("z", "BodyStructure/a", 25),
    )
    assert (shown(case, "largest-metastasis"), proofs(case, "largest-metastasis")) == (25, [("Observation/z", "coded")])


def test_a_bound_beside_a_size_of_the_same_day_must_agree() -> None:
    bound = size("y", "BodyStructure/a", 30)
    bound["valueQuantity"]["comparator"] = ">"
    assert shown(read(lesion("a"), size("x", "BodyStructure/a", 20), bound), "largest-metastasis") == "gap: conflicting"


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        ((10, "<"), 25),
        ((25, "<="), 25),
        ((10, ">"), Interval(25)),
        ((30, "<"), Interval(25, 30, high_included=False)),
        ((25, ">"), Interval(25, low_included=False)),
        ((40, ">="), Interval(40)),
    ],
)
def test_a_bound_on_another_lesion_leaves_open_how_large_the_largest_is(
    bound: tuple[float, str], expected: Any
) -> None:
    small = size("z", "BodyStructure/c", bound[0])
    small["valueQuantity"]["comparator"] = bound[1]
    sizes = size("x", "BodyStructure/a", 20), size("y", "BodyStructure/b", 25), small
    assert shown(read(lesion("a"), lesion("b"), lesion("c"), *sizes), "largest-metastasis") == expected


def test_a_diameter_that_is_said_to_be_absent_leaves_the_size_beside_it() -> None:
    absent = [{"code": concept(LOINC, "33728-7"), "dataAbsentReason": {"text": "unknown"}}]
    given = observation("o", (LOINC, "21889-1"), quantity(22, "mm"), on="2026-06-01", component=absent)
    assert shown(read(given | {"bodySite": concept(SNOMED, "10200004")}), "largest-metastasis") == 22


def test_an_unreadable_size_is_noted() -> None:
    case = read(lesion("a"), size("x", "BodyStructure/a", -3))
    assert shown(case, "largest-metastasis") == "gap: unreadable"
    assert case.issues == (
        Issue("Observation/x", "value cannot be read: unit, range or code", costs=("largest-metastasis",)),
    )


def test_old_measurements_are_outdated() -> None:
    now = datetime(2026, 9, 15, tzinfo=UTC)
    case = read(lesion("a"), size("x", "BodyStructure/a", 20), now=now)
    assert shown(case, "largest-metastasis") == "gap: outdated"
