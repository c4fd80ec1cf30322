"""Grades as they are spelled: the sentences of ECOG, the emergency that is added to an ASA class, one or the other."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Interval
from tests.charts import LOINC, SNOMED, Resource, observation
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

UNREADABLE = "gap: unreadable"
ECOG, ASA = (LOINC, "89262-0"), (SNOMED, "302132005")
ACTIVE = "Fully active, able to carry on all pre-disease performance without restriction"
LIGHT_WORK = "able to carry out work of a light or sedentary nature"
RESTRICTED = f"Restricted in physically strenuous activity but ambulatory and {LIGHT_WORK}"
AMBULATORY = "Ambulatory and capable of all selfcare but unable to carry out any work activities"
LIMITED, DISABLED = "Capable of only limited selfcare", "Completely disabled"
UP = "Up and about more than 50% of waking hours"


def told(fact: str, value: Resource) -> Any:
    code = ECOG if fact == "ecog" else ASA
    return shown(read(PRIMARY, LIVER, observation("o", code, value, on="2026-06-01")), fact)


def both(fact: str, text: str) -> Any:
    """Read a text as a string and as the text of a concept; they say the same."""
    found = [told(fact, value) for value in ({"valueString": text}, {"valueCodeableConcept": {"text": text}})]
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(
    ("said", "grade"),
    [
        (ACTIVE, 0),
        (RESTRICTED, 1),
        (f"{RESTRICTED}, e.g., light house work, office work.", 1),
        (AMBULATORY, 2),
        (f"{AMBULATORY.replace('selfcare', 'self-care')}. {UP}", 2),
        (LIMITED.upper(), 3),
        (f"{LIMITED}; confined to bed or chair more than 50% of waking hours", 3),
        (DISABLED, 4),
        ("Completely disabled. Cannot carry on any selfcare. Totally confined to bed or chair", 4),
        ("Dead", 5),
        ("ECOG PS 0", 0),
        ("PS 0", 0),
        ("0 - fully active", 0),
        (f"2 - {AMBULATORY}. {UP}", 2),
        ("ECOG 1-2", Interval(1, 2)),
        ("ECOG 0 or 1", Interval(0, 1)),
        ("ECOG 1 bis 2", Interval(1, 2)),
        ("ECOG 1 ou 2", Interval(1, 2)),
    ],
)
def test_a_grade_of_ecog_is_told_by_its_sentence(said: str, grade: Any) -> None:
    assert both("ecog", said) == grade


@pytest.mark.parametrize(
    "said",
    [
        f"{ACTIVE} until last week",
        f"Not {DISABLED.lower()}",
        "Disabled",
        f"{DISABLED}?",
        "ECOG 0/1",
        "ECOG 2 of 5",
        f"1 - {UP} in 30% of days",
        "Dead " * 200,
        "",
    ],
)
def test_another_sentence_tells_no_grade(said: str) -> None:
    assert told("ecog", {"valueString": said}) == UNREADABLE


def test_a_sentence_of_one_grade_beside_another_grade_tells_none() -> None:
    concept = {"coding": [{"display": "ECOG 1"}], "text": AMBULATORY}
    assert told("ecog", {"valueCodeableConcept": concept}) == UNREADABLE


@pytest.mark.parametrize(
    ("said", "grade"),
    [
        *((said, 3) for said in ("IIIE", "ASA 3E", "ASA III E", "ASA III-E", "3e", "ASA class 3 (E)", "IIIE - severe")),
        *((said, 3) for said in ("ASA III emergency", "ASA 3 Notfall", "ASA III urgence", "ASA III, emergency")),
        ("IVE", 4),
        ("ASA 1E", 1),
        ("ASA II-IIIE", Interval(2, 3)),
        ("ASA III or IV", Interval(3, 4)),
    ],
)
def test_an_emergency_leaves_the_class_of_asa(said: str, grade: Any) -> None:
    assert both("asa", said) == grade


@pytest.mark.parametrize("said", ["E", "ASA E", "emergency", "ASA III no emergency", "ASA 3EE", "III elective?"])
def test_another_letter_is_no_class(said: str) -> None:
    assert both("asa", said) == UNREADABLE


def test_only_a_class_of_asa_is_one_of_an_emergency() -> None:
    assert both("ecog", "ECOG 1E") == UNREADABLE
