"""Small changes of the guideline show in a patient's answer, or are proven not to; `python -m tests.proof.changes`."""

from __future__ import annotations

import os
from random import Random

import pytest

from service.knowledge.guideline import shipped_texts
from tests.proof.broken import with_definition, with_rows_swapped, without_advisory
from tests.proof.changes.edits import Change, drawn_changes
from tests.proof.changes.judge import Judge, Verdict

SEED = int(os.environ.get("TEST_SEED", "20261123"))


def judged(texts: dict[str, str]) -> Verdict:
    return Judge(shipped_texts()).verdict(Change("made", "here", "", "", texts))


def test_twenty_drawn_changes_have_a_patient_a_proof_or_a_refusal_each() -> None:
    texts = shipped_texts()
    judge = Judge(texts)
    changes = list(drawn_changes(Random(SEED), 20, texts))
    verdicts = {(change.where, change.before, change.after): judge.verdict(change) for change in changes}
    assert [key for key, verdict in verdicts.items() if verdict.kind == "open"] == []
    for verdict in verdicts.values():
        assert verdict.why
        assert (verdict.kind == "changed") == bool(verdict.patient and verdict.before != verdict.after)


def test_a_shifted_threshold_is_shown_by_a_patient_on_it() -> None:
    verdict = judged(with_definition("resectable", ">", ">="))
    assert verdict.kind == "changed"
    assert "future liver remnant: 30 %" in verdict.patient


def test_rows_whose_order_never_matters_are_proven_to_answer_alike() -> None:
    assert judged(with_rows_swapped("B0", "B0m")).kind == "same"


@pytest.mark.parametrize("code", ["conflicting-data", "outdated-data"])
def test_an_advisory_that_only_gaps_call_for_is_missed_by_a_chart_with_such_a_gap(code: str) -> None:
    verdict = judged(without_advisory(code))
    assert verdict.kind == "changed"
    assert f"ECOG performance status: unknown ({code.removesuffix('-data')})" in verdict.patient
    assert verdict.before == f"advisories: {code}"
    assert verdict.after == "advisories: none"
