"""Worked cases with facts left out or changed, the answers most of them meet, and their decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.case import Case, Sign
from service.knowledge.decide import decide
from service.knowledge.decision import Outcome
from service.knowledge.guideline import load_guideline
from tests.cases import case_of, example

if TYPE_CHECKING:
    from service.knowledge.decision import Decision

LIVER_FIRST = Outcome("liver-first", "liver-resection-or-ablation-then-primary")
UNFIT = Outcome("mdt", "no-elective-surgery")
TOGETHER = Outcome("simultaneous", "liver-centre-discussion")
LATER = Outcome("staged", "liver-about-2-months-after-recovery")
RESTAGE = Outcome("staged", "chemotherapy-then-restage-3-months")
REASSESS = Outcome("systemic-first", "reassess-resectability")
ALL_SIGNS_OF_A_FRESH_CHART = (Sign.PROCEDURES_COMPLETE, Sign.RECENT_DIAGNOSIS)


def changed(name: str, *without: str, signs: tuple[Sign, ...] = (Sign.PROCEDURES_COMPLETE,), **facts: Any) -> Case:
    """Take a worked case, leave facts out, and set others (underscores for hyphens)."""
    given = {code: value for code, value in example(name).facts.items() if code not in without}
    return case_of({**given, **{code.replace("_", "-"): value for code, value in facts.items()}}, signs=signs)


def decided(name: str, *without: str, signs: tuple[Sign, ...] = (Sign.PROCEDURES_COMPLETE,), **facts: Any) -> Decision:
    return decide(changed(name, *without, signs=signs, **facts), load_guideline())
