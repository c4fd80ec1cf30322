"""The table of facts: each with its value, how it is known, from which resource, and how old it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from fhir_mappings.case import ABSENT, Gap, Known, Narrowed, Unknown, day_of
from service.knowledge.left_open import contradiction, narrowed_text
from service.knowledge.phrases import assumed, day, sentence, value_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from fhir_mappings.case import Case, Evidence, Fact
    from fhir_mappings.catalogue import Catalogue, FactDefinition
    from service.knowledge.decision import Decision, Label

State: TypeAlias = Literal["known", "narrowed", "assumed", "gap", "absent"]

_MONTH_DAYS = 30.44
_DAYS_SHOWN = 60
_MONTHS_SHOWN = 24

_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Primary",
        (
            "primary-site", "primary-diagnosis-date", "primary-in-situ", "primary-resection-date",
            "primary-operation-done", "primary-symptoms", "impending-complication", "colorectal-operation",
            "colorectal-multivisceral", "rectal-radiotherapy", "primary-t", "primary-n", "nodes-positive",
            "primary-pathology", "primary-margin",
        ),
    ),
    (
        "Liver and metastases",
        (
            "liver-metastasis-date", "metastases-detected", "months-primary-to-metastases", "liver-state",
            "metastasis-count", "largest-metastasis", "metastasis-distribution", "metastases-accessible",
            "r0-achievable", "hepatectomy-extent", "flr-percent", "liver-condition", "liver-mri-done",
            "liver-centre-discussed", "extrahepatic-disease",
        ),
    ),
    (
        "Treatment",
        (
            "chemotherapy-cycles", "chemotherapy-response", "chemotherapy-last-date", "bevacizumab-last-date",
            "adjuvant-status", "adjuvant-end-date", "mdt-decision",
        ),
    ),
)  # fmt: skip
_OTHERS = "Patient and markers"

_GAPS = {
    Gap.OUTDATED: "too old",
    Gap.UNREADABLE: "recorded, not readable",
    Gap.NOT_RETRIEVED: "not retrieved",
}
_HOW = {"coded": "coded", "derived": "derived", "entered": "entered here", "assumed": "assumed"}
_WORDS: Mapping[State, str] = {
    "known": "Known",
    "narrowed": "Narrowed",
    "assumed": "Assumed",
    "gap": "Not usable",
    "absent": "Not recorded",
}


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact as the table shows it. `state_word` says in words what the colour of `state` says."""

    fact: str
    title: str
    value: str
    state: State
    state_word: str
    how: str | None = None
    dated: str | None = None
    age: str | None = None
    sources: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    matters: bool = False


@dataclass(frozen=True, slots=True)
class FactGroup:
    """Facts of one topic."""

    title: str
    rows: tuple[FactRow, ...]


def fact_groups(case: Case, decision: Decision, catalogue: Catalogue) -> tuple[FactGroup, ...]:
    """Show every fact of the catalogue, by topic; those that the decision read are marked."""
    assumptions = {found.fact: found.value for found in decision.assumptions}
    rows = {
        code: _row(case, definition, assumptions.get(code), matters=code in decision.read)
        for code, definition in catalogue.facts.items()
    }
    grouped = {code for _, codes in _GROUPS for code in codes}
    groups = [FactGroup(title, tuple(rows[code] for code in codes if code in rows)) for title, codes in _GROUPS]
    groups.append(FactGroup(_OTHERS, tuple(row for code, row in rows.items() if code not in grouped)))
    return tuple(groups)


def _row(case: Case, definition: FactDefinition, assumption: Label | None, *, matters: bool) -> FactRow:
    fact = case.facts.get(definition.code, ABSENT)
    state, value = _told(definition, fact, assumption)
    newest = max(fact.evidence, key=lambda found: found.dated.last.toordinal() if found.dated else 0, default=None)
    dated = day_of(fact)
    return FactRow(
        fact=definition.code,
        title=sentence(definition.title),
        value=value,
        state=state,
        state_word=_WORDS[state],
        how=_HOW[newest.how] if newest and state in {"known", "narrowed"} else None,
        dated=day(dated) if dated else None,
        age=age(dated.first, case.as_of) if dated and definition.kind != "date" else None,
        sources=tuple(dict.fromkeys(found.reference for found in fact.evidence)),
        remarks=_remarks(fact.evidence),
        matters=matters,
    )


def _told(definition: FactDefinition, fact: Fact, assumption: Label | None) -> tuple[State, str]:
    match fact:
        case Known(value=value):
            return "known", value_text(definition, value)
        case Narrowed():
            return "narrowed", narrowed_text(definition, fact)
        case Unknown() if assumption is not None:
            return "assumed", assumed(definition, assumption)
        case Unknown(gap=Gap.ABSENT):
            return "absent", ""
        case Unknown(gap=Gap.CONFLICTING, contested=contested):
            return "gap", contradiction(definition, contested)
        case Unknown(gap=gap, last_value=value):
            last = f", last value {value_text(definition, value)}" if value is not None else ""
            return "gap", f"{_GAPS[gap]}{last}"


def _remarks(evidence: tuple[Evidence, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(remark for found in evidence for remark in found.remarks))


def age(dated: date, as_of: date) -> str:
    """Say how old something is: `today`, `12 days`, `5 months`, `3 years`."""
    days = (as_of - dated).days
    if days <= 0:
        return "today"
    if days < _DAYS_SHOWN:
        return f"{days} day{'s' if days > 1 else ''}"
    months = int(days / _MONTH_DAYS)
    return f"{months} months" if months < _MONTHS_SHOWN else f"{months // 12} years"
