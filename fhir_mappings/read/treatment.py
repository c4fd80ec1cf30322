"""Systemic therapy for the metastases: cycles, response, last dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.case import Gap, Interval, Known, PartialDate, Unknown
from fhir_mappings.read.concepts import concept_sets
from fhir_mappings.read.conditions import asserted
from fhir_mappings.read.dates import earlier, value_of
from fhir_mappings.read.doses import (
    ANTINEOPLASTIC,
    BEGUN,
    DRUGS,
    INFUSION,
    NOT_GIVEN,
    SYSTEMIC,
    Doses,
    ended_last,
    given,
    is_refused,
    is_systemic,
    latest_of,
    medication,
    named_in_text,
    procedures_in_text,
    sensitises,
    sorted_out,
    unfinished,
)
from fhir_mappings.read.once import once
from fhir_mappings.read.operations import liver_operations, operations_for_metastases
from fhir_mappings.read.other_cancers import is_for_another
from fhir_mappings.read.radiotherapy import courses_of
from fhir_mappings.read.settle import Candidate, derived
from fhir_mappings.read.values import ANSWERS, read_value

if TYPE_CHECKING:
    from datetime import date

    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader

_BEVACIZUMAB = "drug-bevacizumab"
_PROCEDURES = (INFUSION, ANTINEOPLASTIC)
_SESSION = "chemotherapy-session"
"""A Condition that is the reason of a visit."""
_CYCLE_DAYS = 10


def may_be_since(reader: Reader, found: PartialDate | None) -> bool:
    """Whether systemic therapy stands in the chart that was, or may have been, given on or after a date."""
    if any(_may_have_lasted(reader, code, found) for code in ("chemotherapy-last-date", "bevacizumab-last-date")):
        return True
    courses = courses_of(reader)
    for dose in medication(reader, DRUGS, ANTINEOPLASTIC):
        possible = dose.status not in NOT_GIVEN[dose.kind] and not sensitises(reader, dose, courses)
        if possible and _may_follow(dose, found):
            return True
    refused = is_refused(reader, DRUGS, ANTINEOPLASTIC)
    if refused or any(_may_follow(dose, found) for dose in named_in_text(reader, SYSTEMIC, ANTINEOPLASTIC)):
        return True
    if any(refusal.kind == "Procedure" and is_systemic(refusal, *_PROCEDURES) for refusal in reader.chart.refused):
        return True
    procedures = (*reader.done(*_PROCEDURES), *reader.in_doubt(*_PROCEDURES), *procedures_in_text(reader))
    sessions = (one for one in reader.chart.holding("Condition", _SESSION) if asserted(one))
    return any(_may_follow(done, found) for done in (*procedures, *sessions))


def _may_have_lasted(reader: Reader, code: str, found: PartialDate | None) -> bool:
    """Whether a last day of therapy is, or may be, on or after a date; one that cannot be read may be any."""
    fact = reader.fact(code)
    if isinstance(fact, Unknown):
        return fact.gap in {Gap.CONFLICTING, Gap.UNREADABLE}
    last = reader.date_of(code)
    return found is None or last is None or last.last >= found.first


def _may_follow(dose: Resource, found: PartialDate | None) -> bool:
    latest = latest_of(dose)
    return found is None or latest is None or dose.future or latest.last >= found.first


@once
def _preoperative(reader: Reader, *drugs: str) -> Doses | None:
    """Give the doses for the metastases before a liver operation; `None` where the metastases have no known date."""
    found = reader.date_of("liver-metastasis-date")
    if found is None:
        return None
    operations = [done.dated for done in operations_for_metastases(reader) if done.dated is not None]
    ends = [when for when in operations if not earlier(when, found)]
    end = min(ends, key=lambda when: when.first) if ends else None
    others = [done.dated for done in liver_operations(reader) if not is_for_another(reader, done)]
    perhaps_ends = [when for when in others if when is not None and not earlier(when, found)]

    def surely(when: PartialDate) -> bool:
        return when.first >= found.last and all(earlier(when, end) for end in perhaps_ends)

    def perhaps(start: PartialDate, latest: PartialDate) -> bool:
        return latest.last >= found.first and (end is None or start.first < end.last)

    in_text = any(_may_follow(dose, found) for dose in named_in_text(reader, SYSTEMIC))
    return sorted_out(reader, drugs, surely, perhaps, closed=not in_text and not is_refused(reader, *drugs))


def cycles(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Count the preoperative cycles given; a recorded response implies at least one."""
    found = [
        Candidate(Interval(low=1), said.dated, derived(said.evidence))
        for said in _responses(reader)
        if said.value is not None
    ]
    doses = _preoperative(reader, DRUGS)
    if doses is None or not doses.certain:
        return found
    certain = doses.certain
    dates = [dose.dated for dose in certain if dose.dated is not None]
    least, most = _cycles(dates)
    high = most if doses.closed and not doses.possible else None
    value = least if least == high else Interval(least, high)
    proof = tuple(reader.evidence(dose, DRUGS, how="derived") for dose in certain)
    return [*found, Candidate(value, dates[-1], proof)]


