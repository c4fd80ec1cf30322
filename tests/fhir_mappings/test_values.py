"""Each form of a value as a value of a fact: exact, narrowed, absent or unreadable, never guessed."""

from __future__ import annotations

from datetime import date
from time import process_time
from typing import Any

import pytest

from fhir_mappings.case import Interval
from fhir_mappings.catalogue import FACTS_SYSTEM, load_catalogue
from fhir_mappings.read.concepts import codings, concept_sets, concept_texts
from fhir_mappings.read.values import Answers, NoValue, narrow, read_value
from tests.charts import ICD10CM, LOINC, SNOMED, coded, concept, quantity
from tests.fhir_mappings.reading import terminology

ABSENT, UNREADABLE = NoValue.ABSENT, NoValue.UNREADABLE
ECOG_ANSWERS = Answers("ecog", (0, 1, 2, 3, 4, 5))
below = Interval(high=5, high_included=False)


def value(number: Any, unit: str | None = None, **more: Any) -> dict[str, Any]:
    return {"valueQuantity": {"value": number} | ({"unit": unit} if unit is not None else {}) | more}


def text(said: str) -> dict[str, Any]:
    return {"valueString": said}


def of_range(**bounds: Any) -> dict[str, Any]:
    return {"valueRange": bounds}


def mm(number: Any, unit: str = "mm", **more: Any) -> dict[str, Any]:
    return {"value": number, "unit": unit} | more


