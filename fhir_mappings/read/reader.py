"""One reading of a chart: every fact on demand and once, each by the reader that the catalogue names."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from fhir_mappings.case import DRAFT_ORDER, Evidence, Fact, Gap, How, Issue, Known, PartialDate, Unknown
from fhir_mappings.chart import Completeness
from fhir_mappings.read.chart_reading import FUTURE, PREPARED, UNSURE, coding_in, matches
from fhir_mappings.read.concepts import concept_sets, concept_texts
from fhir_mappings.read.conditions import active
from fhir_mappings.read.dates import FROM_RECORDED, on, tomorrow
from fhir_mappings.read.once import once
from fhir_mappings.read.references import replaced_by
from fhir_mappings.read.settle import Candidate, Found, settle
from fhir_mappings.read.topics import codings_of
from fhir_mappings.read.values import ANSWERS, Answers, NoValue, read_value
from fhir_mappings.words import could_be

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    from fhir_mappings.catalogue import Catalogue, FactDefinition
    from fhir_mappings.policy import MappingPolicy
    from fhir_mappings.read.chart_reading import ChartReading, Resource
    from fhir_mappings.terminology import Terminology

UNREADABLE_VALUE = "value cannot be read: unit, range or code"
UNKNOWN_STATUS = "status is none of FHIR's"
IN_DOUBT = "a procedure not certainly done, left out"

_USED = frozenset({"final", "amended", "corrected", "preliminary", "partial"})
_UNUSED = frozenset({"registered", "cancelled", "entered-in-error", "unknown"})
_STATUSES = _USED | _UNUSED
_PLANS = ("ServiceRequest", "Procedure")
_OPEN_ORDER = frozenset({"draft", "active", "on-hold"})
_TOLD_BY_OPERATIONS = ("primary-in-situ", "liver-state")
_PROCEDURE_DOUBT = frozenset({"in-progress", "on-hold", "stopped", "unknown"})
NOT_DONE = PREPARED | {"not-done", "entered-in-error"}
"""Statuses of a Procedure that was not done, or not yet."""
_PROCEDURE_KNOWN = _PROCEDURE_DOUBT | NOT_DONE | {"completed"}


@dataclass(slots=True)
class Reader:
    """A prepared chart, and what its facts are as of a day."""

    chart: ChartReading
    terminology: Terminology
    catalogue: Catalogue
    policy: MappingPolicy
    as_of: date
    completeness: Mapping[str, Completeness]
    issues: list[Issue] = field(default_factory=list)
    _facts: dict[str, Fact] = field(default_factory=dict)
    _dates: dict[str, PartialDate | None] = field(default_factory=dict)
    _losses: list[tuple[Evidence, tuple[str, ...]]] | None = None
    kept: dict[object, Any] = field(default_factory=dict)
    """What readings that are made once gave (`once`)."""
    _complete: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Tell the resource types that were had completely from the others."""
        self._complete = frozenset(kind for kind, had in self.completeness.items() if had is Completeness.COMPLETE)

    def fact(self, code: str) -> Fact:
        """Give one fact, read at its first use."""
        found = self._facts.get(code)
        if found is None:
            definition = self.catalogue.facts[code]
            candidates = [*self.local(definition), *_function(definition.reader)(self, definition)]
            age = self.policy.maximum_age_days.get(code, definition.maximum_age_days)
            settled = settle(candidates, as_of=self.as_of, maximum_age_days=age)
            found = self._facts[code] = self._explained(definition, settled)
        return found

    def value(self, code: str) -> object:
        """Give the one value of a fact, or `None`."""
        fact = self.fact(code)
        return fact.value if isinstance(fact, Known) else None

    def date_of(self, code: str) -> PartialDate | None:
        """Give the value of a date fact as an interval of days, or `None` where it is not known.

        Of a month or a year that is not over, the days to come are none of them: what it dates was already.
        """
        if code not in self._dates:
            found = PartialDate.of(self.value(code))
            if found is not None and not found.is_day and found.first <= (latest := tomorrow(self.as_of)) < found.last:
                found = PartialDate(found.first, latest)
            self._dates[code] = found
        return self._dates[code]

    def from_recorded(self, code: str) -> bool:
        """Whether a date is known from recordedDate alone."""
        evidence = self.fact(code).evidence
        return bool(evidence) and all(FROM_RECORDED in found.remarks for found in evidence)

    def complete(self, *kinds: str) -> bool:
        """Whether resource types were had completely."""
        return self._complete.issuperset(kinds)

    def _explained(self, definition: FactDefinition, fact: Fact) -> Fact:
        """Say why an absent fact is absent: a resource that could not be read, or data that was not had."""
        if not isinstance(fact, Unknown) or fact.gap is not Gap.ABSENT:
            return fact
        lost = self._lost()
        refused = tuple(proof for proof, held in lost if definition.code in held) if lost else ()
        if refused:
            return Unknown(Gap.UNREADABLE, refused)
        if not self.complete("Observation", *definition.sources):
            return Unknown(Gap.NOT_RETRIEVED, fact.evidence)
        return fact

    def _lost(self) -> list[tuple[Evidence, tuple[str, ...]]]:
        """Give the resources that could not be used, with the facts that they could have carried."""
        if self._losses is None:
            self._losses = [(Evidence(one.reference), self.costs(one.kind, one.sets)) for one in self.chart.refused]
            conditions = (one for one in self.chart.of("Condition") if one.future and active(one))
            unusable = (*self._unusable(), *conditions)
            self._losses += [(self.evidence(one), self.costs(one.kind, one.sets)) for one in unusable]
        return self._losses

    @once
    def _unusable(self) -> tuple[Resource, ...]:
        """Give the Observations whose status is unknown, and those that would count but for their date."""
        return tuple(
            one
            for one in self.chart.of("Observation")
            if one.status not in _STATUSES or (one.future and one.status in _USED)
        )

    def costs(self, kind: str, sets: Iterable[str]) -> tuple[str, ...]:
        """Name the facts that a resource of this type and these value sets can carry."""
        held = tuple(sets)
        return tuple(
            code
            for code, definition in self.catalogue.facts.items()
            if (kind == "Observation" and f"case-facts:{code}" in held)
            or any(matches(name, definition.sources.get(kind, ())) for name in held)
        )

    def evidence(self, resource: Resource, *sets: str, how: How = "coded") -> Evidence:
        """Give a resource as evidence, with its coding in the first of `sets` and the remarks that it earns."""
        coding = coding_in(resource.codings, sets)
        return Evidence(resource.reference, how, resource.dated, coding, tuple(_remarks(resource)))

    def note(self, resource: Resource, reason: str, *costs: str) -> None:
        """Note why a resource is left out."""
        self.issues.append(Issue(resource.reference, reason, costs=costs))

    def flag(self, resource: Resource, reason: str, *costs: str) -> None:
        """Note what to know of a resource."""
        self.issues.append(Issue(resource.reference, reason, "flagged", costs))

    def observations(self, *sets: str) -> list[Resource]:
        """Give the usable Observations in any of the value sets: status checked, not of the future."""
        return _usable(self.chart.holding("Observation", *sets))

    def named(self, topic: str) -> list[Resource]:
        """Give the usable Observations that are about something by their text alone."""
        return _usable(self.chart.about("Observation", topic))

    def unread(self, named: Iterable[Resource]) -> list[Candidate]:
        """Give Observations that are known by their text alone as candidates: what they say cannot be read."""
        return [
            Candidate(None, one.dated, (self.evidence(one),), unreadable=True)
            for one in named
            if any(name.startswith("value") for name in one.body)
        ]

    def stated(self, *sets: str) -> list[Resource]:
        """Give the usable Observations in some value sets; of a panel each component in them as if it stood alone."""
        return self._stated(self.chart.holding("Observation", *sets), sets)

    def _stated(self, observations: Sequence[Resource], sets: tuple[str, ...]) -> list[Resource]:
        found: list[Resource] = []
        if not observations:
            return found
        for one in _usable(observations):
            found += self._parts(one, sets) if "component" in one.body else (one,)
        return found

    def _parts(self, panel: Resource, sets: tuple[str, ...]) -> list[Resource]:
        if self._is_in(panel.body, sets) and any(name.startswith("value") for name in panel.body):
            return [panel]
        own = {name: element for name, element in panel.body.items() if not name.startswith(("value", "component"))}
        bodies = [{**own, **one} for one in panel.body["component"] if self._is_in(one, sets)]
        coded = ((body, *codings_of(panel.kind, body, self.terminology)) for body in bodies)
        parts = [replace(panel, body=body, codings=codings, sets=held) for body, codings, held, _ in coded]
        return parts or [panel]

    def _is_in(self, coded: Mapping[str, Any], sets: tuple[str, ...]) -> bool:
        """Whether an Observation or a component has a code in some value sets."""
        return any(matches(name, sets) for name in concept_sets(coded.get("code"), self.terminology))

    def local(self, fact: FactDefinition) -> list[Candidate]:
        """Give what the Observations in the `case-facts` system say about a fact as of the day."""
        found = self.entered(fact)
        return [self._faded(candidate) for candidate in found] if fact.code == "metastases-detected" else found

    def entered(self, fact: FactDefinition) -> list[Candidate]:
        """Give what the Observations in the `case-facts` system say about a fact as of their own days."""
        set_id = f"case-facts:{fact.code}"
        held = self.chart.held("Observation", set_id)
        if not held:
            return []
        return self._measured(self._stated(held, (set_id,)), fact, (set_id,), ANSWERS.get(fact.code), local=True)

    def _faded(self, candidate: Candidate) -> Candidate:
        """Count metastases found at operation as found at staging once the window has passed (R11)."""
        if candidate.value != "intraoperative":
            return candidate
        days = self.policy.intraoperative_window_days
        when = candidate.dated
        if when is not None and (self.as_of - when.first).days <= days:
            return candidate
        if when is not None and (self.as_of - when.last).days > days:
            return replace(candidate, value="at-staging")
        return replace(candidate, value=frozenset({"intraoperative", "at-staging"}))

    def measured(self, fact: FactDefinition, *sets: str, answers: Answers | None = None) -> list[Candidate]:
        """Read the Observations in some value sets as candidates for a fact."""
        return self._measured(self.stated(*sets), fact, sets, answers)

    def _measured(
        self,
        observations: Iterable[Resource],
        fact: FactDefinition,
        sets: tuple[str, ...],
        answers: Answers | None = None,
        *,
        local: bool = False,
    ) -> list[Candidate]:
        found = []
        for resource in observations:
            read = read_value(resource.body, fact, self.terminology, answers)
            proof = (self.evidence(resource, *sets, how="entered" if local else "coded"),)
            if isinstance(read, NoValue):
                if local and any(matches(name, fact.sources.get("Observation", ())) for name in resource.sets):
                    continue  # a code of the standard stands beside ours: its reader tells the value, or that it cannot
                unreadable = read is NoValue.UNREADABLE
                if unreadable:
                    self.note(resource, UNREADABLE_VALUE, fact.code)
                found.append(Candidate(None, resource.dated, proof, unreadable=unreadable))
            elif fact.kind == "date" and self._is_to_come(read):
                self.note(resource, FUTURE, fact.code)
                found.append(Candidate(None, resource.dated, proof, unreadable=True))
            else:
                found.append(Candidate(read, resource.dated, proof, local))
        return found

    def _is_to_come(self, read: Found) -> bool:
        """Whether the value of a date fact, which tells of what was, is certainly in the future."""
        days = PartialDate.of(read)
        return days is not None and days.first > tomorrow(self.as_of)

    def candidate(self, resource: Resource, fact: FactDefinition, value: Found | None, *sets: str) -> Candidate:
        """Give an Observation's value as a candidate; where it has one that was not understood, say so."""
        proof = (self.evidence(resource, *sets),)
        if value is not None:
            return Candidate(value, resource.dated, proof)
        unreadable = any(name.startswith("value") for name in resource.body)
        if unreadable:
            self.note(resource, UNREADABLE_VALUE, fact.code)
        return Candidate(None, resource.dated, proof, unreadable=unreadable)

    def done(self, *sets: str) -> list[Resource]:
        """Give the completed Procedures in some value sets, not of the future."""
        return [
            resource
            for resource in self.chart.holding("Procedure", *sets)
            if resource.status == "completed" and not resource.future
        ]

    def in_doubt(self, *sets: str) -> list[Resource]:
        """Give the Procedures in some value sets that may or may not have been done."""
        return [
            resource
            for resource in self.chart.holding("Procedure", *sets)
            if resource.status in _PROCEDURE_DOUBT
            or resource.status not in _PROCEDURE_KNOWN
            or (resource.status == "completed" and resource.future)
        ]

    @once
    def uncertain(self, *sets: str) -> bool:
        """Whether an operation in some value sets may have been done: in doubt, unreadable, or in text alone."""
        refused = any(
            refusal.kind == "Procedure"
            and ("operation" in refusal.topics or any(matches(name, sets) for name in refusal.sets))
            for refusal in self.chart.refused
        )
        text = any(found.status not in NOT_DONE for found in self.chart.about("Procedure", "operation"))
        return refused or text or bool(self.in_doubt(*sets))

    def planned(self, *sets: str) -> list[Resource]:
        """Give the open orders, draft orders and prepared Procedures in some value sets, but what others replace."""
        return [one for kind in _PLANS for one in self.chart.holding(kind, *sets) if self._is_planned(one)]

    def planned_by_name(self, topic: str) -> list[Resource]:
        """Give the open orders, draft orders and prepared Procedures that are about something by their text alone."""
        found = [*self.chart.about("ServiceRequest", topic)]
        for prepared in self.chart.of("Procedure"):
            words = "; ".join(concept_texts(prepared.body.get("code"))) if prepared.topics else ""
            if topic in could_be("ServiceRequest", words):
                found.append(prepared)
        return [one for one in found if self._is_planned(one)]

    def _is_planned(self, plan: Resource) -> bool:
        return _is_open_plan(plan) and plan.reference not in self._replaced()

    @once
    def _replaced(self) -> frozenset[str]:
        return replaced_by(one.body for kind in _PLANS for one in self.chart.of(kind) if _is_open_plan(one))

    def order_date(self, order: Resource) -> PartialDate | None:
        """Give the date of a plan: when it was ordered, the day of the call for drafts and for days to come."""
        if order.dated is None:
            return on(self.as_of) if order.draft else None
        return on(self.as_of) if order.dated.first > self.as_of else order.dated

    def check_statuses(self) -> None:
        """Note Observations and Procedures that are left out by status or date, and operations that are in doubt."""
        for resource in self._unusable():
            reason = FUTURE if resource.status in _STATUSES else UNKNOWN_STATUS
            self.note(resource, reason, *self.costs(resource.kind, resource.sets))
        for resource in self.chart.of("Procedure"):
            if resource.status not in _PROCEDURE_KNOWN:
                self.note(resource, UNKNOWN_STATUS, *self.costs(resource.kind, resource.sets))
            elif resource.status in _PROCEDURE_DOUBT and resource.sets:
                costs = self.costs(resource.kind, resource.sets)
                self.flag(resource, IN_DOUBT, *(code for code in costs if code in _TOLD_BY_OPERATIONS))


