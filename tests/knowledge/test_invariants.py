"""The invariants of the requirements, proven over every complete patient: the cubes of the rows are all there is.

That the cubes are disjoint, leave nothing out and say what the table says is proven here too, so that a claim about all
cubes is a claim about all patients; incomplete cases are sets of these patients (test_reference compares them).
"""

from __future__ import annotations

from itertools import combinations
from math import prod
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.case import Gap, Known, Unknown
from service.knowledge.decide import decide
from service.knowledge.domain import ChoiceTest, NumberTest
from service.knowledge.guideline import load_guideline
from tests.cases import case_of
from tests.generated_cases import random_case
from tests.policies import ASSUMED, CORNERS, DEFAULT
from tests.reference_evaluator import Chart, endings
from tests.reference_table import Settings, derived, domains, fire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.knowledge.cubes import Cube
    from service.knowledge.domain import FactTest, NumberOperator
    from service.knowledge.model import Guideline


@pytest.fixture(params=CORNERS, scope="module")
def guideline(request: pytest.FixtureRequest) -> Guideline:
    return load_guideline(CORNERS[request.param])


def is_(fact: str, *values: str | bool) -> FactTest:
    return ChoiceTest(fact, frozenset(values))


def number(fact: str, operator: NumberOperator, value: float) -> FactTest:
    return NumberTest(fact, operator, value)


IN_SITU, RESECTED = is_("primary-in-situ", True), is_("primary-in-situ", False)
UNTREATED = is_("liver-state", "untreated")
COMPLICATED = is_("primary-symptoms", "obstruction", "perforation", "bleeding")
METACHRONOUS = is_("metastases-detected", "follow-up")
TREATED = number("chemotherapy-cycles", ">=", 1)
PROGRESSIVE = is_("chemotherapy-response", "progressive-disease")
MAJOR = ("low-anterior-resection", "abdominoperineal-resection", "total-colectomy", "proctocolectomy", "hartmann")


def rows_within(guideline: Guideline, *tests: FactTest) -> set[str]:
    """Give every row that fires for some patient who passes all tests."""
    compiled = guideline.compiled
    hits = compiled.row_cubes
    for test in tests:
        place = compiled.places[test.fact]
        hits &= compiled.index.touching[place][compiled.domains[place].mask_of(test)]
    return {row.id for row in compiled.rows if row.cubes & hits}


def strategies_within(guideline: Guideline, *tests: FactTest) -> set[str | None]:
    return {guideline.row(row).strategy for row in rows_within(guideline, *tests)}


def row_cubes(guideline: Guideline) -> list[Cube]:
    return list(guideline.compiled.cubes[: guideline.compiled.row_cubes.bit_length()])


def test_the_cubes_of_the_rows_are_disjoint_and_leave_nothing_out(guideline: Guideline) -> None:
    cubes = row_cubes(guideline)
    for one, two in combinations(cubes, 2):
        assert any(not left & right for left, right in zip(one, two, strict=True))
    volume = sum(prod(mask.bit_count() for mask in cube) for cube in cubes)
    assert volume == prod(domain.size for domain in guideline.compiled.domains)


def test_the_cubes_say_what_the_table_says(seed: int) -> None:
    random = Random(seed)
    ranges = domains(Settings())
    for place, cube in enumerate(row_cubes(DEFAULT)):
        row = next(row for row in DEFAULT.compiled.rows if row.cubes >> place & 1)
        for _ in range(30):
            patient = {fact: random.choice(list(_values(fact, values, cube))) for fact, values in ranges.items()}
            fired, _ = fire(patient, derived(patient, Settings()), Settings())
            assert fired == row.id


def _values(fact: str, values: list[Any], cube: Cube) -> Iterator[Any]:
    place = DEFAULT.compiled.places.get(fact)
    for value in values:
        if place is None or DEFAULT.compiled.domains[place].mask_at(value) & cube[place]:
            yield value


def test_simultaneous_never_with_a_contraindication(guideline: Guideline) -> None:
    for test in (
        is_("hepatectomy-extent", "major"),
        is_("colorectal-operation", *MAJOR),
        is_("colorectal-multivisceral", True),
        number("ecog", ">=", 2),
        COMPLICATED,
    ):
        assert "simultaneous" not in strategies_within(guideline, test)


@pytest.mark.parametrize(
    "fact",
    ["hepatectomy-extent", "colorectal-operation", "colorectal-multivisceral", "ecog", "primary-symptoms"],
)
def test_simultaneous_never_on_an_unknown_contraindication(guideline: Guideline, fact: str) -> None:
    eligible: dict[str, Any] = {
        "liver-state": "untreated", "primary-in-situ": True, "metastases-detected": "at-staging", "ecog": 0, "asa": 1,
        "primary-symptoms": "none", "impending-complication": False, "r0-achievable": True, "flr-percent": 90,
        "extrahepatic-disease": "none", "chemotherapy-cycles": 0, "metastasis-count": 1, "largest-metastasis": 0,
        "metastases-accessible": True, "hepatectomy-extent": "minor", "colorectal-operation": "right-hemicolectomy",
        "colorectal-multivisceral": False, "primary-site": "caecum", "liver-centre-discussed": "agreed",
        "rectal-radiotherapy": "not-indicated",
    }  # fmt: skip
    case = case_of({**eligible, fact: Unknown(Gap.OUTDATED)})
    assert decide(case, guideline).strategy != "simultaneous"


