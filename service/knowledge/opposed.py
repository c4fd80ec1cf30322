"""What speaks against each strategy that the decision excludes, from the patient's own values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.knowledge.explanation import Strong, say
from service.knowledge.reading import COMPLICATIONS, MAJOR_OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.knowledge.explanation import Line
    from service.knowledge.reading import Reading

    _Against = Callable[[Reading, tuple[str, ...]], tuple[str, ...]]

NO_SIMULTANEOUS = (
    "no-simultaneous-major-liver",
    "no-simultaneous-major-colorectal",
    "no-simultaneous-poor-performance",
)
"""The advisories that a line says which names their facts."""
_MOST_REASONS = 4
_WITH_SURGERY = frozenset({"staged", "liver-first", "simultaneous", "metachronous"})
# Where one of these may be next, a line against systemic therapy before the liver would contradict the card.
_SYSTEMIC_BEFORE_LIVER = frozenset(
    {
        "chemotherapy-before-resection",
        "perioperative-folfox-3-3",
        "systemic-after-relief",
    }
)


def against(reading: Reading) -> tuple[Line, ...]:
    """Give one line for each excluded strategy that a reader would think of; none where no value speaks against it."""
    if not reading.liver_untreated:
        return ()
    open_ones = {outcome.strategy for outcome in reading.decision.outcomes}
    named = {outcome.strategy for outcome in reading.decision.alternatives}
    considered: list[tuple[str, str, _Against]] = []
    if not reading.resected:
        considered += [
            ("simultaneous", "Not simultaneous", _against_simultaneous),
            ("liver-first", "Not liver first", _against_liver_first),
            ("staged", "Not primary first", _against_primary_first),
        ]
    if open_ones & _WITH_SURGERY and not _systemic_before_liver(reading):
        considered.append(("systemic-first", "Not systemic therapy first", _against_systemic_first))
    blocking = _blocking_disease(reading)
    lines = []
    for strategy, title, reasons in considered:
        if strategy in open_ones or strategy in named:
            continue
        line = _line(reading, title, reasons(reading, blocking))
        if line is not None:
            lines.append(line)
    return tuple(lines)


def _systemic_before_liver(reading: Reading) -> bool:
    offered = (*reading.decision.outcomes, *reading.decision.alternatives)
    next_steps = {outcome.next_step for outcome in offered}
    # While a perforated primary is in place its operation is what comes first.
    after_primary = reading.resected and "chemotherapy-then-restage-3-months" in next_steps
    return after_primary or not next_steps.isdisjoint(_SYSTEMIC_BEFORE_LIVER)


def _line(reading: Reading, title: str, codes: tuple[str, ...]) -> Line | None:
    asked = dict.fromkeys(codes)
    parts = reading.spoken_together(tuple(asked)[:_MOST_REASONS])
    if not parts:
        return None
    named = [reading.guideline.advisory(code) for code in NO_SIMULTANEOUS]
    advisories = tuple([advisory.code for advisory in named if not asked.keys().isdisjoint(advisory.facts)])
    return say("against", Strong(title), ": ", *parts, codes=advisories)


def _blocking_disease(reading: Reading) -> tuple[str, ...]:
    """Name what forbids any elective resection of the liver now."""
    return (
        *reading.unfit,
        *_named(
            ("r0-achievable", reading.no("r0-achievable")),
            ("flr-percent", reading.at_most("flr-percent", reading.number("remnant_minimum_percent"))),
            ("extrahepatic-disease", reading.holds("extrahepatic-disease", "resectable", "unresectable")),
            ("chemotherapy-response", reading.holds("chemotherapy-response", "progressive-disease")),
            ("metastases-detected", reading.holds("metastases-detected", "intraoperative")),
        ),
    )


def _named(*checks: tuple[str, bool]) -> tuple[str, ...]:
    return tuple([code for code, speaks_against in checks if speaks_against])


def _too_many_for_now(reading: Reading) -> bool:
    untreated = reading.holds("chemotherapy-cycles", 0)
    return untreated and reading.over("metastasis-count", reading.number("upfront_maximum_nodules"))


def _against_simultaneous(reading: Reading, blocking: tuple[str, ...]) -> tuple[str, ...]:
    site = reading.value("primary-site")
    rectal = isinstance(site, str) and site.startswith("rectum")
    diameter, nodules = "simultaneous_maximum_diameter_mm", "simultaneous_maximum_nodules"
    return (
        *_named(
            ("hepatectomy-extent", reading.holds("hepatectomy-extent", "major")),
            ("colorectal-operation", reading.holds("colorectal-operation", *MAJOR_OPERATIONS)),
            ("colorectal-multivisceral", reading.yes("colorectal-multivisceral")),
            ("ecog", reading.at_least("ecog", reading.number("ecog_poor_performance"))),
            ("primary-symptoms", reading.holds("primary-symptoms", *COMPLICATIONS)),
            ("impending-complication", reading.yes("impending-complication")),
            ("liver-centre-discussed", reading.holds("liver-centre-discussed", "refused")),
            ("metastases-accessible", reading.no("metastases-accessible")),
            ("largest-metastasis", reading.over("largest-metastasis", reading.number(diameter))),
            ("metastasis-count", reading.over("metastasis-count", reading.number(nodules))),
            ("rectal-radiotherapy", rectal and reading.holds("rectal-radiotherapy", "indicated", "ongoing")),
        ),
        *blocking,
    )


def _against_liver_first(reading: Reading, blocking: tuple[str, ...]) -> tuple[str, ...]:
    return (
        *_named(
            ("primary-symptoms", reading.holds("primary-symptoms", *COMPLICATIONS, "minor")),
            ("impending-complication", reading.yes("impending-complication")),
        ),
        *blocking,
        *(("metastasis-count", "chemotherapy-cycles") if _too_many_for_now(reading) else ()),
    )


def _against_primary_first(reading: Reading, _blocking: tuple[str, ...]) -> tuple[str, ...]:
    calm = reading.holds("primary-symptoms", "none") and reading.no("impending-complication")
    return (*reading.unfit, *(("primary-symptoms", "impending-complication") if calm else ()))


def _against_systemic_first(reading: Reading, blocking: tuple[str, ...]) -> tuple[str, ...]:
    achievable = reading.yes("r0-achievable")
    enough = reading.over("flr-percent", reading.number("remnant_minimum_percent"))
    if not achievable or not (enough or reading.assumption("flr-percent") is not None):
        return ()
    if set(blocking) - {"metastases-detected"}:
        return ()  # that the liver could be resected is no reason where something else forbids it
    responded = reading.value("chemotherapy-response") is not None
    return ("r0-achievable", "flr-percent", *_named(("chemotherapy-response", responded)))
