"""A chart made ready for the readers: this patient's resources, once each, repaired, validated, coded and dated."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from fhir_mappings.case import Issue, PartialDate
from fhir_mappings.loose_json import text_of
from fhir_mappings.read.absence import without_absent
from fhir_mappings.read.certainty import statuses
from fhir_mappings.read.dates import clinical_date, tomorrow
from fhir_mappings.read.other_cancers import leave_out_of_others
from fhir_mappings.read.places import is_liver, taken_from
from fhir_mappings.read.references import (
    NO_PATIENT,
    drugs_of,
    patient_fault,
    reference_displays,
)
from fhir_mappings.read.routes import is_local
from fhir_mappings.read.topics import ANY_CANCER, Coding, about, codings_of, named_beside
from fhir_mappings.resources import VALIDATED, canonical, check, newest_version
from fhir_mappings.words import could_be

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from fhir_mappings.chart import Chart
    from fhir_mappings.terminology import Terminology

FUTURE = "dated in the future"
TEXT_ONLY = "text only: not mapped"
TEXT_BESIDE_CODE = "known by its text alone: code not mapped"
MASKED = "code withheld"
UNNAMED = "nothing says what was done"
MANY_PARTS = "made of more Medications than are looked at"
PREPARED = frozenset({"preparation", "not-done-yet"})
"""Statuses of a Procedure that is planned; "not-done-yet" is none of FHIR's, and is sent all the same."""
UNSURE = frozenset({"provisional", "unconfirmed"})
"""Verification statuses of a Condition that counts and is flagged."""
_NOTHING = frozenset[str]()
_PERHAPS_SYSTEMIC = frozenset({"systemic-therapy"})
_MEDICATED = frozenset({"MedicationRequest", "MedicationAdministration"})
_ORDERED = {"status": "draft", "intent": "order"}
"""What a hook's draft orders may leave out."""


class Resource(msgspec.Struct, frozen=True, gc=False):
    """One resource of the patient: valid, in R4 names; `sets` are the value sets that hold its codes.

    `codings` are those of its codes that are in a value set, as `system|code`, each with its sets. `topics` are what
    its text could be about, where it has no code that is understood. `verification` and `clinical` are the codes of a
    Condition's statuses, in lower case; `status` is that of any other resource, empty where there is none.
    """

    kind: str
    reference: str
    body: Mapping[str, Any]
    sets: frozenset[str]
    dated: PartialDate | None = None
    date_remark: str | None = None
    draft: bool = False
    future: bool = False
    topics: frozenset[str] = frozenset()
    masked: bool = False
    codings: tuple[Coding, ...] = ()
    verification: frozenset[str] = _NOTHING
    clinical: frozenset[str] = _NOTHING
    status: str = ""

    def starting(self, prefix: str) -> list[str]:
        """Give what follows `prefix` in the ids of its value sets, sorted."""
        return sorted(name.removeprefix(prefix) for name in self.sets if name.startswith(prefix))


@dataclass(frozen=True, slots=True)
class Refused:
    """A resource that could not be used, with what it could have been about."""

    kind: str
    reference: str
    sets: frozenset[str]
    topics: frozenset[str]
    masked: bool = False