VALUES: list[tuple[str, dict[str, Any], Any]] = [
    # nothing said, and something that is no value
    ("ecog", {}, ABSENT),
    ("ecog", {"dataAbsentReason": {"text": "unknown"}}, ABSENT),
    ("ecog", {"valueInteger": True}, UNREADABLE),
    ("ecog", {"valueInteger": "1"}, UNREADABLE),
    ("ecog", {"valueTime": "10:00:00"}, UNREADABLE),
    ("ecog", {"valueInteger": 0}, 0),
    ("ecog", {"valueInteger": 5}, 5),
    ("ecog", {"valueInteger": 6}, UNREADABLE),
    ("ecog", {"valueInteger": -1}, UNREADABLE),
    ("metastasis-count", {"valueInteger": 0}, UNREADABLE),
    ("metastasis-count", {"valueInteger": 1}, 1),
    ("cea", {"valueInteger": 4}, UNREADABLE),
    # quantities: the unit decides
    ("ecog", value(1), 1),
    ("ecog", value(1.5), UNREADABLE),
    ("ecog", value(1, "1"), 1),
    ("ecog", value(1, "{anything}"), 1),
    ("ecog", value(1, " {score} "), 1),
    ("ecog", value(1, "{score"), UNREADABLE),
    ("ecog", value(1, "score}"), UNREADABLE),
    ("ecog", value(1, "mm"), UNREADABLE),
    ("ecog", value(1, "%"), 1),
    ("ecog", {"valueQuantity": {"value": 1, "unit": "Score"}}, 1),
    ("metastasis-count", value(3, "%"), UNREADABLE),
    ("flr-percent", value(0.35), UNREADABLE),
    ("flr-percent", value(35, "1"), UNREADABLE),
    ("flr-percent", value(35, "{ratio}"), UNREADABLE),
    ("flr-percent", value(35, "%"), 35),
    ("flr-percent", value(0, "%"), 0),
    ("flr-percent", value(100, "%"), 100),
    ("flr-percent", value(100.1, "%"), UNREADABLE),
    ("flr-percent", value(-0.1, "%"), UNREADABLE),
    *(("largest-metastasis", value(2.5, unit), 25) for unit in ("cm", "CM", " cm ", "centimeter", "Centimetre")),
    *(("largest-metastasis", value(2.5, unit), 2.5) for unit in ("mm", "MM", "millimeter", "millimetres")),
    ("largest-metastasis", value(2.9, code="cm", unit="mm"), 29),
    ("largest-metastasis", value(2.9, code="", unit="cm"), 29),
    ("largest-metastasis", value(2.9, "m"), UNREADABLE),
    ("largest-metastasis", value(2.9, ""), UNREADABLE),
    ("largest-metastasis", value("2.95", "cm"), 29.5),
    ("largest-metastasis", value(" 30 ", "mm"), 30),
    *(("largest-metastasis", value(bad, "mm"), UNREADABLE) for bad in ("x", "", "NaN", "Infinity", True, None, [3])),
    ("largest-metastasis", {"valueQuantity": {"unit": "mm"}}, UNREADABLE),
    ("largest-metastasis", {"valueQuantity": {"_value": {"extension": []}}}, ABSENT),
    *(("cea", value(4.25, unit), 4.25) for unit in ("ng/mL", "ug/L", "µg/l", "μg/l", "mcg/L")),
    *(("cea", value(4.25, unit), 4250) for unit in ("ug/mL", "µg/mL", "μg/mL", "mcg/mL", "mg/L")),
    *(("cea", value(4.25, unit), 0.00425) for unit in ("ng/L", "pg/mL")),
    *(("cea", value(4.25, unit), 0.0425) for unit in ("ng/dL", "NG/DL")),
    *(("cea", value(4.25, unit), UNREADABLE) for unit in ("g/L", "nmol/L", "k[IU]/L", "[arb'U]/mL", "ng", "mg/g")),
    ("cea", value(4.25, "ng/mL", system=SNOMED, code="258806002"), 4.25),
    ("cea", value(4.25, system="urn:oid:1.2.3", code="ng/mL"), 4.25),
    ("cea", value(4.25, "ng/mL", system="urn:oid:2.16.840.1.113883.6.8", code="ug/mL"), 4250),
    *(
        ("cea", value(4.25, "ng/mL", system=system, code="U/mL"), UNREADABLE)
        for system in ("http://unitsofmeasure.org", " http://unitsofmeasure.org/ ")
    ),
    *(("metastasis-count", value(3, unit), 3) for unit in ("lesions", "Metastases", "nodules", "{lesions}")),
    ("nodes-positive", value(3, "lymph nodes"), 3),
    ("metastasis-count", value(3, "cm"), UNREADABLE),
    *(("months-primary-to-metastases", value(7, unit), 7) for unit in ("mo", "month", "Months")),
    ("months-primary-to-metastases", value(7, "wk"), UNREADABLE),
    # comparators leave an interval, and one within the bounds of the fact
    ("cea", value(5, "ng/mL", comparator="<"), below),
    ("cea", value(5, "ng/mL", comparator="<="), Interval(high=5)),
    ("cea", value(5, "ng/mL", comparator=">"), Interval(5, low_included=False)),
    ("cea", value(5, "ng/mL", comparator=">="), Interval(5)),
    ("cea", value(5, "ng/mL", comparator="≤"), Interval(high=5)),
    ("cea", value(5, "ng/mL", comparator="≥"), Interval(5)),
    ("cea", value(5, "ng/mL", comparator="ad"), UNREADABLE),
    ("cea", value(5, "ng/mL", comparator=""), UNREADABLE),
    # ranges
    ("largest-metastasis", of_range(low=mm(1, "cm"), high=mm(2, "cm")), Interval(10, 20)),
    ("largest-metastasis", of_range(low=mm(10)), Interval(10)),
    ("largest-metastasis", of_range(high=mm(20)), Interval(None, 20)),
    ("largest-metastasis", of_range(low=mm(20), high=mm(20)), 20),
    ("largest-metastasis", of_range(low=mm(21), high=mm(20)), UNREADABLE),
    ("largest-metastasis", of_range(), UNREADABLE),
    ("largest-metastasis", of_range(low=mm(1, "m"), high=mm(20)), UNREADABLE),
    ("largest-metastasis", of_range(low=mm(1), high=mm(20, "m")), UNREADABLE),
    ("largest-metastasis", of_range(low=mm(1, comparator="<")), UNREADABLE),
    ("metastasis-count", of_range(low={"value": 1.5}, high={"value": 2.5}), 2),
    # text
    ("ecog", text("1"), 1),
    ("ecog", text(" ECOG PS: 1 "), 1),
    ("ecog", text("WHO performance 1"), UNREADABLE),
    ("ecog", text("1 - 2"), Interval(1, 2)),
    ("ecog", text("1 \u2013 2"), Interval(1, 2)),
    ("ecog", text("1 to 2"), Interval(1, 2)),
    ("ecog", text("2-1"), UNREADABLE),
    ("ecog", text("1-1"), 1),
    ("ecog", text("<1-2"), UNREADABLE),
    ("ecog", text("<2"), Interval(None, 1)),
    ("ecog", text("≥ 2"), Interval(2)),
    ("ecog", text("1.5"), UNREADABLE),
    ("ecog", text("IV"), UNREADABLE),
    ("ecog", text("multiple"), UNREADABLE),
    ("ecog", text("1 mm"), UNREADABLE),
    ("largest-metastasis", text("2,5 cm"), 25),
    ("largest-metastasis", text("2,5-3,5 cm"), Interval(25, 35)),
    ("largest-metastasis", text("1,234 mm"), UNREADABLE),
    ("largest-metastasis", text("1,23 mm"), 1.23),
    ("largest-metastasis", text("25"), UNREADABLE),
    ("largest-metastasis", text(""), UNREADABLE),
    *(("asa", text(f"{roman}"), number) for number, roman in enumerate(("I", "ii", "III", "asa iv", "ASA V", "VI"), 1)),
    ("asa", text("ASA class III"), 3),
    ("asa", text("class vi"), 6),
    *(("asa", text(unclear), UNREADABLE) for unclear in ("ASA", "ASA IIII", "ASAII", "IIX", "III and IV")),
    *(
        ("asa", text(classes), Interval(2, 3))
        for classes in ("II-III", "ASA II - III", "asa class ii \u2013 iii", "II to III")
    ),
    ("asa", text("III-IV"), Interval(3, 4)),
    ("asa", text("III - III"), 3),
    *(
        ("asa", text(unclear), UNREADABLE)
        for unclear in ("IV-III", "3 - IV", "II (III)", "ASA II, ASA III", "II-or III")
    ),
    *(
        ("asa", text(said), 3)
        for said in ("asa: 3", "ASA Physical Status Class III", "ASA PS: III", "Physical status 3")
    ),
    *(("ecog", text(said), 1) for said in ("ECOG performance status 1", "ECOG=1", "ECOG performance status - grade 1")),
    *(("ecog", text(said), 1) for said in ("Performance status 1", "WHO performance status: grade 1", "ECOG - 1")),
    *(
        ("ecog", text(unclear), UNREADABLE)
        for unclear in (
            "ECOG -1",
            "- 1",
            "performance 1 of 5",
            "physical 1",
            "status",
            "=<2",
            "ECOG =>2",
            "ECOG-1",
            "Klasse",
        )
    ),
    *(("ecog", text(said), 1) for said in ("ECOG-Status 1", "ECOG Grad: 1", "WHO-Score 1", "Estado funcional OMS 1")),
    *(("ecog", text(said), 1) for said in ("Grado 1", "Graad 1", "Indice ECOG : 1", "ECOG-PS 1")),
    *(
        ("asa", text(said), 3)
        for said in ("ASA-Klasse III", "Klasse 3", "Classe ASA III", "ASA clase 3", "ASA-Score III", "ASA-III")
    ),
    ("ecog", text("0 - Fully active, able to carry on without restriction"), 0),
    ("ecog", text("ECOG 1: restricted in physically strenuous activity"), 1),
    ("ecog", text("0 - no symptoms, not restricted"), 0),
    ("ecog", text("2 (ambulatory)"), 2),
    ("ecog", text("1-Symptomatic but ambulatory"), 1),
    ("asa", text("ASA III - severe systemic disease"), 3),
    ("asa", text("4 \u2013 constant threat to life"), 4),
    *(
        ("ecog", text(f"1 - {words}"), UNREADABLE)
        for words in ("not assessed", "unknown", "restricted?", "2 before", "")
    ),
    *(
        ("ecog", text(unclear), UNREADABLE)
        for unclear in ("1 restricted", "9 - dead", "fully - active", "not 1 - active")
    ),
    ("metastasis-count", text("3 - segments II and VI"), UNREADABLE),
    ("metastasis-count", text("3 lesions"), 3),
    ("metastasis-count", text("4-5 metastases"), Interval(4, 5)),
    *(("metastasis-count", text(unclear), UNREADABLE) for unclear in ("3 cm", "no 3 lesions", "3 benign lesions")),
    *(("metastasis-count", text(many), Interval(2)) for many in ("Multiple", "several", " numerous ", "mehrere")),
    *(
        ("metastasis-count", text(many), Interval(2))
        for many in ("multiple metastases", "Multiple bilobar liver mets.", "mehrere Lebermetastasen", "innumerable")
    ),
    *(
        ("metastasis-count", text(unclear), UNREADABLE)
        for unclear in ("multiple cysts", "not multiple", "multiple cysts, no metastases", "metastases")
    ),
    # coded numbers
    ("ecog", coded(LOINC, "LA9623-5"), 1),
    ("ecog", {"valueCodeableConcept": {"text": "ECOG 3"}}, 3),
    ("ecog", {"valueCodeableConcept": {"text": 3}}, UNREADABLE),
    ("ecog", {"valueCodeableConcept": {"coding": [{"code": "x", "display": "ECOG 3"}]}}, 3),
    ("ecog", {"valueCodeableConcept": {"coding": [{"display": "Grade 3"}], "text": "ECOG 3"}}, 3),
    ("ecog", {"valueCodeableConcept": {"coding": [{"display": "ECOG 3"}], "text": "see note"}}, 3),
    ("ecog", {"valueCodeableConcept": {"coding": [{"display": "ECOG 3"}], "text": "ECOG 2"}}, UNREADABLE),
    ("asa", {"valueCodeableConcept": {"coding": [{"display": "ASA II"}]}}, 2),
    ("ecog", {"valueCodeableConcept": concept(LOINC, "LA9623-5") | {"text": "ECOG 3"}}, 1),
    ("ecog", {"valueCodeableConcept": []}, UNREADABLE),
    (
        "ecog",
        {
            "valueCodeableConcept": {
                "coding": [*concept(LOINC, "LA9625-0")["coding"], *concept(LOINC, "LA9623-5")["coding"]]
            }
        },
        Interval(1, 3),
    ),
    # dates
    ("chemotherapy-last-date", {"valueDateTime": "2026-05-04T10:00:00Z"}, date(2026, 5, 4)),
    ("chemotherapy-last-date", {"valueDateTime": "2026-05"}, "2026-05"),
    ("chemotherapy-last-date", text("2026-05-04"), date(2026, 5, 4)),
    ("chemotherapy-last-date", {"valueDateTime": "x", "valueString": "2026-05-04"}, UNREADABLE),
    ("chemotherapy-last-date", {"valueInteger": 2026}, UNREADABLE),
    ("chemotherapy-last-date", {}, ABSENT),
    # yes and no
    ("r0-achievable", {"valueBoolean": True}, True),
    ("r0-achievable", {"valueBoolean": False}, False),
    ("r0-achievable", {"valueBoolean": "true"}, UNREADABLE),
    ("r0-achievable", {"valueBoolean": None}, UNREADABLE),
    ("r0-achievable", text("true"), UNREADABLE),
    ("r0-achievable", {"valueInteger": 1}, UNREADABLE),
    ("r0-achievable", {}, ABSENT),
    ("r0-achievable", coded(SNOMED, "373066001"), True),
    ("r0-achievable", coded(SNOMED, "373067005"), False),
    (
        "r0-achievable",
        {"valueCodeableConcept": {"coding": [{"system": SNOMED, "code": code} for code in ("373066001", "373067005")]}},
        UNREADABLE,
    ),
    ("liver-centre-discussed", {"valueBoolean": True}, "agreed"),
    ("liver-centre-discussed", {"valueBoolean": False}, "refused"),
    ("liver-state", {"valueBoolean": True}, UNREADABLE),
    # choices
    ("liver-state", coded(FACTS_SYSTEM, "treated"), "treated"),
    ("liver-state", coded(FACTS_SYSTEM, "agreed"), UNREADABLE),
    ("liver-state", coded(ICD10CM, "C78.7"), UNREADABLE),
    ("liver-state", text(" TREATED "), "treated"),
    ("liver-state", text("treat"), UNREADABLE),
    ("metastases-detected", text("At staging"), "at-staging"),
    ("colorectal-operation", text("Low anterior  resection"), "low-anterior-resection"),
    ("colorectal-operation", text("low-anterior-resection"), "low-anterior-resection"),
    ("colorectal-operation", text("anterior resection"), UNREADABLE),
    ("adjuvant-status", {"valueCodeableConcept": {"text": "not completed"}}, UNREADABLE),
    ("primary-n", text("N 1"), UNREADABLE),
    ("liver-state", {"valueString": 5}, UNREADABLE),
    ("liver-state", {"valueInteger": 1}, UNREADABLE),
    ("liver-state", {"valueCodeableConcept": {"text": "Treated"}}, "treated"),
    ("liver-state", {"valueCodeableConcept": {"coding": [{"code": "17", "display": "treated"}]}}, "treated"),
    ("liver-state", {"valueCodeableConcept": concept(FACTS_SYSTEM, "treated") | {"text": "untreated"}}, "treated"),
    (
        "liver-state",
        {"valueCodeableConcept": {"coding": [{"display": "treated"}], "text": "untreated"}},
        frozenset({"treated", "untreated"}),
    ),
    ("liver-state", {"valueCodeableConcept": {"text": "not treated"}}, UNREADABLE),
    ("liver-state", {}, ABSENT),
]


