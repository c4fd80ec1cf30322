"""What speaks against each strategy that the decision excludes, from the patient's own values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.knowledge.explanation import Strong, Text, say
from service.knowledge.reading import COMPLICATIONS, MAJOR_OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.knowledge.explanation import Line, Part
    from service.knowledge.reading import Reading

_ADVISORIES = {
    "hepatectomy-extent": "no-simultaneous-major-liver",
    "colorectal-operation": "no-simultaneous-major-colorectal",
    "colorectal-multivisceral": "no-simultaneous-major-colorectal",
    "ecog": "no-simultaneous-poor-performance",
}
_MOST_REASONS = 4


def against(reading: Reading) -> tuple[Line, ...]:
    """Give one line for each excluded strategy that a reader would think of; none where no value speaks against it."""
    open_ones = {outcome.strategy for outcome in reading.decision.outcomes}
    named = {outcome.strategy for outcome in reading.decision.alternatives}
    considered: list[tuple[str, str, Callable[[Reading], tuple[str, ...]]]] = []
    if reading.liver_untreated and not reading.resected:
        considered += [
            ("simultaneous", "Not simultaneous", _against_simultaneous),
            ("liver-first", "Not liver first", _against_liver_first),
            ("staged", "Not primary first", _against_primary_first),
        ]
    if reading.liver_untreated:
        considered.append(("systemic-first", "Not systemic therapy first", _against_systemic_first))
    lines = []
    for strategy, title, reasons in considered:
        if strategy in open_ones | named:
            continue
        line = _line(reading, title, reasons(reading))
        if line is not None:
            lines.append(line)
    return tuple(lines)


def _line(reading: Reading, title: str, codes: tuple[str, ...]) -> Line | None:
    parts: list[Part] = []
    for code in dict.fromkeys(codes[:_MOST_REASONS]):
        spoken = reading.spoken(code)
        if spoken:
            parts += [*((Text("; "),) if parts else ()), *spoken]
    if not parts:
        return None
    advisories = tuple(dict.fromkeys(_ADVISORIES[code] for code in codes if code in _ADVISORIES))
    return say("against", Strong(title), ": ", *parts, codes=advisories)


def _blocking_disease(reading: Reading) -> tuple[str, ...]:
    """Name what forbids any elective resection of the liver now."""
    found = []
    if reading.at_least("ecog", reading.number("ecog_unfit")):
        found.append("ecog")
    if reading.at_least("asa", reading.number("asa_unfit")):
        found.append("asa")
    if reading.no("r0-achievable"):
        found.append("r0-achievable")
    if _remnant_too_small(reading):
        found.append("flr-percent")
    if reading.value("extrahepatic-disease") in {"resectable", "unresectable"}:
        found.append("extrahepatic-disease")
    if reading.value("chemotherapy-response") == "progressive-disease":
        found.append("chemotherapy-response")
    if reading.value("metastases-detected") == "intraoperative":
        found.append("metastases-detected")
    return tuple(found)


def _remnant_too_small(reading: Reading) -> bool:
    return reading.at_most("flr-percent", reading.number("remnant_minimum_percent"))


def _too_many_for_now(reading: Reading) -> bool:
    untreated = reading.holds("chemotherapy-cycles", 0)
    return untreated and reading.over("metastasis-count", reading.number("upfront_maximum_nodules"))


def _against_simultaneous(reading: Reading) -> tuple[str, ...]:
    found = []
    if reading.holds("hepatectomy-extent", "major"):
        found.append("hepatectomy-extent")
    if reading.holds("colorectal-operation", *MAJOR_OPERATIONS):
        found.append("colorectal-operation")
    if reading.yes("colorectal-multivisceral"):
        found.append("colorectal-multivisceral")
    if reading.at_least("ecog", reading.number("ecog_poor_performance")):
        found.append("ecog")
    if reading.holds("primary-symptoms", *COMPLICATIONS):
        found.append("primary-symptoms")
    if reading.yes("impending-complication"):
        found.append("impending-complication")
    if reading.value("liver-centre-discussed") == "refused":
        found.append("liver-centre-discussed")
    if reading.value("metastases-accessible") is False:
        found.append("metastases-accessible")
    if reading.over("largest-metastasis", reading.number("simultaneous_maximum_diameter_mm")):
        found.append("largest-metastasis")
    if reading.over("metastasis-count", reading.number("simultaneous_maximum_nodules")):
        found.append("metastasis-count")
    site = reading.value("primary-site")
    rectal = isinstance(site, str) and site.startswith("rectum")
    if rectal and reading.value("rectal-radiotherapy") in {"indicated", "ongoing"}:
        found.append("rectal-radiotherapy")
    return (*found, *_blocking_disease(reading))


def _against_liver_first(reading: Reading) -> tuple[str, ...]:
    found = []
    if reading.holds("primary-symptoms", *COMPLICATIONS, "minor"):
        found.append("primary-symptoms")
    if reading.yes("impending-complication"):
        found.append("impending-complication")
    found += _blocking_disease(reading)
    if _too_many_for_now(reading):
        found += ["metastasis-count", "chemotherapy-cycles"]
    return tuple(found)


def _against_primary_first(reading: Reading) -> tuple[str, ...]:
    calm = reading.holds("primary-symptoms", "none") and reading.no("impending-complication")
    return ("primary-symptoms", "impending-complication") if calm else ()


def _against_systemic_first(reading: Reading) -> tuple[str, ...]:
    achievable = reading.yes("r0-achievable")
    enough = reading.over("flr-percent", reading.number("remnant_minimum_percent"))
    if not achievable or not (enough or reading.assumption("flr-percent") is not None):
        return ()
    responded = reading.value("chemotherapy-response")
    after = ("chemotherapy-response",) if responded not in {None, "progressive-disease"} else ()
    return ("r0-achievable", "flr-percent", *after)
