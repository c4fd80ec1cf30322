"""What one line of a card says is not said again by another."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.case import Evidence, Issue, Narrowed, Sign
from service.knowledge.decide import decide
from service.knowledge.explain import explain
from service.knowledge.guideline import load_guideline
from service.knowledge.model import Policy
from service.knowledge.reading import Reading
from service.knowledge.reasons import reasons
from tests.decided import CATALOGUE, example, section_of
from tests.explain.plain import plain

if TYPE_CHECKING:
    from fhir_mappings.case import Case
    from service.knowledge.model import Guideline

ELSEWHERE = Narrowed(frozenset({"resectable", "unresectable"}), (Evidence("Condition/lung"),))


def said(case: Case, code: Any, guideline: Guideline | None = None) -> list[str]:
    guideline = guideline or load_guideline()
    section = section_of(explain(Reading(case, decide(case, guideline), guideline, CATALOGUE)), code)
    return [plain(line) for line in section.lines] if section else []


def test_what_leaves_a_missing_fact_open_is_named_with_the_fact() -> None:
    ablated = Issue("Procedure/a", "an operation of the liver", "flagged", ("liver-state",))
    other = Issue("Procedure/b", "for another cancer", "flagged", ("primary-in-situ",))
    signs = frozenset({Sign.PROCEDURES_COMPLETE, Sign.LIVER_TREATED})
    case = replace(example("V27", "liver-state"), issues=(ablated, other), signs=signs)
    assert said(case, "gaps") == ["Whether the liver has been treated: an operation of the liver (Procedure/a)"]


@pytest.mark.parametrize(
    ("case", "reason", "advisory"),
    [
        (
            example("V01", extrahepatic_disease="unresectable"),
            "Unresectable extrahepatic disease (2 Nov 2026, Observation/extrahepatic-disease)",
            "There is disease outside the liver.",
        ),
        (
            example("V13"),
            "Unfavourable primary (perforated) (2 Nov 2026, Observation/primary-pathology)",
            "The pathology of the primary is unfavourable.",
        ),
    ],
    ids=["disease elsewhere", "unfavourable primary"],
)
def test_an_advisory_that_the_reasons_state_is_not_said_again(case: Case, reason: str, advisory: str) -> None:
    assert reason in said(case, "why")
    assert not [line for line in said(case, "advisories") if line.startswith(advisory)]


def test_an_advisory_that_no_reason_states_is_said() -> None:
    assert "The pathology of the primary is unfavourable." in said(example("V09"), "advisories")


def test_disease_elsewhere_of_which_nobody_said_more_is_of_unknown_resectability() -> None:
    case = example("V01", extrahepatic_disease=ELSEWHERE)
    assert "Extrahepatic disease of unknown resectability (Condition/lung)" in said(case, "why")


def test_adjuvant_chemotherapy_that_ended_on_a_day_is_not_also_said_to_be_completed() -> None:
    ended = {"adjuvant_end_date": date(2026, 7, 8), "liver_metastasis_date": date(2026, 10, 28)}
    case = example("V28", adjuvant_status="completed", **ended)
    (line,) = (line for line in said(case, "advisories") if line.startswith("Adjuvant chemotherapy failed"))
    assert line == (
        "Adjuvant chemotherapy failed within 12 months. Recorded: adjuvant chemotherapy ended on 8 Jul 2026 "
        "(2 Nov 2026, Observation/adjuvant-end-date)"
    )


def test_an_advisory_names_the_limit_of_the_site() -> None:
    guideline = load_guideline(Policy("our MDT", {"short_interval_months": 9}))
    assert "Disease-free interval under 9 months: poor prognosis. Recorded: disease-free interval 8 months" in [
        line.partition(" (")[0] for line in said(example("V28"), "advisories", guideline)
    ]


def test_what_speaks_for_a_strategy_is_a_reason_and_for_an_open_one_what_is_known() -> None:
    guideline = load_guideline()
    readings = (Reading(case, decide(case, guideline), guideline, CATALOGUE) for case in map(example, ("V01", "V19")))
    assert [{line.kind for line in reasons(one)} for one in readings] == [{"reason"}, {"known"}]


def test_that_the_liver_is_untreated_as_usual_is_no_reason() -> None:
    guideline = load_guideline()
    cases = [example("V19", liver_state=state) for state in ("untreated", "recurrence")]
    found = [reasons(Reading(case, decide(case, guideline), guideline, CATALOGUE)) for case in cases]
    of_staging = [plain(line).partition(" (")[0] for lines in found for line in lines if "staging" in plain(line)]
    assert of_staging == [
        "Metastases found at staging",
        "Metastases found at staging, recurrence after liver treatment",
    ]