@pytest.mark.parametrize(("fact", "carrier", "expected"), VALUES)
def test_a_value_is_read_as_what_it_says(fact: str, carrier: dict[str, Any], expected: Any) -> None:
    found = read_value(carrier, load_catalogue()[fact], terminology(), ECOG_ANSWERS)
    assert (found, type(found)) == (expected, type(expected))


def test_answers_are_read_only_where_they_are_given() -> None:
    assert read_value(coded(LOINC, "LA9623-5"), load_catalogue()["ecog"], terminology()) is UNREADABLE
    assert read_value(coded(FACTS_SYSTEM, "r1"), load_catalogue()["primary-margin"], terminology()) == "r1"


INTERVALS: list[tuple[str, Interval, Any]] = [
    # whole numbers: an excluded or broken bound moves to the next one inside
    ("ecog", Interval(1, 3, low_included=False, high_included=False), 2),
    ("ecog", Interval(0.5, 2.5), Interval(1, 2)),
    ("ecog", Interval(0.5, 2.5, low_included=False, high_included=False), Interval(1, 2)),
    ("ecog", Interval(1.0, 3.0, low_included=False, high_included=False), 2),
    ("ecog", Interval(1, 2, low_included=False, high_included=False), UNREADABLE),
    ("ecog", Interval(2.1, 2.9), UNREADABLE),
    ("ecog", Interval(5, 9), 5),
    ("ecog", Interval(6, 9), UNREADABLE),
    ("ecog", Interval(-3, 0), 0),
    ("ecog", Interval(-3, -1), UNREADABLE),
    ("ecog", Interval(None, 0), 0),
    ("ecog", Interval(5), 5),
    ("ecog", Interval(5, low_included=False), UNREADABLE),
    ("ecog", Interval(), Interval()),
    ("metastasis-count", Interval(2, low_included=False), Interval(3)),
    ("metastasis-count", Interval(None, 1), 1),
    ("metastasis-count", Interval(None, 1, high_included=False), UNREADABLE),
    # other numbers keep their borders
    ("flr-percent", Interval(30, low_included=False), Interval(30, low_included=False)),
    ("flr-percent", Interval(None, 30, high_included=False), Interval(None, 30, high_included=False)),
    ("flr-percent", Interval(20, 30, low_included=False, high_included=False), Interval(20, 30, False, False)),  # noqa: FBT003
    ("flr-percent", Interval(100, low_included=False), UNREADABLE),
    ("flr-percent", Interval(100), 100),
    ("flr-percent", Interval(0, 0), 0),
    ("flr-percent", Interval(None, 0, high_included=False), UNREADABLE),
    ("flr-percent", Interval(30.5, 30.5), 30.5),
    ("flr-percent", Interval(30.5, 30.5, low_included=False), UNREADABLE),
    ("flr-percent", Interval(30.5, 30.5, high_included=False), UNREADABLE),
]


