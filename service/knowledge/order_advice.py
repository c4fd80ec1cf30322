"""Which orders contradict the MDT's decision or the recommended strategy, and what is said about each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from fhir_mappings.case import Scope
from service.knowledge.combined import BOTH, on_one_day, partner_of, second_operation
from service.knowledge.contradiction import ORDINARY, RESECTIONS, Resection, contradicts
from service.knowledge.explain import assumptions, strength
from service.knowledge.explanation import Explanation, Section, Source, Strong, say
from service.knowledge.headline import recommended, strategy_name
from service.knowledge.mdt import answer_now, changes_since, decided_before, decided_name, reason_given
from service.knowledge.opposed import NO_SIMULTANEOUS, against
from service.knowledge.order import OrderAdvice
from service.knowledge.phrases import day, fitting, listed, sentence
from service.knowledge.reading import Reading, source
from service.knowledge.reasons import reasons
from service.knowledge.schedule import earliest_liver_operation, liver_intervals
from service.knowledge.sources import sources_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from service.knowledge.decision import Decision
    from service.knowledge.explanation import Line, Tone
    from service.knowledge.order import Order, OrderKind, Remedy

_TITLES: dict[OrderKind, str] = {
    "liver-biopsy": "Biopsy of the liver",
    "primary-resection": "Resection of the primary",
    "liver-resection": "Liver operation",
    "chemotherapy": "Chemotherapy",
}


def advise_orders(
    reading: Reading, drafts: Sequence[Order], *, planned: Sequence[Order], chosen: frozenset[str] | None = None
) -> tuple[OrderAdvice, ...]:
    """Give what speaks against the drafted orders, one finding for each order and code; none for those that fit.

    `planned` are the open orders of the record; `chosen` narrows the findings to some of the drafts (`None`: all),
    the others still count as drafted together with them.
    """
    if reading.case.scope is not Scope.IN:
        return ()
    context = _Context(reading, tuple(drafts), tuple(planned), fits_mdt=_mdt_rules(reading))
    return tuple(
        found for order in drafts if chosen is None or order.reference in chosen for found in _findings(context, order)
    )


@dataclass(frozen=True, slots=True)
class _Context:
    reading: Reading
    drafts: tuple[Order, ...]
    planned: tuple[Order, ...]
    fits_mdt: bool

    def others(self, order: Order) -> tuple[Order, ...]:
        return tuple(other for other in (*self.drafts, *self.planned) if other.reference != order.reference)


def _mdt_rules(reading: Reading) -> bool:
    """Whether a decision of the MDT is on record and no deciding fact changed since."""
    return reading.case.mdt is not None and not changes_since(reading)


def _findings(context: _Context, order: Order) -> Iterator[OrderAdvice]:
    if "liver-biopsy" in order.kinds:
        yield from _biopsy(context, order)
    if order.kinds & {"primary-resection", "liver-resection"}:
        yield from _combined(context, order)
        yield from _first_of(_differs_from_mdt, _prophylactic, _differs_from_strategy)(context, order)
    if "chemotherapy" in order.kinds:
        yield from _further_chemotherapy(context, order)
    if "liver-resection" in order.kinds:
        yield from _too_soon(context, order)


_Rule: TypeAlias = "Callable[[_Context, Order], Iterator[OrderAdvice]]"


def _first_of(*rules: _Rule) -> _Rule:
    """Combine rules that say the same in different words: the first that speaks silences the rest."""

    def first(context: _Context, order: Order) -> Iterator[OrderAdvice]:
        for rule in rules:
            found = tuple(rule(context, order))
            if found:
                yield from found
                return

    return first


def _biopsy(context: _Context, order: Order) -> Iterator[OrderAdvice]:
    reading = context.reading
    if reading.no("r0-achievable") or reading.holds("liver-state", "treated"):
        return
    at_operation = reading.holds("metastases-detected", "intraoperative")
    found = "found at operation" if at_operation else "not declared unresectable"
    lines = [
        say(
            "reason",
            "A needle track can seed tumour, and survival after biopsy was worse: seeding in 19 %, "
            "4-year survival 32.5 against 46.7 % (JONES05).",
        )
    ]
    parts = reading.spoken_together(("metastases-detected", "metastasis-count", "r0-achievable"))
    if parts:
        lines.append(say("reason", "In this patient: ", *parts))
    if not at_operation:
        lines.append(say("notice", "For lesions not found at operation this is local policy."))
    if reading.other_cancer:
        lines.append(
            say(
                "notice",
                "Another cancer is recorded",
                *source(reading.case.other_cancers),
                ": where the origin is in doubt, ask the hepatobiliary unit first.",
            )
        )
    yield _advice(
        context,
        order,
        "no-biopsy",
        headline=f"Liver metastases {found}: no biopsy, refer to the hepatobiliary unit",
        lines=lines,
        tone="critical" if at_operation else "warning",
        remedies=("delete", "refer-hepatobiliary"),
    )


def _prophylactic(context: _Context, order: Order) -> Iterator[OrderAdvice]:
    reading = context.reading
    held = "no-prophylactic-primary-resection" in reading.decision.advisories
    if "primary-resection" not in order.kinds or not held or _mdt_wants(context, order):
        return
    elsewhere = reading.holds("extrahepatic-disease", "unresectable")
    disease = "Disease outside the liver" if elsewhere else "Metastases"
    why = ("extrahepatic-disease",) if elsewhere else ("r0-achievable", "flr-percent")
    parts = reading.spoken_together(("primary-symptoms", "impending-complication", *why))
    lines = [
        say("reason", "In this patient: ", *parts),
        say("reason", _sentence(reading, "no-prophylactic-primary-resection")),
    ]
    yield _advice(
        context,
        order,
        "no-prophylactic-primary-resection",
        headline=f"{disease} unresectable, primary without symptoms: systemic therapy first, no prophylactic resection",
        lines=lines,
        assumed=assumptions(reading),
        tone="warning",
        remedies=("delete", "refer-mdt"),
    )


def _combined(context: _Context, order: Order) -> Iterator[OrderAdvice]:
    reading = context.reading
    partner = partner_of(order, context.others(order), drafted={draft.reference for draft in context.drafts})
    if partner is None or (context.fits_mdt and _mdt_strategy(reading) == "simultaneous"):
        return
    not_before = second_operation(reading, order, partner, _next_steps(context))
    for code in NO_SIMULTANEOUS:
        if code not in reading.decision.advisories:
            continue
        advisory = reading.guideline.advisory(code)
        parts = reading.spoken_together(tuple(fact for fact in advisory.facts if not reading.no(fact)))
        lines = [_together(order, partner), *([say("reason", "In this patient: ", *parts)] if parts else [])]
        yield _advice(
            context,
            order,
            code,
            headline=f"{advisory.sentence.rstrip('.')}; liver and bowel are ordered together",
            lines=lines,
            assumed=assumptions(reading),
            tone="critical",
            remedies=_apart(context, order, not_before),
            not_before=not_before,
        )


def _together(order: Order, partner: Order) -> Line:
    if partner.reference == order.reference:
        return say("reason", "This one order stands for liver and bowel")
    certainly = "would" if on_one_day(order, partner) else "may"
    words = f"Liver and bowel {certainly} be operated on together; other order"
    return say("reason", words, Source((partner.reference,)))


def _apart(context: _Context, order: Order, not_before: date | None) -> tuple[Remedy, ...]:
    """Give what takes two operations apart; of what may come first the removal is not recommended."""
    if not_before is not None:
        return "postpone", "delete"
    against = _differs_from_mdt if context.fits_mdt else _differs_from_strategy
    waits = order.kinds >= BOTH or next(against(context, order), None) is not None
    return ("delete", "refer-hepatobiliary") if waits else ("refer-hepatobiliary", "delete")


def _differs_from_mdt(context: _Context, order: Order) -> Iterator[OrderAdvice]:
    reading = context.reading
    record = reading.case.mdt
    if record is None:
        return
    means = ORDINARY.get(record.strategy, ())
    for kind in _resections(order):
        if contradicts(means, kind, context.others(order), order, reading):
            strategy = decided_name(reading, record)
            when = f" of {day(record.decided)}" if record.decided else ""
            now = () if context.fits_mdt else (answer_now(reading, record),)
            yield _advice(
                context,
                order,
                "strategy-differs",
                headline=f"{_TITLES[kind]} differs from the MDT's decision{when}: {strategy}",
                lines=[*decided_before(reading), *reason_given(record), *now],
                basis=reading.decision.without_sources() if context.fits_mdt else None,
                tone="warning",
                # A decision on facts that have changed is no ground to take the order back.
                remedies=("delete", "refer-mdt") if context.fits_mdt else ("refer-mdt", "delete"),
            )
            return


def _differs_from_strategy(context: _Context, order: Order) -> Iterator[OrderAdvice]:
    reading = context.reading
    decision = reading.decision
    if context.fits_mdt or decision.strategy is None:
        return
    for kind in _resections(order):
        if contradicts(_next_steps(context), kind, context.others(order), order, reading):
            lead, named = strategy_name(reading, decision.strategy), ""
            if decision.next_step is not None:
                lead, named = recommended(reading, decision.outcomes[0])
            named = f"{lead}, {named}" if named else lead
            differs = f"{_TITLES[kind]} differs from the recommended order"
            yield _advice(
                context,
                order,
                "strategy-differs",
                headline=fitting(f"{differs}: {named}", f"{differs}: {lead}"),
                lines=[_recommended(decision, named), *reasons(reading), *_against_by(reading, order)],
                assumed=assumptions(reading),
                tone="warning",
                remedies=("delete", "refer-mdt"),
            )
            return


def _against_by(reading: Reading, order: Order) -> list[Line]:
    """Give what the order itself makes speak against another strategy: else nothing says why the answer changed."""
    return [
        line
        for line in against(reading)
        if any(isinstance(part, Source) and order.reference in part.references for part in line.parts)
    ]


def _recommended(decision: Decision, named: str) -> Line:
    return say("recommendation", Strong("Recommended"), f" ({strength(decision)}): {named}")


def _resections(order: Order) -> tuple[Resection, ...]:
    return tuple(kind for kind in RESECTIONS if kind in order.kinds)


def _further_chemotherapy(context: _Context, order: Order) -> Iterator[OrderAdvice]:
    reading = context.reading
    held = "stop-chemotherapy-resect-now" in reading.decision.advisories
    if not held or (context.fits_mdt and _mdt_strategy(reading) == "systemic-first"):
        return
    parts = reading.spoken_together(
        ("chemotherapy-cycles", "chemotherapy-response", "r0-achievable", "flr-percent", "chemotherapy-last-date")
    )
    lines = [
        say("reason", _sentence(reading, "stop-chemotherapy-resect-now")),
        say("reason", "In this patient: ", *parts),
    ]
    # Which operation is next is the MDT's to say, where it said so.
    operation = "resection" if context.fits_mdt else "resection of the liver"
    earliest = earliest_liver_operation(reading)
    if earliest is not None:
        lines.append(say("next-step", f"Liver resection, {earliest.told(reading.case.as_of)}"))
    yield _advice(
        context,
        order,
        "stop-chemotherapy-resect-now",
        headline=f"Metastases resectable after chemotherapy: {operation} is next, not a further cycle",
        lines=lines,
        assumed=assumptions(reading),
        tone="warning",
        remedies=("delete", "refer-hepatobiliary"),
    )


def _too_soon(context: _Context, order: Order) -> Iterator[OrderAdvice]:
    reading = context.reading
    earliest = earliest_liver_operation(reading)
    if earliest is None:
        return
    meant = order.dated.first if order.dated is not None else reading.case.as_of
    if meant >= earliest.day:
        return
    asked = f"Ordered for {day(order.dated)}" if order.dated is not None else "The order names no day"
    lines = [
        say("reason", f"{asked}; the interval ends on {day(earliest.day)}: {earliest.reason} (general knowledge).")
    ]
    lines += [say("reason", "Recorded: ", *reading.said(found.code, found.ended)) for found in liver_intervals(reading)]
    yield _advice(
        context,
        order,
        "interval-too-short",
        headline=f"Liver operation too soon after chemotherapy: not before {day(earliest.day)}",
        lines=lines,
        tone="info",
        remedies=("postpone", "delete"),
        not_before=earliest.day,
    )


def _next_steps(context: _Context) -> tuple[str, ...]:
    """Give the next steps that orders are measured by: those of the MDT while it holds, else the recommended ones."""
    if context.fits_mdt:
        return ORDINARY.get(_mdt_strategy(context.reading) or "", ())
    if not context.reading.is_settled:
        return ()
    return tuple(outcome.next_step for outcome in context.reading.decision.outcomes if outcome.next_step is not None)


def _mdt_strategy(reading: Reading) -> str | None:
    return reading.case.mdt.strategy if reading.case.mdt is not None else None


def _mdt_wants(context: _Context, order: Order) -> bool:
    """Whether the MDT's decision, still valid, has room for a resection of the primary now."""
    strategy = _mdt_strategy(context.reading)
    if strategy is None or not context.fits_mdt:
        return False
    return not contradicts(
        ORDINARY.get(strategy, ()), "primary-resection", context.others(order), order, context.reading
    )


