"""The case: what is known of one patient, with the evidence of each fact or the gap in its place."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

Value: TypeAlias = bool | int | float | str | date
"""One value of a fact: a choice is its code in `case-facts`; numbers carry the unit of the catalogue."""

DRAFT_ORDER = "draft order"
"""The remark of evidence that is only an order being written."""

How: TypeAlias = Literal["coded", "derived", "entered", "assumed"]


class Gap(StrEnum):
    """Why a fact has no usable value. Only `ABSENT` lets an assumption take its place."""

    ABSENT = "absent"
    CONFLICTING = "conflicting"
    OUTDATED = "outdated"
    UNREADABLE = "unreadable"
    NOT_RETRIEVED = "not-retrieved"


class PartialDate(msgspec.Struct, frozen=True, gc=False):
    """A FHIR date of any precision as the closed interval of days that it may mean."""

    first: date
    last: date

    @classmethod
    def of(cls, value: object) -> PartialDate | None:
        """Give the days that the value of a date fact may mean: a date, or text as `str` gives it; else `None`."""
        if isinstance(value, date):
            return cls(value, value)
        spelled = value if isinstance(value, str) else ""
        try:
            if len(spelled) == len("2026-05-04"):
                day = date.fromisoformat(spelled)
                return cls(day, day)
            first, _, last = spelled.partition("/")
            start = date.fromisoformat(f"{first}-01-01"[: len("2026-05-04")])
            if last:
                return cls(start, date.fromisoformat(last))
        except ValueError:
            return None
        month = 12 if len(first) == len("2026") else start.month
        return cls(start, start.replace(month=month, day=monthrange(start.year, month)[1]))

    @property
    def is_day(self) -> bool:
        """Whether the date is known to the day."""
        return self.first == self.last

    def __str__(self) -> str:
        """Give the date in its own precision: `2026`, `2026-05` or `2026-05-04`."""
        if self.first == self.last:
            return self.first.isoformat()
        if self.first.month == self.last.month and self.first.year == self.last.year:
            return f"{self.first:%Y-%m}"
        if self.first.year == self.last.year:
            return f"{self.first:%Y}"
        return f"{self.first.isoformat()}/{self.last.isoformat()}"


def complete_months(start: date, end: date) -> int:
    """Count the complete calendar months from `start` to `end`, 0 where `end` is not later.

    A month is complete when its day is reached, or the month's last day where that day does not exist:
    31 January to 28 February is one month.
    """
    months = (end.year - start.year) * 12 + end.month - start.month
    if end.day < min(start.day, monthrange(end.year, end.month)[1]):
        months -= 1
    return max(months, 0)


def add_months(start: date, months: int) -> date:
    """Give the same day some months later or, below 0, before; the month's last day where it has no such day."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """One resource that supports a fact: its `Type/id`, its clinical date, and how it was read.

    `remarks` are fixed phrases of the readers ("preliminary", "provisional", "from recordedDate"), never chart text.
    """

    reference: str
    how: How = "coded"
    dated: PartialDate | None = None
    coding: str | None = None
    remarks: tuple[str, ...] = ()


class Known(msgspec.Struct, frozen=True, gc=False):
    """A fact with one value; `dated` is the day of a derived one that is not that of its newest evidence."""

    value: Value
    evidence: tuple[Evidence, ...] = ()
    dated: PartialDate | None = None


class Interval(msgspec.Struct, frozen=True, gc=False):
    """The numbers between two bounds; `None` is unbounded."""

    low: float | None = None
    high: float | None = None
    low_included: bool = True
    high_included: bool = True

    def __contains__(self, number: float) -> bool:
        """Whether `number` lies in the interval."""
        if self.low is not None and (number < self.low or (number == self.low and not self.low_included)):
            return False
        return not (self.high is not None and (number > self.high or (number == self.high and not self.high_included)))

    def is_over(self, number: float) -> bool:
        """Whether all of it is more than `number`."""
        return self.low is not None and (self.low > number or (self.low == number and not self.low_included))

    def is_at_least(self, number: float) -> bool:
        """Whether all of it is `number` or more."""
        return self.low is not None and self.low >= number

    def is_under(self, number: float) -> bool:
        """Whether all of it is less than `number`."""
        return self.high is not None and (self.high < number or (self.high == number and not self.high_included))

    def is_at_most(self, number: float) -> bool:
        """Whether all of it is `number` or less."""
        return self.high is not None and self.high <= number


class Narrowed(msgspec.Struct, frozen=True, gc=False):
    """A fact that is one of several values: a set of choices, or an interval of numbers; `dated` as in `Known`."""

    values: frozenset[str | bool] | Interval
    evidence: tuple[Evidence, ...] = ()
    dated: PartialDate | None = None


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """A fact without usable value: why, from which resources, and the last value where it is only too old.

    `contested` are the values that sources name which contradict each other.
    """

    gap: Gap = Gap.ABSENT
    evidence: tuple[Evidence, ...] = ()
    last_value: Value | None = None
    contested: frozenset[Value | Interval] = frozenset()


Fact: TypeAlias = Known | Narrowed | Unknown

ABSENT = Unknown()


def newest(evidence: tuple[Evidence, ...]) -> PartialDate | None:
    """Give the latest date of the evidence."""
    if len(evidence) == 1:
        return evidence[0].dated
    dates = [found.dated for found in evidence if found.dated is not None]
    return max(dates, key=lambda found: (found.last, found.first), default=None)


def day_of(fact: Fact) -> PartialDate | None:
    """Give the date of what a fact says: its own, else the latest of its evidence."""
    if not isinstance(fact, Unknown) and fact.dated is not None:
        return fact.dated
    return newest(fact.evidence)


class Scope(StrEnum):
    """Whether the chart holds colorectal cancer with liver metastases (row G0)."""

    IN = "in"
    OUT = "out"
    UNCERTAIN = "uncertain"


class Sign(StrEnum):
    """What the chart shows beside the facts; the conditions of assumptions and the cards read these."""

    PROCEDURES_COMPLETE = "procedures-complete"
    """All procedures were had; none in doubt, unreadable or text-only could be a resection of the primary."""
    LIVER_OPERATION_IN_DOUBT = "liver-operation-in-doubt"
    """A Procedure in doubt, unreadable or text-only could be a resection or ablation of the liver."""
    LIVER_TREATED = "liver-treated"
    """A completed liver resection or ablation stands in the chart, whatever its date."""
    PRIMARY_RESECTED = "primary-resected"
    """A completed resection of the primary stands in the chart."""
    RESECTION_HINTED = "resection-hinted"
    """pT or pN, a margin, Z90.49, Z85.03-, Z85.04- or adjuvant chemotherapy."""
    DATES_CONTRADICTED = "dates-contradicted"
    """Sources conflict on the detection, or the primary may have been resected over 90 days before its diagnosis."""
    RECENT_DIAGNOSIS = "recent-diagnosis"
    """The primary was diagnosed within six months of the call."""
    SYSTEMIC_THERAPY_SINCE_METASTASIS = "systemic-therapy-since-metastasis"
    """Systemic therapy dated on or after the metastasis (or that may be) stands in the chart."""
    METASTASIS_ELSEWHERE = "metastasis-elsewhere"
    """A Condition codes a metastasis outside the liver."""
    PERFORATION = "perforation"
    """A perforation of the primary is recorded, whatever its status."""
    PATHOLOGICAL_NODES = "pathological-nodes"
    """`primary-n` is pathological (pN), or recorded locally."""
    OTHER_CANCER = "other-cancer"
    """Another active, confirmed solid cancer: the origin of the liver metastases is uncertain."""
    UNCONFIRMED_DISEASE = "unconfirmed-disease"
    """The primary or the metastasis is only provisional or unconfirmed."""


@dataclass(frozen=True, slots=True)
class Issue:
    """A resource that was left out or mended, and why (a fixed phrase, never chart text).

    `costs` names the facts that could have come from it, where that is known.
    """

    reference: str
    reason: str
    severity: Literal["left-out", "repaired", "flagged"] = "left-out"
    costs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MdtRecord:
    """The MDT's decision on record, and the deciding facts whose value changed after it."""

    strategy: str
    decided: PartialDate | None
    evidence: Evidence
    reason: str | None = None
    """Free text of the chart: escape it where it is shown."""
    facts_then: Mapping[str, Fact] = field(default_factory=dict)
    """The facts as they stood on the day of the decision."""
    signs_then: frozenset[Sign] = frozenset()
    """What the chart showed beside them on that day."""


