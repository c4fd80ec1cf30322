"""Everything that a guideline names must exist, and what it says once must not stand twice."""

from __future__ import annotations

import pytest

from tests.knowledge.small_guideline import SMALL, faults_of

ROW = """
[[row]]
id = "{id}"
when = "unfit"
sentence = "."
from = {statements}
"""
ADVISORY = """
[[advisory]]
code = "{code}"
when = "row == A"
sentence = "."
from = {statements}
citations = {citations}
"""
GAP = '[months_between.{}]\nfirst = "{}"\nlast = "{}"\n'
STEP = '[next_step.wait]\ntitle = "."\nsentence = "."\ninterval = "soon"\nliver = "now"\nprimary = "now"\n'


def row(ident: str = "C", statements: str = "[]", more: str = "") -> str:
    return ROW.format(id=ident, statements=statements) + more


def advisory(code: str = "new", statements: str = "[]", citations: str = "[]", more: str = "") -> str:
    return ADVISORY.format(code=code, statements=statements, citations=citations) + more


@pytest.mark.parametrize(
    ("texts", "faults"),
    [
        ([row("A")], ["row A: there are two of it"]),
        ([row("B"), row("A"), row("A")], ["row A: there are two of it", "row B: there are two of it"]),
        ([advisory("old")], ["advisory old: there are two of it"]),
        ([row("old"), advisory("A")], []),
        ([row(statements='["S1", "S2"]')], ["row C: unknown statement 'S2'"]),
        ([row(statements='["R1"]'), '[resolution]\nR1 = "Ours."\n'], []),
        ([row(more='citations = ["C1", "C2"]\n')], ["row C: unknown citation 'C1'", "row C: unknown citation 'C2'"]),
        (
            [row(more='strategy = "mdt"\nnext_step = "talk"\n')],
            ["row C: a recommendation names at least one statement"],
        ),
        (
            [row(statements='["S1"]', more='strategy = "walk"\nnext_step = "run"\n')],
            ["row C: unknown strategy 'walk'", "row C: unknown next step 'run'"],
        ),
        (
            [row(more='alternatives = [{ strategy = "mdt" }, { strategy = "walk", next_step = "run" }]\n')],
            ["row C: unknown strategy 'walk'", "row C: unknown next step 'run'"],
        ),
        (
            [advisory(statements='["S2"]', citations='["C1"]', more='if_assumed = { fact = "asa", sentence = "." }\n')],
            [
                "advisory new: unknown statement 'S2'",
                "advisory new: unknown citation 'C1'",
                "advisory new: unknown assumption 'asa'",
            ],
        ),
        ([advisory(more='facts = ["asa", "age"]\n')], ["advisory new: unknown fact 'age'"]),
        ([STEP], ["next step wait: unknown interval 'soon'"]),
        (
            [
                STEP.replace(
                    'interval = "soon"\nliver = "now"', 'liver = "after-chemotherapy"\nchemotherapy_months = "many"'
                )
            ],
            ["next step wait: unknown parameter 'many'"],
        ),
        (
            [STEP, '[interval]\nsoon = "in {days} to {weeks}"\n'],
            ["interval soon: unknown parameter 'days'", "interval soon: unknown parameter 'weeks'"],
        ),
        (
            [STEP.replace('title = "."', 'title = "in {days}"'), '[interval]\nsoon = "soon"\n'],
            ["next step wait: unknown parameter 'days'"],
        ),
        (
            ['[resolution]\nR1 = "Ours: {days."\nR2 = "Ours: {weeks}."\n'],
            ["resolution R1: a brace stands alone", "resolution R2: unknown parameter 'weeks'"],
        ),
        (
            ['[parameter.months]\nmonths_in = "days"\nreason = "."\n'],
            ["parameter months: unknown parameter 'days'"],
        ),
        (
            ['[parameter.least]\nvalue = 1\nnot_above = "most"\nreason = "."\n'],
            ["parameter least: unknown parameter 'most'"],
        ),
        (
            [GAP.format("gap", "asa", "began"), GAP.format("wait", "ended", "end")],
            ["months_between gap: unknown date 'asa'", "months_between wait: unknown date 'end'"],
        ),
        (
            ['[definition]\necog = "unfit"\necog_unfit = "unfit"\n'],
            [f"definition {name}: the name is taken by a fact or a parameter" for name in ("ecog", "ecog_unfit")],
        ),
        (
            [GAP.format("gap", "began", "ended"), '[definition]\ngap = "unfit"\n'],
            ["definition gap: the name is taken by a fact or a parameter"],
        ),
    ],
)
def test_what_does_not_exist_or_stands_twice_is_a_fault_with_its_place(texts: list[str], faults: list[str]) -> None:
    assert faults_of(SMALL, *texts) == faults
