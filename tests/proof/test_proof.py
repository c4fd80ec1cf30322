"""What is proven of the shipped guideline; `python -m tests.proof` proves it with more policies and charts."""

from __future__ import annotations

import os

import pytest

from service.knowledge.guideline import shipped_texts
from tests.proof.patients import catalogue
from tests.proof.prove import Proof, Result, policies

SEED = int(os.environ.get("TEST_SEED", "20261123"))
DRAWN = policies(3, SEED)


@pytest.fixture(scope="module")
def proof() -> Proof:
    return Proof(shipped_texts())


def broken(results: list[Result]) -> dict[str, tuple[str, ...]]:
    return {f"{result.group} {result.number}": result.against for result in results if result.against}


def test_the_invariants_hold_for_every_complete_patient_and_policy(proof: Proof) -> None:
    results = list(proof.invariants())
    assert broken(results) == {}
    assert [result.number for result in results] == [
        "1", "2", "3", "4", "6", "7, markers", "7, nodules", "8, progression", "8, response", "10, no gap",
        "10, every row",
    ]  # fmt: skip


def test_the_invariants_of_unknown_facts_hold_for_every_chart_and_policy(proof: Proof) -> None:
    results = list(proof.charts())
    assert broken(results) == {}
    assert {result.number.partition(",")[0] for result in results} == {"1", "5", "9"}
    assert len(results) == 2 + 5 + len(catalogue())


@pytest.mark.parametrize("name", DRAWN)
def test_the_service_evaluates_what_is_written(proof: Proof, name: str) -> None:
    assert broken(list(proof.evaluation({name: DRAWN[name]}))) == {}


def test_incomplete_charts_get_the_answer_that_the_solver_gives(proof: Proof) -> None:
    assert broken(list(proof.answers(20, SEED))) == {}


def test_age_and_sex_are_no_facts() -> None:
    assert not {"age", "sex", "gender", "birth-date"} & catalogue().keys()
