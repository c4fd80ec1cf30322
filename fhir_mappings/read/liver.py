"""The liver metastases: dates, detection, state, size, the liver itself, the planned operation, disease elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.case import Gap, Interval, PartialDate, Unknown, complete_months
from fhir_mappings.read.conditions import active, first_date, metastases, past_metastases
from fhir_mappings.read.dates import earlier, shifted
from fhir_mappings.read.once import once
from fhir_mappings.read.operations import (
    BEFORE_DIAGNOSIS_DAYS,
    LIVER_OPERATIONS,
    RESECTIONS,
    flag_liver_operations,
    operations_for_metastases,
    planned_operations,
    undecided_resections,
)
from fhir_mappings.read.places import is_liver, taken_from
from fhir_mappings.read.primary import second_primaries
from fhir_mappings.read.reader import UNREADABLE_VALUE
from fhir_mappings.read.references import references_of, referred
from fhir_mappings.read.settle import Candidate, Found, derived
from fhir_mappings.read.values import NoValue, Reading, concept_sets, read_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_mappings.case import Evidence
    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader

_SET = "liver-metastasis"
_CIRRHOSIS = "cirrhosis"
_AT_STAGING, _FOLLOW_UP = "at-staging", "follow-up"
_EITHER: frozenset[str | bool] = frozenset({_AT_STAGING, _FOLLOW_UP})
_RECURRENCE_AFTER_DAYS = 30


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
        if when is not None and (when.first - last).days > _RECURRENCE_AFTER_DAYS
    ]


def _perhaps_recurrences(reader: Reader, treated: list[PartialDate]) -> tuple[Evidence, ...]:
    """Give the active metastases that may be new: begun after the last treatment, or undated where none has a date."""
    last = max(when.first for when in treated)
    undated = reader.date_of("liver-metastasis-date") is None
    return tuple(
        proof
        for when, proof in _begun(reader)
        if (undated if when is None else when.first > last and (when.last - last).days > _RECURRENCE_AFTER_DAYS)
    )


def _begun(reader: Reader) -> list[tuple[PartialDate | None, Evidence]]:
    return [
        (condition.dated, reader.evidence(condition, _SET, how="derived"))
        for condition in metastases(reader)
        if not condition.future
    ]


def count(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Count the tumours in the liver that one study measured, each by its BodyStructure."""
    return [Candidate(len(lesions), when, proof) for lesions, when, proof in _study(reader)]


