"""What a guideline becomes before it is asked: constants folded, assumptions and ties as cells, conditions as cubes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_mappings.case import Gap
from fhir_mappings.catalogue import load_catalogue
from service.knowledge.compiled import BoundTie, Condition, describe
from service.knowledge.formula import GapTest, Literal
from service.knowledge.guideline import build_guideline
from tests.knowledge.small_guideline import SMALL

if TYPE_CHECKING:
    from service.knowledge.compiled import Compiled
    from service.knowledge.formula import Formula

UNFIT, FIT = Literal(0, 0b10), Literal(0, 0b01)


def compiled(extra: str = "") -> Compiled:
    return build_guideline({"1": SMALL, "2": extra}, load_catalogue()).compiled


@pytest.mark.parametrize(
    ("when", "test"), [("ecog > 5", False), ("ecog >= 0", True), ("ecog >= 3", UNFIT), ("ecog < 3", FIT)]
)
def test_tests_that_the_catalogue_decides_are_constants(when: str, test: Formula) -> None:
    row = f'id = "C"\nwhen = "{when}"\nstrategy = "mdt"\nnext_step = "talk"\nsentence = "."\nfrom = ["S1"]'
    assert [found.test for found in compiled(f"[[row]]\n{row}").rows] == [UNFIT, FIT, test]


@pytest.mark.parametrize(("assumed", "fill"), [("ecog < 3", 0b01), ("ecog >= 0", 0b11), ("ecog > 5", 0b00)])
def test_an_assumption_fills_the_cells_that_it_names(assumed: str, fill: int) -> None:
    rule = f'[[assumption]]\nfact = "ecog"\nassume = "{assumed}"\nsentence = "."'
    assert [(found.place, found.fill, found.rule) for found in compiled(rule).assumptions] == [(0, fill, 0)]


def test_ties_that_the_catalogue_decides_are_none() -> None:
    ties = "".join(
        f'[[tie]]\nwhen = "{when}"\nthen = "{then}"\nreason = "."\n'
        for when, then in (("asa < 3", "metastasis_count >= 1"), ("ecog > 4", "flr_percent > 30"))
    )
    found = compiled(ties)
    assert found.ties == (BoundTie(Literal(found.places["ecog"], 0b100), found.places["flr-percent"], 0b10),)


def test_rows_take_the_first_cubes_and_advisories_fail_in_them_or_in_their_own() -> None:
    extra = "".join(
        f'[[advisory]]\ncode = "{code}"\nwhen = "{when}"\nsentence = "."\nfrom = []\n'
        for code, when in (("always", "ecog >= 0"), ("unfit", "row == A"), ("worst", "row == A and ecog > 4"))
    )
    found = compiled(extra)
    assert [row.cubes for row in found.rows] == [0b01, 0b10]
    assert found.row_cubes == 0b11
    assert found.cubes == ((0b110,), (0b001,), (0b010,))
    assert found.other_outcome == (0b10, 0b01)
    assert found.advisories[0] == Condition(GapTest(Gap.OUTDATED, wanted=True), 0, asks_gaps=True)
    assert [condition.violations for condition in found.advisories[1:]] == [0, 0b10, 0b110]


def test_a_region_is_described_by_the_facts_that_bound_it() -> None:
    found = compiled('[[tie]]\nwhen = "asa < 3"\nthen = "ecog < 3"\nreason = "."\n')
    regions = [(0b01, 0b11), (0b10, 0b01), (0b11, 0b11)]
    assert list(found.places) == ["ecog", "asa"]
    assert [describe(found, region) for region in regions] == ["ecog 0-2", "ecog 3-5, asa 1-2", "everything"]
