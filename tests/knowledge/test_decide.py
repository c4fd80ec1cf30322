"""What a decision says beside its outcomes: what is missing, assumed, warned of, how strong and why."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.case import Case, Gap, Interval, Narrowed, Sign, Unknown
from service.knowledge.decide import decide
from service.knowledge.decision import Answer, Assumption, MissingFact, Outcome
from service.knowledge.guideline import Policy, load_guideline
from tests.cases import case_of, example

if TYPE_CHECKING:
    from service.knowledge.decision import Decision

LIVER_FIRST = Outcome("liver-first", "liver-resection-or-ablation-then-primary")
UNFIT = Outcome("mdt", "no-elective-surgery")
TOGETHER = Outcome("simultaneous", "liver-centre-discussion")
LATER = Outcome("staged", "liver-about-2-months-after-recovery")
RESTAGE = Outcome("staged", "chemotherapy-then-restage-3-months")
REASSESS = Outcome("systemic-first", "reassess-resectability")
ALL_SIGNS_OF_A_FRESH_CHART = (Sign.PROCEDURES_COMPLETE, Sign.RECENT_DIAGNOSIS)


def changed(name: str, *without: str, signs: tuple[Sign, ...] = (Sign.PROCEDURES_COMPLETE,), **facts: Any) -> Case:
    """Take a worked case, leave facts out, and set others (underscores for hyphens)."""
    given = {code: value for code, value in example(name).facts.items() if code not in without}
    return case_of({**given, **{code.replace("_", "-"): value for code, value in facts.items()}}, signs=signs)


def decided(name: str, *without: str, signs: tuple[Sign, ...] = (Sign.PROCEDURES_COMPLETE,), **facts: Any) -> Decision:
    return decide(changed(name, *without, signs=signs, **facts), load_guideline())


def test_answers_of_a_missing_number_are_ranges() -> None:
    assert decided("V19").missing == (
        MissingFact(
            "ecog",
            settles=True,
            answers=(Answer("0-1", (TOGETHER,)), Answer("2", (LIVER_FIRST,)), Answer("3-5", (UNFIT,))),
        ),
    )


def test_answers_of_a_missing_choice_name_the_choices() -> None:
    assert decided("V36").missing == (
        MissingFact(
            "primary-symptoms",
            settles=True,
            answers=(
                Answer("none", (LIVER_FIRST,)),
                Answer("minor or obstruction or bleeding", (LATER,)),
                Answer("perforation", (RESTAGE,)),
            ),
        ),
    )


def test_answers_of_a_missing_yes_or_no() -> None:
    assert decided("V01", "r0-achievable").missing == (
        MissingFact(
            "r0-achievable", settles=True, answers=(Answer("true", (LIVER_FIRST,)), Answer("false", (REASSESS,)))
        ),
    )


def test_answers_keep_to_what_a_narrowed_fact_may_be() -> None:
    decision = decided("V19", ecog=Interval(low=1, high=2))
    assert decision.missing == (
        MissingFact("ecog", settles=True, answers=(Answer("0-1", (TOGETHER,)), Answer("2", (LIVER_FIRST,)))),
    )


def test_a_narrowed_fact_within_one_cell_is_not_missing() -> None:
    decision = decided("V19", ecog=Interval(low=0, high=1))
    assert (decision.outcomes, decision.missing) == ((TOGETHER,), ())


def test_a_narrowing_outside_the_catalogue_says_nothing() -> None:
    assert decided("V19", ecog=Interval(low=9)).outcomes == decided("V19").outcomes


def test_two_missing_facts_that_both_can_stop_do_not_settle_alone() -> None:
    decision = decided("V01", "ecog", "r0-achievable")
    assert decision.outcomes == (LIVER_FIRST, UNFIT, REASSESS)
    assert [(fact.fact, fact.settles) for fact in decision.missing] == [("ecog", False), ("r0-achievable", False)]


def test_settling_facts_come_first_then_those_that_leave_least() -> None:
    decision = decide(case_of(), load_guideline())
    keys = [
        (not fact.settles, max(len(answer.strategies) for answer in fact.answers), fact.fact)
        for fact in decision.missing
    ]
    assert keys == sorted(keys)
    assert decision.missing[0].fact == "ecog"


def test_a_missing_fact_settles_where_only_the_next_step_is_open() -> None:
    decision = decided("V27", "months-primary-to-metastases")
    assert (decision.strategy, decision.next_step) == ("metachronous", None)
    assert [(fact.fact, fact.settles) for fact in decision.missing] == [("months-primary-to-metastases", True)]


def test_a_fact_that_decides_through_an_assumption_is_missing() -> None:
    decision = decided("V38", "hepatectomy-extent")
    assert {fact.fact for fact in decision.missing} == {"flr-percent", "hepatectomy-extent"}
    assert decision.outcomes == (LIVER_FIRST, REASSESS)


def test_facts_of_other_branches_are_not_missing() -> None:
    decision = decided("V19", "metastases-accessible", "colorectal-operation", ecog=3)
    assert (decision.outcomes, decision.missing) == ((UNFIT,), ())


def test_no_card_is_left_out_of_the_candidates_but_makes_a_difference() -> None:
    decision = decided("V01", "primary-in-situ", liver_state="treated")
    assert decision.outcomes == (Outcome("liver-first", "primary-resection-next"),)
    assert decision.missing == (
        MissingFact("primary-in-situ", settles=True, answers=(Answer("true", decision.outcomes), Answer("false", ()))),
    )
    assert decision.rows == ("T1",)


def test_liver_and_primary_treated_give_no_card() -> None:
    decision = decided("V12", liver_state="treated")
    assert (decision.no_card, decision.strategy, decision.next_step, decision.rows) == (True, None, None, ())
    assert (decision.strength, decision.statements, decision.alternatives) == (None, (), ())


@pytest.mark.parametrize("gap", [Gap.CONFLICTING, Gap.OUTDATED, Gap.UNREADABLE, Gap.NOT_RETRIEVED])
def test_only_absent_facts_are_assumed(gap: Gap) -> None:
    decision = decided("V01", asa=Unknown(gap))
    assert decision.outcomes == (LIVER_FIRST, UNFIT)
    assert decision.assumptions == ()


def test_narrowed_facts_are_not_assumed() -> None:
    assert decided("V01", asa=Interval(low=3)).outcomes == (LIVER_FIRST, UNFIT)


def test_an_assumption_that_changes_nothing_is_not_printed() -> None:
    assert decided("V20", "asa", "primary-margin", "adjuvant-status").assumptions == (
        Assumption("asa", "<= 3", decides=True),
    )


def test_an_assumption_that_only_an_advisory_needs_does_not_decide() -> None:
    decision = decided("V27", "adjuvant-status")
    assert decision.advisories == ("adjuvant-6-months-oxaliplatin",)
    assert decision.assumptions == (Assumption("adjuvant-status", "none", decides=False),)


def test_the_assumed_operation_follows_the_site() -> None:
    without = ("colorectal-operation", "rectal-radiotherapy", "colorectal-multivisceral")
    assert [(found.fact, found.value) for found in decided("V16", *without).assumptions] == [
        ("colorectal-multivisceral", False),
        ("colorectal-operation", "segmental"),
    ]
    low = decided("V16", *without, primary_site="rectum-low")
    assert "no-simultaneous-major-colorectal" in low.advisories
    assert ("colorectal-operation", "low-anterior-resection") in [(a.fact, a.value) for a in low.assumptions]
    unknown = decided("V16", *without, "primary-site")
    assert unknown.outcomes == (LIVER_FIRST, Outcome("liver-first", "liver-surgery-in-radiotherapy-interval"), TOGETHER)


def test_treated_liver_is_assumed_untreated_only_when_all_procedures_are_known() -> None:
    assert decided("V01").outcomes == (LIVER_FIRST,)
    assert decided("V01", signs=()).outcomes == (
        LIVER_FIRST,
        Outcome("liver-first", "primary-resection-next"),
        Outcome("mdt", "recurrence-outside-the-summary"),
    )
    assert "liver-state" not in [found.fact for found in decided("V01").assumptions]


@pytest.mark.parametrize(
    "hint", [Sign.PRIMARY_RESECTED, Sign.RESECTION_HINTED]
)  # fmt: skip
def test_the_primary_is_assumed_in_situ_only_in_a_fresh_chart_without_hints(hint: Sign) -> None:
    fresh = decided("V01", "primary-in-situ", signs=ALL_SIGNS_OF_A_FRESH_CHART)
    assert fresh.outcomes == (LIVER_FIRST,)
    assert Assumption("primary-in-situ", value=True, decides=True) in fresh.assumptions
    hinted = decided("V01", "primary-in-situ", signs=(*ALL_SIGNS_OF_A_FRESH_CHART, hint))
    assert len(hinted.outcomes) > 1
    assert len(decided("V01", "primary-in-situ").outcomes) > 1


def test_metastases_elsewhere_are_not_assumed_away() -> None:
    signs = (Sign.PROCEDURES_COMPLETE, Sign.METASTASIS_ELSEWHERE)
    assert decided("V01", "extrahepatic-disease").outcomes == (LIVER_FIRST,)
    assert len(decided("V01", "extrahepatic-disease", signs=signs).outcomes) == 3


def test_narrowed_disease_elsewhere_warns_though_its_resectability_is_open() -> None:
    decision = decided("V01", extrahepatic_disease=frozenset({"resectable", "unresectable"}))
    assert decision.outcomes == (Outcome("mdt", "multi-site-disease"), REASSESS)
    assert "extrahepatic-disease" in decision.advisories


@pytest.mark.parametrize(
    ("liver", "assumed"),
    [
        ("normal", True),
        (Unknown(), True),
        ("cirrhosis", False),
        (frozenset({"cirrhosis", "steatosis"}), False),
        (frozenset({"normal", "steatosis"}), True),
    ],
)
def test_the_remnant_is_assumed_unless_cirrhosis_is_recorded(liver: Any, assumed: bool) -> None:  # noqa: FBT001
    decision = decided("V16", "flr-percent", liver_condition=liver)
    assert (decision.outcomes == (TOGETHER,)) is assumed


@pytest.mark.parametrize(
    ("nodes", "signs", "assumed"),
    [
        ("N1a", {Sign.PATHOLOGICAL_NODES}, True),
        (frozenset({"N0", "N1"}), {Sign.PATHOLOGICAL_NODES}, True),
        (frozenset({"N1", "N2"}), {Sign.PATHOLOGICAL_NODES}, False),
        ("N2a", {Sign.PATHOLOGICAL_NODES}, False),
        ("N1a", set(), False),
        ("N1a", {Sign.PATHOLOGICAL_NODES, Sign.PERFORATION}, False),
        (Unknown(), {Sign.PATHOLOGICAL_NODES}, False),
    ],
)
def test_pathology_is_assumed_from_pathological_nodes_alone(
    nodes: Any,
    signs: set[Sign],
    assumed: bool,  # noqa: FBT001
) -> None:
    all_signs = (Sign.PROCEDURES_COMPLETE, *sorted(signs))
    decision = decided("V12", "primary-pathology", signs=all_signs, primary_symptoms="none", primary_n=nodes)
    assert (decision.next_step == "liver-before-chemotherapy") is assumed


def test_a_recorded_response_means_that_chemotherapy_was_given() -> None:
    answers = {gap: decided("V23", "chemotherapy-cycles", chemotherapy_response=Unknown(gap)).outcomes for gap in Gap}
    chemotherapy = Outcome("systemic-first", "chemotherapy-then-reassess")
    now = Outcome("liver-first", "resect-now-no-more-chemotherapy")
    second_line = Outcome("mdt", "second-line")
    assert answers == {
        Gap.ABSENT: (chemotherapy,),
        Gap.OUTDATED: (now, second_line),
        Gap.CONFLICTING: (now, second_line),
        Gap.UNREADABLE: (now, second_line, chemotherapy),
        Gap.NOT_RETRIEVED: (now, second_line, chemotherapy),
    }
    assert decided("V23", "chemotherapy-cycles", chemotherapy_response="partial-response").outcomes == (now,)


def test_a_known_cycle_count_beats_the_tie_to_the_response() -> None:
    assert decided("V23", chemotherapy_response="partial-response").next_step == "chemotherapy-then-reassess"


def test_perforation_and_pathology_are_not_completed_against_each_other() -> None:
    favourable = decided("V36", primary_pathology="favourable")
    assert favourable.outcomes == (LIVER_FIRST, LATER)
    assert decided("V36").outcomes == (LIVER_FIRST, RESTAGE, LATER)


def test_what_the_chart_itself_contradicts_is_taken_as_it_stands() -> None:
    assert decided("V09", primary_pathology="favourable").outcomes == (RESTAGE,)


def test_dates_and_detection_are_not_completed_against_each_other() -> None:
    decision = decided("V27", "metastases-detected")
    assert decision.outcomes == (Outcome("metachronous", "upfront-hepatectomy"),)
    assert decision.timing == "metachronous"


def test_strength_is_weakened_by_an_assumption_that_decides() -> None:
    assert decided("V01").strength == "strong"
    assert decided("V01", "asa").strength == "conditional"
    assert decided("V01", "liver-centre-discussed").strength == "strong"


def test_unresectable_disease_is_strong_for_a_synchronous_primary_without_symptoms_only() -> None:
    assert decided("V20").strength == "strong"
    assert decided("V20", primary_symptoms="minor").strength == "conditional"
    assert decided("V20", metastases_detected="follow-up").strength == "conditional"
    assert decided("V20", primary_symptoms=frozenset({"none", "minor"})).strength == "conditional"
    assert decided("V19").strength is None


def test_the_weakest_of_several_rows_counts() -> None:
    decision = decided("V01", chemotherapy_cycles=Interval(low=0), chemotherapy_response="stable-disease")
    assert (decision.rows, decision.strength) == (("A12b",), "strong")
    both = decided("V01", metastases_detected=frozenset({"at-staging", "follow-up"}))
    assert (both.rows, both.strength, both.timing) == (("A12c",), "strong", None)
    weak = decided("V11", "primary-symptoms", r0_achievable=True, flr_percent=50)
    assert (weak.rows, weak.strength) == (("A1",), "strong")


def test_statements_are_the_union_in_the_order_of_the_pathway() -> None:
    decision = decided("V36")
    assert decision.rows == ("A2b", "A2c", "A12c", "A13")
    assert decision.statements == ("S17", "S9", "S10", "R10")
    assert decision.citations[:2] == ("GARDEN06", "EAHPBA23")


def test_alternatives_stand_beside_a_determined_strategy_only() -> None:
    assert decided("V16").alternatives == (Outcome("liver-first"),)
    assert decided("V19").alternatives == ()
    assert decided("V27").alternatives == (Outcome("metachronous", "perioperative-folfox-3-3"),)
    minor = decided("V01", primary_symptoms="minor")
    assert (minor.outcomes, minor.alternatives) == ((LATER,), (Outcome("mdt"),))


def test_an_alternative_that_is_a_candidate_already_is_not_repeated() -> None:
    decision = decided("V27", "primary-pathology")
    assert decision.outcomes == (
        Outcome("metachronous", "perioperative-folfox-3-3"),
        Outcome("metachronous", "upfront-hepatectomy"),
    )
    assert decision.alternatives == ()


def test_the_liver_centre_is_named_where_its_refusal_alone_stands_in_the_way() -> None:
    refused = decided("V16", liver_centre_discussed="refused")
    assert refused.outcomes == (LIVER_FIRST,)
    assert "discuss-liver-centre" in refused.advisories
    assert "discuss-liver-centre" not in decided("V01", liver_centre_discussed="refused").advisories


@pytest.mark.parametrize(
    ("status", "end", "advisories"),
    [
        ("none", None, {"adjuvant-6-months-oxaliplatin"}),
        ("ongoing", None, {"adjuvant-failure-within-12-months"}),
        ("completed", None, set()),
        ("completed", date(2025, 3, 31), {"adjuvant-failure-within-12-months"}),
        ("completed", date(2025, 2, 28), {"adjuvant-6-months-oxaliplatin"}),
        ("completed", date(2025, 3, 1), {"adjuvant-failure-within-12-months"}),
        ("completed", date(2026, 5, 1), {"adjuvant-failure-within-12-months"}),
        (frozenset({"ongoing", "completed"}), date(2025, 9, 1), {"adjuvant-failure-within-12-months"}),
        (Unknown(Gap.CONFLICTING), date(2020, 9, 1), set()),
    ],
)
def test_adjuvant_failure_counts_complete_calendar_months(status: Any, end: date | None, advisories: set[str]) -> None:
    dates: dict[str, Any] = {"adjuvant_end_date": end, "liver_metastasis_date": date(2026, 2, 28)} if end else {}
    assert set(decided("V27", adjuvant_status=status, **dates).advisories) == advisories


def test_gaps_of_the_pathway_are_warned_of() -> None:
    found = decided("V01", ecog=Unknown(Gap.OUTDATED), primary_margin=Unknown(Gap.CONFLICTING)).advisories
    assert found[-2:] == ("conflicting-data", "outdated-data")
    elsewhere = decided("V01", msi=Unknown(Gap.CONFLICTING), cea=Unknown(Gap.OUTDATED)).advisories
    assert not {"conflicting-data", "outdated-data"} & set(elsewhere)


def test_advisories_fire_only_when_every_completion_agrees() -> None:
    assert "long-chemotherapy" in decided("V23", chemotherapy_cycles=7).advisories
    assert "long-chemotherapy" in decided("V23", chemotherapy_cycles=Interval(low=7)).advisories
    assert "long-chemotherapy" not in decided("V23", chemotherapy_cycles=Interval(low=6)).advisories
    assert "remnant-small-for-this-liver" in decided("V01", liver_condition="cirrhosis", flr_percent=40).advisories
    assert "remnant-small-for-this-liver" not in decided("V01", liver_condition="cirrhosis", flr_percent=41).advisories
    assert "msi-high" in decided("V01", msi="msi-high").advisories


def test_read_names_what_was_looked_at_and_nothing_behind_it() -> None:
    assert decided("V12", liver_state="treated").read == ("primary-in-situ", "liver-state")
    resected = decided("V27", adjuvant_status="completed", adjuvant_end_date=date(2020, 1, 1)).read
    assert "adjuvant-end-date" not in resected
    failed = decided(
        "V27",
        adjuvant_status="completed",
        adjuvant_end_date=date(2026, 1, 1),
        liver_metastasis_date=date(2026, 2, 1),
    ).read
    assert {"adjuvant-status", "adjuvant-end-date", "liver-metastasis-date"} <= set(failed)
    assert "primary-symptoms" not in resected


def test_everything_unknown_is_undetermined_and_says_so() -> None:
    decision = decide(case_of(signs=()), load_guideline())
    assert decision.strategy is None
    assert {outcome.strategy for outcome in decision.outcomes} == {
        "staged", "liver-first", "simultaneous", "systemic-first", "metachronous", "mdt",
    }  # fmt: skip
    assert decision.advisories == ()


def test_turning_every_assumption_off_asks_for_all_of_them() -> None:
    facts = frozenset(rule.fact for rule in load_guideline().assumptions)
    decision = decide(case_of(), load_guideline(Policy("ask", {}, facts)))
    assert decision.assumptions == ()
    assert facts - {"adjuvant-status"} <= {fact.fact for fact in decision.missing}


@pytest.mark.parametrize(
    ("fact", "value", "message"),
    [
        ("ecog", "good", "fact ecog: not a number"),
        ("primary-symptoms", "tired", "fact primary-symptoms: not a value of the catalogue"),
        ("primary-in-situ", 3, "fact primary-in-situ: not a value of the catalogue"),
        ("flr-percent", Narrowed(frozenset({"a"})), "fact flr-percent: a set of choices belongs to a choice"),
    ],
)
def test_values_that_the_catalogue_does_not_know_are_refused(fact: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decide(case_of({fact: value}), load_guideline())