@dataclass(slots=True)
class ChartReading:
    """The resources of a chart by type, those that were refused, and the issues met."""

    resources: Mapping[str, list[Resource]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    _by_set: dict[str, dict[str, list[Resource]]] = field(default_factory=dict)
    _by_topic: dict[str, dict[str, list[Resource]]] = field(default_factory=dict)
    _held: dict[tuple[str, tuple[str, ...]], Sequence[Resource]] = field(default_factory=dict)

    def holding(self, kind: str, *sets: str) -> Sequence[Resource]:
        """Give the resources of one type that are in any of the value sets (ids, or prefixes that end with `*`)."""
        if kind not in self.resources:
            return ()
        if len(sets) == 1 and not sets[0].endswith("*"):
            return self.held(kind, sets[0])
        asked = (kind, sets)
        found = self._held.get(asked)
        if found is None:
            found = self._held[asked] = self._find(kind, sets)
        return found

    def held(self, kind: str, set_id: str) -> Sequence[Resource]:
        """Give the resources of one type that are in one value set."""
        index = self._by_set.get(kind)
        if index is None:
            index = self._index(kind)
        return index.get(set_id, ())

    def about(self, kind: str, topic: str) -> Sequence[Resource]:
        """Give the resources of one type that could be about a topic, by their text."""
        if kind not in self._by_topic:
            self._index(kind)
        return self._by_topic[kind].get(topic, ())

    def _index(self, kind: str) -> dict[str, list[Resource]]:
        index: dict[str, list[Resource]] = {}
        topics: dict[str, list[Resource]] = {}
        for resource in self.of(kind):
            for name in resource.sets:
                index.setdefault(name, []).append(resource)
            for topic in resource.topics:
                topics.setdefault(topic, []).append(resource)
        self._by_set[kind], self._by_topic[kind] = index, topics
        return index

    def _find(self, kind: str, sets: tuple[str, ...]) -> Sequence[Resource]:
        index = self._by_set.get(kind)
        if index is None:
            index = self._index(kind)
        _, prefixes = _wanted(sets)
        named = [index[name] for name in sets if name in index]
        if prefixes:
            named += [found for name, found in index.items() if name.startswith(prefixes)]
        if not named or len(named) == 1:
            return named[0] if named else ()
        wanted = {id(resource) for found in named for resource in found}
        return [resource for resource in self.of(kind) if id(resource) in wanted]

    def of(self, kind: str) -> list[Resource]:
        """Give the resources of one type."""
        return self.resources.get(kind, [])


def read_chart(chart: Chart, terminology: Terminology, *, as_of: date) -> ChartReading:
    """Prepare a chart: patient, duplicates, versions, repair, validation, codes and dates."""
    reading = ChartReading()
    found: dict[str, list[Resource]] = {}
    gate = _Gate(chart.patient_id, terminology, tomorrow(as_of), reading)
    for body, draft in _once(chart):
        resource = gate.admit(body, draft=draft)
        if resource is not None:
            found.setdefault(resource.kind, []).append(resource)
    doubtful = leave_out_of_others(found, gate.named_cancers, reading.issues, terminology)
    reading.refused += [Refused(one.kind, one.reference, one.sets, one.topics) for one in doubtful]
    reading.resources = found
    return reading


def _once(chart: Chart) -> Iterable[tuple[Mapping[str, Any], bool]]:
    """Yield each resource once, in an order that does not depend on the chart's; drafts replace the record's copy."""
    drafts = _by_identity(chart.draft_orders)
    record = _by_identity(chart.resources)
    for identity in sorted({*drafts, *record}):  # a Medication comes before what refers to it
        versions = drafts.get(identity) or record[identity]
        yield versions[0] if len(versions) == 1 else newest_version(versions), identity in drafts


def _by_identity(resources: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for resource in resources:
        if isinstance(resource, dict) and resource.get("resourceType") in VALIDATED:
            name = resource.get("id")
            key = name if isinstance(name, str) and name else f"\0{canonical(resource).decode()}"
            found.setdefault((resource["resourceType"], key), []).append(resource)
    return found


@dataclass(slots=True)
class _Gate:
    """Lets the usable resources of one patient pass, and notes the others."""

    patient_id: str
    terminology: Terminology
    last_day: date
    reading: ChartReading
    medications: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    drugs: dict[str, tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)
    named_cancers: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def admit(self, body: Mapping[str, Any], *, draft: bool) -> Resource | None:
        kind = body["resourceType"]
        name = body.get("id")
        reference = f"{kind}/{name}" if isinstance(name, str) and name else kind
        coded, sets, understood = codings_of(kind, body, self.terminology)
        topics, masked = about(kind, body, sets, self.terminology, understood=understood)
        topics = self._without_any_cancer(topics, sets, reference, body)
        if kind == "Medication":
            self.medications[reference] = body
            self.drugs[reference] = (sets, topics)
            return None
        whole = True
        if kind in _MEDICATED:
            referred_sets, referred_topics, whole = self._referred(body)
            sets |= referred_sets
            if not sets:
                topics |= referred_topics | could_be(kind, " ".join(reference_displays(body)))
            if not whole:
                topics |= _PERHAPS_SYSTEMIC
        matters = sets or topics or masked or _is_place(kind, body, self.terminology)
        if not matters or (kind in _MEDICATED and is_local(body, self.terminology)):
            return None
        whose = patient_fault(body, self.patient_id)
        if whose is not None:
            if whose == NO_PATIENT and not draft:  # it could be this one's: not used, and not taken for absent either
                self._refuse(Refused(kind, reference, sets, topics, masked), body)
            self.reading.issues.append(Issue(reference, whose))
            return None
        checked = check(_ordered(body) if draft else body, self.formats)
        if checked.body is None:
            self._refuse(Refused(kind, reference, sets, topics, masked), body)
            self.reading.issues.append(Issue(reference, checked.refused or ""))
            return None
        said = without_absent(checked.body, self.terminology) if kind == "Observation" else checked.body
        dated, remark, future = _dated(said, self.last_day)
        if checked.remarks or topics or masked or future:
            flags = (
                (topics and not sets and whole and not masked, TEXT_BESIDE_CODE if understood else TEXT_ONLY),
                (not whole, MANY_PARTS),
                (masked and not sets and kind != "Procedure", MASKED),
                (masked and kind == "Procedure", UNNAMED),
                (future and kind != "Observation", FUTURE),
            )
            self._note(reference, checked.remarks, flags=flags)
        verification, clinical = statuses(said, self.terminology) if kind == "Condition" else (_NOTHING, _NOTHING)
        return Resource(
            kind,
            reference,
            said,
            sets,
            dated,
            remark,
            draft,
            future,
            topics,
            masked,
            coded,
            verification,
            clinical,
            text_of(said.get("status")) or "",
        )

    def _without_any_cancer(
        self, topics: frozenset[str], sets: frozenset[str], reference: str, body: Mapping[str, Any]
    ) -> frozenset[str]:
        """Give what a resource is about; a Condition that names a cancer and says no more is of another, perhaps."""
        if topics == ANY_CANCER and not sets:
            self.named_cancers[reference] = body
        return topics - ANY_CANCER

    def _refuse(self, refused: Refused, body: Mapping[str, Any]) -> None:
        named = named_beside(body, refused.sets, self.terminology)
        self.reading.refused.append(replace(refused, topics=refused.topics | named))

    def _note(self, reference: str, repairs: tuple[str, ...], *, flags: Iterable[tuple[object, str]]) -> None:
        self.reading.issues += [Issue(reference, remark, "repaired") for remark in repairs]
        self.reading.issues += [Issue(reference, reason, "flagged") for holds, reason in flags if holds]

    def _referred(self, body: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str], bool]:
        """Give value sets and topics of the Medications that an order or administration is of; and if they are all."""
        sets = topics = _NOTHING
        drugs, whole = drugs_of(body, self.medications)
        for at in drugs:
            drug = self.drugs.get(at, (_NOTHING, _NOTHING))
            sets, topics = sets | drug[0], topics | drug[1]
        return sets, topics, whole


def _ordered(draft: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a draft order with what it leaves out."""
    return {**_ORDERED, **{name: member for name, member in draft.items() if member is not None}}


def _dated(body: Mapping[str, Any], last_day: date) -> tuple[PartialDate | None, str | None, bool]:
    """Give the clinical date with its remark, and whether it is wrong: in the future.

    A care plan may begin then: it was decided before, on a day that is not recorded.
    """
    dated, remark = clinical_date(body)
    if dated is None or dated.first <= last_day or _is_plan(body):
        return dated, remark, False
    begins = body["resourceType"] == "CarePlan" and "created" not in body
    return (None, remark, False) if begins else (dated, remark, True)


def _is_plan(body: Mapping[str, Any]) -> bool:
    """Whether a resource speaks of days to come."""
    kind = body["resourceType"]
    return kind == "ServiceRequest" or (kind == "Procedure" and body["status"] in PREPARED)


def _is_place(kind: str, body: Mapping[str, Any], terminology: Terminology) -> bool:
    """Whether a resource tells the place of what refers to it: a structure of the body, a specimen of the liver."""
    return kind == "BodyStructure" or (kind == "Specimen" and is_liver(taken_from(body), terminology))


def coding_in(coded: Iterable[Coding], sets: Iterable[str]) -> str | None:
    """Give the first coding that is in one of `sets` (ids, or prefixes that end with `*`)."""
    exact, prefixes = _wanted(tuple(sets))
    for coding, names in coded:
        if not exact.isdisjoint(names) or (prefixes and any(name.startswith(prefixes) for name in names)):
            return coding
    return None


def matches(name: str, wanted: Iterable[str]) -> bool:
    """Whether a value set's id is one of `wanted`: ids, or prefixes that end with `*`."""
    exact, prefixes = _wanted(tuple(wanted))
    return name in exact or name.startswith(prefixes)


@cache
def _wanted(sets: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Part ids from prefixes; asked with what the readers and the catalogue name, so the cache stays small."""
    return frozenset(sets), tuple(name[:-1] for name in sets if name.endswith("*"))
