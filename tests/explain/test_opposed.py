"""What a card says against the strategies that are excluded."""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline
from service.knowledge.opposed import against
from service.knowledge.reading import COMPLICATIONS, MAJOR_OPERATIONS, Reading
from tests.decided import CATALOGUE, example
from tests.explain.plain import plain
from tests.generated_cases import random_case
from tests.reference_table import Settings

if TYPE_CHECKING:
    from fhir_mappings.case import Case

GUIDELINE = load_guideline()


@pytest.mark.parametrize(
    ("definition", "fact", "spoken_of"),
    [
        ("complicated", "primary_symptoms", COMPLICATIONS),
        ("major_colorectal", "colorectal_operation", MAJOR_OPERATIONS),
    ],
)
def test_the_sentences_speak_of_what_the_guideline_defines(
    definition: str, fact: str, spoken_of: frozenset[str]
) -> None:
    assert set(re.findall(r"[\w-]+", GUIDELINE.definitions[definition])) == {fact, "in", *spoken_of}


def opposed(case: Case) -> list[str]:
    return [plain(line) for line in against(Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE))]


def without_sources(case: Case) -> list[str]:
    return [re.sub(r" \([^()]*Observation/[^()]*\)", "", line) for line in opposed(case)]


def titles(case: Case) -> list[str]:
    return [line.partition(":")[0] for line in opposed(case)]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (example("V13"), []),  # chemotherapy, restaging, then the liver
        (example("V28"), []),  # chemotherapy before the liver
        (example("V27"), []),  # the same as an alternative
        (example("V27", "primary-pathology"), []),  # the same among what is open
        (example("V08", extrahepatic_disease="resectable"), ["Not simultaneous", "Not liver first"]),  # after relief
        (example("V09"), ["Not simultaneous", "Not liver first", "Not systemic therapy first"]),  # the primary is first
        (example("V36"), ["Not simultaneous", "Not systemic therapy first"]),
        (example("V12"), ["Not systemic therapy first"]),
    ],
)
def test_chemotherapy_before_the_liver_is_never_opposed_on_a_card_that_offers_it(
    case: Case, expected: list[str]
) -> None:
    assert titles(case) == expected


@pytest.mark.parametrize(
    "changed",
    [{"extrahepatic_disease": "unresectable"}, {"chemotherapy_response": "progressive-disease"}, {"asa": 5}],
    ids=lambda changed: next(iter(changed)),
)
def test_that_the_liver_is_resectable_is_no_reason_where_something_else_forbids_its_resection(changed: Any) -> None:
    case = example("V11", r0_achievable=True, flr_percent=38, **changed)
    decision = decide(case, GUIDELINE)
    assert decision.strategy == "staged"
    said = [plain(line) for line in against(Reading(case, decision, GUIDELINE, CATALOGUE))]
    assert [line for line in said if line.startswith("Not systemic therapy first")] == []


def test_no_strategy_that_is_open_or_offered_is_opposed() -> None:
    strategies = {
        "Not simultaneous": "simultaneous",
        "Not liver first": "liver-first",
        "Not primary first": "staged",
        "Not systemic therapy first": "systemic-first",
    }
    both = []
    for seed in range(240):
        case = random_case(Random(seed), Settings())
        decision = decide(case, GUIDELINE)
        offered = {outcome.strategy for outcome in (*decision.outcomes, *decision.alternatives)}
        both += [(seed, title) for title in titles(case) if strategies[title] in offered]
    assert both == []


def test_metastases_found_at_operation_leave_the_liver_resectable() -> None:
    case = example("V16", metastases_detected="intraoperative")
    assert titles(case) == ["Not simultaneous", "Not liver first", "Not systemic therapy first"]


@pytest.mark.parametrize("unknown", ["r0-achievable", "flr-percent"])
def test_a_resection_that_may_not_be_possible_is_no_reason_against_systemic_therapy(unknown: str) -> None:
    case = example("V16", unknown, metastases_detected="intraoperative", hepatectomy_extent="major")
    assert titles(case) == ["Not simultaneous", "Not liver first"]


def test_nothing_speaks_against_systemic_therapy_where_no_operation_is_open() -> None:
    case = example("V12", primary_margin="r2", r0_achievable=True, flr_percent=50)
    assert (decide(case, GUIDELINE).strategy, titles(case)) == ("mdt", [])


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            example("V16", "colorectal-operation", primary_site="rectum-mid"),
            "Not simultaneous: low anterior resection (major, assumed)",
        ),
        (
            example("V16", "impending-complication"),
            "Not primary first: no symptoms of the primary; no impending complication (assumed)",
        ),
        (
            example("V23", "chemotherapy-cycles"),
            "Not liver first: 4 metastases; no chemotherapy for the metastases yet (assumed)",
        ),
    ],
    ids=("colorectal-operation", "impending-complication", "chemotherapy-cycles"),
)
def test_what_is_assumed_speaks_against_a_strategy_as_what_is_recorded(case: Case, expected: str) -> None:
    assert [line for line in without_sources(case) if line.endswith("assumed)")] == [expected]


