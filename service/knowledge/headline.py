"""The first sentence of a card: what the recommendation is, or which fact decides between which strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.case import Gap, Unknown
from service.knowledge.phrases import (
    choice_text,
    clause,
    day,
    decides,
    fitting,
    listed,
    sentence,
    short_name,
    site_adjective,
)
from service.knowledge.schedule import earliest_liver_operation, weeks_to_primary

if TYPE_CHECKING:
    from service.knowledge.decision import Outcome
    from service.knowledge.reading import Reading

_NAMED_MISSING = 2
_ORDERS_OF_SURGERY = frozenset({"simultaneous", "liver-first", "staged"})
_LIVER_NEXT = frozenset({"resect-now-no-more-chemotherapy", "liver-before-chemotherapy"})


def strategy_name(reading: Reading, strategy: str) -> str:
    """Name a strategy in a sentence: `liver first`, `primary first`, `MDT`."""
    return _name_among(reading, strategy, reading.decision.outcomes)


def strategy_names(reading: Reading, outcomes: tuple[Outcome, ...]) -> list[str]:
    """Name the strategies of some outcomes, each once, in the order for a reader."""
    found = dict.fromkeys(outcome.strategy for outcome in in_reading_order(outcomes))
    return [_name_among(reading, strategy, outcomes) for strategy in found]


def _name_among(reading: Reading, strategy: str, outcomes: tuple[Outcome, ...]) -> str:
    return _staged_name(reading, outcomes) if strategy == "staged" else choice_text(strategy)


def _staged_name(reading: Reading, outcomes: tuple[Outcome, ...]) -> str:
    """Name the order by what comes first now, where all that is left of it agrees on that."""
    if reading.resected:
        return "staged (liver next)"
    next_steps = {outcome.next_step for outcome in outcomes if outcome.strategy == "staged"}
    return "primary first" if next_steps.isdisjoint(_LIVER_NEXT) else "staged surgery"


def outcome_name(reading: Reading, outcome: Outcome) -> str:
    """Name a strategy with its next step, as in a list of what is still open."""
    lead, rest = recommended(reading, outcome)
    return f"{lead}, {rest}" if rest else lead


def recommended(reading: Reading, outcome: Outcome) -> tuple[str, str]:  # noqa: C901, PLR0911 - one case for each next step
    """Give what to do and, after the colon, how: (`liver first`, `liver resection or ablation, then …`)."""
    primary = site_adjective(reading.value("primary-site"))
    match outcome.strategy, outcome.next_step:
        case "liver-first", "primary-resection-next":
            weeks = weeks_to_primary(reading)
            return "primary next", f"liver treated, resection of {primary} {weeks} after it"
        case "liver-first", "resect-now-no-more-chemotherapy":
            return "liver first", f"resection of the liver {_when(reading)}, no more chemotherapy, then {primary}"
        case "liver-first", "liver-surgery-in-radiotherapy-interval":
            return "liver first", f"liver surgery in the radiotherapy interval, then {primary}"
        case "liver-first", "liver-resection-or-ablation-then-primary":
            return "liver first", f"liver resection or ablation, then {primary}"
        case "simultaneous", "liver-centre-discussion":
            if reading.value("liver-centre-discussed") == "agreed":
                return "simultaneous resection", "liver and bowel in one operation, as agreed with the liver centre"
            return "simultaneous resection", "only after discussion with the liver centre"
        case "staged", _:
            return _staged(reading, outcome, primary)
        case "systemic-first", "reassess-resectability":
            months = reading.months("resectability_review_months")
            elsewhere = reading.holds("extrahepatic-disease", "unresectable")
            why = "disease outside the liver not resectable" if elsewhere else "not resectable now"
            return "systemic therapy first", f"{why}, review of resectability every {months}"
        case "systemic-first", "chemotherapy-then-reassess":
            count = reading.value("metastasis-count")
            named = "several metastases" if count is None else clause(reading.catalogue["metastasis-count"], count)
            return "systemic therapy first", f"{named}, then reassessment for resection"
        case "metachronous", _:
            return _metachronous(reading, outcome)
        case "mdt", _:
            return _mdt(reading, outcome)
        case _:
            return choice_text(outcome.strategy), ""


def _staged(reading: Reading, outcome: Outcome, primary: str) -> tuple[str, str]:  # noqa: PLR0911 - one case for each next step
    months = reading.months("primary_to_liver_months")
    match outcome.next_step:
        case "refer-hpb-after-recovery":
            return "primary only for now", "no biopsy, referral to the hepatobiliary unit, liver after recovery"
        case "relief-then-mdt":
            return "relief of the primary first", f"then MDT, unfit for elective surgery{_fitness(reading)}"
        case "systemic-after-relief":
            return "relief of the primary first", "then systemic therapy for the liver metastases"
        case "chemotherapy-then-restage-3-months":
            restaging = f"restaging at {reading.months('restaging_months')}"
            if reading.resected:
                return "chemotherapy before the liver", f"unfavourable primary, {restaging}"
            return "primary first", f"perforated primary, then chemotherapy and {restaging}, before the liver"
        case "resect-now-no-more-chemotherapy":
            return f"liver resection {_when(reading)}", "no more chemotherapy"
        case "liver-before-chemotherapy":
            return "liver resection before chemotherapy", f"about {months} after the primary"
        case "liver-about-2-months-after-recovery":
            return "primary first", f"{primary}, then the liver about {months} after recovery"
        case _:
            return strategy_name(reading, "staged"), ""


def _metachronous(reading: Reading, outcome: Outcome) -> tuple[str, str]:
    each = reading.months("perioperative_months_each")
    match outcome.next_step:
        case "resect-now-no-more-chemotherapy":
            return f"liver resection {_when(reading)}", "no more chemotherapy"
        case "chemotherapy-before-resection":
            return "chemotherapy before liver resection", _interval(reading)
        case "perioperative-folfox-3-3":
            return "FOLFOX around liver resection", f"{each} before and {each} after"
        case "upfront-hepatectomy":
            months = reading.months("adjuvant_months")
            if "adjuvant-6-months-oxaliplatin" in reading.decision.advisories:
                return "liver resection before chemotherapy", f"then {months} of adjuvant chemotherapy"
            return "liver resection before chemotherapy", _interval(reading)
        case _:
            return choice_text(outcome.strategy), ""


def _mdt(reading: Reading, outcome: Outcome) -> tuple[str, str]:  # noqa: PLR0911 - one case for each next step
    match outcome.next_step:
        case "no-elective-surgery":
            return "MDT", f"no elective surgery{_fitness(reading)}"
        case "multi-site-disease":
            return "MDT", "resectable disease outside the liver, which the summary does not cover"
        case "second-line":
            return "MDT", "progression on chemotherapy, second-line therapy before any liver operation"
        case "incomplete-resection-of-primary":
            margin = reading.value("primary-margin")
            named = f" ({margin.upper()})" if isinstance(margin, str) else ""
            return "MDT", f"primary not completely resected{named}"
        case "secure-primary-before-systemic":
            return "MDT", "secure the primary before systemic therapy"
        case "recurrence-outside-the-summary":
            return "MDT", "recurrence after liver treatment, which the summary does not cover"
        case _:
            return "MDT", ""


def _when(reading: Reading) -> str:
    """Say when a liver is resected that only waits for the end of an interval after chemotherapy."""
    earliest = earliest_liver_operation(reading)
    if earliest is None or earliest.day <= reading.case.as_of:
        return "now"
    return f"from {day(earliest.day)} on"


def _fitness(reading: Reading) -> str:
    found = [
        clause(reading.catalogue[code], value) for code in reading.unfit if (value := reading.value(code)) is not None
    ]
    return f" ({', '.join(found)})" if found else ""


def _interval(reading: Reading) -> str:
    months = reading.value("months-primary-to-metastases")
    if months is None:
        return "metachronous metastases"
    return clause(reading.catalogue["months-primary-to-metastases"], months)


def summary(reading: Reading) -> str:
    """Say the decision in one sentence; it may be longer than a card allows."""
    decision = reading.decision
    if decision.strategy is None:
        return _open(reading)
    lead, rest = recommended(reading, decision.outcomes[0])
    if decision.next_step is None:
        lead, rest = strategy_name(reading, decision.strategy), _open_step(reading)
    stated = f"{lead}: {rest}" if rest else lead
    if decision.strategy == "mdt":
        return f"For the MDT: {rest}" if rest else "For the MDT: no order of operations from the summary"
    return sentence(stated) if decision.strength == "strong" else f"Consider {stated}"


def _open_step(reading: Reading) -> str:
    missing = [reading.catalogue[found.fact] for found in reading.decision.missing[:_NAMED_MISSING]]
    if len(missing) == 1:
        return f"next step open, {decides(missing[0])}"
    return f"next step open, {listed(map(short_name, missing))} decide" if missing else "next step open"


def needs_completion(reading: Reading) -> bool:
    """Whether the case still waits for the MDT to look: neither resectability nor symptoms are recorded."""
    return reading.decision.strategy is None and all(
        isinstance(found, Unknown) and found.gap in {Gap.ABSENT, Gap.NOT_RETRIEVED}
        for found in (reading.fact("r0-achievable"), reading.fact("primary-symptoms"))
    )


def _open(reading: Reading) -> str:
    decision = reading.decision
    if needs_completion(reading):
        symptoms = any(missing.fact == "primary-symptoms" for missing in decision.missing)
        named = "resectability and symptoms of the primary" if symptoms else "resectability"
        return f"Complete the case for the MDT: {named} not recorded"
    names = strategy_names(reading, decision.outcomes)
    surgery = any(outcome.strategy in _ORDERS_OF_SURGERY for outcome in decision.outcomes)
    subject = "Order of surgery" if surgery and not reading.resected else "Next treatment"
    between = (listed(names), f"{len(names)} strategies")
    settling = [missing for missing in decision.missing if missing.settles]
    if settling:
        decisive = decides(reading.catalogue[settling[0].fact])
        return fitting(*(f"{subject} open: {decisive} between {named}" for named in between))
    asked = [short_name(reading.catalogue[found.fact]) for found in decision.missing[:_NAMED_MISSING]]
    if not asked:
        return fitting(*(f"{subject} open between {named}" for named in between))
    needed = (listed(asked), asked[0])
    return fitting(*(f"{subject} open between {named}; first needed: {facts}" for named in between for facts in needed))


_READING_ORDER = ("simultaneous", "liver-first", "staged", "metachronous", "systemic-first", "mdt")


def reading_place(strategy: str) -> int:
    """Give the place of a strategy among the others for a reader: operations first, the MDT last."""
    return _READING_ORDER.index(strategy) if strategy in _READING_ORDER else len(_READING_ORDER)


def in_reading_order(outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """Sort outcomes for a reader."""
    return tuple(sorted(outcomes, key=lambda outcome: (reading_place(outcome.strategy), outcome)))
