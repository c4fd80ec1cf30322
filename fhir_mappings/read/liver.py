"""The liver metastases: dates, detection and state; the liver itself, and the operation of it that is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.case import Gap, Interval, PartialDate, Unknown, complete_months
from fhir_mappings.read.conditions import active, first_date, metastases
from fhir_mappings.read.dates import earlier, shifted
from fhir_mappings.read.operations import (
    BEFORE_DIAGNOSIS_DAYS,
    LIVER_OPERATIONS,
    RESECTIONS,
    flag_liver_operations,
    operations_for_metastases,
    planned_operations,
    undecided_resections,
)
from fhir_mappings.read.primary import second_primaries
from fhir_mappings.read.settle import Candidate, Found, derived

if TYPE_CHECKING:
    from fhir_mappings.case import Evidence
    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.read.reader import Reader

_SET = "liver-metastasis"
_CIRRHOSIS = "cirrhosis"
_AT_STAGING, _FOLLOW_UP = "at-staging", "follow-up"
_EITHER: frozenset[str | bool] = frozenset({_AT_STAGING, _FOLLOW_UP})
RECURRENCE_AFTER_DAYS = 30


def metastasis_date(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the first date of the Conditions of liver metastases that count."""
    return first_date(reader, metastases(reader), _SET)


