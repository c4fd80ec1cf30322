"""What is dated in the future: it is not used, and not taken for absent either."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Gap, Unknown
from fhir_mappings.catalogue import load_catalogue
from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline
from tests.charts import ICD10CM, LOINC, SNOMED, coded, condition, local, observation
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

TO_COME = "2026-07-01"
CLASS_4 = coded(SNOMED, "413498004")

DATED: list[tuple[str, dict[str, Any]]] = [
    ("asa", local("asa", 4, on=TO_COME)),
    ("asa", observation("o", (SNOMED, "302132005"), CLASS_4, on=TO_COME)),
    ("extrahepatic-disease", local("extrahepatic-disease", "resectable", on=TO_COME)),
    ("extrahepatic-disease", condition("o", (ICD10CM, "C78.01"), onset=TO_COME)),
    ("liver-condition", condition("o", (ICD10CM, "K74.60"), onset=TO_COME)),
    ("primary-symptoms", condition("o", (ICD10CM, "K56.69"), onset=TO_COME)),
    ("impending-complication", local("impending-complication", value=True, on=TO_COME)),
    ("primary-margin", local("primary-margin", "r2", on=TO_COME)),
    ("primary-t", observation("o", (LOINC, "21905-5"), {"valueString": "cT4b"}, on=TO_COME)),
    ("mdt-decision", local("mdt-decision", "liver-first", on=TO_COME)),
]


@pytest.mark.parametrize(("fact", "resource"), DATED)
def test_what_is_dated_in_the_future_cannot_be_read(fact: str, resource: dict[str, Any]) -> None:
    found = read(PRIMARY, LIVER, resource).facts[fact]
    assert isinstance(found, Unknown)
    proof = [(one.reference, str(one.dated)) for one in found.evidence]
    assert (found.gap, proof) == (Gap.UNREADABLE, [(f"{resource['resourceType']}/{resource['id']}", TO_COME)])


def test_nothing_is_assumed_against_what_is_dated_in_the_future() -> None:
    known = [
        local(code, value, on="2026-06-01")
        for code, value in {"ecog": 0, "primary-in-situ": True, "primary-symptoms": "none"}.items()
    ]
    absent, to_come = (
        decide(read(PRIMARY, LIVER, *known, *asa), load_guideline()) for asa in ((), (local("asa", 4, on=TO_COME),))
    )
    assert ("asa" in {one.fact for one in absent.missing}, "asa" in {one.fact for one in to_come.missing}) == (
        False,
        True,
    )


@pytest.mark.parametrize(
    "resource",
    [
        local("asa", 4, on=TO_COME, status="entered-in-error"),
        local("asa", 4, on=TO_COME, status="registered"),
        condition("o", (ICD10CM, "C78.01"), onset=TO_COME, verification="refuted"),
        condition("o", (ICD10CM, "C78.01"), onset=TO_COME, clinical="resolved"),
    ],
)
def test_what_would_not_count_on_its_day_is_absent_before_it(resource: dict[str, Any]) -> None:
    case = read(PRIMARY, LIVER, resource)
    assert (shown(case, "asa"), shown(case, "extrahepatic-disease")) == ("gap: absent", "gap: absent")


def test_an_older_value_that_can_be_read_stays() -> None:
    case = read(PRIMARY, LIVER, local("asa", 2, on="2026-06-01"), local("asa", 4, on=TO_COME) | {"id": "later"})
    assert (shown(case, "asa"), case.facts["asa"].evidence[0].reference) == (2, "Observation/local-asa")
    assert [(one.reference, one.reason, one.severity, one.costs) for one in case.issues] == [
        ("Observation/later", "dated in the future", "left-out", ("asa",))
    ]


@pytest.mark.parametrize("day", ["2026-06-17", "2026-07", "2027"])
@pytest.mark.parametrize("fact", [code for code, found in load_catalogue().facts.items() if found.kind == "date"])
def test_a_day_to_come_is_none_on_which_something_was(fact: str, day: str) -> None:
    entered = local(fact, day, on="2026-06-01")
    case = read(PRIMARY | {"onsetDateTime": None}, LIVER | {"onsetDateTime": None}, entered)
    assert (shown(case, fact), [(one.reason, one.costs) for one in case.issues if one.severity == "left-out"]) == (
        "gap: unreadable",
        [("dated in the future", (fact,))],
    )


def test_days_to_come_are_shown_in_the_order_in_which_they_were_entered() -> None:
    fact = "primary-resection-date"
    last, first = (local(fact, TO_COME, on=f"2026-06-0{day}", ident=ident) for day, ident in ((2, "a"), (1, "b")))
    found = read(PRIMARY, LIVER, last, first).facts[fact]
    assert [proof.reference for proof in found.evidence] == ["Observation/b", "Observation/a"]


@pytest.mark.parametrize("day", ["2026-06-16", "2026-06", "2026"])
def test_a_day_that_may_be_past_or_is_tomorrow_is_read(day: str) -> None:
    assert (
        str(
            shown(read(PRIMARY, LIVER, local("primary-resection-date", day, on="2026-06-01")), "primary-resection-date")
        )
        == day
    )


def test_a_resection_on_a_day_to_come_has_not_been() -> None:
    in_situ = local("primary-in-situ", value=True, on="2026-06-01")
    case = read(PRIMARY, LIVER, in_situ, local("primary-resection-date", "2026-07-01", on="2026-06-01"))
    assert (shown(case, "primary-in-situ"), shown(case, "primary-resection-date")) == (True, "gap: unreadable")