def _is_open_plan(plan: Resource) -> bool:
    if plan.kind == "Procedure":
        return plan.status in PREPARED
    return plan.status in _OPEN_ORDER and plan.body.get("doNotPerform") is not True


def _remarks(resource: Resource) -> list[str]:
    found = [resource.date_remark] if resource.date_remark else []
    if resource.kind == "Observation" and resource.status in ("preliminary", "partial"):
        found.append("preliminary")
    if resource.kind == "Condition":
        found += sorted(resource.verification & UNSURE)
    if resource.draft:
        found.append(DRAFT_ORDER)
    return found


def _usable(observations: Iterable[Resource]) -> list[Resource]:
    return [found for found in observations if not found.future and found.status in _USED]


def local(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Find nothing beside the local Observations."""
    return []


@cache
def _function(name: str) -> Callable[[Reader, FactDefinition], list[Candidate]]:
    if name == "local":
        return local
    module, _, function = name.partition(".")
    found = getattr(import_module(f"fhir_mappings.read.{module}"), function)
    return cast("Callable[[Reader, FactDefinition], list[Candidate]]", found)


def has_reader(name: str) -> bool:
    """Whether `module.function` is a reader in `fhir_mappings/read`, or `local`."""
    try:
        return callable(_function(name))
    except (ImportError, AttributeError):
        return False
