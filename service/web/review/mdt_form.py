"""The decision of the MDT: agree or deviate, strategy, reason, day; as resources and as a line of the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from fhir_mappings.outbound import care_plan, observation
from service.adapters.fhir_write import Write
from service.adapters.store.mdt_decisions import MdtDecision
from service.cds.overrides import OWN_REASONS
from service.knowledge.phrases import value_text
from service.web.review.saving import FACT_IDENTIFIERS, Author, Entered, SavedItem, earlier_write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_mappings.catalogue import Catalogue
    from fhir_mappings.chart import Chart
    from service.knowledge.model import Guideline
    from service.web.review.ports import Assessment

FACT = "mdt-decision"
LONGEST_COMMENT = 2000
# That the MDT decided otherwise is no reason for its doing so.
_REASONS = {code: text for code, text in OWN_REASONS if code != "mdt-decided-otherwise"}


@dataclass(frozen=True, slots=True)
class MdtEntry:
    """What was typed; `faults` by field. `strategy` and `decided_on` are right where there is no fault."""

    agrees: bool = True
    strategy: str = ""
    reason: str = ""
    comment: str = ""
    decided_on: date | None = None
    typed_on: str = ""
    faults: Mapping[str, str] = field(default_factory=dict)


def reasons() -> tuple[tuple[str, str], ...]:
    """Give the coded reasons for deviating."""
    return tuple(_REASONS.items())


def read_mdt(form: Mapping[str, str], *, recommended: str | None, catalogue: Catalogue, today: date) -> MdtEntry:
    """Read the form; agreeing with an open recommendation is not possible, deviating needs a reason."""
    faults = {}
    stance, strategy = form.get("stance", ""), form.get("strategy", "")
    reason, comment = form.get("reason", ""), _clean(form.get("comment", ""))
    if stance not in {"agree", "deviate"}:
        faults["stance"] = "Say whether the MDT agrees."
    if stance == "agree" and recommended is None:
        faults["stance"] = "The recommendation is open: choose what the MDT decided."
    elif stance == "agree":
        strategy = recommended or ""
    if strategy not in catalogue[FACT].choices:
        faults["strategy"] = "Choose a strategy."
    elif stance == "deviate" and strategy == recommended:
        faults["strategy"] = "This is what was recommended: choose another strategy, or agree."
    if reason and reason not in _REASONS:
        faults["reason"] = "Choose one of the reasons."
    if stance == "deviate" and recommended is not None and not reason:
        faults["reason"] = "Give the reason for deviating."
    if len(comment) > LONGEST_COMMENT:
        faults["comment"] = f"Shorten the comment to {LONGEST_COMMENT} characters."
    typed_on = form.get("decided-on", "")
    decided_on = _day(typed_on, today)
    if decided_on is None:
        faults["decided-on"] = "Enter a date as year-month-day that is not in the future."
    return MdtEntry(stance != "deviate", strategy, reason, comment, decided_on, typed_on, faults)


def _clean(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n").strip()


def _day(text: str, today: date) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found <= today else None


def decision_entered(  # noqa: PLR0913 - what is written, by whom, in whose words
    entry: MdtEntry, *, author: Author, chart: Chart, catalogue: Catalogue, guideline: Guideline, seen: str | None
) -> Entered:
    """Turn the decision into an Observation and, where the EHR takes it, an active CarePlan."""
    if entry.decided_on is None:
        raise ValueError("the entry has faults")
    definition, draft = catalogue[FACT], author.draft(entry.decided_on)
    title = guideline.strategies.get(entry.strategy, entry.strategy)
    note = ": ".join(part for part in (_REASONS.get(entry.reason, ""), entry.comment) if part)
    identifier = f"{author.patient}/{FACT}/{entry.decided_on.isoformat()}"
    found = observation(
        draft,
        definition,
        entry.strategy,
        effective=entry.decided_on,
        title=title,
        note=note or None,
        identifier=(FACT_IDENTIFIERS, identifier),
    )
    plan: dict[str, Any] = {
        **care_plan(draft, strategy=entry.strategy, next_step=None, title=title, activities=(), note=note or None),
        "identifier": [{"system": FACT_IDENTIFIERS, "value": f"{identifier}/plan"}],
        "status": "active",
        "intent": "plan",
    }
    earlier = earlier_write(chart.resources, identifier, seen)
    words = {FACT: SavedItem("Decision of the MDT", value_text(definition, entry.strategy))}
    writes = [Write(FACT, found, f"{FACT_IDENTIFIERS}|{identifier}", earlier)]
    if earlier is None:
        words["care-plan"] = SavedItem("Care plan", title)
        writes.append(Write("care-plan", plan, f"{FACT_IDENTIFIERS}|{identifier}/plan", is_optional=True))
    headline = f"Decision of the MDT ({note})" if note else "Decision of the MDT"
    return Entered(tuple(writes), words, entry.decided_on, headline)


def report_line(
    entry: MdtEntry, *, assessment: Assessment, guideline: Guideline, author: Author, card: str | None
) -> MdtDecision:
    """Give the line of the feedback report: codes alone, the comment stays in the chart."""
    return MdtDecision(
        issuer=author.issuer,
        card=card,
        recommended=assessment.recommended,
        decided=entry.strategy,
        agreed=entry.agrees,
        reason=entry.reason or None,
        rows=assessment.reading.decision.rows,
        knowledge_id=guideline.id,
        knowledge_version=guideline.version,
        policy=guideline.policy.name,
        recorded_at=author.now,
    )
