"""The parts of the page as values: banner, timeline, pathway, facts, questions."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from fhir_mappings.case import Evidence, Fact, Gap, Interval, Known, MdtRecord, Narrowed, PartialDate, Unknown
from fhir_mappings.catalogue import load_catalogue
from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline
from service.web.review.banner import Banner, banner
from service.web.review.fact_view import FactRow, age, fact_groups
from service.web.review.pathway_view import pathway
from service.web.review.questions import form_for, open_questions, read_entries
from service.web.review.timeline import Event, timeline
from tests.review.cases import AS_OF, case_with
from tests.review.cases_charts import OPEN

CATALOGUE, GUIDELINE = load_catalogue(), load_guideline()


@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        ({}, Banner("p1", "No name recorded")),
        ({"name": "Anna", "identifier": {}, "birthDate": 1961}, Banner("p1", "No name recorded")),
        ({"name": [{"text": "Anna T"}]}, Banner("p1", "Anna T")),
        ({"name": [{"use": "old", "family": "Alt"}, {"use": "usual", "family": "Neu"}]}, Banner("p1", "Neu")),
        ({"name": [{"use": "nickname", "given": ["Anni", 7]}]}, Banner("p1", "Anni")),
        ({"name": [{"given": 7, "family": "Test"}]}, Banner("p1", "Test")),
        ({"name": [{"given": "Anna", "family": "Test"}]}, Banner("p1", "Test, Anna")),
        ({"birthDate": "1961-05"}, Banner("p1", "No name recorded", born="1961-05")),
        ({"birthDate": "soon"}, Banner("p1", "No name recorded")),
        ({"birthDate": "2027-01-01"}, Banner("p1", "No name recorded", born="1 Jan 2027")),
        ({"birthDate": "1961-11-24"}, Banner("p1", "No name recorded", born="24 Nov 1961", age="64 years")),
        ({"birthDate": "1961-11-23"}, Banner("p1", "No name recorded", born="23 Nov 1961", age="65 years")),
        (
            {"identifier": [{"value": "other"}, {"type": {"coding": [{"code": "MR"}]}, "value": "4711"}]},
            Banner("p1", "No name recorded", identifier="4711"),
        ),
        (
            {"identifier": [{"type": "MR", "value": " "}, {"value": "8"}]},
            Banner("p1", "No name recorded", identifier="8"),
        ),
    ],
)
def test_the_banner_shows_what_is_there_and_survives_what_is_not(patient: dict[str, Any], expected: Banner) -> None:
    assert banner("p1", [{"resourceType": "Patient", "id": "p1", **patient}], today=AS_OF) == expected


def test_the_banner_of_a_patient_that_was_not_had_shows_the_id() -> None:
    assert banner("p1", [{"resourceType": "Patient", "id": "p2"}], today=AS_OF) == Banner("p1", "Name not retrieved")


def test_a_case_without_dates_has_no_timeline() -> None:
    assert timeline(case_with({"ecog": 1}), CATALOGUE) is None


def test_the_timeline_tells_its_events_oldest_first_with_what_is_known_of_them() -> None:
    case = case_with(
        {
            "chemotherapy-last-date": date(2026, 10, 20),
            "chemotherapy-cycles": 6,
            "primary-diagnosis-date": date(2026, 5, 4),
            "primary-resection-date": date(2026, 6, 1),
            "primary-operation-done": "right-hemicolectomy",
        }
    )
    record = MdtRecord("liver-first", PartialDate(date(2026, 11, 1), date(2026, 11, 30)), Evidence("Observation/m"))
    drawn = timeline(replace(case, mdt=record), CATALOGUE)
    assert drawn is not None
    assert drawn.events == (
        Event("primary", "Primary diagnosed", date(2026, 5, 4), date(2026, 5, 4)),
        Event("primary", "Primary resected (right hemicolectomy)", date(2026, 6, 1), date(2026, 6, 1)),
        Event("therapy", "Last chemotherapy (6 cycles)", date(2026, 10, 20), date(2026, 10, 20)),
        Event("decision", "MDT: liver first", date(2026, 11, 1), date(2026, 11, 30)),
    )
    assert [event.when for event in drawn.events][-1] == "Nov 2026"
    assert [name for name, _ in drawn.lanes] == ["Primary", "Therapy", "Decision"]
    assert drawn.marks[-1].width > 0


@pytest.mark.parametrize("days", [0, 1, 20, 200, 3000, 20_000, 400_000, 739_000])
def test_labels_of_one_lane_never_lie_on_each_other(days: int) -> None:
    first = AS_OF - timedelta(days=days)
    case = case_with({"primary-diagnosis-date": first, "primary-resection-date": first + timedelta(days=days // 9)})
    drawn = timeline(case, CATALOGUE)
    assert drawn is not None
    one, two = drawn.marks
    apart = one.text_y != two.text_y
    assert apart or abs(one.text_x - two.text_x) > 120
    assert all(0 <= mark.x <= 900 for mark in drawn.marks)
    assert len(drawn.ticks) <= 9


def test_the_pathway_lights_the_one_taken_row() -> None:
    case = case_with({**OPEN, "ecog": 1})
    drawn = pathway(decide(case, GUIDELINE), GUIDELINE)
    assert [(stretch.state, stretch.rows) for stretch in drawn] == [
        ("passed", "T0\N{EN DASH}A9"),
        ("taken", "A10"),
        ("beyond", "A12\N{EN DASH}B7"),
    ]
    assert drawn[1].steps[0].outcome == "Simultaneous: only after discussion with the liver centre"


def test_what_is_said_of_rows_is_right_for_one_and_for_several() -> None:
    drawn = pathway(decide(case_with({**OPEN, "ecog": 1}), GUIDELINE), GUIDELINE)
    assert [stretch.word for stretch in drawn] == ["ruled out", "taken", "not reached"]


def test_the_pathway_leaves_open_rows_open() -> None:
    drawn = pathway(decide(case_with(OPEN), GUIDELINE), GUIDELINE)
    assert [stretch.rows for stretch in drawn if stretch.state == "open"] == ["G1", "A10", "A12c"]
    assert sum(len(stretch.steps) for stretch in drawn) == len(GUIDELINE.rows)


def _row(fact: str, facts: dict[str, Any]) -> FactRow:
    case = case_with({})
    case = replace(case, facts={**case.facts, **facts})
    groups = fact_groups(case, decide(case, GUIDELINE), CATALOGUE)
    (row,) = [row for group in groups for row in group.rows if row.fact == fact]
    return row


def test_every_fact_of_the_catalogue_stands_in_the_table_once() -> None:
    case = case_with({})
    groups = fact_groups(case, decide(case, GUIDELINE), CATALOGUE)
    shown = [row.fact for group in groups for row in group.rows]
    assert sorted(shown) == sorted(CATALOGUE.facts)


def test_a_known_fact_shows_value_date_age_source_and_how() -> None:
    day = PartialDate(date(2026, 11, 2), date(2026, 11, 2))
    evidence = (Evidence("Observation/e", "coded", day, remarks=("preliminary",)),)
    row = _row("ecog", {"ecog": Known(2, evidence)})
    assert (row.value, row.state, row.how, row.dated, row.age, row.sources, row.remarks) == (
        "2",
        "known",
        "coded",
        "2 Nov 2026",
        "21 days",
        ("Observation/e",),
        ("preliminary",),
    )


@pytest.mark.parametrize(
    ("fact", "value", "state"),
    [
        (Unknown(Gap.OUTDATED, last_value=1), "too old, last value 1", "gap"),
        (Unknown(Gap.CONFLICTING), "sources contradict each other", "gap"),
        (
            Unknown(Gap.CONFLICTING, contested=frozenset({2, 0})),
            "sources contradict each other, 0 against 2",
            "gap",
        ),
        (Unknown(Gap.UNREADABLE), "recorded, not readable", "gap"),
        (Unknown(Gap.NOT_RETRIEVED), "not retrieved", "gap"),
        (Unknown(), "", "absent"),
        (Narrowed(Interval(low=1, high=2)), "1\N{EN DASH}2", "narrowed"),
    ],
)
def test_a_gap_says_why(fact: Any, value: str, state: str) -> None:
    row = _row("ecog", {"ecog": fact})
    assert (row.value, row.state) == (value, state)


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (-1, "today"),
        (0, "today"),
        (1, "1 day"),
        (59, "59 days"),
        (61, "2 months"),
        (700, "22 months"),
        (1100, "3 years"),
    ],
)
def test_an_age_is_told_in_its_own_size(days: int, told: str) -> None:
    assert age(AS_OF - timedelta(days=days), AS_OF) == told


def test_the_form_asks_the_missing_facts_in_the_order_of_the_decision() -> None:
    case = case_with({})
    decision = decide(case, GUIDELINE)
    form = form_for(case, decision, CATALOGUE)
    asked = [question.fact for question in form.missing]
    assert asked == [missing.fact for missing in decision.missing]
    everywhere = [*asked, *(q.fact for q in form.assumed), *(q.fact for q in form.recorded), "mdt-decision"]
    assert sorted(everywhere) == sorted(CATALOGUE.facts)


@pytest.mark.parametrize("ask", ["mdt-decision", "no-such-fact", None])
def test_a_question_that_is_none_of_ours_changes_nothing(ask: str | None) -> None:
    case = case_with(OPEN)
    decision = decide(case, GUIDELINE)
    assert form_for(case, decision, CATALOGUE, ask=ask) == form_for(case, decision, CATALOGUE)


def test_the_control_follows_the_kind_of_the_fact() -> None:
    case = case_with({})
    form = form_for(case, decide(case, GUIDELINE), CATALOGUE)
    controls = {question.fact: question.control for question in (*form.missing, *form.assumed, *form.recorded)}
    assert {fact: controls[fact] for fact in ("ecog", "primary-site", "primary-symptoms", "r0-achievable")} == {
        "ecog": "radio",
        "primary-site": "select",
        "primary-symptoms": "radio",
        "r0-achievable": "radio",
    }
    assert {controls[fact] for fact in ("flr-percent", "metastasis-count", "cea")} == {"number"}
    assert {question.hint for question in form.missing} == {"Not in the chart"}


def test_a_hint_says_what_the_chart_has() -> None:
    case = case_with({})
    facts: dict[str, Fact] = {
        "ecog": Unknown(Gap.OUTDATED, last_value=0),
        "asa": Unknown(Gap.CONFLICTING),
        "cea": Known(5.5),
        "metastasis-count": Narrowed(Interval(low=2)),
    }
    case = replace(case, facts={**case.facts, **facts})
    form = form_for(case, decide(case, GUIDELINE), CATALOGUE)
    hints = {question.fact: question.hint for question in (*form.missing, *form.assumed, *form.recorded)}
    assert [hints[fact] for fact in facts] == [
        "In the chart, too old: 0",
        "Sources contradict each other",
        "In the chart: 5.5 ng/mL",
        "In the chart, not exactly: ≥ 2",
    ]


def test_each_answer_shows_where_it_leads() -> None:
    (found,) = open_questions(case_with(OPEN), decide(case_with(OPEN), GUIDELINE), CATALOGUE)
    assert (found.fact, found.settles) == ("ecog", True)
    assert [(branch.answer, branch.leaves) for branch in found.branches] == [
        ("0\N{EN DASH}1", ("simultaneous",)),
        ("2", ("liver-first",)),
        ("3\N{EN DASH}5", ("mdt",)),
    ]


def test_what_an_answer_leaves_is_in_the_order_of_the_card_operations_first() -> None:
    case = case_with({"primary-site": "sigmoid-colon", "metastases-detected": "at-staging"})
    found = {one.fact: one for one in open_questions(case, decide(case, GUIDELINE), CATALOGUE)}
    assert [(branch.answer, branch.leaves) for branch in found["flr-percent"].branches] == [
        ("≤ 30 %", ("staged", "systemic-first", "mdt")),
        ("More than 30 %", ("simultaneous", "liver-first", "staged", "systemic-first", "mdt")),
    ]


def test_answers_that_leave_the_same_are_told_together() -> None:
    case = case_with({"primary-site": "sigmoid-colon", "metastases-detected": "at-staging", "primary-in-situ": True})
    found = {one.fact: one for one in open_questions(case, decide(case, GUIDELINE), CATALOGUE)}
    assert [(branch.answer, branch.leaves) for branch in found["primary-symptoms"].branches] == [
        ("None", ("simultaneous", "liver-first", "systemic-first", "mdt")),
        ("Minor", ("simultaneous", "staged", "systemic-first", "mdt")),
        ("Obstruction, bleeding or perforation", ("staged",)),
    ]


def test_answers_that_all_leave_one_strategy_show_its_next_steps() -> None:
    facts = {**OPEN, "primary-symptoms": "obstruction", "asa": 2}
    case = case_with({code: value for code, value in facts.items() if code != "r0-achievable"})
    decision = decide(case, GUIDELINE)
    assert decision.strategy == "staged"
    ecog, r0 = open_questions(case, decision, CATALOGUE)
    assert (ecog.settles, [(branch.answer, branch.leaves) for branch in ecog.branches]) == (
        False,
        [
            ("0\N{EN DASH}2", ("liver-about-2-months-after-recovery", "systemic-after-relief")),
            ("3\N{EN DASH}5", ("relief-then-mdt",)),
        ],
    )
    assert r0.fact == "r0-achievable"


def test_fields_that_are_no_facts_are_ignored() -> None:
    form = [("ecog", "1"), ("mdt-decision", "staged"), ("nonsense", "1"), ("asa", ""), ("cea", object())]
    entries = read_entries(form, CATALOGUE, today=AS_OF)
    assert (entries.values, entries.faults, entries.typed) == ({"ecog": 1}, {}, {"ecog": "1"})
