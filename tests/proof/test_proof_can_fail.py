"""The proof finds what is wrong on purpose, and the patient that it prints is one for whom the service goes wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from service.knowledge.guideline import load_guideline, shipped_texts
from tests.proof.broken import (
    with_definition,
    with_parameter,
    with_row,
    with_rows_swapped,
    with_tie,
    without_row,
)
from tests.proof.counterexamples import Answered, as_served, as_written
from tests.proof.equivalence import Comparison
from tests.proof.guideline import read_guideline
from tests.proof.invariants import INVARIANTS
from tests.proof.prove import Proof

if TYPE_CHECKING:
    from tests.proof.counterexamples import Counterexample

B7 = "not primary_in_situ and metachronous"
B6 = "not primary_in_situ and metachronous and short_interval"
BROKEN = {
    "1": with_definition("simultaneous_but_for_refusal", "hepatectomy_extent != major and ", ""),
    "2": with_row("A6", when="primary_in_situ and impending_complication and metastasis_count <= 3"),
    "3": with_row("G3", strategy="staged"),
    "4": with_row("B7", strategy="staged"),
    "7, markers": with_row("B6", when=f"{B6} and cea < 5"),
    "7, nodules": with_row("B6", when=f"{B6} and metastasis_count <= 3"),
    "8, progression": without_row("A7"),
    "8, response": without_row("B0m"),
}
ROWS = {
    "1": ("A10", "simultaneous"),
    "2": ("A12c", "liver-first"),
    "3": ("G3", "staged"),
    "4": ("B7", "staged"),
    "7, markers": ("B6", "metachronous"),
    "7, nodules": ("B6", "metachronous"),
    "8, progression": ("A10", "simultaneous"),
    "8, response": ("B6", "metachronous"),
}


def found(texts: dict[str, str], number: str) -> Counterexample:
    invariant = next(invariant for invariant in INVARIANTS if invariant.number == number)
    exception = Proof(texts).exception_to(invariant)
    assert exception is not None
    return exception


@pytest.mark.parametrize("number", BROKEN)
def test_a_broken_invariant_has_a_patient_whom_the_service_answers_so(number: str) -> None:
    exception = found(BROKEN[number], number)
    assert isinstance(exception.service, Answered)
    assert exception.service == exception.written
    answers = {(exception.service.row, exception.service.strategy)}
    if exception.twin is not None:
        assert isinstance(exception.twin.service, Answered)
        assert exception.twin.service == exception.twin.written
        assert exception.twin.service.row != exception.service.row
        answers.add((exception.twin.service.row, exception.twin.service.strategy))
    assert ROWS[number] in answers


def test_a_wrong_answer_under_one_policy_only_is_found_with_that_policy() -> None:
    exception = found(with_parameter("ecog_poor_performance", maximum=3), "1")
    assert dict(exception.policy.parameters) == {"ecog_poor_performance": 3}
    assert exception.facts["ecog"] == 2
    assert exception.service == exception.written
    assert exception.written.row == "A10"


@pytest.mark.parametrize(
    ("texts", "number", "row", "refusal"),
    [
        (with_row("B7", when=f"{B7} and metastasis_count < 9"), "10, no gap", "no row", "no row takes: "),
        (with_row("B3", **{"from": []}), "6", "B3", "row B3: a recommendation names"),
    ],
)
def test_what_the_service_refuses_is_found_too(texts: dict[str, str], number: str, row: str, refusal: str) -> None:
    exception = found(texts, number)
    assert exception.written.row == row
    assert str(exception.service).startswith(f"refuses the files: {refusal}")


def test_a_row_that_no_patient_reaches_is_found() -> None:
    results = {result.number: result.against for result in Proof(with_rows_swapped("A12b", "A12c")).invariants()}
    assert {number: against for number, against in results.items() if against} == {
        "10, every row": ("row A12b, policy {}",)
    }


@pytest.mark.parametrize(
    ("texts", "number"),
    [
        (with_parameter("asa_unfit", minimum=1), "5, fills"),
        (with_tie("hepatectomy_extent == minor", "ecog < 2"), "1, ecog"),
        (with_tie("not stated(cea)", "largest_metastasis < 10"), "9, cea"),
    ],
)
def test_a_broken_claim_about_charts_is_found(texts: dict[str, str], number: str) -> None:
    assert [bool(result.against) for result in Proof(texts).charts(number)] == [True]


@pytest.mark.parametrize(
    "texts",
    [
        without_row("G2"),
        with_rows_swapped("A12", "A12b"),
        with_row("A2", when="primary_in_situ and complicated and (not resectable or progressive)"),
        with_row("A13", next_step="relief-then-mdt"),
        with_definition("resectable", ">", ">="),
        with_parameter("short_interval_months", value=13),
    ],
    ids=["row dropped", "rows swapped", "atom dropped", "other step", "threshold", "number"],
)
def test_a_table_that_is_not_evaluated_as_written_has_a_patient_with_two_answers(texts: dict[str, str]) -> None:
    served, rewritten = load_guideline(), read_guideline(texts.values())
    facts = next(found.facts for found in Comparison(rewritten, served).differences() if found.facts)
    written = as_written(rewritten, served.policy, facts)
    assert as_served(served, facts) != written
    assert as_served(Proof(texts).served(served.policy), facts) == written


def test_cubes_that_do_not_say_what_is_written_are_found() -> None:
    served = load_guideline()
    rows = list(served.compiled.rows)
    lost = rows[9].cubes & -rows[9].cubes
    rows[9] = replace(rows[9], cubes=rows[9].cubes & ~lost)
    wrong = replace(served, compiled=replace(served.compiled, rows=tuple(rows)))
    differences = list(Comparison(read_guideline(shipped_texts().values()), wrong).differences())
    assert [difference.what for difference in differences if difference.facts] == [f"row {rows[9].id}"]


def test_a_counterexample_is_printed_as_a_patient_in_the_words_of_the_catalogue() -> None:
    lines = list(found(BROKEN["1"], "1").lines())
    assert lines[0] == "policy: as shipped"
    for line in (
        "  ECOG performance status: 0",
        "  extent of the hepatectomy: major",
        "  future liver remnant: 60 %",
        "  diameter of the largest liver metastasis: 20 mm",
        "  primary in situ: yes",
    ):
        assert line in lines
    answer = "A10: simultaneous, liver-centre-discussion; advisories: no-simultaneous-major-liver, discuss-liver-centre"
    assert lines[-2:] == [
        f"as written: {answer}, neoadjuvant-chemotherapy",
        f"the service: {answer}, neoadjuvant-chemotherapy",
    ]
