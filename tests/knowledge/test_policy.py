"""A site's policy changes parameters and turns assumptions off; everything else in it is a fault."""

from __future__ import annotations

import pytest

from fhir_mappings.case import Sign, Unknown
from service.knowledge.decide import decide
from service.knowledge.decision import Assumption, Outcome
from service.knowledge.guideline import load_guideline, load_guideline_under
from service.knowledge.model import Policy
from service.knowledge.policy import GuidelineError
from tests.cases import case_of, example

SIMULTANEOUS = Outcome("simultaneous", "liver-centre-discussion")
LIVER_FIRST = Outcome("liver-first", "liver-resection-or-ablation-then-primary")


def test_a_policy_file_is_read() -> None:
    guideline = load_guideline_under(
        """
[policy]
name = "our MDT"
[parameters]
remnant_minimum_percent = 35
prefer_simultaneous_when_eligible = false
[assumptions]
asa = false
"""
    )
    assert guideline.policy == Policy(
        "our MDT",
        {"remnant_minimum_percent": 35, "prefer_simultaneous_when_eligible": False},
        frozenset({"asa"}),
    )
    assert guideline.parameters["remnant_minimum_percent"].value == 35
    assert [(rule.fact, rule.label) for rule in guideline.assumptions if not rule.enabled] == [("asa", "<= 3")]
    assert next(rule.label for rule in guideline.assumptions if rule.fact == "flr-percent") == "> 35"


def test_a_policy_may_change_nothing() -> None:
    assert load_guideline_under('[policy]\nname = "as it is"').policy == Policy("as it is")


def test_all_faults_of_a_policy_are_listed() -> None:
    with pytest.raises(GuidelineError) as caught:
        load_guideline_under(
            """
rows = []
[policy]
name = "ours"
colour = "red"
[parameters]
remnant = 35
remnant_minimum_percent = 90
short_interval_months = 11.5
ecog_unfit = true
prefer_simultaneous_when_eligible = 1
nodules = "three"
[assumptions]
ecog = false
asa = true
"""
        )
    assert sorted(caught.value.faults) == sorted(
        [
            "policy file: unknown key 'rows'",
            "policy file.policy: unknown key 'colour'",
            "policy file.parameters: nodules must be a number, true or false",
            "policy file.assumptions: asa can only be turned off: false",
            "policy ours: unknown parameter 'remnant'",
            "policy ours: parameter remnant_minimum_percent must lie between 20 and 60",
            "policy ours: parameter short_interval_months must be a whole number",
            "policy ours: parameter ecog_unfit must be a number",
            "policy ours: parameter prefer_simultaneous_when_eligible must be true or false",
            "policy ours: nothing is assumed of 'ecog'",
        ]
    )


def test_a_window_cannot_end_before_it_begins() -> None:
    with pytest.raises(GuidelineError) as caught:
        load_guideline_under(
            """
[policy]
name = "ours"
[parameters]
primary_to_liver_minimum_weeks = 13
liver_to_primary_minimum_weeks = 6
liver_to_primary_maximum_weeks = 5
"""
        )
    assert caught.value.faults == (
        "policy ours: parameter primary_to_liver_minimum_weeks must not be above primary_to_liver_maximum_weeks (12)",
        "policy ours: parameter liver_to_primary_minimum_weeks must not be above liver_to_primary_maximum_weeks (5)",
    )


HUGE = 10**400


@pytest.mark.parametrize(
    ("numbers", "faults"),
    [
        ("staging_window_days = inf", ["staging_window_days must be a whole number"]),
        ("staging_window_days = nan", ["staging_window_days must be a whole number"]),
        ("primary_to_liver_minimum_weeks = inf", ["primary_to_liver_minimum_weeks must be a whole number"]),
        (
            f"primary_to_liver_minimum_weeks = {HUGE + 1}\nprimary_to_liver_maximum_weeks = {HUGE}",
            [
                "primary_to_liver_minimum_weeks must lie between 1 and 26",
                "primary_to_liver_maximum_weeks must lie between 1 and 26",
            ],
        ),
    ],
)
def test_a_number_that_no_window_could_have_is_a_fault_as_any_other(numbers: str, faults: list[str]) -> None:
    with pytest.raises(GuidelineError) as caught:
        load_guideline_under(f'[policy]\nname = "ours"\n[parameters]\n{numbers}')
    assert caught.value.faults == tuple(f"policy ours: parameter {fault}" for fault in faults)


def test_of_a_file_that_is_no_toml_nothing_is_said_to_be_missing() -> None:
    with pytest.raises(GuidelineError) as caught:
        load_guideline_under('[policy]\nname = "ours"\n[parameters')
    (fault,) = caught.value.faults
    assert fault.startswith("policy file: Expected ']'")


def test_a_window_may_be_moved_and_may_be_one_week() -> None:
    moved = {"primary_to_liver_minimum_weeks": 13, "primary_to_liver_maximum_weeks": 16}
    policy = Policy("ours", {**moved, "liver_to_primary_minimum_weeks": 8})
    assert load_guideline(policy).policy == policy


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "policy file.policy: name is missing"),
        ('[policy]\nname = "default"', "policy file.policy: name must be a name of the site's own"),
        ('[policy]\nname = "x"\n[parameters]\nremnant_minimum_percent = nan', "must lie between 20 and 60"),
        ("[policy", "policy file: Expected ']'"),
        ('policy = "x"', "policy file.policy: must be a table"),
    ],
)
def test_a_policy_that_cannot_be_read_is_refused(text: str, fault: str) -> None:
    with pytest.raises(GuidelineError, match="policy") as caught:
        load_guideline_under(text)
    assert any(fault in found for found in caught.value.faults)