def distribution(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Derive the lobes from the segments of the tumours that one study measured."""
    found = []
    for lesions, when, proof in _study(reader):
        lobes = [_lobes(reader, lesion) for lesion in lesions]
        sides = frozenset[str]().union(*lobes)
        if len(sides) > 1:
            found.append(Candidate("bilobar", when, proof))
        elif sides and all(lobes):
            found.append(Candidate("unilobar", when, proof))
    return found


@once
def _study(reader: Reader) -> tuple[tuple[list[Resource], PartialDate | None, tuple[Evidence, ...]], ...]:
    """Give the liver's tumours where one day's measurements cover all of them; empty otherwise."""
    lesions = {
        lesion.reference: lesion
        for lesion in reader.chart.of("BodyStructure")
        if lesion.body.get("active", True) is True and is_liver(lesion.body.get("location"), reader.terminology)
    }
    if not lesions:
        return ()
    days: dict[PartialDate, dict[str, set[str]]] = {}
    for size in reader.observations("tumour-size"):
        if size.dated is not None:
            measured = _measured(size) & lesions.keys()
            if measured:
                days.setdefault(size.dated, {}).setdefault(_study_of(size), set()).update(measured)
    if len(days) != 1:
        return ()
    when, studies = days.popitem()
    names = frozenset[str]().union(*studies.values())
    if names != lesions.keys() or len(studies.keys() - {""}) > 1:
        return ()
    proof = tuple(reader.evidence(lesions[name], how="derived") for name in sorted(names))
    return (([lesions[name] for name in sorted(names)], when, proof),)


def _study_of(size: Resource) -> str:
    """Name the imaging study that a measurement was derived from; empty where it names none, as by a urn."""
    named = (*references_of(size.body, "derivedFrom"), *references_of(size.body, "partOf"))
    studies = (referred(reference, "") for reference in named)
    return min((study for study in studies if study.startswith("ImagingStudy/")), default="")


def _lobes(reader: Reader, lesion: Resource) -> frozenset[str]:
    qualifiers = lesion.body.get("locationQualifier", [])
    sets = concept_sets(lesion.body.get("location"), reader.terminology)
    for qualifier in qualifiers:
        sets |= concept_sets(qualifier, reader.terminology)
    return frozenset(side for side in ("left", "right") if f"liver-lobe-{side}" in sets)


def largest(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read tumour sizes of the liver; of several on one day the largest."""
    unread: list[Candidate] = []
    days: dict[PartialDate | None, list[tuple[Candidate, frozenset[str]]]] = {}
    for resource in reader.observations("tumour-size"):
        if not in_liver(reader, resource):
            continue
        proof = (reader.evidence(resource, "tumour-size"),)
        for read in _sizes(reader, resource, fact):
            if isinstance(read, NoValue):
                unreadable = read is NoValue.UNREADABLE
                if unreadable:
                    reader.note(resource, UNREADABLE_VALUE, fact.code)
                unread.append(Candidate(None, resource.dated, proof, unreadable=unreadable))
            else:
                size = Candidate(read, resource.dated, proof)
                days.setdefault(resource.dated, []).append((size, _measured(resource)))
    return [*unread, *(candidate for sizes in days.values() for candidate in _largest_of(sizes))]


def _measured(size: Resource) -> frozenset[str]:
    """Give the lesions that a size names as its focus."""
    return frozenset(referred(reference, "BodyStructure") for reference in references_of(size.body, "focus"))


def _largest_of(sizes: list[tuple[Candidate, frozenset[str]]]) -> list[Candidate]:
    """Leave the largest size of a day, and what bounds leave open; those of the same lesion must agree with it."""
    exact = [(one.value, lesions) for one, lesions in sizes if isinstance(one.value, int | float)]
    if not exact:
        return [one for one, _ in sizes]
    most = max(value for value, _ in exact)
    measured = frozenset[str]().union(*(lesions for _, lesions in exact))
    largest = [one for one, _ in sizes if one.value == most]
    bounds = [(one, lesions) for one, lesions in sizes if _may_exceed(one.value, most)]
    others = [one for one, lesions in bounds if lesions and measured and lesions.isdisjoint(measured)]
    same = [one for one, _ in bounds if one not in others]
    if not others:
        return [*largest, *same]
    proof = tuple(found for one in (*largest, *others) for found in one.evidence)
    between = _largest_between(most, [one.value for one in others if isinstance(one.value, Interval)])
    return [Candidate(between, largest[0].dated, proof), *same]


def _may_exceed(size: object, most: float) -> bool:
    return isinstance(size, Interval) and (size.high is None or size.high > most)


def _largest_between(most: float, bounds: list[Interval]) -> Interval:
    """Give where the largest of an exact size and of sizes within bounds lies."""
    low, excluded = max([(most, False), *((one.low, not one.low_included) for one in bounds if one.low is not None)])
    highs = [(one.high, one.high_included) for one in bounds if one.high is not None]
    high, high_included = max(highs) if len(highs) == len(bounds) else (None, True)
    return Interval(low, high, low_included=not excluded, high_included=high_included)


def _sizes(reader: Reader, resource: Resource, fact: FactDefinition) -> list[Reading]:
    """Read the sizes that a measurement has among its components, else its own value."""
    read = [
        read_value(component, fact, reader.terminology)
        for component in resource.body.get("component", ())
        if "tumour-size" in concept_sets(component.get("code"), reader.terminology)
    ]
    said: list[Reading] = [one for one in read if one is not NoValue.ABSENT]
    return said or [read_value(resource.body, fact, reader.terminology)]


def in_liver(reader: Reader, resource: Resource) -> bool:
    """Whether body site, focus or specimen of an Observation is the liver or a metastasis in it."""
    if is_liver(resource.body.get("bodySite"), reader.terminology):
        return True
    contained = {f"#{one.get('id')}": one for one in resource.body.get("contained", ())}
    for reference in (*references_of(resource.body, "focus"), *references_of(resource.body, "specimen")):
        target = contained.get(reference)
        if target is not None and (_is_metastasis(reader, target) or _located_in_liver(reader, target)):
            return True
        for other in (*reader.chart.of("BodyStructure"), *reader.chart.of("Specimen"), *past_metastases(reader)):
            if other.reference == referred(reference, other.kind) and (
                "liver-metastasis" in other.sets or _located_in_liver(reader, other.body)
            ):
                return True
    return False


def _is_metastasis(reader: Reader, body: Mapping[str, Any]) -> bool:
    return "liver-metastasis" in concept_sets(body.get("code"), reader.terminology)


def _located_in_liver(reader: Reader, body: Mapping[str, Any]) -> bool:
    return any(is_liver(place, reader.terminology) for place in (body.get("location"), taken_from(body)))


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