_CALM = "Not primary first: no symptoms of the primary, no impending complication"
_RESECTABLE = "Not systemic therapy first: R0 achievable, remnant 70 %"


@pytest.mark.parametrize(
    ("changed", "said", "opposed_as_well"),
    [
        ({"hepatectomy_extent": "major"}, "major hepatectomy planned", (_CALM, _RESECTABLE)),
        ({"colorectal_operation": "hartmann"}, "Hartmann operation planned", (_CALM, _RESECTABLE)),
        ({"colorectal_multivisceral": True}, "multivisceral resection planned", (_CALM, _RESECTABLE)),
        ({"ecog": 2}, "ECOG 2", (_CALM, _RESECTABLE)),
        ({"liver_centre_discussed": "refused"}, "liver centre advised against it", (_CALM, _RESECTABLE)),
        ({"metastases_accessible": False}, "not easily accessible", (_CALM, _RESECTABLE)),
        ({"largest_metastasis": 31}, "largest 31 mm", (_CALM, _RESECTABLE)),
        (
            {"primary_site": "rectum-mid", "rectal_radiotherapy": "indicated"},
            "radiotherapy of the rectum indicated",
            (_CALM, _RESECTABLE),
        ),
        (
            {"primary_site": "rectum-mid", "rectal_radiotherapy": "ongoing"},
            "radiotherapy of the rectum running",
            (_CALM, _RESECTABLE),
        ),
        (
            {"primary_symptoms": "bleeding"},
            "uncontrolled bleeding from the primary",
            ("Not liver first: uncontrolled bleeding from the primary", _RESECTABLE),
        ),
        (
            {"impending_complication": True},
            "complication of the primary impending",
            ("Not liver first: complication of the primary impending", _RESECTABLE),
        ),
        (
            {"metastasis_count": 4},
            "4 metastases",
            ("Not liver first: 4 metastases, no chemotherapy for the metastases yet", _CALM),
        ),
        ({"r0_achievable": False}, "R0 not achievable", ("Not liver first: R0 not achievable", _CALM)),
        ({"flr_percent": 30}, "remnant 30 %", ("Not liver first: remnant 30 %", _CALM)),
        (
            {"extrahepatic_disease": "resectable"},
            "resectable extrahepatic disease",
            ("Not liver first: resectable extrahepatic disease", _CALM),
        ),
        (
            {"asa": 4},
            "ASA 4",
            ("Not liver first: ASA 4", _CALM.replace("no symptoms", "ASA 4, no symptoms")),
        ),
    ],
    ids=lambda given: "-".join(given) if isinstance(given, dict) else "",
)
def test_each_value_against_both_operations_at_once_is_named(
    changed: dict[str, Any], said: str, opposed_as_well: tuple[str, ...]
) -> None:
    assert without_sources(example("V16", **changed)) == [f"Not simultaneous: {said}", *opposed_as_well]


@pytest.mark.parametrize(
    "changed",
    [
        {"ecog": 1},
        {"largest_metastasis": 30},
        {"metastasis_count": 3},
        {"rectal_radiotherapy": "indicated"},
        {"primary_site": "rectum-mid", "rectal_radiotherapy": "completed"},
    ],
    ids="-".join,
)
def test_a_value_at_its_limit_speaks_against_nothing(changed: dict[str, Any]) -> None:
    assert without_sources(example("V16", **changed)) == [_CALM, _RESECTABLE]


def test_a_primary_with_minor_symptoms_may_come_first() -> None:
    assert without_sources(example("V16", primary_symptoms="minor")) == [_RESECTABLE]


def test_a_remnant_that_is_assumed_to_suffice_speaks_for_resection() -> None:
    assumed = "Not systemic therapy first: R0 achievable; remnant more than 30 % (assumed)"
    assert without_sources(example("V16", "flr-percent")) == [_CALM, assumed]


def test_what_a_response_to_chemotherapy_adds_is_named() -> None:
    found = [
        without_sources(example("V16", chemotherapy_response=how))
        for how in ("partial-response", "progressive-disease")
    ]
    assert found == [[_CALM, f"{_RESECTABLE}, partial response"], [_CALM]]


def test_a_line_against_a_strategy_states_the_advisories_of_its_facts() -> None:
    case = example("V01")
    lines = against(Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE))
    assert [(line.kind, line.codes) for line in lines] == [
        ("against", ("no-simultaneous-major-liver",)),
        ("against", ()),
        ("against", ()),
    ]
