"""Whatever is known of a patient, however a chart writes it: the service reads the same case and decides the same.

`TEST_EXAMPLES=20000` asks for more than the few of each run, `TEST_SEED` for other ones. A mismatch is kept as a file
in `found/` (see `test_found.py`), which outlives changes of the generator as Hypothesis's own example base would not.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fhir_mappings.case import Known
from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline
from tests.roundtrip.patient import PATIENT, draw_patient
from tests.roundtrip.reading import plain, reading
from tests.roundtrip.shapes import prefetch_of

if TYPE_CHECKING:
    from random import Random

    from fhir_mappings.case import Case, Fact
    from service.knowledge.decision import Decision

EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "120"))
SEED = int(os.environ.get("TEST_SEED", "20261123"))
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, *((Phase.shrink,) if "TEST_SHRINK" in os.environ else ()))
"""Shrinking a patient takes minutes: it is asked for."""
DAYS = st.sampled_from((date(2026, 11, 23), date(2028, 2, 29), date(2027, 3, 1), date(2026, 1, 1), date(2026, 12, 31)))


def typed(fact: Fact) -> tuple[Fact, bool]:
    """Tell a truth value from a number that equals it."""
    return fact, isinstance(fact, Known) and isinstance(fact.value, bool)


def differences(read: Case, told: Case) -> dict[str, tuple[Fact, Fact]]:
    found = {code: (plain(read.facts[code]), fact) for code, fact in told.facts.items()}
    return {code: pair for code, pair in found.items() if typed(pair[0]) != typed(pair[1])}


def check_advice(advice: dict[str, Any] | None, decision: Decision) -> None:
    assert advice is not None
    outcomes = [{"strategy": one.strategy, "nextStep": one.next_step} for one in decision.outcomes]
    assert advice["candidates"] == outcomes
    assert [one["fact"] for one in advice.get("missing", [])] == [one.fact for one in decision.missing]
    assert advice.get("advisories", []) == list(decision.advisories)


@seed(SEED)
@settings(
    max_examples=EXAMPLES,
    phases=PHASES,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    print_blob=True,
)
@given(random=st.randoms(use_true_random=False), today=DAYS, late=st.integers(0, 60))
async def test_what_is_told_is_read_and_decided(random: Random, today: date, late: int) -> None:
    patient = draw_patient(random, today + timedelta(days=late))
    async with reading() as service:
        prefetch = prefetch_of(
            random, patient.resources, service.templates, patient_id=PATIENT, withheld=patient.withheld
        )
        case, decision, advice = await service.ask(prefetch, today=patient.today, patient_id=PATIENT)
    assert differences(case, patient.case) == {}
    assert case.signs == patient.case.signs
    told = decide(patient.case, load_guideline())
    assert set(decision.outcomes) <= set(told.outcomes)
    assert set(decision.advisories) >= set(told.advisories)
    assert decision == decide(replace(patient.case, possibilities=case.possibilities), load_guideline())
    if case.mdt is None and not decision.no_card:
        check_advice(advice, decision)