def _cycles(dates: list[PartialDate]) -> tuple[int, int]:
    """Give the least and the most cycles that dates of doses can mean: start days at least 10 days apart."""
    if all(when.is_day for when in dates):
        number = _starts(sorted(when.first for when in dates))
        return number, number
    return max(1, _starts(sorted(when.first for when in dates if when.is_day))), len(dates)


def _starts(days: list[date]) -> int:
    number, last = 0, None
    for day in days:
        if last is None or (day - last).days >= _CYCLE_DAYS:
            number, last = number + 1, day
    return number


def response(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the cancer's status after the first cycle as the response."""
    found = []
    for resource in reader.stated("response"):
        sets = concept_sets(resource.body.get("valueCodeableConcept"), reader.terminology)
        if not _after_first_cycle(reader, resource):
            reader.flag(resource, "disease status without chemotherapy before it: no response")
        elif "response-undetermined" in sets:
            found.append(Candidate(None, resource.dated, (reader.evidence(resource, "response"),)))
        else:
            read = read_value(resource.body, fact, reader.terminology, ANSWERS[fact.code])
            value = read if isinstance(read, str) else None
            found.append(reader.candidate(resource, fact, value, "response"))
    return found


def _after_first_cycle(reader: Reader, resource: Resource) -> bool:
    doses = _preoperative(reader, DRUGS)
    first = doses.certain[0].dated if doses is not None and doses.certain else None
    if first is not None and resource.dated is not None:
        return earlier(first, resource.dated)
    counted = reader.local(reader.catalogue["chemotherapy-cycles"])
    return any(_at_least_one(candidate.value) for candidate in counted)


def _at_least_one(value: object) -> bool:
    if isinstance(value, Interval):
        return value.low is not None and value.low >= 1
    return isinstance(value, int) and value >= 1


def _responses(reader: Reader) -> list[Candidate]:
    fact = reader.catalogue["chemotherapy-response"]
    return [*reader.local(fact), *response(reader, fact)]


def last_chemotherapy(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Derive the last day of preoperative chemotherapy, where no other dose can be later."""
    return _last(reader, _preoperative(reader, DRUGS))


def last_bevacizumab(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Derive the last day of preoperative bevacizumab, where no other dose can be later."""
    return _last(reader, _preoperative(reader, _BEVACIZUMAB))


def _last(reader: Reader, doses: Doses | None) -> list[Candidate]:
    """Give the latest end of doses, a pump's may be later than that of what started after it; empty where open."""
    if doses is None or not doses.closed:
        return []
    ended = ended_last(reader, doses.certain)
    if ended is None or any((end := latest_of(one)) is None or end.last > ended[0].last for one in doses.possible):
        return []
    when, last = ended
    return [Candidate(value_of(when), when, (reader.evidence(last, DRUGS, how="derived"),))]


def last_given(reader: Reader) -> dict[str, Known]:
    """Give the last day of any chemotherapy and of any bevacizumab on record, by the fact that is named so.

    What was begun counts as well: it is no whole cycle, but the patient had of it.
    """
    begun = [dose for dose in unfinished(reader, DRUGS) if dose.status in BEGUN]
    infusions = [one for one in reader.chart.holding("Procedure", INFUSION) if one.status in BEGUN and not one.future]
    doses = [*given(reader, DRUGS), *begun, *reader.done(INFUSION), *infusions]
    of_bevacizumab = [dose for dose in doses if _BEVACIZUMAB in dose.sets]
    found = {}
    for fact, of_fact in (("chemotherapy-last-date", doses), ("bevacizumab-last-date", of_bevacizumab)):
        ended = ended_last(reader, of_fact)
        if ended is not None:
            found[fact] = Known(value_of(ended[0]), (reader.evidence(ended[1], DRUGS, INFUSION, how="derived"),))
    return found
