"""Sentences that a surgeon could misread: one claim for each, on the words of the card."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.case import Evidence, Gap, Known, Narrowed, PartialDate, Unknown
from service.knowledge.decide import decide
from service.knowledge.decision import Answer, Decision, MissingFact, Outcome
from service.knowledge.explain import explain
from service.knowledge.explanation import say
from service.knowledge.guideline import load_guideline
from service.knowledge.model import Policy
from service.knowledge.reading import Reading
from tests.cases import examples
from tests.decided import CATALOGUE, charted, example, section_of, with_facts
from tests.explain.plain import plain
from tests.orders.drafts import biopsy, cards, colectomy, cycle, hepatectomy

if TYPE_CHECKING:
    from fhir_mappings.case import Case

GUIDELINE = load_guideline()
ASKS_ASA = load_guideline(Policy("asks", {}, frozenset({"asa"})))


def said(case: Case, code: Any) -> list[str]:
    """Give the lines of one section of a card."""
    section = section_of(explain(Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE)), code)
    return [plain(line) for line in section.lines] if section else []


@pytest.mark.parametrize("last", [date(9999, 12, 31), "9999", "9999-12"])
def test_a_date_at_the_end_of_time_is_read_like_any_other(last: date | str) -> None:
    dates: dict[str, Any] = dict.fromkeys(
        ("chemotherapy_last_date", "primary_resection_date", "adjuvant_end_date"), last
    )
    told = {one.id: bool(said(example(one.id), "recommendation")) for one in examples()}
    assert {name: bool(said(example(name, **dates), "recommendation")) for name in told} == told


def next_step(case: Case) -> str:
    (found,) = (line for line in said(case, "recommendation") if line.startswith("Next: "))
    return found


def test_a_liver_centre_that_agreed_is_not_to_be_asked_again() -> None:
    together = "resection of the ascending colon primary and of the liver metastases in one operation"
    assert next_step(example("V16")) == f"Next: R{together[1:]}, as agreed with the liver centre"
    asked = next_step(example("V16", "liver-centre-discussed"))
    assert asked == f"Next: Discussion with the liver centre; then {together}"


WAIT = "not before 8 Dec 2026: 4 weeks after the last chemotherapy (10 Nov 2026)"


@pytest.mark.parametrize(
    ("name", "more", "step"),
    [
        ("V16", {}, f"in one operation, as agreed with the liver centre, {WAIT}"),
        ("V16", {"liver_centre_discussed": Unknown()}, f"in one operation, {WAIT}"),
        ("V02", {}, f"liver resection or ablation, between radiotherapy and rectal surgery, {WAIT}; then"),
        ("V12", {"primary_resection_date": date(2026, 10, 12)}, f"23 Nov 2026 to 4 Jan 2027, {WAIT}; then"),
        (
            "V12",
            {"primary_resection_date": date(2026, 8, 3)},
            f"14 Sep 2026 to 26 Oct 2026, already past, {WAIT}; then",
        ),
    ],
)
def test_no_operation_of_the_liver_is_told_without_the_wait_after_chemotherapy(
    name: str, more: dict[str, Any], step: str
) -> None:
    treated = {"chemotherapy_cycles": 4, "chemotherapy_response": "partial-response"} if name != "V12" else {}
    case = example(name, chemotherapy_last_date=date(2026, 11, 10), **treated, **more)
    assert step in next_step(case)


@pytest.mark.parametrize(
    ("last", "wait"),
    [
        (date(2026, 10, 26), "not before 23 Nov 2026: 4 weeks after the last chemotherapy (26 Oct 2026)"),
        (date(2026, 10, 25), "possible since 22 Nov 2026: 4 weeks after the last chemotherapy (25 Oct 2026)"),
        (date(2026, 10, 16), "possible since 13 Nov 2026: 4 weeks after the last chemotherapy (16 Oct 2026)"),
    ],
)
def test_a_wait_that_is_over_is_told_as_over(last: date, wait: str) -> None:
    treated = {"chemotherapy_cycles": 4, "chemotherapy_response": "partial-response"}
    case = example("V01", chemotherapy_last_date=last, **treated)
    assert next_step(case).startswith(f"Next: Liver resection, {wait}; then")


def test_a_wait_that_is_over_is_not_told_beside_another_interval() -> None:
    for name in ("V16", "V02", "V12"):
        assert next_step(example(name, chemotherapy_last_date=date(2026, 10, 26))) == next_step(example(name))


@pytest.mark.parametrize(
    ("view", "tail"),
    [
        ("agreed", " Recorded: liver centre agreed (2 Nov 2026, Observation/liver-centre-discussed)"),
        ("refused", " Recorded: liver centre advised against it (2 Nov 2026, Observation/liver-centre-discussed)"),
        (Unknown(), ""),
    ],
)
def test_what_the_liver_centre_said_stands_beside_the_advice_to_ask_it(view: Any, tail: str) -> None:
    (advised, _) = said(example("V16", liver_centre_discussed=view), "advisories")
    assert advised == f"Simultaneous resection only after discussion with the liver centre.{tail}"


@pytest.mark.parametrize(
    ("example_id", "after"), [("V12", ""), ("V01", "; then resection of the sigmoid primary, about 4 to 8 weeks")]
)
def test_the_interval_after_chemotherapy_is_named_where_its_last_day_is_not_recorded(
    example_id: str, after: str
) -> None:
    case = example(example_id, chemotherapy_cycles=4, chemotherapy_response="partial-response")
    interval = "at least 4 weeks after the last chemotherapy and 6 after bevacizumab"
    assert next_step(case).startswith(f"Next: Liver resection, {interval}{after}")


@pytest.mark.parametrize(("course", "said_of_it"), [("indicated", ""), ("ongoing", ", to be completed")])
def test_a_radiotherapy_that_runs_is_not_begun_anew(course: str, said_of_it: str) -> None:
    found = next_step(example("V02", rectal_radiotherapy=course))
    assert found.startswith(f"Next: Radiotherapy of the rectum{said_of_it}; then liver resection or ablation")


def test_an_undated_value_is_called_undated_and_not_old() -> None:
    undated = Unknown(Gap.OUTDATED, (Evidence("Condition/lung"),))
    assert said(with_facts(example("V01"), extrahepatic_disease=undated), "gaps") == [
        "Extrahepatic disease: without a date, so perhaps too old (Condition/lung)"
    ]


def test_a_fact_whose_every_answer_leaves_the_same_comes_after_those_that_decide_by_themselves() -> None:
    case = charted({"primary-in-situ": False, "metastases-detected": "follow-up", "months-primary-to-metastases": 23})
    assert said(case, "missing") == [
        "ECOG: 0–2 → treatment as metachronous disease or systemic therapy first; 3–5 → MDT",  # noqa: RUF001 - en dash
        "Liver remnant: ≤ 30 % → systemic therapy first or MDT; more than 30 % → all still open",
        "Whether R0 is achievable: yes → all still open; no → systemic therapy first or MDT",
        "then: extent of the hepatectomy and pathology of the primary",
    ]


def test_facts_of_which_none_decides_by_itself_are_said_to_need_each_other() -> None:
    both = (Outcome("liver-first", "liver-resection-or-ablation-then-primary"), Outcome("mdt", "second-line"))
    same = (Answer("yes", both), Answer("no", both))
    facts = ("r0-achievable", "metastases-accessible")
    missing = tuple(MissingFact(fact, settles=False, answers=same) for fact in facts)
    decision = Decision(both, ("A7", "A12c"), missing=missing)
    case = example("V16", *facts)
    section = section_of(explain(Reading(case, decision, GUIDELINE, CATALOGUE)), "missing")
    assert section is not None
    assert [plain(line) for line in section.lines] == [
        "Whether R0 is achievable: decides only together with the others",
        "Accessibility of the metastases: decides only together with the others",
    ]


def test_answers_that_leave_another_next_step_name_it_and_not_the_strategy_that_all_share() -> None:
    case = example("V08", "asa", "ecog", "r0-achievable")
    section = section_of(explain(Reading(case, decide(case, ASKS_ASA), ASKS_ASA, CATALOGUE)), "missing")
    assert section is not None
    assert [plain(line) for line in section.lines] == [
        "ASA: 1–3 → all still open; 4–6 → relief of the primary first, then MDT, unfit for elective surgery",  # noqa: RUF001 - en dashes
        "ECOG: 0–2 → all still open; 3–5 → relief of the primary first, then MDT, unfit for elective surgery",  # noqa: RUF001 - en dashes
        (
            "Whether R0 is achievable: yes → all but relief of the primary first, then systemic therapy for the liver "
            "metastases; no → all but primary first, the sigmoid primary, then the liver about 2 months after recovery"
        ),
    ]


def test_answers_that_leave_the_same_stand_together_and_what_they_exclude_is_named() -> None:
    ecog, symptoms, r0 = said(example("V01", "primary-symptoms", "r0-achievable", "ecog"), "missing")
    assert ecog == "ECOG: 0–2 → all but MDT; 3–5 → primary first or MDT"  # noqa: RUF001 - en dashes
    assert symptoms == (
        "Symptoms of the primary: none → all but primary first; minor → all but liver first; "
        "obstruction, bleeding or perforation → primary first"
    )
    assert r0 == "Whether R0 is achievable: yes → all but systemic therapy first; no → all but liver first"


@pytest.mark.parametrize(
    ("case", "why", "transplantation"),
    [
        (example("V20"), "not resectable now", True),
        (example("V12", extrahepatic_disease="unresectable"), "disease outside the liver not resectable", False),
    ],
)
def test_transplantation_is_noted_for_unresectable_livers_and_not_for_disease_elsewhere(
    case: Case,
    why: str,
    transplantation: bool,  # noqa: FBT001
) -> None:
    found = explain(Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE))
    assert f"ystemic therapy first: {why}, review of resectability every 2 months" in found.summary
    assert any("transplantation" in line for line in said(case, "advisories")) is transplantation


def test_a_margin_that_is_assumed_does_not_claim_a_resection() -> None:
    bare = charted({"primary-site": "sigmoid-colon", "metastases-detected": "at-staging"})
    assert "R0 where the primary was resected" in said(bare, "assumptions")


def test_local_policy_begins_its_line_as_a_sentence() -> None:
    assert said(example("V01", extrahepatic_disease="resectable"), "sources")[0] == "Local policy R17"


def test_a_multivisceral_resection_that_is_not_planned_is_no_reason() -> None:
    (_, major) = cards(
        example("V01", colorectal_operation="low-anterior-resection"), hepatectomy(), colectomy(), selections=["liver"]
    )
    assert (
        "- In this patient: low anterior resection planned (2 Nov 2026, Observation/colorectal-operation)\n"
        in major["detail"]
    )


@pytest.mark.parametrize(
    ("left", "together", "liver_first"),
    [
        (
            {"low-anterior-resection", "sigmoid-or-high-anterior-resection"},
            "sigmoid or high anterior resection",
            "low anterior resection",
        ),
        (
            {"total-colectomy", "right-hemicolectomy", "left-hemicolectomy"},
            "right hemicolectomy or left hemicolectomy",
            "total colectomy",
        ),
    ],
)
def test_only_operations_that_the_chart_leaves_open_are_among_the_answers(
    left: set[str], together: str, liver_first: str
) -> None:
    planned = Narrowed(frozenset(left), (Evidence("ServiceRequest/operation"),))
    found = said(example("V16", primary_site="rectum-high", colorectal_operation=planned), "missing")
    assert [line.partition(",")[0] for line in found] == [
        f"The planned bowel operation: {together} → simultaneous resection",
        f"The planned bowel operation: {liver_first} → liver first",
    ]


def test_a_day_that_a_sentence_names_is_not_repeated_behind_it() -> None:
    given = PartialDate(date(2026, 11, 10), date(2026, 11, 10))
    ended = Known(date(2026, 11, 10), (Evidence("MedicationAdministration/m", "derived", given),))
    reading = Reading(charted({"adjuvant-end-date": ended}), Decision((), ()), GUIDELINE, CATALOGUE)
    assert plain(say("reason", *reading.spoken("adjuvant-end-date"))) == (
        "adjuvant chemotherapy ended on 10 Nov 2026 (MedicationAdministration/m)"
    )


def test_a_date_that_was_recorded_on_another_day_says_both() -> None:
    reading = Reading(charted({"adjuvant-end-date": date(2026, 9, 1)}), Decision((), ()), GUIDELINE, CATALOGUE)
    assert plain(say("reason", *reading.spoken("adjuvant-end-date"))) == (
        "adjuvant chemotherapy ended on 1 Sep 2026 (2 Nov 2026, Observation/adjuvant-end-date)"
    )


@pytest.mark.parametrize("draft", [biopsy(), colectomy(), hepatectomy(), cycle()])
def test_the_detail_of_an_order_card_does_not_say_its_summary_again(draft: dict[str, Any]) -> None:
    said_twice = [
        card["summary"]
        for case in (example("V01"), example("V08"), example("V11"), example("V20"))
        for card in cards(case, draft)
        if card["summary"] in card["detail"]
    ]
    assert said_twice == []


@pytest.mark.parametrize(
    ("symptoms", "line"),
    [
        ("obstruction", "Primary in situ, obstructing primary"),
        ("perforation", "Primary in situ, perforated primary"),
        ("bleeding", "Primary in situ, uncontrolled bleeding from the primary"),
        ("minor", "Primary in situ, minor symptoms of the primary, no impending complication"),
    ],
)
def test_a_complication_that_is_there_is_not_said_to_be_impending_or_not(symptoms: str, line: str) -> None:
    first, *_ = said(example("V08", primary_symptoms=symptoms, impending_complication=False), "why")
    assert first.partition(" (")[0] == line


@pytest.mark.parametrize(
    ("detected", "line"),
    [
        ("at-staging", "Metastases found at staging"),
        ("follow-up", "Metastases found at follow-up, disease-free interval 8 months"),
    ],
)
def test_metastases_found_at_staging_have_no_disease_free_interval(detected: str, line: str) -> None:
    case = example("V08", primary_in_situ=False, metastases_detected=detected, months_primary_to_metastases=8)
    assert line in [found.partition(" (")[0] for found in said(case, "why")]


def test_operations_without_chemotherapy_before_them_are_not_said_to_be_at_once_which_reads_as_together() -> None:
    assert said(example("V02", metastasis_count=5), "advisories")[-1] == (
        "Synchronous disease: upfront surgery is considered for up to 3 nodules. Recorded: 5 metastases "
        "(2 Nov 2026, Observation/metastasis-count)"
    )


def test_the_order_that_chemotherapy_accompanies_is_that_of_operations_not_one_of_drugs() -> None:
    assert said(example("V01"), "advisories")[-1] == (
        "Synchronous disease calls for more aggressive neoadjuvant chemotherapy; it accompanies the order of "
        "operations and does not change it."
    )


def test_the_first_list_of_an_open_card_says_what_decides() -> None:
    case = example("V01", "flr-percent")
    found = explain(Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE)).sections
    assert [section.code for section in found][:4] == ["recommendation", "missing", "excluded", "why"]