def test_liver_first_never_with_a_complicated_primary_while_the_liver_is_untreated(guideline: Guideline) -> None:
    assert "liver-first" not in strategies_within(guideline, UNTREATED, COMPLICATED)
    assert "liver-first" not in strategies_within(guideline, UNTREATED, is_("impending-complication", True))


def test_unresectable_disease_never_makes_an_asymptomatic_primary_come_first(guideline: Guideline) -> None:
    remnant = float(guideline.parameters["remnant_minimum_percent"].value)
    for unresectable in (
        is_("r0-achievable", False),
        number("flr-percent", "<=", remnant),
        is_("extrahepatic-disease", "unresectable"),
    ):
        rows = rows_within(guideline, IN_SITU, is_("primary-symptoms", "none"), unresectable)
        assert {row for row in rows if guideline.row(row).strategy == "staged"} == {"A1"}


def test_a_resected_primary_with_metachronous_disease_is_never_ordered(guideline: Guideline) -> None:
    assert not {"simultaneous", "liver-first", "staged"} & strategies_within(guideline, RESECTED, METACHRONOUS)


def test_each_recommendation_names_a_statement(guideline: Guideline) -> None:
    assert all(row.statements for row in guideline.rows if row.strategy)


def test_age_sex_and_tumour_markers_are_never_looked_at(guideline: Guideline) -> None:
    assert not {"cea", "age", "sex", "primary-t", "ras", "braf", "nodes-positive"} & guideline.compiled.places.keys()


def test_the_nodule_count_never_changes_a_metachronous_answer(guideline: Guideline) -> None:
    compiled = guideline.compiled
    count = compiled.places["metastasis-count"]
    hits = compiled.row_cubes
    for test in (RESECTED, METACHRONOUS):
        place = compiled.places[test.fact]
        hits &= compiled.index.touching[place][compiled.domains[place].mask_of(test)]
    assert hits == hits & compiled.index.holding[count][compiled.domains[count].full]


def test_progressive_disease_never_yields_an_operation_of_the_liver(guideline: Guideline) -> None:
    rows = rows_within(guideline, UNTREATED, TREATED, PROGRESSIVE)
    assert rows == {"A1", "A2u", "A2", "A2d", "G1", "G2", "G2b", "G3", "A7"}


def test_responded_resectable_disease_never_yields_more_chemotherapy(guideline: Guideline) -> None:
    remnant = float(guideline.parameters["remnant_minimum_percent"].value)
    resectable = (
        is_("r0-achievable", True),
        number("flr-percent", ">", remnant),
        is_("extrahepatic-disease", "none"),
        TREATED,
        is_("chemotherapy-response", "complete-response", "partial-response", "stable-disease"),
    )
    simple = is_("primary-symptoms", "none", "minor")
    rows = rows_within(guideline, *resectable, simple) | rows_within(guideline, *resectable, RESECTED)
    steps = {guideline.row(row).next_step for row in rows}
    assert not steps & {
        "chemotherapy-then-reassess", "chemotherapy-then-restage-3-months", "chemotherapy-before-resection",
        "perioperative-folfox-3-3", "reassess-resectability", "systemic-after-relief", "second-line",
    }  # fmt: skip


def test_every_row_is_hit_by_some_patient(guideline: Guideline) -> None:
    idle = {row.id for row in guideline.compiled.rows if not row.cubes}
    expected = set() if guideline.parameters["prefer_simultaneous_when_eligible"].value else {"A10"}
    assert idle == expected
    assert guideline.compiled.uncovered == ()


def test_knowing_more_never_turns_a_determined_strategy_into_another(case_count: int, seed: int) -> None:
    random = Random(seed)
    checked = 0
    for _ in range(case_count):
        case = random_case(random, Settings(), most=60)
        decision = decide(case, DEFAULT)
        open_facts = [
            fact
            for fact in DEFAULT.compiled.places
            if fact in case.facts and not isinstance(case.facts[fact], Known) and fact not in ASSUMED
        ]
        if decision.strategy is None or not open_facts:
            continue
        fact = random.choice(open_facts)
        patient = random.choice(endings(Chart(case, Settings()))).completion
        known = case_of({**case.facts, fact: patient[fact]}, signs=case.signs)
        if fact == "chemotherapy-response" or decide(known, DEFAULT).no_card:
            continue
        checked += 1
        assert decide(known, DEFAULT).strategy == decision.strategy, (fact, case)
    assert checked > case_count / 50