def detected(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Derive when the metastases were found from the dates; recordedDate alone never says at staging.

    Dates cannot tell what was found at operation: where that is said, those of its window say nothing else (R11).
    """
    verdict = _detection(reader)
    found = reader.date_of("liver-metastasis-date")
    if verdict is None or found is None or _said_at_operation(reader, fact, found, verdict):
        return []
    return [Candidate(verdict, found, _dates_evidence(reader))]


def _said_at_operation(reader: Reader, fact: FactDefinition, found: PartialDate, verdict: Found) -> bool:
    """Whether metastases of this date may be those that were found at an operation; one of no date only if in doubt."""
    days = reader.policy.intraoperative_window_days
    return any(
        verdict == _EITHER if said.dated is None else found.first <= shifted(said.dated, days).last
        for said in reader.entered(fact)
        if said.value == "intraoperative"
    )


def _detection(reader: Reader) -> Found | None:
    """Say when the metastases were found on every reading of the dates, or that they leave both."""
    found, diagnosed = reader.date_of("liver-metastasis-date"), reader.date_of("primary-diagnosis-date")
    resected = reader.date_of("primary-resection-date")
    if found is None or (diagnosed is None and resected is None) or second_primaries(reader):
        return None
    if _surely_later(reader, found, diagnosed, resected):
        return _FOLLOW_UP
    by_resection = resected is not None and found.last <= resected.first
    if reader.from_recorded("liver-metastasis-date"):
        return None
    if not by_resection and reader.from_recorded("primary-diagnosis-date"):
        return None
    if by_resection or (diagnosed is not None and _surely_at_staging(reader, found, diagnosed)):
        return _AT_STAGING
    return _EITHER if reader.complete("Procedure") else None


def _surely_later(
    reader: Reader, found: PartialDate, diagnosed: PartialDate | None, resected: PartialDate | None
) -> bool:
    """Whether the metastases were found after staging and after the resection; diagnosed as late as that allows."""
    if diagnosed is not None:
        staged = shifted(diagnosed, reader.policy.staging_window_days)
        return earlier(staged, found) and _not_before_resection(reader, found)
    latest = BEFORE_DIAGNOSIS_DAYS + reader.policy.staging_window_days
    return resected is not None and earlier(shifted(resected, latest), found)


def _surely_at_staging(reader: Reader, found: PartialDate, diagnosed: PartialDate) -> bool:
    """Whether the metastases were found by the end of staging, or by a resection that is of this primary if not."""
    staged = shifted(diagnosed, reader.policy.staging_window_days)
    undecided = (one.dated for one in undecided_resections(reader))
    return found.last <= staged.first or any(done is not None and found.last <= done.first for done in undecided)


def _not_before_resection(reader: Reader, found: PartialDate) -> bool:
    """Whether the metastases were found after the day of the primary's resection, where that day can be known."""
    resected = reader.date_of("primary-resection-date")
    if resected is not None:
        return earlier(resected, found)
    undecided = undecided_resections(reader)
    after = all(one.dated is not None and earlier(one.dated, found) for one in undecided)
    return after and not _resection_open(reader)


def _resection_open(reader: Reader) -> bool:
    """Whether there may be a resection of the primary of which no date is known: in doubt, or dated unusably."""
    said = reader.fact("primary-resection-date")
    unusable = isinstance(said, Unknown) and said.gap in {Gap.CONFLICTING, Gap.UNREADABLE}
    return unusable or reader.uncertain(RESECTIONS) or not reader.complete("Procedure")


def _dates_evidence(reader: Reader) -> tuple[Evidence, ...]:
    dates = ("liver-metastasis-date", "primary-diagnosis-date", "primary-resection-date")
    known = [reader.fact(code).evidence for code in dates if reader.date_of(code) is not None]
    return derived(dict.fromkeys(proof for evidence in known for proof in evidence))


def months(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Derive the complete months from the primary's resection, else its diagnosis, to the metastases (R6)."""
    found, diagnosed = reader.date_of("liver-metastasis-date"), reader.date_of("primary-diagnosis-date")
    start = resected = reader.date_of("primary-resection-date")
    if found is None or (resected is None and diagnosed is None) or second_primaries(reader):
        return []
    if resected is None and diagnosed is not None:
        if _resection_open(reader):
            return []
        start = _perhaps_resected(reader, diagnosed, found)
    if start is None or _recorded_together(reader, resected):
        return []
    least, most = complete_months(start.last, found.first), complete_months(start.first, found.last)
    value = least if least == most else Interval(least, most)
    return [Candidate(value, found, _dates_evidence(reader))]


def _perhaps_resected(reader: Reader, diagnosed: PartialDate, found: PartialDate) -> PartialDate:
    """Give the days of the diagnosis, and of the resections of which no date says whether they were of this primary.

    On its first days a resection is of this primary: the interval counts from the diagnosis only where that is later.
    """
    since = shifted(diagnosed, -BEFORE_DIAGNOSIS_DAYS).first
    undecided = [one.dated for one in undecided_resections(reader)]
    days = [diagnosed if all(done is None for done in undecided) else PartialDate(diagnosed.last, diagnosed.last)]
    days += [
        PartialDate(max(done.first, since), done.last) if done else PartialDate(since, found.last) for done in undecided
    ]
    return PartialDate(min(one.first for one in days), max(one.last for one in days))


def _recorded_together(reader: Reader, resected: PartialDate | None) -> bool:
    """Whether the interval rests on dates of recording, which only say at staging (so: nothing)."""
    recorded = reader.from_recorded("liver-metastasis-date")
    if resected is None:
        recorded = recorded or reader.from_recorded("primary-diagnosis-date")
    return recorded and _detection(reader) is None


def state(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Derive treated from a liver operation for the metastases, recurrence from a later liver metastasis.

    Both stay open where a metastasis may be either. Without such an operation later is after it was said to be treated.
    """
    flag_liver_operations(reader, fact.code)
    operations = [
        (done.dated, reader.evidence(done, *LIVER_OPERATIONS, how="derived"))
        for done in operations_for_metastases(reader)
        if done.dated is not None
    ]
    if not operations:
        said = [one.dated for one in reader.local(fact) if one.value == "treated" and one.dated is not None]
        return _recurrences(reader, said) if said else []
    days = [when for when, _ in operations]
    recurred = _recurrences(reader, days)
    doubtful = () if recurred else _perhaps_recurrences(reader, days)
    if not doubtful:
        return [*(Candidate("treated", when, (proof,)) for when, proof in operations), *recurred]
    left: frozenset[str | bool] = frozenset({"treated", "recurrence"})
    return [Candidate(left, when, (proof, *doubtful)) for when, proof in operations]


def _recurrences(reader: Reader, treated: list[PartialDate]) -> list[Candidate]:
    """Give the active metastases that are surely new since the last treatment."""
    last = max(when.last for when in treated)
    return [
        Candidate("recurrence", when, (proof,))
        for when, proof in _begun(reader)
        if when is not None and (when.first - last).days > RECURRENCE_AFTER_DAYS
    ]


def _perhaps_recurrences(reader: Reader, treated: list[PartialDate]) -> tuple[Evidence, ...]:
    """Give the active metastases that may be new: begun after the last treatment, or undated where none has a date."""
    last = max(when.first for when in treated)
    undated = reader.date_of("liver-metastasis-date") is None
    return tuple(
        proof
        for when, proof in _begun(reader)
        if (undated if when is None else when.first > last and (when.last - last).days > RECURRENCE_AFTER_DAYS)
    )


def _begun(reader: Reader) -> list[tuple[PartialDate | None, Evidence]]:
    return [
        (condition.dated, reader.evidence(condition, _SET, how="derived"))
        for condition in metastases(reader)
        if not condition.future
    ]


def condition(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read steatosis and cirrhosis from active Conditions; fat in a cirrhotic liver does not cure it.

    A cirrhosis that is known by its text alone is not read, and may be one all the same.
    """
    prefix = "liver-condition-"
    coded = [one for one in reader.chart.holding("Condition", f"{prefix}*") if active(one) and not one.future]
    held = [(found, one) for one in coded for found in one.starting(prefix) if found in fact.choices]
    cirrhotic = [one for one in held if one[0] == _CIRRHOSIS]
    named = [one for one in reader.chart.about("Condition", _CIRRHOSIS) if active(one) and not one.future]
    if named and not cirrhotic:
        possible = frozenset[str | bool]({_CIRRHOSIS, *(found for found, _ in held)} if held else fact.choices)
        return [Candidate(possible, one.dated, (reader.evidence(one, how="derived"),)) for one in named]
    return [
        Candidate(found, one.dated, (reader.evidence(one, f"{prefix}{found}"),)) for found, one in cirrhotic or held
    ]


def extent(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the extent of the planned liver operation; a code that does not say it says nothing."""
    prefix = "hepatectomy-"
    found = []
    for plan in planned_operations(reader, f"{prefix}*"):
        said = [choice for choice in fact.choices if f"{prefix}{choice}" in plan.sets]
        if said:
            value = said[0] if len(said) == 1 else frozenset[str | bool](said)
            found.append(Candidate(value, reader.order_date(plan), (reader.evidence(plan, f"{prefix}*"),)))
    return found
