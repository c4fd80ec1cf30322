"""Facts are cut into the cells that tests tell apart, on the right side of every threshold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from fhir_mappings.case import Interval
from fhir_mappings.catalogue import FactDefinition, load_catalogue
from service.knowledge.domain import ChoiceTest, NumberTest, domain_of

if TYPE_CHECKING:
    from service.knowledge.domain import Domain, NumberOperator


def cut(fact: str, *tests: tuple[NumberOperator, float]) -> Domain:
    return domain_of(load_catalogue()[fact], [NumberTest(fact, operator, number) for operator, number in tests])


def labels(domain: Domain) -> list[str]:
    return [domain.label(1 << index) for index in range(domain.size)]


def test_choices_that_no_test_tells_apart_share_a_cell() -> None:
    symptoms = domain_of(
        load_catalogue()["primary-symptoms"],
        [
            ChoiceTest("primary-symptoms", frozenset({"obstruction", "perforation", "bleeding"})),
            ChoiceTest("primary-symptoms", frozenset({"perforation"})),
        ],
    )
    assert labels(symptoms) == ["none or minor", "obstruction or bleeding", "perforation"]
    assert symptoms.full == 0b111
    assert symptoms.mask_at("bleeding") == 0b010
    assert symptoms.mask_within(frozenset({"minor", "perforation"})) == 0b101


def test_booleans_are_choices() -> None:
    mri = domain_of(load_catalogue()["liver-mri-done"], [ChoiceTest("liver-mri-done", frozenset({True}))])
    assert labels(mri) == ["true", "false"]
    assert mri.mask_at(False) == 0b10  # noqa: FBT003 - the value


def test_choices_are_labelled_as_the_catalogue_writes_them() -> None:
    stage = FactDefinition(code="stage", title="", question="", kind="choice", reader="", choices=("T4a", "T4b"))
    assert labels(domain_of(stage, [ChoiceTest("stage", frozenset({"T4a"}))])) == ["T4a", "T4b"]


def test_whole_numbers_are_labelled_by_their_ends() -> None:
    assert labels(cut("ecog", (">=", 2), (">", 2))) == ["0-1", "2", "3-5"]
    assert labels(cut("metastasis-count", ("<=", 3))) == ["1-3", "> 3"]
    assert labels(cut("chemotherapy-cycles", ("==", 4))) == ["0-3", "4", "> 4"]
    assert labels(cut("ecog")) == ["0-5"]
    assert labels(cut("metastasis-count")) == ["any"]


def test_measured_numbers_keep_the_side_of_the_threshold() -> None:
    remnant = cut("flr-percent", (">", 30), ("<=", 40))
    assert labels(remnant) == ["<= 30", "> 30 and <= 40", "> 40"]
    assert [remnant.mask_at(value) for value in (30, 30.000001, 40, 40.1)] == [1, 2, 2, 4]
    assert labels(cut("flr-percent", ("<", 30))) == ["< 30", ">= 30"]
    assert labels(cut("flr-percent", ("==", 30))) == ["< 30", "30", "> 30"]
    assert labels(cut("flr-percent")) == ["any"]


def test_groups_of_cells_are_joined() -> None:
    ecog = cut("ecog", (">=", 2), (">", 2))
    assert ecog.label(0b101) == "0-1 or 3-5"
    assert ecog.label(0b011) == "0-2"
    remnant = cut("flr-percent", (">", 30), ("<=", 40))
    assert remnant.label(0b110) == "> 30"


def test_thresholds_outside_the_catalogue_cut_nothing() -> None:
    assert cut("ecog", (">=", 0), ("<=", 5), (">", 7)).size == 1
    assert cut("flr-percent", (">=", 0), ("<=", 100)).size == 1
    assert cut("flr-percent", (">", 0), ("<", 100)).size == 3


@pytest.mark.parametrize(
    ("interval", "mask"),
    [
        (Interval(), 0b111),
        (Interval(high=30), 0b001),
        (Interval(low=30), 0b111),
        (Interval(low=30, low_included=False), 0b110),
        (Interval(high=40, high_included=False), 0b011),
        (Interval(low=41), 0b100),
        (Interval(low=35, high=38), 0b010),
        (Interval(low=50, high=40), 0b000),
        (Interval(low=101), 0b000),
    ],
)
def test_intervals_of_measured_numbers(interval: Interval, mask: int) -> None:
    assert cut("flr-percent", (">", 30), ("<=", 40)).mask_within(interval) == mask


@pytest.mark.parametrize(
    ("interval", "mask"),
    [
        (Interval(high=1), 0b001),
        (Interval(high=2, high_included=False), 0b001),
        (Interval(low=1, low_included=False), 0b110),
        (Interval(low=1, high=3, low_included=False, high_included=False), 0b010),
        (Interval(low=1.2, high=1.8), 0b000),
        (Interval(low=2.5), 0b100),
        (Interval(low=9), 0b000),
    ],
)
def test_intervals_of_whole_numbers_hold_whole_numbers_only(interval: Interval, mask: int) -> None:
    assert cut("ecog", (">=", 2), (">", 2)).mask_within(interval) == mask


@pytest.mark.parametrize("operator", ["==", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize("fact", ["ecog", "flr-percent"])
def test_a_mask_holds_exactly_the_values_that_pass(operator: NumberOperator, fact: str) -> None:
    tests = [NumberTest(fact, "<", 2), NumberTest(fact, operator, 3), NumberTest(fact, "<=", 4)]
    domain = domain_of(load_catalogue()[fact], tests)
    for test in tests:
        for value in (0, 1, 2, 3, 4, 5):
            assert bool(domain.mask_of(test) & domain.mask_at(value)) is test.accepts(value)
            assert test.opposite().accepts(value) is not test.accepts(value)


def test_between_two_thresholds_lies_what_passes_both() -> None:
    remnant = cut("flr-percent", (">", 30), ("<", 40), (">", 99.5))
    masks = [remnant.mask_of(NumberTest("flr-percent", *test)) for test in ((">", 30), ("<", 40), ("<=", 100))]
    assert masks == [0b1110, 0b0011, 0b1111]


@pytest.mark.parametrize(
    ("cuts", "interval", "mask"),
    [
        ([(">", 0)], Interval(high=50), 0b11),
        ([(">", 0)], Interval(low=100, low_included=False), 0b00),
        ([("<", 30)], Interval(high=30), 0b11),
        ([("<", 30)], Interval(high=30, high_included=False), 0b01),
        ([("<", 30), (">", 30)], Interval(low=30, high=30), 0b010),
    ],
)
def test_intervals_end_where_the_catalogue_and_thresholds_do(
    cuts: list[tuple[NumberOperator, float]], interval: Interval, mask: int
) -> None:
    assert cut("flr-percent", *cuts).mask_within(interval) == mask


@pytest.mark.parametrize("value", [True, "2", math.nan, math.inf])
def test_what_is_no_number_is_refused(value: bool | float | str) -> None:  # noqa: FBT001 - a value of a fact
    with pytest.raises(ValueError, match=r"^not a number$"):
        cut("ecog").mask_at(value)


def test_what_is_no_choice_is_refused() -> None:
    symptoms = domain_of(load_catalogue()["primary-symptoms"], [])
    with pytest.raises(ValueError, match=r"^not a value of the catalogue$"):
        symptoms.mask_at("tired")
    with pytest.raises(ValueError, match=r"^an interval belongs to a number$"):
        symptoms.mask_within(Interval())
    with pytest.raises(ValueError, match=r"^a set of choices belongs to a choice$"):
        cut("ecog").mask_within(frozenset({"0"}))


def test_numbers_without_ends_have_cells_too() -> None:
    free = FactDefinition(code="balance", title="", question="", kind="number", reader="", unit="1")
    tests = [NumberTest("balance", "<", -1), NumberTest("balance", ">=", 2)]
    domain = domain_of(free, tests)
    assert labels(domain) == ["< -1", ">= -1 and < 2", ">= 2"]
    assert [domain.mask_of(test) for test in tests] == [0b001, 0b100]
    whole = FactDefinition(code="balance", title="", question="", kind="integer", reader="")
    assert labels(domain_of(whole, tests))[0] == "<= -2"
    assert labels(domain_of(whole, [])) == ["any"]
