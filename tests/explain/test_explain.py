"""What is said about each answer of the pathway, from decisions made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from fhir_mappings.case import Evidence, Gap, Interval, Issue, Narrowed, PartialDate, Scope, Unknown
from service.knowledge.decide import decide
from service.knowledge.decision import Answer, Assumption, Decision, MissingFact, Outcome
from service.knowledge.explain import explain
from service.knowledge.guideline import load_guideline
from service.knowledge.headline import summary
from service.knowledge.mdt import explain_mdt
from service.knowledge.reading import Reading
from service.knowledge.schedule import earliest_liver_operation, steps
from service.knowledge.uncertain import explain_uncertain_scope
from tests.decided import CATALOGUE, charted, example, section_of
from tests.explain.plain import plain

if TYPE_CHECKING:
    from fhir_mappings.case import Case
    from service.knowledge.explanation import Explanation

GUIDELINE = load_guideline()
STRATEGIC = [row for row in GUIDELINE.rows if row.strategy]


def reading(case: Case, decision: Decision) -> Reading:
    return Reading(case, decision, GUIDELINE, CATALOGUE)


def told(case: Case, **changed: Any) -> Explanation:
    return explain(reading(case, replace(decide(case, GUIDELINE), **changed)))


def lines(explanation: Explanation, code: Any) -> list[str]:
    section = section_of(explanation, code)
    return [plain(line) for line in section.lines] if section else []


@pytest.mark.parametrize("row", [row.id for row in STRATEGIC])
def test_every_answer_of_the_pathway_has_its_own_words(row: str) -> None:
    found = GUIDELINE.row(row)
    outcome = Outcome(found.strategy or "", found.next_step)
    decision = Decision((outcome,), (row,), strength=found.strength, statements=found.statements)
    case = example("V01")
    explanation = explain(reading(case, decision))
    assert len(explanation.summary) < 140
    assert steps(reading(case, decision), outcome)
    text = " ".join(plain(line) for section in explanation.sections for line in section.lines)
    assert (found.next_step or "") not in text
    assert lines(explanation, "recommendation")[1].startswith("Next: ")


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (example("V01"), "Liver first: liver resection or ablation, then the sigmoid primary"),
        (example("V09"), ("Consider primary first: perforated primary, then chemotherapy and restaging at 3 months, "
                         "before the liver")),
        (example("V16", ecog=4), "For the MDT: no elective surgery (ECOG 4)"),
        (example("V16", asa=5), "For the MDT: no elective surgery (ASA 5)"),
        (example("V08", ecog=3),
         "Consider relief of the primary first: then MDT, unfit for elective surgery (ECOG 3)"),
        (example("V08", r0_achievable=False),
         "Consider relief of the primary first: then systemic therapy for the liver metastases"),
        (example("V01", impending_complication=True, r0_achievable=False),
         "For the MDT: secure the primary before systemic therapy"),
        (example("V01", extrahepatic_disease="resectable"),
         "For the MDT: resectable disease outside the liver, which the summary does not cover"),
        (example("V01", chemotherapy_cycles=4, chemotherapy_response="progressive-disease"),
         "For the MDT: progression on chemotherapy, second-line therapy before any liver operation"),
        (example("V12", primary_margin="r1"), "For the MDT: primary not completely resected (R1)"),
        (example("V12", liver_state="recurrence"),
         "For the MDT: recurrence after liver treatment, which the summary does not cover"),
        (example("V01", liver_state="treated"),
         "Consider primary next: liver treated, resection of the sigmoid primary 4 to 8 weeks after it"),
        (example("V12", chemotherapy_cycles=4, chemotherapy_response="stable-disease"),
         "Consider liver resection now: no more chemotherapy"),
        (example("V27", chemotherapy_cycles=4, chemotherapy_response="stable-disease"),
         "Consider liver resection now: no more chemotherapy"),
        (example("V27", primary_pathology="unfavourable-nodal"),
         "Consider FOLFOX around liver resection: 3 months before and 3 months after"),
        (example("V27", adjuvant_status="ongoing"),
         "Consider liver resection before chemotherapy: disease-free interval 26 months"),
        (example("V38"), "Order of surgery open: liver remnant decides between liver first and systemic therapy first"),
        (example("V12", "flr-percent", hepatectomy_extent="major"),
         "Next treatment open: liver remnant decides between staged (liver next) and systemic therapy first"),
    ],
)  # fmt: skip
def test_the_first_sentence_says_what_to_do_or_what_decides(case: Case, expected: str) -> None:
    assert told(case).summary == expected


def test_one_strategy_with_an_open_next_step_names_both() -> None:
    case = example("V09", primary_symptoms=Narrowed(frozenset({"perforation", "obstruction"})))
    explanation = told(case)
    assert explanation.summary == "Consider primary first: next step open, symptoms of the primary decide"
    assert lines(explanation, "recommendation") == [
        "Recommended: primary first (conditional: to be considered)",
        (
            "Next step open: primary first, perforated primary, then chemotherapy and restaging at 3 months, before "
            "the liver; or primary first, the caecal primary, then the liver about 2 months after recovery"
        ),
    ]


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ((), "Consider primary first: next step open"),
        (("ecog", "asa"), "Consider primary first: next step open, ECOG and ASA decide"),
    ],
)
def test_an_open_next_step_names_what_decides_it(missing: tuple[str, ...], expected: str) -> None:
    decision = Decision(
        (Outcome("staged", "systemic-after-relief"), Outcome("staged", "relief-then-mdt")),
        ("A2u", "A2"),
        missing=tuple(MissingFact(fact, settles=False, answers=()) for fact in missing),
        strength="conditional",
    )
    assert summary(reading(example("V08"), decision)) == expected


def test_several_missing_facts_are_listed_most_decisive_first() -> None:
    both = (Outcome("liver-first", "liver-resection-or-ablation-then-primary"), Outcome("mdt", "no-elective-surgery"))
    wide = (*both, Outcome("systemic-first", "reassess-resectability"))
    facts = ("ecog", "asa", "flr-percent", "metastasis-count", "largest-metastasis", "r0-achievable", "msi", "cea",
             "primary-t", "primary-n")  # fmt: skip
    decision = Decision(
        wide,
        ("G1", "G3", "A12c"),
        missing=tuple(
            MissingFact(fact, settles=False, answers=(Answer("0-1", both), Answer("2", wide), Answer("3", ())))
            for fact in facts
        ),
    )
    explanation = explain(reading(example("V01"), decision))
    assert lines(explanation, "missing")[0] == (
        "ECOG: 0–1 → liver first or MDT; 2 → all still open; 3 → nothing left to order"  # noqa: RUF001 - as printed
    )
    assert lines(explanation, "missing")[3] == (
        "then: number of metastases, size of the largest metastasis, whether R0 is achievable, microsatellite status, "
        "CEA and 2 more"
    )
    assert explanation.summary.endswith("; first needed: ECOG and ASA")


def test_an_answer_that_leaves_nothing_to_order_says_so() -> None:
    decision = Decision(
        (Outcome("staged", "liver-before-chemotherapy"), Outcome("mdt", "recurrence-outside-the-summary")),
        ("T2", "B3"),
        missing=(MissingFact("liver-state", settles=True, answers=(Answer("treated", ()),)),),
    )
    explanation = explain(reading(example("V12"), decision))
    assert lines(explanation, "missing") == ["Whether the liver has been treated: treated → nothing left to order"]


def test_an_undetermined_case_without_missing_facts_blames_the_sources() -> None:
    decision = Decision((Outcome("staged", "relief-then-mdt"), Outcome("mdt", "no-elective-surgery")), ("A2u", "G1"))
    assert lines(explain(reading(example("V08"), decision)), "recommendation")[0] == ("Not decided yet: facts conflict")


def test_an_assumption_that_decides_weakens_the_recommendation_in_words() -> None:
    explanation = told(example("V01", "asa"))
    assert lines(explanation, "recommendation")[0] == (
        "Recommended: liver first (conditional: to be considered, and only if what is assumed below is right)"
    )
    assert lines(explanation, "assumptions") == ["ASA ≤ 3"]


def test_adjuvant_chemotherapy_is_worded_with_care_where_none_is_recorded() -> None:
    (advisory, *_) = lines(told(example("V27", "adjuvant-status")), "advisories")
    assert advisory.endswith("unless adjuvant chemotherapy failed within 12 months (not recorded).")


def test_what_was_not_shown_to_improve_is_said() -> None:
    found = " ".join(lines(told(example("V28")), "advisories"))
    assert "overall survival was not shown to improve" in found


def test_what_speaks_against_simultaneous_surgery_comes_from_the_values() -> None:
    found = told(example("V16", ecog=2, liver_centre_discussed="refused", metastasis_count=5,
                         chemotherapy_cycles=3, chemotherapy_response="stable-disease"))  # fmt: skip
    (simultaneous, *_) = lines(found, "against")
    assert simultaneous.startswith("Not simultaneous: ECOG 2, liver centre advised against it, 5 metastases")


@pytest.mark.parametrize(
    ("fact", "left", "line"),
    [
        ("ecog", Interval(3, None), "ECOG ≥ 3 (Observation/x); ASA 2 (2 Nov 2026, Observation/asa)"),
        (
            "extrahepatic_disease",
            frozenset({"resectable", "unresectable"}),
            "Extrahepatic disease of unknown resectability (Observation/x)",
        ),
        ("metastasis_count", Interval(4, None), "≥ 4 metastases (Observation/x)"),
    ],
)
def test_what_is_left_of_a_narrowed_fact_is_among_the_reasons(fact: str, left: Any, line: str) -> None:
    narrowed = Narrowed(left, (Evidence("Observation/x"),))
    assert line in lines(told(example("V16", **{fact: narrowed})), "why")


def test_a_narrowed_operation_that_is_major_either_way_speaks_against() -> None:
    either = Narrowed(frozenset({"hartmann", "abdominoperineal-resection"}), (Evidence("ServiceRequest/op"),))
    (simultaneous, *_) = lines(told(example("V16", colorectal_operation=either)), "against")
    assert simultaneous == (
        "Not simultaneous: the planned bowel operation: abdominoperineal resection or Hartmann operation "
        "(ServiceRequest/op)"
    )


def test_what_cannot_be_used_is_named_also_where_it_decides_nothing_here_and_comes_last() -> None:
    day = PartialDate(date(2026, 3, 2), date(2026, 3, 2))
    old = Unknown(Gap.OUTDATED, (Evidence("Observation/size", dated=day),), last_value=80)
    clash = Unknown(
        Gap.CONFLICTING, (Evidence("Observation/a"), Evidence("Observation/b")), contested=frozenset({1, 2})
    )
    read = Unknown(Gap.OUTDATED, (Evidence("Observation/r0", dated=day),), last_value=False)
    explanation = told(example("V20", largest_metastasis=old, metastasis_count=clash, r0_achievable=read))
    assert lines(explanation, "gaps") == [
        "Whether R0 is achievable: too old, was no (2 Mar 2026, Observation/r0)",
        "Number of metastases: sources contradict each other, 1 against 2 (Observation/a, Observation/b)",
        "Size of the largest metastasis: too old, was 80 mm (2 Mar 2026, Observation/size)",
    ]


def test_unreadable_facts_that_matter_are_named() -> None:
    unreadable = Unknown(Gap.UNREADABLE, (Evidence("Observation/bad"),))
    explanation = told(example("V38", flr_percent=unreadable))
    assert "Liver remnant: recorded but not readable (Observation/bad)" in lines(explanation, "gaps")


def test_a_fact_that_is_dated_in_the_future_is_said_to_be_so() -> None:
    day = PartialDate(date(2031, 3, 2), date(2031, 3, 2))
    to_come = Unknown(Gap.UNREADABLE, (Evidence("Observation/flr", dated=day),))
    assert lines(told(example("V38", flr_percent=to_come)), "gaps") == [
        "Liver remnant: dated in the future, so not used (2 Mar 2031, Observation/flr)"
    ]


@pytest.mark.parametrize(("days", "why"), [(1, "recorded but not readable"), (2, "dated in the future, so not used")])
def test_what_is_dated_tomorrow_may_be_of_today_in_another_zone(days: int, why: str) -> None:
    day = example("V38").as_of + timedelta(days=days)
    bad = Unknown(Gap.UNREADABLE, (Evidence("Observation/flr", dated=PartialDate(day, day)),))
    assert [line.split(" (")[0] for line in lines(told(example("V38", flr_percent=bad)), "gaps")] == [
        f"Liver remnant: {why}"
    ]


def test_a_margin_that_is_assumed_is_named_in_no_headline() -> None:
    decision = Decision((Outcome("mdt", "incomplete-resection-of-primary"),), ("B1",), strength="conditional")
    assert summary(reading(example("V12", "primary-margin"), decision)) == (
        "For the MDT: primary not completely resected"
    )


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("staged", "Consider primary first"), ("metachronous", "Consider treatment as metachronous disease"),
     ("mdt", "For the MDT: no order of operations from the summary")],
)  # fmt: skip
def test_a_next_step_that_is_new_to_the_words_falls_back_to_the_strategy(strategy: str, expected: str) -> None:
    decision = Decision((Outcome(strategy, "a-step-of-next-year"),), ("A13",), strength="conditional")
    found = reading(example("V01"), decision)
    assert summary(found) == expected
    assert [step.text for step in steps(found, decision.outcomes[0])] == ["Discussion in the liver MDT"]


def test_an_alternative_without_next_step_has_no_steps() -> None:
    decision = decide(example("V16"), GUIDELINE)
    assert steps(reading(example("V16"), decision), Outcome("liver-first")) == ()


@pytest.mark.parametrize(
    ("given", "expected"),
    [(date(2026, 11, 10), date(2026, 12, 8)), ("2026-10", date(2026, 11, 28)), ("2025", date(2026, 1, 28)),
     ("unclear", None)],
)  # fmt: skip
def test_the_first_day_for_the_liver_counts_from_the_last_chemotherapy(given: Any, expected: date | None) -> None:
    case = example("V01", chemotherapy_last_date=given)
    found = earliest_liver_operation(reading(case, decide(case, GUIDELINE)))
    assert (found.day if found else None) == expected


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (date(2026, 10, 27), date(2026, 11, 24)),
        (date(2026, 10, 26), date(2026, 11, 23)),
        (date(2026, 10, 25), None),
    ],
    ids=["tomorrow", "today", "yesterday"],
)
def test_the_operation_is_planned_for_no_day_that_is_past(last: date, expected: date | None) -> None:
    case = example("V01", chemotherapy_last_date=last)
    decision = decide(case, GUIDELINE)
    assert (case.as_of, steps(reading(case, decision), decision.outcomes[0])[0].earliest) == (
        date(2026, 11, 23),
        expected,
    )


@pytest.mark.parametrize(
    ("resected", "expected"),
    [
        (date(2026, 10, 12), "about 2 months after the primary: 23 Nov 2026 to 4 Jan 2027"),
        (date(2026, 6, 1), "about 2 months after the primary: 13 Jul 2026 to 24 Aug 2026, already past"),
    ],
)
def test_the_window_after_the_primary_is_printed_as_dates(resected: date, expected: str) -> None:
    case = example("V12", primary_resection_date=resected)
    decision = decide(case, GUIDELINE)
    assert steps(reading(case, decision), decision.outcomes[0])[0].interval == expected


def test_a_running_adjuvant_chemotherapy_is_recovered_from_first() -> None:
    case = example("V28", adjuvant_status="ongoing")
    decision = decide(case, GUIDELINE)
    assert steps(reading(case, decision), decision.outcomes[0])[0].interval == (
        "3 months (6 two-weekly cycles), after recovery from the running adjuvant chemotherapy"
    )


def test_a_parameter_that_is_no_number_is_a_fault_of_the_caller() -> None:
    with pytest.raises(TypeError, match="prefer_simultaneous_when_eligible is no number"):
        reading(example("V01"), Decision((), ())).number("prefer_simultaneous_when_eligible")


def test_a_certain_scope_is_not_explained_as_uncertain() -> None:
    with pytest.raises(ValueError, match="certain"):
        explain_uncertain_scope(reading(charted({}, scope=Scope.IN), Decision((), ())))


def test_an_uncertain_scope_cites_no_source_of_a_recommendation() -> None:
    case = replace(example("V01"), scope=Scope.UNCERTAIN)
    decisions = (decide(case, GUIDELINE), Decision((), ()))
    with_one, without = (explain_uncertain_scope(reading(case, decision)) for decision in decisions)
    assert with_one == without


def test_other_resources_with_issues_are_named_beside_those_that_leave_the_scope_open() -> None:
    open_ones = tuple(f"Condition/{number}" for number in range(3))
    issues = (*(Issue(reference, "text only: not mapped", "flagged") for reference in open_ones), *OTHER_ISSUES)
    case = replace(charted({}, scope=Scope.UNCERTAIN), scope_evidence=tuple(map(Evidence, open_ones)), issues=issues)
    found = lines(explain_uncertain_scope(reading(case, Decision((), ()))), "recommendation")
    assert found[-3:] == [f"Not valid FHIR R4 (Observation/{number})" for number in range(3)]


OTHER_ISSUES = tuple(Issue(f"Observation/{number}", "not valid FHIR R4") for number in range(5))


def test_without_a_decision_of_the_mdt_none_is_explained() -> None:
    with pytest.raises(ValueError, match="no MDT decision"):
        explain_mdt(reading(example("V01"), Decision((), ())))


def test_the_remarks_of_a_reader_stand_beside_the_day() -> None:
    day = PartialDate(date(2026, 11, 2), date(2026, 11, 2))
    preliminary = Evidence("Observation/e", "coded", day, remarks=("preliminary",))
    case = example("V16", ecog=structs.replace(charted({"ecog": 1}).facts["ecog"], evidence=(preliminary,)))
    assert "ECOG 1 (2 Nov 2026 preliminary, Observation/e)" in " ".join(lines(told(case), "why"))


def test_an_assumption_is_found_by_its_fact() -> None:
    decision = Decision((), (), assumptions=(Assumption("asa", "<= 3", decides=True),))
    assert reading(example("V01"), decision).assumption("asa") == "<= 3"


def test_many_left_out_resources_are_counted() -> None:
    case = replace(example("V01"), issues=tuple(Issue(f"Observation/{n}", "does not validate") for n in range(5)))
    assert lines(told(case), "gaps") == [
        "Left out (does not validate) (Observation/0)",
        "Left out (does not validate) (Observation/1)",
        "Left out (does not validate) (Observation/2)",
        "2 more resources left out",
    ]


def test_an_answer_that_leaves_several_strategies_names_them() -> None:
    outcomes = (Outcome("liver-first", "liver-resection-or-ablation-then-primary"), Outcome("mdt", "second-line"))
    decision = Decision(
        outcomes, ("A7", "A12c"), missing=(MissingFact("ecog", settles=False, answers=(Answer("0-1", outcomes),)),)
    )
    (line,) = lines(explain(reading(example("V01"), decision)), "missing")
    assert line.endswith("→ liver first or MDT")
