"""Why: the recorded facts that the reached rows ask for, with their dates and resources, a few to a line."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fhir_mappings.case import Known, Unknown
from service.knowledge.explanation import Line, Text
from service.knowledge.expression import parse, words
from service.knowledge.phrases import sentence
from service.knowledge.reading import COMPLICATIONS

if TYPE_CHECKING:
    from service.knowledge.explanation import Kind, Part
    from service.knowledge.model import Guideline
    from service.knowledge.reading import Reading

# What a surgeon reads first, whichever row it was.
_ALWAYS = (
    "primary-in-situ",
    "metastases-detected",
    "metastasis-count",
    "r0-achievable",
    "flr-percent",
    "ecog",
)
_BEFORE_RESECTION = ("primary-symptoms", "impending-complication")
_AFTER_RESECTION = ("primary-pathology", "months-primary-to-metastases")
_GROUPS = (
    ("primary-in-situ", "primary-symptoms", "impending-complication"),
    ("primary-site", "colorectal-operation", "colorectal-multivisceral", "rectal-radiotherapy"),
    ("primary-pathology", "primary-margin"),
    ("metastases-detected", "months-primary-to-metastases", "liver-state"),
    ("metastasis-count", "largest-metastasis", "metastases-accessible"),
    ("r0-achievable", "flr-percent", "hepatectomy-extent"),
    ("extrahepatic-disease",),
    ("chemotherapy-cycles", "chemotherapy-response", "adjuvant-status"),
    ("ecog", "asa", "liver-centre-discussed"),
)
# These say something only where they are not as usual, or where they decide.
_PLAIN = {"liver-state": "untreated"}
# Beside these values of another fact they say nothing: a complication that is there is not impending, and what was
# found at staging came after no interval.
_MOOT = {
    "impending-complication": ("primary-symptoms", *COMPLICATIONS),
    "months-primary-to-metastases": ("metastases-detected", "at-staging", "intraoperative"),
}
# The advisory that a reason states by itself, by naming the fact.
_STATED = {"extrahepatic-disease": "extrahepatic-disease", "primary-pathology": "unfavourable-pathology"}


def reasons(reading: Reading) -> tuple[Line, ...]:
    """Give the facts behind the reached rows, grouped; assumed ones have a section of their own."""
    decision = reading.decision
    asked = facts_asked(reading.guideline, decision.rows)
    if decision.strategy is None:
        asked |= set(decision.read)
    shown = asked | set(_ALWAYS) | set(_AFTER_RESECTION if reading.resected else _BEFORE_RESECTION)
    stated = {fact: advisory for fact, advisory in _STATED.items() if advisory in decision.advisories}
    kind: Kind = "known" if decision.strategy is None else "reason"
    lines = []
    for group in _GROUPS:
        codes = tuple([code for code in group if code in shown and _is_worth_saying(code, reading)])
        parts = reading.spoken_together(codes)
        if parts:
            advisories = tuple([stated[code] for code in codes if code in stated])
            lines.append(Line(kind, _capitalised(parts), codes=advisories))
    return tuple(lines)


def _is_worth_saying(code: str, reading: Reading) -> bool:
    found = reading.fact(code)
    if isinstance(found, Unknown) or (isinstance(found, Known) and _PLAIN.get(code) == found.value):
        return False
    return code not in _MOOT or not reading.holds(*_MOOT[code])


def _capitalised(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    first = parts[0]
    return (Text(sentence(first.text)), *parts[1:]) if isinstance(first, Text) else parts


def facts_asked(guideline: Guideline, rows: tuple[str, ...]) -> set[str]:
    """Give the facts that the tests of these rows name, directly or through definitions."""
    found: set[str] = set()
    waiting = [guideline.row(row).when for row in rows]
    seen: set[str] = set()
    while waiting:
        for name in _names(waiting.pop()):
            if name not in guideline.definitions:
                found.add(name.replace("_", "-"))
            elif name not in seen:
                seen.add(name)
                waiting.append(guideline.definitions[name])
    return found


@cache
def _names(condition: str) -> frozenset[str]:
    """Give the names in a condition; the few conditions of a guideline are parsed once."""
    return frozenset(word.text for word in words(parse(condition)))
