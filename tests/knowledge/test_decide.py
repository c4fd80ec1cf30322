"""What a decision says beside its outcomes: what is missing, warned of, how strong and why."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.case import Gap, Interval, Narrowed, Unknown
from fhir_mappings.catalogue import load_catalogue
from service.knowledge.decide import decide
from service.knowledge.decision import Answer, MissingFact, Outcome
from service.knowledge.guideline import build_guideline, load_guideline
from tests.cases import case_of
from tests.knowledge.small_guideline import of_rows
from tests.knowledge.worked import LATER, LIVER_FIRST, REASSESS, RESTAGE, TOGETHER, UNFIT, decided

if TYPE_CHECKING:
    from service.knowledge.model import Guideline


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


def test_narrowed_disease_elsewhere_warns_though_its_resectability_is_open() -> None:
    decision = decided("V01", extrahepatic_disease=frozenset({"resectable", "unresectable"}))
    assert decision.outcomes == (Outcome("mdt", "multi-site-disease"), REASSESS)
    assert "extrahepatic-disease" in decision.advisories


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


def small(*rows: tuple[str, str], extra: str = "") -> Guideline:
    return build_guideline({"1": of_rows(*rows, ("ecog >= 0", "mdt"), extra=extra)}, load_catalogue())


@pytest.mark.parametrize(
    ("rows", "facts", "read"),
    [
        (["asa > 4", "ecog >= 3", "flr_percent > 30"], {"ecog": 4, "asa": 2}, ("ecog", "asa")),
        (["ecog >= 0", "asa > 4"], {"ecog": 4, "asa": 2}, ()),
        (["ecog >= 3", "asa > 4", "flr_percent > 30"], {"asa": 5}, ("ecog", "asa")),
        (["ecog >= 3 and asa > 4"], {"ecog": 1, "asa": 5}, ("ecog",)),
        (["ecog >= 3 or asa > 4"], {"ecog": 4, "asa": 5}, ("ecog",)),
        (
            ["(ecog >= 3 or asa > 4) and flr_percent > 30", "metastasis_count > 3"],
            {"flr-percent": 50.0},
            ("metastasis-count", "ecog", "asa", "flr-percent"),
        ),
    ],
)
def test_facts_are_read_as_far_as_the_last_row_that_is_reached(
    rows: list[str], facts: dict[str, Any], read: tuple[str, ...]
) -> None:
    decision = decide(case_of(facts), small(*((row, "staged") for row in rows)))
    assert sorted(decision.read) == sorted(read)


def test_an_advisory_of_a_row_reads_the_facts_that_stand_beside_the_row() -> None:
    advisory = '[[advisory]]\ncode = "a"\nwhen = "(row == R0 and ecog >= 3) or asa > 4"\nsentence = "."\nfrom = []\n'
    decision = decide(case_of({"ecog": 4, "asa": 5}), small(("ecog >= 3", "staged"), extra=advisory))
    assert (decision.advisories, sorted(decision.read)) == (("a",), ["asa", "ecog"])


def test_an_assumption_that_leads_to_the_same_answer_by_another_row_is_not_printed() -> None:
    rule = '[[assumption]]\nfact = "ecog"\nassume = "ecog <= 3"\nsentence = "."\n'
    assert decide(case_of(), small(("ecog > 3", "mdt"), extra=rule)).assumptions == ()


def test_a_fact_that_settles_a_condition_is_read_though_an_assumption_beside_it_would_too() -> None:
    sigmoid = decided("V01", "colorectal-operation", colorectal_multivisceral=True)
    rectum = ("colorectal-operation", "months-primary-to-metastases")
    low = decided("V01", *rectum, primary_site="rectum-low", colorectal_multivisceral=True)
    assert [found.outcomes for found in (sigmoid, low)] == [(LIVER_FIRST,)] * 2
    assert ["colorectal-multivisceral" in found.read for found in (sigmoid, low)] == [True, True]