@dataclass(frozen=True, slots=True)
class Possibility:
    """What is open in a case as it is on some of the days that partial dates leave, and its signs on these days."""

    facts: Mapping[str, Fact]
    signs: frozenset[Sign]


@dataclass(frozen=True, slots=True)
class Case:
    """All facts of one patient on one day.

    `facts` has an entry for each fact of the catalogue. `scope_evidence` are the conditions of the two diseases (or,
    where the scope is uncertain, those that could be).
    """

    facts: Mapping[str, Fact]
    as_of: date
    scope: Scope = Scope.IN
    scope_evidence: tuple[Evidence, ...] = ()
    signs: frozenset[Sign] = frozenset()
    issues: tuple[Issue, ...] = ()
    not_retrieved: tuple[str, ...] = ()
    """Resource types that could not be had, or only in part."""
    mdt: MdtRecord | None = None
    other_cancers: tuple[Evidence, ...] = ()
    """The Conditions behind the sign of another cancer."""
    last_given: Mapping[str, Known] = field(default_factory=dict)
    """The last days of chemotherapy and of bevacizumab, whatever they were given for, by the facts of their names."""

    possibilities: tuple[Possibility, ...] = ()
    """What partial dates leave, part by part of their days; empty where all dates are days or none is told apart."""

    def value(self, fact: str) -> Value | None:
        """Give the one value of `fact`, or `None` where it is not known exactly."""
        found = self.facts.get(fact, ABSENT)
        return found.value if isinstance(found, Known) else None
