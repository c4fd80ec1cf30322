"""A guideline is put together from its files, the catalogue and a policy; its faults come once, with their place."""

from __future__ import annotations

import pytest

from service.knowledge.decision import Outcome
from service.knowledge.domain import MonthsBetween
from service.knowledge.model import (
    Advisory,
    Alternative,
    AssumptionRule,
    Citation,
    Guideline,
    NextStep,
    Parameter,
    Policy,
    Row,
    Statement,
)
from tests.knowledge.small_guideline import SMALL, built, faults_of, of_rows

GAP = '[months_between.gap]\nfirst = "began"\nlast = "ended"\n'
MORE = (
    GAP
    + """
[definition]
synchronous = "gap <= late"
[interval]
soon = "after {late} months"
[resolution]
R9 = "Ours."
[[advisory]]
code = "new"
when = "row == A"
sentence = "New for {late} months."
from = ["R9"]
if_assumed = { fact = "asa", sentence = "New for {late_days} days, as far as is known." }
[[assumption]]
fact = "asa"
assume = "asa < 4"
sentence = "."
[[assumption]]
fact = "gap"
when = "absent(msi)"
assume = "gap >= late"
printed = false
sentence = "."
[[tie]]
when = "msi == msi-high"
then = "ras == mutated"
reason = "."
[parameter.late]
months_in = "late_days"
reason = "."
[parameter.late_days]
value = 30
reason = "."
[next_step.wait]
title = "wait"
sentence = "Wait."
liver = "not-now"
primary = "now"
interval = "soon"
[[row]]
id = "C"
when = "ras == mutated"
sentence = "."
strategy = "staged"
next_step = "wait"
strength = "strong"
from = ["S1"]
citations = ["C1"]
alternatives = [{ strategy = "mdt" }]
[citation.C1]
text = "Paper."
check = "verified"
"""
)


def test_a_guideline_holds_what_its_files_say_under_the_policy() -> None:
    policy = Policy("ours", {"late_days": 60}, frozenset({"asa"}))
    found = built(SMALL, MORE, policy=policy)
    assert found == Guideline(
        id="small",
        version="1",
        title="Small",
        status="Tried in tests only.",
        policy=policy,
        definitions={"unfit": "ecog >= ecog_unfit", "synchronous": "gap <= late"},
        rows=(
            Row("A", "unfit", "Unfit.", "mdt", "talk", statements=("S1",)),
            Row("B", "not unfit", "Fit.", "staged", "talk", statements=("S1",)),
            Row(
                "C",
                "ras == mutated",
                ".",
                "staged",
                "wait",
                strength="strong",
                statements=("S1",),
                citations=("C1",),
                alternatives=(Alternative(Outcome("mdt")),),
            ),
        ),
        advisories=(
            Advisory("old", "outdated in gaps", "Too old."),
            Advisory(
                "new",
                "row == A",
                "New for 2 months.",
                ("R9",),
                assumed="asa",
                sentence_if_assumed="New for 60 days, as far as is known.",
            ),
        ),
        assumptions=(
            AssumptionRule("asa", None, "asa < 4", "<= 3", ".", enabled=False),
            AssumptionRule("gap", "absent(msi)", "gap >= late", "> 1", ".", printed=False),
        ),
        parameters={
            "ecog_unfit": Parameter("ecog_unfit", 3, "R9", "integer", minimum=0, maximum=5),
            "late": Parameter("late", 2, ".", "integer", months_in="late_days"),
            "late_days": Parameter("late_days", 60, ".", "integer"),
            "asa_maximum_age_days": Parameter(
                "asa_maximum_age_days", 90, "case facts: ASA is outdated when older", "integer", "d", 1, 3660, "mapper"
            ),
        },
        strategies={"mdt": "MDT", "staged": "Staged"},
        next_steps={
            "talk": NextStep("talk", "talk", "Talk.", "now", "now"),
            "wait": NextStep("wait", "wait", "Wait.", "not-now", "now", "after 2 months"),
        },
        statements={"S1": Statement("S1", "Fitness matters.", ("1",))},
        resolutions={"R9": "Ours."},
        citations={"C1": Citation("C1", "Paper.", "verified")},
        compiled=found.compiled,
    )
    assert found.compiled.months_between == (MonthsBetween("gap", "began", "ended"),)
    assert len(found.compiled.ties) == 1


