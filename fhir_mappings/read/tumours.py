"""The tumours in the liver as they were measured: their number, their lobes, and the size of the largest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.case import Interval
from fhir_mappings.read.concepts import concept_sets
from fhir_mappings.read.conditions import past_metastases
from fhir_mappings.read.once import once
from fhir_mappings.read.places import is_liver, taken_from
from fhir_mappings.read.reader import UNREADABLE_VALUE
from fhir_mappings.read.references import references_of, referred
from fhir_mappings.read.settle import Candidate
from fhir_mappings.read.values import NoValue, Reading, read_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_mappings.case import Evidence, PartialDate
    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader


def count(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Count the tumours in the liver that one study measured, each by its BodyStructure.

    Where not all BodyStructures were had, they are the least that there are.
    """
    whole = reader.complete("BodyStructure")
    return [
        Candidate(len(lesions) if whole else Interval(low=len(lesions)), when, proof)
        for lesions, when, proof in _study(reader)
    ]


def distribution(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Derive the lobes from the segments of the tumours that one study measured."""
    found = []
    for lesions, when, proof in _study(reader):
        lobes = [_lobes(reader, lesion) for lesion in lesions]
        sides = frozenset[str]().union(*lobes)
        if len(sides) > 1:
            found.append(Candidate("bilobar", when, proof))
        elif sides and all(lobes) and reader.complete("BodyStructure"):
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