@pytest.mark.parametrize(("fact", "interval", "expected"), INTERVALS)
def test_an_interval_is_narrowed_to_the_values_of_its_fact(fact: str, interval: Interval, expected: Any) -> None:
    found = narrow(interval, load_catalogue()[fact])
    assert (found, type(found)) == (expected, type(expected))


WIDE = [
    Interval(-5, 120, low_included=False),
    Interval(-3, 9, high_included=False),
    Interval(2.5, 200),
    Interval(-1, 1),
]


@pytest.mark.parametrize("fact", ["ecog", "metastasis-count", "flr-percent"])
@pytest.mark.parametrize("interval", [*WIDE, *(interval for _, interval, _ in INTERVALS)])
def test_narrowing_keeps_exactly_the_values_of_the_fact(fact: str, interval: Interval) -> None:
    about = load_catalogue()[fact]
    numbers = [number / (1 if about.kind == "integer" else 4) for number in range(-10, 500)]
    values = [one for one in numbers if one in Interval(about.minimum, about.maximum)]
    found = narrow(interval, about)
    left = found if isinstance(found, Interval) else Interval(found, found) if isinstance(found, int | float) else None
    assert [one for one in values if left is not None and one in left] == [one for one in values if one in interval]


CANCER = {"system": ICD10CM, "code": "C20", "display": "rectum"}
LIVER = {"system": ICD10CM, "code": "C78.7"}
CONCEPTS: list[tuple[Any, list[Any], list[str], set[str]]] = [
    (None, [], [], set()),
    ("x", [], [], set()),
    ({}, [], [], set()),
    ({"coding": None, "text": 5}, [], [], set()),
    ({"coding": "x", "text": "a"}, [], ["a"], set()),
    ({"coding": CANCER}, [CANCER], ["rectum"], {"primary-site-rectum-unspecified"}),
    ({"coding": [None, CANCER, 5, LIVER], "text": "a"}, [CANCER, LIVER], ["a", "rectum"], {
        "primary-site-rectum-unspecified", "liver-metastasis",
    }),
    ({"coding": [{"display": 5}, {"system": ICD10CM}, {"code": "C20"}]}, [
        {"display": 5}, {"system": ICD10CM}, {"code": "C20"},
    ], [], set()),
]  # fmt: skip


@pytest.mark.parametrize(("concept_", "listed", "texts", "sets"), CONCEPTS)
def test_a_concept_of_any_shape_gives_what_it_holds(
    concept_: Any, listed: list[Any], texts: list[str], sets: set[str]
) -> None:
    assert list(codings(concept_)) == listed
    assert concept_texts(concept_) == texts
    assert concept_sets(concept_, terminology()) == sets


def test_a_number_in_a_unit_is_exact() -> None:
    size = load_catalogue()["largest-metastasis"]
    assert [read_value(quantity(tenth / 10, "cm"), size, terminology()) for tenth in range(1, 100)] == list(
        range(1, 100)
    )


@pytest.mark.parametrize(("end", "expected"), [("1", 1), ("x", NoValue.UNREADABLE)])
def test_a_text_of_many_spaces_is_read_at_once(end: str, expected: Any) -> None:
    began = process_time()
    found = read_value({"valueString": f"ECOG{' ' * 20_000}{end}"}, load_catalogue()["ecog"], terminology())
    assert (found, process_time() - began < 1) == (expected, True)