def test_the_names_that_some_condition_uses_are_known() -> None:
    found = built(SMALL, MORE, '[definition]\nidle = "score > 1"\n')
    assert found.compiled.used == {
        "ecog", "ecog_unfit", "unfit", "gap", "late", "synchronous", "asa", "msi", "ras",
    }  # fmt: skip


@pytest.mark.parametrize("names", [(), ("synchronous",), ("metachronous",), ("synchronous", "metachronous")])
def test_the_timing_is_told_by_the_definitions_of_its_name(names: tuple[str, ...]) -> None:
    definitions = "".join(f'{name} = "gap >= 1"\n' for name in ("other", *names[::-1]))
    assert tuple(built(SMALL, GAP, f"[definition]\n{definitions}").compiled.timing) == names


def test_months_between_two_dates_are_whole_and_not_below_none() -> None:
    rows = built(of_rows(("gap < 1", "staged"), ("gap >= 1", "mdt"), extra=GAP)).compiled.rows
    exact = built(of_rows(("gap == 0", "staged"), ("gap > 0", "mdt"), extra=GAP)).compiled.rows
    assert [bool(row.cubes) for row in (*rows, *exact)] == [True] * 4


RULE = """
[[assumption]]
fact = "{}"
when = "{}"
assume = "{}"
sentence = "."
"""
TIE = """
[[tie]]
when = "{}"
then = "{}"
reason = "."
"""


@pytest.mark.parametrize(
    ("texts", "faults"),
    [
        (
            ['[definition]\nsynchronous = "tall"\n'],
            ["definition synchronous: position 1: in definition synchronous: position 1: unknown name 'tall'"],
        ),
        ([RULE.format("asa", "tall", "asa <= 3")], ["assumption asa: position 1: unknown name 'tall'"]),
        (
            [RULE.format("asa", "absent(ras)", "tall")],
            [
                "assumption asa, assume: position 1: unknown name 'tall'",
                "assumption asa: assume must be one test of asa",
            ],
        ),
        ([TIE.format("tall", "msi == stable")], ["tie 'tall': position 1: unknown name 'tall'"]),
        (
            [TIE.format("msi == stable", "tall")],
            [
                "tie 'msi == stable', then: position 1: unknown name 'tall'",
                "tie 'msi == stable': then must be one test of one fact",
            ],
        ),
        (
            [TIE.format("msi == stable", "ras == mutated"), TIE.format("msi == msi-high", "asa == 1")],
            ["tie 'msi == msi-high': msi is tied already"],
        ),
        (
            [TIE.format("msi == stable", "ras == mutated"), TIE.format("asa == 1", "ras == mutated")],
            ["tie 'asa == 1': ras is tied already"],
        ),
        (
            [
                TIE.format("msi == stable", "ras == mutated"),
                TIE.format("asa == 1", "ecog == 1"),
                TIE.format("msi == msi-high", "score == 1"),
            ],
            ["tie 'msi == msi-high': msi is tied already"],
        ),
        (
            [
                TIE.format("msi == stable", "tall"),
                TIE.format("asa == 1", "ras == mutated and asa == 2"),
                TIE.format("ecog == 1", "tall"),
            ],
            [
                "tie 'msi == stable', then: position 1: unknown name 'tall'",
                "tie 'msi == stable': then must be one test of one fact",
                "tie 'asa == 1': then must be one test of one fact",
                "tie 'ecog == 1', then: position 1: unknown name 'tall'",
                "tie 'ecog == 1': then must be one test of one fact",
            ],
        ),
    ],
)
def test_a_fault_is_listed_once_with_its_place(texts: list[str], faults: list[str]) -> None:
    assert faults_of(SMALL, *texts) == faults


@pytest.mark.parametrize(
    ("fact", "assume", "label"),
    [
        ("asa", "asa < 4", "<= 3"),
        ("asa", "asa <= 3", "<= 3"),
        ("asa", "asa >= 4", "> 3"),
        ("asa", "asa > 3", "> 3"),
        ("asa", "asa == 3", 3),
        ("score", "score < 2.5", "< 2.5"),
        ("score", "score >= 2.5", ">= 2.5"),
        ("gap", "gap < 4", "<= 3"),
        ("msi", "msi == stable", "stable"),
        ("msi", "msi != stable", "msi-high"),
    ],
)
def test_an_assumption_is_labelled_as_cards_print_it(fact: str, assume: str, label: object) -> None:
    found = built(SMALL, GAP, RULE.format(fact, "absent(ras)", assume)).assumptions
    assert [(rule.fact, rule.label) for rule in found] == [(fact, label)]