@pytest.mark.parametrize("name", ["", "default", " ", "default ", "our\\nMDT", "our\\u001b[31mMDT"])
def test_the_name_of_a_policy_is_the_sites_own(name: str) -> None:
    with pytest.raises(GuidelineError) as caught:
        load_guideline_under(f'[policy]\nname = "{name}"')
    fault = "policy file.policy: name must be a name of the site's own in one line, not empty and not 'default'"
    assert caught.value.faults == (fault,)


def test_the_name_of_a_policy_is_as_long_as_the_store_keeps() -> None:
    longest = "n" * 128
    assert load_guideline_under(f'[policy]\nname = "{longest}"').policy.name == longest
    with pytest.raises(GuidelineError) as caught:
        load_guideline_under(f'[policy]\nname = "{longest}n"')
    assert caught.value.faults == ("policy file.policy: name must have at most 128 characters",)


def test_a_policy_made_in_code_is_checked_too() -> None:
    with pytest.raises(GuidelineError, match="policy x: unknown parameter 'y'"):
        load_guideline(Policy("x", {"y": 1}))


def test_without_the_preference_simultaneous_becomes_the_alternative() -> None:
    case = case_of(example("V16").facts)
    preferred = decide(case, load_guideline())
    other = decide(case, load_guideline(Policy("liver first", {"prefer_simultaneous_when_eligible": False})))
    assert (preferred.outcomes, preferred.alternatives) == ((SIMULTANEOUS,), (Outcome("liver-first"),))
    assert (other.outcomes, other.alternatives) == ((LIVER_FIRST,), (SIMULTANEOUS,))
    assert "discuss-liver-centre" in preferred.advisories
    assert "discuss-liver-centre" in other.advisories


def test_without_the_preference_nothing_is_offered_that_is_not_eligible() -> None:
    guideline = load_guideline(Policy("liver first", {"prefer_simultaneous_when_eligible": False}))
    assert decide(case_of(example("V01").facts), guideline).alternatives == ()
    unsure = {**example("V16").facts, "metastases-accessible": frozenset({True, False})}
    assert decide(case_of(unsure), guideline).alternatives == ()


def test_minor_symptoms_keep_the_mdt_beside_the_simultaneous_alternative() -> None:
    guideline = load_guideline(Policy("liver first", {"prefer_simultaneous_when_eligible": False}))
    case = case_of({**example("V16").facts, "primary-symptoms": "minor"})
    assert decide(case, guideline).alternatives == (Outcome("mdt"), SIMULTANEOUS)


def test_an_assumption_that_is_off_is_asked_for() -> None:
    facts = {code: value for code, value in example("V01").facts.items() if code != "asa"}
    assumed = decide(case_of(facts), load_guideline())
    asked = decide(case_of(facts), load_guideline(Policy("ask", {}, frozenset({"asa"}))))
    assert assumed.outcomes == (LIVER_FIRST,)
    assert assumed.assumptions == (Assumption("asa", "<= 3", decides=True),)
    assert asked.outcomes == (LIVER_FIRST, Outcome("mdt", "no-elective-surgery"))
    assert asked.assumptions == ()
    assert [missing.fact for missing in asked.missing] == ["asa"]


def test_thresholds_follow_the_parameters() -> None:
    guideline = load_guideline(Policy("strict", {"remnant_minimum_percent": 42.5}))
    decision = decide(case_of(example("V01").facts), guideline)
    assert decision.outcomes == (Outcome("systemic-first", "reassess-resectability"),)
    assert "remnant-too-small" in decision.advisories


FOLLOW_UP = Outcome("metachronous", "chemotherapy-before-resection")
LATE_FOLLOW_UP = Outcome("metachronous", "upfront-hepatectomy")
AT_STAGING = Outcome("staged", "liver-before-chemotherapy")


@pytest.mark.parametrize(
    ("days", "months"),
    # from a resection 90 days before the diagnosis on; the shortest 3, 4, 5, 6 and 15 months take 89, 120, 150, 181
    # and 454 days
    [(0, 3), (29, 3), (30, 4), (59, 4), (60, 5), (90, 5), (91, 6), (363, 14), (364, 15), (365, 15)],
)
def test_the_months_of_synchronous_disease_follow_the_staging_window(days: int, months: int) -> None:
    guideline = load_guideline(Policy("window", {"staging_window_days": days}))
    assert guideline.parameters["synchronous_maximum_months"].value == months
    facts = {**example("V12").facts, "metastases-detected": Unknown()}
    found = [
        decide(case_of({**facts, "months-primary-to-metastases": count}), guideline).outcomes
        for count in (months, months + 1)
    ]
    early, late = (FOLLOW_UP if count < 12 else LATE_FOLLOW_UP for count in (months, months + 1))
    assert found == [(early, AT_STAGING), (late,)]


def test_the_months_of_synchronous_disease_are_no_choice_of_a_site() -> None:
    with pytest.raises(GuidelineError, match="synchronous_maximum_months follows staging_window_days"):
        load_guideline(Policy("x", {"synchronous_maximum_months": 5}))


@pytest.mark.parametrize(("signs", "left"), [((), (FOLLOW_UP,)), ((Sign.DATES_CONTRADICTED,), (FOLLOW_UP, AT_STAGING))])
def test_dates_that_contradict_each_other_speak_against_no_months_of_synchronous_disease(
    signs: tuple[Sign, ...], left: tuple[Outcome, ...]
) -> None:
    facts = {**example("V12").facts, "metastases-detected": Unknown(), "months-primary-to-metastases": 11}
    case = case_of(facts, signs=(Sign.PROCEDURES_COMPLETE, *signs))
    assert decide(case, load_guideline()).outcomes == left
