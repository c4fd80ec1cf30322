"""When patient-view gives a card at all, and what it carries beside the recommendation."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fhir_mappings.case import Evidence, Gap, Issue, Known, PartialDate, Scope, Sign, Unknown
from service.knowledge.guideline import load_guideline
from service.knowledge.model import Policy
from tests.decided import DECIDED, by_mdt, cards_of, charted, example, recorded, with_facts
from tests.response_checker import check_response

if TYPE_CHECKING:
    from fhir_mappings.case import Case

ADVICE = "example.crlm-cds.advice"
LATER = PartialDate(date(2026, 11, 18), date(2026, 11, 18))


def test_a_chart_out_of_scope_gives_no_card() -> None:
    assert cards_of(charted({}, scope=Scope.OUT)) == []


def test_a_treated_liver_and_a_resected_primary_give_no_card() -> None:
    assert cards_of(example("V12", liver_state="treated")) == []


def test_an_uncertain_scope_says_which_resource_and_what_to_do() -> None:
    case = replace(charted({}, scope=Scope.UNCERTAIN), scope_evidence=(Evidence("Condition/text-only"),))
    (card,) = cards_of(case)
    assert check_response({"cards": [card]}, hook="patient-view") == []
    assert card["summary"] == (
        "Colorectal liver metastases possible, but a condition could not be read with certainty: check the problem list"
    )
    assert card["indicator"] == "info"
    assert card["source"]["topic"]["code"] == "undetermined"
    assert "Condition/text-only" in card["detail"]
    assert "candidates" not in card["extension"][ADVICE]


def test_conditions_that_could_not_be_had_are_a_warning() -> None:
    case = replace(charted({}, scope=Scope.UNCERTAIN), not_retrieved=("Condition",))
    (card,) = cards_of(case)
    assert card["indicator"] == "warning"
    assert "the conditions were not all retrieved" in card["summary"]


def test_another_cancer_leaves_the_candidates_and_names_no_strategy() -> None:
    case = example("V01")
    (card,) = cards_of(replace(case, signs=case.signs | {Sign.OTHER_CANCER}))
    advice = card["extension"][ADVICE]
    assert check_response({"cards": [card]}, hook="patient-view") == []
    assert (card["indicator"], card["source"]["topic"]["code"]) == ("warning", "undetermined")
    assert advice["candidates"] == [{"strategy": "liver-first", "nextStep": "liver-resection-or-ablation-then-primary"}]
    assert card["summary"] == (
        "Origin of the liver metastases uncertain: another active cancer is recorded, confirm it first"
    )
    assert "Draft care plan" not in json.dumps(card["suggestions"])


def test_an_unconfirmed_disease_is_said() -> None:
    case = example("V01")
    (card,) = cards_of(replace(case, signs=case.signs | {Sign.UNCONFIRMED_DISEASE}))
    assert "recorded as provisional or unconfirmed" in card["detail"]


def test_an_open_case_that_nobody_has_looked_at_is_no_warning() -> None:
    (card,) = cards_of(charted({"metastases-detected": "at-staging"}))
    assert (card["indicator"], card["summary"].split(":")[0]) == ("info", "Complete the case for the MDT")


def test_an_open_case_with_an_outdated_resectability_is_a_warning() -> None:
    long_ago = PartialDate(date(2026, 3, 2), date(2026, 3, 2))
    old = Unknown(Gap.OUTDATED, (Evidence("Observation/r0", dated=long_ago),), last_value=True)
    (card,) = cards_of(example("V01", "primary-symptoms", r0_achievable=old))
    assert card["indicator"] == "warning"
    assert "Whether R0 is achievable: too old, was yes (2 Mar 2026, Observation/r0)" in card["detail"]


def test_left_out_and_missing_resources_are_named() -> None:
    case = replace(
        example("V01"),
        issues=(Issue("Observation/broken", "does not validate"),),
        not_retrieved=("MedicationRequest",),
    )
    (card,) = cards_of(case)
    assert "Left out (does not validate) (Observation/broken)" in card["detail"]
    assert "Not or only partly retrieved: MedicationRequest; what they would say is unknown" in card["detail"]


def test_no_advisory_is_cut_off_the_detail() -> None:
    treated = {"chemotherapy_cycles": 8, "chemotherapy_response": "stable-disease"}
    elsewhere = {"extrahepatic_disease": "unresectable", "liver_mri_done": False, "msi": "msi-high"}
    (card,) = cards_of(example("V20", **treated, **elsewhere))
    assert card["extension"][ADVICE]["advisories"][-1] == "msi-high"
    assert "- MSI-high or mismatch-repair deficient: discuss immunotherapy first" in card["detail"]


def test_a_contradiction_is_not_cut_off_behind_outdated_values() -> None:
    old = Unknown(Gap.OUTDATED, (Evidence("Observation/old"),))
    clash = Unknown(
        Gap.CONFLICTING, (Evidence("Observation/a"), Evidence("Observation/b")), contested=frozenset({0, 4})
    )
    outdated = ("ecog", "primary_symptoms", "metastasis_count", "largest_metastasis", "r0_achievable", "flr_percent")
    (card,) = cards_of(example("V16", **dict.fromkeys(outdated, old), chemotherapy_cycles=clash))
    assert card["extension"][ADVICE]["advisories"] == ["conflicting-data", "outdated-data"]
    assert card["detail"].split("**Not usable**\n")[1].split("\n\n")[0].splitlines()[-2:] == [
        "- Preoperative cycles: sources contradict each other, 0 against 4 (Observation/a, Observation/b)",
        "- and 2 more in the app",
    ]


def test_a_line_is_shown_where_saying_that_there_is_one_more_would_take_its_room() -> None:
    old = Unknown(Gap.OUTDATED, (Evidence("Observation/old"),))
    outdated = ("ecog", "primary_symptoms", "metastasis_count", "largest_metastasis", "r0_achievable")
    (card,) = cards_of(example("V16", **dict.fromkeys(outdated, old)))
    assert len(card["detail"].split("**Not usable**\n")[1].split("\n\n")[0].splitlines()) == len(outdated)
    assert "more in the app" not in card["detail"].split("**Not usable**")[1]


def test_an_unchanged_mdt_decision_is_respected_in_silence() -> None:
    assert cards_of(by_mdt(example("V01"), "staged")) == []


def test_an_unchanged_mdt_decision_can_be_one_line() -> None:
    (card,) = cards_of(by_mdt(example("V01"), "liver-first"), unchanged_mdt_decision="line")
    assert (card["indicator"], card["summary"]) == ("info", "MDT decided liver first on 10 Nov 2026")
    assert "suggestions" not in card
    assert check_response({"cards": [card]}, hook="patient-view") == []


@pytest.mark.parametrize("decided", [DECIDED, None], ids=["unchanged", "undated"])
def test_a_card_on_the_decision_of_the_mdt_alone_links_to_no_row_of_ours(decided: PartialDate | None) -> None:
    case = by_mdt(example("V01"), "staged", decided=decided)
    (card,) = cards_of(case, unchanged_mdt_decision="line")
    page = "https://cds.example.org/knowledge"
    assert (card["source"]["url"], card["links"][-1]["url"]) == (page, page)


def test_an_mdt_that_put_its_decision_off_is_quoted_so() -> None:
    (card,) = cards_of(by_mdt(example("V01"), "mdt"), unchanged_mdt_decision="line")
    assert card["summary"] == "MDT decided to discuss further on 10 Nov 2026"


def test_a_deciding_fact_that_changed_since_the_mdt_is_named() -> None:
    before = by_mdt(example("V16"), "simultaneous")
    after = with_facts(before, ecog=recorded("ecog", 2, LATER))
    (card,) = cards_of(after)
    assert card["indicator"] == "info"
    assert card["summary"] == (
        "MDT decided simultaneous resection on 10 Nov 2026; changed since: ECOG. The recommendation would now differ"
    )
    assert "- ECOG: 0 → 2 (18 Nov 2026, Observation/ecog)" in card["detail"]
    assert "(not what the MDT decided); on the facts of that day: simultaneous resection" in card["detail"]
    assert check_response({"cards": [card]}, hook="patient-view") == []


def test_a_fact_that_decides_nothing_is_no_change() -> None:
    before = by_mdt(example("V16"), "simultaneous")
    assert cards_of(with_facts(before, cea=recorded("cea", 12.5, LATER))) == []


def test_a_value_that_only_became_too_old_is_no_change() -> None:
    before = by_mdt(example("V16"), "simultaneous")
    old = Unknown(Gap.OUTDATED, (Evidence("Observation/ecog"),), last_value=0)
    assert cards_of(with_facts(before, ecog=old)) == []


def test_an_older_record_that_surfaces_late_is_no_change() -> None:
    before = by_mdt(example("V16"), "simultaneous")
    assert cards_of(with_facts(before, ecog=recorded("ecog", 2))) == []


def test_a_contradiction_since_the_mdt_is_a_change() -> None:
    before = by_mdt(example("V16"), "simultaneous")
    clash = Unknown(Gap.CONFLICTING, (Evidence("Observation/a", dated=LATER), Evidence("Observation/b", dated=LATER)))
    (card,) = cards_of(with_facts(before, ecog=clash))
    assert "ECOG: 0 → sources contradict each other" in card["detail"]


def test_an_undated_mdt_decision_is_shown_for_want_of_a_day_to_compare() -> None:
    (card,) = cards_of(by_mdt(example("V01"), "liver-first", decided=None))
    assert card["summary"] == "MDT decided liver first (date not recorded)"


def test_the_reason_of_the_mdt_is_plain_text() -> None:
    case = by_mdt(example("V01"), "liver-first", reason="<b>frail</b> [x](http://evil.example)\n\n# title")
    (card,) = cards_of(case, unchanged_mdt_decision="line")
    assert r"Reason given: &lt;b&gt;frail&lt;/b&gt; \[x\](http: //evil.example) \# title" in card["detail"]


def test_a_local_policy_and_what_it_changes_are_named() -> None:
    guideline = load_guideline(Policy("our MDT <1>", {"prefer_simultaneous_when_eligible": False}, frozenset({"asa"})))
    (card,) = cards_of(example("V16"), guideline=guideline)
    assert card["extension"][ADVICE]["knowledge"]["policy"] == "our MDT <1>"
    assert "policy: our MDT &lt;1&gt;" in card["detail"]
    assert (
        "Local policy of this site: prefer simultaneous when eligible = no; asa is asked, not assumed" in card["detail"]
    )


def test_the_app_is_linked_at_the_first_missing_fact() -> None:
    (card,) = cards_of(example("V19"), app_context=lambda card_uuid, fact: f"{card_uuid}/{fact}")
    assert card["links"] == [
        {
            "label": "Review and complete the case",
            "url": "https://cds.example.org/smart/launch",
            "type": "smart",
            "appContext": f"{card['uuid']}/None",
        },
        {
            "label": "Record ECOG",
            "url": "https://cds.example.org/smart/launch",
            "type": "smart",
            "appContext": f"{card['uuid']}/ecog",
        },
        {
            "label": "Knowledge behind this card",
            "url": "https://cds.example.org/knowledge",
            "type": "absolute",
        },
    ]


def test_a_card_of_uncertain_scope_offers_no_question_that_the_app_would_not_ask() -> None:
    case = replace(charted({}, scope=Scope.UNCERTAIN), scope_evidence=(Evidence("Condition/text-only"),))
    (card,) = cards_of(case, app_context=lambda card_uuid, fact: f"{card_uuid}/{fact}")
    assert [link["label"] for link in card["links"]] == ["Review and complete the case", "Knowledge behind this card"]


@pytest.mark.parametrize(
    ("case", "anchor"),
    [
        (example("V01"), "#A12c"),
        (example("V19"), ""),
        (replace(example("V01"), signs=frozenset({Sign.OTHER_CANCER})), ""),
        (replace(example("V01"), scope=Scope.UNCERTAIN), ""),
    ],
    ids=["recommended", "open", "origin uncertain", "scope uncertain"],
)
def test_only_a_recommendation_leads_to_a_row_of_the_pathway(case: Case, anchor: str) -> None:
    (card,) = cards_of(case)
    url = f"https://cds.example.org/knowledge{anchor}"
    assert (card["source"]["url"], card["links"][-1]["url"]) == (url, url)


@pytest.mark.parametrize("user", ["Patient/pat-1", "RelatedPerson/r", None])
def test_only_practitioners_become_requesters(user: str | None) -> None:
    (card,) = cards_of(example("V01"), user=user)
    assert "requester" not in json.dumps(card["suggestions"])


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"flr_percent": Unknown()}, "Request CT volumetry of the liver remnant"),
        ({"liver_mri_done": False}, "Request a staging MRI of the liver"),
        ({"liver_mri_done": Unknown()}, "Request a staging MRI of the liver"),
        ({"cea": Unknown()}, "Request CEA"),
    ],
)
def test_a_missing_investigation_is_offered(changed: dict[str, Any], wanted: str) -> None:
    (card,) = cards_of(example("V38", **changed))
    assert wanted in [suggestion["label"] for suggestion in card["suggestions"]]


def test_recorded_investigations_are_not_offered_again() -> None:
    (card,) = cards_of(example("V01", cea=4.2))
    assert [suggestion["label"] for suggestion in card["suggestions"]] == [
        "Refer to the liver MDT",
        "Draft care plan: liver first",
    ]


def test_nothing_is_measured_or_imaged_before_an_operation_of_the_liver_that_is_done() -> None:
    unknown = {"liver_mri_done": Unknown(), "flr_percent": Unknown()}
    (card,) = cards_of(example("V01", liver_state="treated", **unknown))
    assert [suggestion["label"] for suggestion in card["suggestions"]] == [
        "Refer to the liver MDT",
        "Draft care plan: primary next",
        "Request CEA",
    ]


@pytest.mark.parametrize(
    "reference",
    ["Observation/<img src=x>", "Observation/a\n# b", "Observation/[x](y)", "Observation/\u202eb", "../x", ""],
)
def test_a_hostile_reference_is_never_markup(reference: str) -> None:
    case = with_facts(example("V01"), ecog=Known(0, (Evidence(reference, "coded"),)))
    (card,) = cards_of(replace(case, issues=(Issue(reference, "does not validate"),)))
    faults = [
        fault
        for fault in check_response({"cards": [card]}, hook="patient-view")
        if "what was read has a source" not in fault
    ]
    assert faults == []
    tags = re.findall(r"<[^>]+>", MarkdownIt("gfm-like", {"linkify": False}).render(card["detail"]))
    assert set(tags) <= {"<p>", "</p>", "<strong>", "</strong>", "<ul>", "</ul>", "<li>", "</li>", "<br />"}


@given(st.text())
def test_any_reason_of_the_mdt_leaves_the_card_sound(reason: str) -> None:
    (card,) = cards_of(by_mdt(example("V01"), "liver-first", reason=reason), unchanged_mdt_decision="line")
    assert check_response({"cards": [card]}, hook="patient-view") == []
    assert all(line.isprintable() for line in card["detail"].split("\n"))


@pytest.mark.parametrize(("last", "begins"), [(date(2026, 10, 16), None), (date(2026, 11, 10), "2026-12-08")])
def test_a_care_plan_does_not_begin_before_it_is_drafted(last: date, begins: str | None) -> None:
    treated = {"chemotherapy_cycles": 4, "chemotherapy_response": "partial-response"}
    (card,) = cards_of(example("V01", chemotherapy_last_date=last, **treated))
    (action,) = card["suggestions"][1]["actions"]
    detail = action["resource"]["activity"][0]["detail"]
    assert (detail["code"], detail.get("scheduledPeriod")) == (
        {"text": "Liver resection"},
        {"start": begins} if begins else None,
    )