def _sentence(reading: Reading, code: str) -> str:
    return reading.guideline.advisory(code).sentence


def _advice(  # noqa: PLR0913 - one finding with all that is said about it
    context: _Context,
    order: Order,
    code: str,
    *,
    headline: str,
    lines: Sequence[Line],
    tone: Tone,
    remedies: tuple[Remedy, ...],
    assumed: Section | None = None,
    basis: Decision | None = None,
    not_before: date | None = None,
) -> OrderAdvice:
    titles = listed(title[:1].lower() + title[1:] for kind, title in _TITLES.items() if kind in order.kinds)
    named = say("notice", f"Order: {sentence(titles)}", Source((order.reference,)))
    basis = basis or _basis(context.reading, code)
    sections = (
        Section("recommendation", "", (named,)),
        Section("why", "Why", (*(decided_before(context.reading) if assumed is not None else ()), *lines)),
        *((assumed,) if assumed is not None and assumed.lines else ()),
        Section("sources", "", sources_of(replace(context.reading, decision=basis))),
    )
    return OrderAdvice(order, code, Explanation(headline, tone, sections), remedies, basis, not_before)


def _basis(reading: Reading, code: str) -> Decision:
    """Give the decision with what this finding rests on: its advisory, the strategy, or general knowledge alone."""
    if code == "strategy-differs":
        return reading.decision
    if code == "interval-too-short":
        return reading.decision.without_sources()
    advisory = reading.guideline.advisory(code)
    return replace(reading.decision, statements=advisory.statements, citations=advisory.citations)
