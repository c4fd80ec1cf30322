"""The MDT's decision on record: what changed since, and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from fhir_mappings.case import ABSENT, DRAFT_ORDER, Gap, Known, Narrowed, Unknown, newest
from service.knowledge.decide import decide
from service.knowledge.explain import assumptions
from service.knowledge.explanation import ChartText, Explanation, Section, Strong, say
from service.knowledge.headline import outcome_name, strategy_name, strategy_names
from service.knowledge.left_open import contradiction, narrowed_text
from service.knowledge.phrases import SUMMARY_LIMIT, day, listed, sentence, short_name, value_text
from service.knowledge.reading import Reading, source, source_of
from service.knowledge.reasons import facts_asked
from service.knowledge.sources import sources_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fhir_mappings.case import Fact, MdtRecord
    from fhir_mappings.catalogue import Catalogue
    from service.knowledge.decision import Decision
    from service.knowledge.explanation import Line, Part

_CHANGES_SHOWN = 5
_NAMED = 2


@dataclass(frozen=True, slots=True)
class Change:
    """A deciding fact whose value is another one than on the day of the MDT's decision."""

    fact: str
    then: Fact
    now: Fact


def changes_since(reading: Reading) -> tuple[Change, ...]:
    """Give the deciding facts that newer evidence changed after the MDT's decision, in the order of the case.

    A value that only became too old is no change, and neither is a draft order that fills in what was not recorded: it
    carries the decision out. Without a date of the decision nothing can be newer.
    """
    case, decision, record = reading.case, reading.decision, reading.case.mdt
    if record is None or record.decided is None:
        return ()
    deciding = (set(decision.read) | facts_asked(reading.guideline, decision.rows)) - {"mdt-decision"}
    return tuple(
        Change(code, then, now)
        for code, now in case.facts.items()
        if code in deciding
        for then in (record.facts_then.get(code, ABSENT),)
        if _differs(then, now) and _is_newer(then, now, record)
    )


def _differs(then: Fact, now: Fact) -> bool:
    match then, now:
        case Known(old), Known(new):
            return old != new
        case Narrowed(values=old_left), Narrowed(values=new_left):
            return old_left != new_left
        case Unknown(gap=Gap.CONFLICTING, contested=old_said), Unknown(gap=Gap.CONFLICTING, contested=new_said):
            return old_said != new_said
        case _, Unknown(gap=gap):
            return gap is Gap.CONFLICTING
        case _:
            return True


def _is_newer(then: Fact, now: Fact, record: MdtRecord) -> bool:
    fills_in = isinstance(then, Unknown)
    latest = newest(tuple(found for found in now.evidence if not (fills_in and DRAFT_ORDER in found.remarks)))
    return latest is not None and record.decided is not None and latest.last > record.decided.last


def explain_mdt(reading: Reading) -> Explanation:
    """Say what the MDT decided and what changed since; raise `ValueError` where no decision of it is on record."""
    case, catalogue, record = reading.case, reading.catalogue, reading.case.mdt
    if record is None:
        raise ValueError("no MDT decision is on record")
    changes = changes_since(reading)
    headline = decided = _decided(reading, record)
    lines = [say("recommendation", Strong(decided), *_recorded_in(record)), *reason_given(record)]
    since: tuple[Section, ...] = ()
    if changes:
        then = decide(
            replace(case, facts=record.facts_then, signs=record.signs_then, possibilities=()), reading.guideline
        )
        verdict = _verdict(reading, record, then)
        headline = _headline(catalogue, decided, changes, verdict)
        lines.append(say("change", Strong(verdict)))
        changed = [_change_line(catalogue, change) for change in changes[:_CHANGES_SHOWN]]
        if len(changes) > _CHANGES_SHOWN:
            changed.append(say("change", f"{len(changes) - _CHANGES_SHOWN} more facts changed"))
        answer = (answer_now(reading, record, then),)
        since = (Section("mdt", "Changed since", tuple(changed)), Section("why", "Now", answer), assumptions(reading))
    elif record.decided is None:
        lines.append(say("notice", "Without a date it cannot be told whether deciding facts changed since."))
    sections = (
        Section("recommendation", "", tuple(lines)),
        *since,
        Section("sources", "", sources_of(reading)),
    )
    return Explanation(headline, "info", tuple(section for section in sections if section.lines))


