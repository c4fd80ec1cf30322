"""What is said where the chart may hold colorectal liver metastases but does not say so with certainty."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_mappings.case import Scope
from service.knowledge.decision import Decision
from service.knowledge.explanation import Explanation, Section, Source, Strong, say
from service.knowledge.phrases import sentence
from service.knowledge.reading import references
from service.knowledge.sources import sources_of

if TYPE_CHECKING:
    from service.knowledge.reading import Reading

_ISSUES_SHOWN = 3
_NOTHING = Decision(outcomes=(), rows=())


def explain_uncertain_scope(reading: Reading) -> Explanation:
    """Say which resource leaves the scope open and what to do; raise `ValueError` where the scope is certain."""
    case = reading.case
    if case.scope is not Scope.UNCERTAIN:
        raise ValueError("the scope of the case is certain")
    missed = "Condition" in case.not_retrieved
    what = "the conditions were not all retrieved" if missed else "a condition could not be read with certainty"
    named = references(case.scope_evidence)
    lines = [say("notice", Strong("Colorectal liver metastases are possible"), f": {what}.")]
    if named:
        lines.append(say("notice", "What is or could be the primary or the metastases", Source(named)))
    lines.append(
        say("next-step", "Next: check the problem list, and code the colorectal primary and the liver metastases")
    )
    others = [issue for issue in case.issues if issue.reference not in named]
    lines += [say("issue", sentence(issue.reason), Source((issue.reference,))) for issue in others[:_ISSUES_SHOWN]]
    closing = sources_of(replace(reading, decision=_NOTHING))
    return Explanation(
        f"Colorectal liver metastases possible, but {what}: check the problem list",
        "warning" if missed else "info",
        (Section("recommendation", "", tuple(lines)), Section("sources", "", closing)),
    )
