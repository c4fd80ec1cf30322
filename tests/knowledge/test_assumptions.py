"""What is assumed where the chart is silent, what is not, and which facts are never completed against each other."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Gap, Interval, Sign, Unknown
from service.knowledge.decide import decide
from service.knowledge.decision import Assumption, Outcome
from service.knowledge.guideline import load_guideline
from service.knowledge.model import Policy
from tests.cases import case_of
from tests.knowledge.worked import ALL_SIGNS_OF_A_FRESH_CHART, LATER, LIVER_FIRST, RESTAGE, TOGETHER, UNFIT, decided


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


def test_an_operation_of_the_liver_in_doubt_asks_whether_it_was_treated_and_not_for_the_primary() -> None:
    signs = (*ALL_SIGNS_OF_A_FRESH_CHART, Sign.LIVER_OPERATION_IN_DOUBT)
    decision = decided("V01", "primary-in-situ", signs=signs)
    assert [found.fact for found in decision.missing] == ["liver-state"]
    assert decision.outcomes == decided("V01", signs=()).outcomes


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


@pytest.mark.parametrize(
    ("fact", "contested", "harmless", "feared"),
    [
        ("colorectal-multivisceral", "primary_t", {"T2", "T3"}, {"T3", "T4b"}),
        ("flr-percent", "liver_condition", {"normal", "steatosis"}, {"normal", "cirrhosis"}),
    ],
)
def test_what_one_of_several_sources_says_is_not_assumed_away(
    fact: str, contested: str, harmless: set[str | bool], feared: set[str | bool]
) -> None:
    signs = ALL_SIGNS_OF_A_FRESH_CHART
    without, with_it = ({contested: in_conflict(*values)} for values in (harmless, feared))
    assert decided("V16", fact, signs=signs, **without).outcomes == (TOGETHER,)
    assert fact in [one.fact for one in decided("V16", fact, signs=signs, **with_it).missing]


@pytest.mark.parametrize("gap", [Gap.UNREADABLE, Gap.NOT_RETRIEVED])
@pytest.mark.parametrize(
    ("fact", "unread"), [("colorectal-multivisceral", "primary_t"), ("flr-percent", "liver_condition")]
)
def test_what_cannot_be_read_or_was_not_had_is_not_assumed_away(fact: str, unread: str, gap: Gap) -> None:
    decision = decided("V16", fact, signs=ALL_SIGNS_OF_A_FRESH_CHART, **{unread: Unknown(gap)})
    assert fact in [one.fact for one in decision.missing]


def in_conflict(*values: str | bool) -> Unknown:
    return Unknown(Gap.CONFLICTING, contested=frozenset(values))


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
        (Unknown(Gap.CONFLICTING, contested=frozenset({"N0", "N1"})), {Sign.PATHOLOGICAL_NODES}, False),
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


def test_a_resected_primary_with_favourable_nodes_is_not_asked_for_its_symptoms() -> None:
    signs = (Sign.PROCEDURES_COMPLETE, Sign.PATHOLOGICAL_NODES)
    early = decided("V12", "primary-pathology", signs=signs, primary_n="N1a")
    assert (early.outcomes, early.missing) == ((Outcome("staged", "liver-before-chemotherapy"),), ())
    assert early.assumptions == (Assumption("primary-pathology", "favourable", decides=True),)
    late = decided("V27", "primary-pathology", signs=signs, primary_n="N0")
    assert (late.outcomes, late.missing) == ((Outcome("metachronous", "upfront-hepatectomy"),), ())


def test_assumed_pathology_leaves_out_a_perforation_that_the_chart_does_not_suspect() -> None:
    signs = (Sign.PROCEDURES_COMPLETE, Sign.PATHOLOGICAL_NODES)
    decision = decided("V36", signs=signs, primary_n="N0")
    assert decision.outcomes == (LIVER_FIRST, LATER)
    assert Assumption("primary-pathology", "favourable", decides=True) in decision.assumptions
    assert decided("V36", signs=signs, primary_n="N0", primary_symptoms="perforation").outcomes == (RESTAGE,)
    perhaps = decided("V36", signs=signs, primary_n="N0", primary_symptoms=frozenset({"none", "perforation"}))
    assert perhaps.outcomes == (LIVER_FIRST, RESTAGE)
    disputed = decided("V36", signs=signs, primary_n="N0", primary_symptoms=in_conflict("none", "perforation"))
    assert Assumption("primary-pathology", "favourable", decides=True) not in disputed.assumptions
    assert RESTAGE in disputed.outcomes
    harmless = decided("V36", signs=signs, primary_n="N0", primary_symptoms=in_conflict("none", "minor"))
    assert (harmless.outcomes, harmless.assumptions) == (decision.outcomes, decision.assumptions)


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


def test_turning_every_assumption_off_asks_for_all_of_them() -> None:
    facts = frozenset(rule.fact for rule in load_guideline().assumptions)
    decision = decide(case_of(), load_guideline(Policy("ask", {}, facts)))
    assert decision.assumptions == ()
    assert facts - {"adjuvant-status"} <= {fact.fact for fact in decision.missing}