def _headline(catalogue: Catalogue, decided: str, changes: Sequence[Change], verdict: str) -> str:
    """Name as many changes as leave room for the verdict, which a card must not cut off."""
    for named in range(_NAMED, 0, -1):
        names = ", ".join(short_name(catalogue[change.fact]) for change in changes[:named])
        more = f" and {len(changes) - named} more" if len(changes) > named else ""
        headline = f"{decided}; changed since: {names}{more}. {verdict}"
        if len(headline) <= SUMMARY_LIMIT:
            return headline
    count = f"{len(changes)} deciding facts" if len(changes) > 1 else "a deciding fact"
    return f"{decided}; {count} changed since. {verdict}"


def _decided(reading: Reading, record: MdtRecord) -> str:
    when = f"on {day(record.decided)}" if record.decided else "(date not recorded)"
    return f"MDT decided {decided_name(reading, record)} {when}"


def _recorded_in(record: MdtRecord) -> tuple[Part, ...]:
    return source((record.evidence,), said=day(record.decided) if record.decided else None)


def decided_name(reading: Reading, record: MdtRecord) -> str:
    """Name what the MDT decided, as in "MDT decided liver first"."""
    return "to discuss further" if record.strategy == "mdt" else strategy_name(reading, record.strategy)


def decided_before(reading: Reading) -> tuple[Line, ...]:
    """Say beside a finding of the summary what the MDT decided, and which deciding facts changed since."""
    record = reading.case.mdt
    if record is None:
        return ()
    changes = changes_since(reading)
    names = listed(short_name(reading.catalogue[change.fact]) for change in changes[:_CHANGES_SHOWN])
    since = (f"; changed since: {names}",) if names else ()
    return (say("notice", _decided(reading, record), *_recorded_in(record), *since),)


def reason_given(record: MdtRecord) -> tuple[Line, ...]:
    """Quote the reason that the MDT gave, where it gave one."""
    return (say("notice", "Reason given: ", ChartText(record.reason)),) if record.reason else ()


def _verdict(reading: Reading, record: MdtRecord, then: Decision) -> str:
    now = reading.decision
    both_open = bool(now.outcomes) and now.strategy is None and then.strategy is None
    if then.outcomes == now.outcomes or both_open:
        return _unchanged(now, record)
    if now.strategy is not None and then.strategy == now.strategy:
        return "The next step would now differ"
    agrees = now.strategy == record.strategy
    return f"The recommendation {'now agrees with it' if agrees else 'would now differ'}"


def _unchanged(now: Decision, record: MdtRecord) -> str:
    """Say how the recommendation that stays stands to what the MDT decided: else it would seem to support it."""
    if now.strategy is None:
        return "The recommendation stays open"
    if record.strategy in {now.strategy, "mdt"}:
        return "The recommendation stays the same"
    return "The recommendation still differs from it"


def answer_now(reading: Reading, record: MdtRecord, then: Decision | None = None) -> Line:
    """Say what the summary answers now, beside what the MDT decided; `then` is the decision on the facts then."""
    decision = reading.decision
    if not decision.outcomes:
        return say("change", "Nothing is left to order: primary and liver are treated")
    if decision.strategy is None:
        names = listed(strategy_names(reading, decision.outcomes))
        asked = listed(short_name(reading.catalogue[found.fact]) for found in decision.missing[:_NAMED])
        needed = f"; {asked} would decide" if asked else ""
        return say("change", f"From the summary it is now open between {names}{needed}")
    now = (
        outcome_name(reading, decision.outcomes[0])
        if decision.next_step is not None
        else strategy_name(reading, decision.strategy)
    )
    fits = "as the MDT decided" if decision.strategy == record.strategy else "not what the MDT decided"
    before = ""
    if then is not None and then.strategy is not None and then.outcomes != decision.outcomes:
        earlier = strategy_name(reading, then.strategy)
        if then.strategy == decision.strategy:
            earlier = listed(
                (reading.guideline.next_steps[found.next_step or ""].title for found in then.outcomes), "or"
            )
        before = f"; on the facts of that day: {earlier}"
    return say("change", f"From the summary now: {now} ({fits}){before}")


def _change_line(catalogue: Catalogue, change: Change) -> Line:
    definition = catalogue[change.fact]
    before = _value(catalogue, change.fact, change.then)
    now = _value(catalogue, change.fact, change.now)
    words = f"{sentence(short_name(definition))}: {before} → {now}"
    return say("change", words, *source_of(change.now), fact=change.fact)


def _value(catalogue: Catalogue, code: str, fact: Fact) -> str:
    definition = catalogue[code]
    match fact:
        case Known(value):
            return value_text(definition, value)
        case Narrowed():
            return narrowed_text(definition, fact)
        case Unknown(gap=Gap.CONFLICTING, contested=contested):
            return contradiction(definition, contested, shown=len(contested))
        case Unknown():
            return "not recorded"
        case _:
            assert_never(fact)
