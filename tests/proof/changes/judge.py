"""What a change of the knowledge does: the loader refuses it, an answer changes, or it is proven that none does.

Every suspected patient is shown to both guidelines in the service's own evaluator before it counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from fhir_mappings.case import Known, Unknown
from fhir_mappings.catalogue import load_catalogue
from service.knowledge.decide import decide
from service.knowledge.guideline import build_guideline
from service.knowledge.policy import GuidelineError
from tests.proof.changes.complete import CompletePatients
from tests.proof.changes.incomplete import IncompleteCharts
from tests.proof.guideline import read_guideline
from tests.proof.patients import catalogue, described

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_mappings.case import Case
    from service.knowledge.decision import Decision
    from service.knowledge.model import Policy
    from tests.proof.changes.edits import Change


@dataclass(frozen=True)
class Verdict:
    """What became of a change; `open` is a difference with neither patient nor proof, and must not be."""

    kind: Literal["refused", "changed", "same", "open"]
    why: str
    patient: tuple[str, ...] = ()
    before: str = ""
    after: str = ""


class Judge:
    """Compares changed guidelines with one that is right."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._written = read_guideline(texts.values())

    def verdict(self, change: Change) -> Verdict:
        """Say what a change does."""
        try:
            build_guideline(change.texts, load_catalogue())
        except GuidelineError as refused:
            return Verdict("refused", str(refused))
        changed = read_guideline(change.texts.values())
        complete, incomplete = CompletePatients(self._written, changed), IncompleteCharts(self._written, changed)
        suspected = False
        for policy, case in complete.suspects():
            suspected = True
            if (found := self._shown(change, policy, case)) is not None:
                return found
        for policy, case in incomplete.suspects():
            if (found := self._shown(change, policy, case)) is not None:
                return found
        if suspected or incomplete.proof is None:
            return Verdict("open", "the guidelines differ, but no patient was found whom they answer differently")
        return Verdict(
            "same", f"proven: every complete patient is answered alike under every policy; {incomplete.proof}"
        )

    def _shown(self, change: Change, policy: Policy, case: Case) -> Verdict | None:
        """Show a patient to both guidelines."""
        before, after = (_answer(texts, policy, case) for texts in (self._texts, change.texts))
        if before == after:
            return None
        told = _told(before, after)
        return Verdict("changed", "a patient is answered differently", tuple(_described(policy, case)), *told)


def _answer(texts: Mapping[str, str], policy: Policy, case: Case) -> Decision:
    """Decide; the facts looked at on the way, and the order in which rows and sources are told, are no answer."""
    decision = decide(case, build_guideline(texts, load_catalogue(), policy))
    return replace(
        decision,
        read=(),
        rows=tuple(sorted(decision.rows)),
        alternatives=tuple(sorted(decision.alternatives, key=str)),
        statements=tuple(sorted(decision.statements)),
        citations=tuple(sorted(decision.citations)),
    )


def _told(before: Decision, after: Decision) -> Iterator[str]:
    """Write both decisions by the parts that differ."""
    parts = [part for part in before.__slots__ if getattr(before, part) != getattr(after, part)]
    for decision in (before, after):
        yield "; ".join(f"{part}: {_plain(getattr(decision, part))}" for part in parts)


def _plain(part: object) -> str:
    return ", ".join(map(str, part)) or "none" if isinstance(part, tuple) else str(part)


def _described(policy: Policy, case: Case) -> Iterator[str]:
    yield from (f"policy: {name} = {value}" for name, value in policy.parameters.items())
    yield from (f"the chart shows: {sign.value}" for sign in sorted(case.signs))
    for code, fact in case.facts.items():
        title = load_catalogue()[code].title
        if isinstance(fact, Known):
            yield from described({code: fact.value}) if code in catalogue() else [f"{title}: {fact.value}"]
        elif isinstance(fact, Unknown) and code in catalogue():
            yield f"{title}: unknown ({fact.gap.value})"
