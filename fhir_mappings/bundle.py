"""One prefetch value or search page: which of its resources may matter, without decoding the others.

A typed scan reads only type and codes; hits are decoded from their slice of the bytes. Where a body does not fit the
types, the same question is put to the decoded dictionaries, so that the hits are the same on every path.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import orjson

from fhir_mappings.words import could_be

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.terminology import Terminology

Body: TypeAlias = bytes | bytearray | memoryview | msgspec.Raw

_ALWAYS = frozenset({"Patient", "BodyStructure", "CarePlan"})
_MEDICATION = frozenset({"MedicationRequest", "MedicationAdministration"})
_CODED = _MEDICATION | {"Condition", "Observation", "Procedure", "ServiceRequest", "Medication"}
_CONCEPTS = ("code", "medicationCodeableConcept", "medication")
_FATAL = frozenset({"error", "fatal"})
_NO_CODE = 2**63
_BESIDE = ("include", "outcome")
_DEEPEST = 3
"""Bundles in bundles that are followed: a batch response holds searchsets."""
_MISFITS = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class SourceState(StrEnum):
    """What a prefetch value or page turned out to be."""

    DATA = "data"
    EMPTY = "empty"
    OUTCOME = "outcome"
    JUNK = "junk"


@dataclass(frozen=True, slots=True)
class SourceRead:
    """The resources of one source that may matter.

    `entries` counts the resources it held (not OperationOutcomes); `partial` says that it holds less than there is:
    a total above its matches without a next page, or an error reported among the entries (`failed`). `matches` and
    `total` are for searches of several pages: see `are_partial`.
    """

    state: SourceState
    resources: tuple[dict[str, Any], ...] = ()
    next_url: str | None = None
    partial: bool = False
    entries: int = 0
    failed: bool = field(default=False, compare=False)
    matches: int = field(default=0, compare=False)
    total: float | None = field(default=None, compare=False)


def are_partial(pages: Iterable[SourceRead]) -> bool:
    """Whether the pages of one search hold less than there is: each page repeats the total of all of them."""
    found = tuple(pages)
    total = max((page.total for page in found if page.total is not None), default=0)
    return any(page.failed for page in found) or total > sum(page.matches for page in found)


class _Coding(msgspec.Struct, gc=False):
    system: str | None = None
    code: str | int | float | None = None
    display: str | None = None


class _Concept(msgspec.Struct, gc=False):
    coding: list[_Coding | None] | None = None
    text: str | None = None
    extension: Any = None
    concept: _Concept | None = None
    reference: Any = None


class _Component(msgspec.Struct, gc=False):
    code: _Concept | None = None


class _Issue(msgspec.Struct, gc=False):
    severity: str | None = None


_NOT_SENT = msgspec.Raw(b"null")


class _Head(msgspec.Struct, gc=False):
    """What a resource is decided by, its codes as they are spelled: charts repeat a few dozen spellings."""

    resourceType: str | None = None
    code: msgspec.Raw = _NOT_SENT
    component: msgspec.Raw = _NOT_SENT
    medicationCodeableConcept: msgspec.Raw = _NOT_SENT
    medicationReference: msgspec.Raw = _NOT_SENT
    medication: msgspec.Raw = _NOT_SENT
    issue: list[_Issue | None] | None = None


class _Search(msgspec.Struct, gc=False):
    mode: str | None = None


class _Entry(msgspec.Struct, gc=False):
    resource: _Head | None = None
    search: _Search | None = None


class _Link(msgspec.Struct, gc=False):
    relation: str | None = None
    url: str | None = None


class _Source(_Head):
    entry: list[_Entry | None] | None = None
    total: int | float | str | None = None
    link: list[_Link | None] | None = None


class _RawEntry(msgspec.Struct, gc=False):
    resource: msgspec.Raw = msgspec.Raw()


class _RawSource(msgspec.Struct):
    entry: list[_RawEntry | None] | None = None


_SOURCE = msgspec.json.Decoder(_Source)
_RAW_SOURCE = msgspec.json.Decoder(_RawSource)
_CONCEPT = msgspec.json.Decoder(_Concept | None)
_COMPONENTS = msgspec.json.Decoder(list[_Component | None] | None)


class _Screen:
    """Whether resources matter, each spelling of codes and each distinct coding asked once a source."""

    def __init__(self, terminology: Terminology) -> None:
        self._terminology = terminology
        self._spellings: dict[tuple[str | bytes, ...], bool] = {}
        self._codings: dict[tuple[str | None, object], tuple[bool, bool]] = {}

    def matters(self, head: _Head) -> bool:
        """Decide on a scanned resource; one whose codes have an odd shape is decided on its dictionary."""
        kind = head.resourceType
        if kind not in _CODED:
            return kind in _ALWAYS
        at: tuple[str | bytes, ...] = (kind, bytes(head.code))
        if head.component is not _NOT_SENT:
            at += (bytes(head.component),)
        if kind in _MEDICATION:
            at += (bytes(head.medicationCodeableConcept), bytes(head.medicationReference), bytes(head.medication))
        found = self._spellings.get(at)
        if found is None:
            found = self._spellings[at] = self._decided(kind, head)
        return found

    def matters_as_dictionary(self, resource: dict[str, Any]) -> bool:
        """Decide on a resource of any shape."""
        kind = _text(resource.get("resourceType"))
        if kind not in _CODED:
            return kind in _ALWAYS
        concepts = [_concept(resource.get(name)) for name in _CONCEPTS]
        concepts += [_concept(component.get("code")) for component in _objects(resource.get("component"))]
        return self._any(kind, concepts, refers=resource.get("medicationReference") is not None)

    def _decided(self, kind: str, head: _Head) -> bool:
        parts = (head.code, head.medicationCodeableConcept, head.medication)
        try:
            concepts = [_CONCEPT.decode(part) for part in parts if part is not _NOT_SENT]
            if head.component is not _NOT_SENT:
                concepts += [found.code for found in _COMPONENTS.decode(head.component) or () if found is not None]
        except _MISFITS:
            spelled = {name: orjson.loads(memoryview(part)) for name, part in zip(_CONCEPTS, parts, strict=True)}
            spelled["component"] = orjson.loads(memoryview(head.component))
            spelled["medicationReference"] = orjson.loads(memoryview(head.medicationReference))
            return self.matters_as_dictionary({"resourceType": kind, **spelled})
        return self._any(kind, concepts, refers=bytes(head.medicationReference) != b"null")

    def _any(self, kind: str, concepts: Iterable[_Concept | None], *, refers: bool) -> bool:
        understood = False
        met = []
        for concept in concepts:
            for one in (concept, concept.concept) if concept is not None else ():
                if one is not None:
                    met.append(one)
                    hit, known = self._codings_of(one)
                    if hit:
                        return True
                    understood = understood or known
        if kind in _MEDICATION and (refers or any(one.reference is not None for one in met)):
            return True
        return not understood and self._text(kind, met)

    def _codings_of(self, concept: _Concept) -> tuple[bool, bool]:
        """Say whether a coding is in a value set, and whether one is of a system that is read."""
        understood = False
        for coding in concept.coding or ():
            if coding is not None:
                hit, known = self._coding(coding.system, coding.code)
                if hit:
                    return True, True
                understood = understood or known
        return False, understood

    def _coding(self, system: str | None, code: object) -> tuple[bool, bool]:
        at = (system, code)
        found = self._codings.get(at)
        if found is None:
            spelled = code if isinstance(code, str) else _spelled(code)
            hit = bool(self._terminology.sets(system, spelled))
            found = self._codings[at] = (hit, bool(spelled) and self._terminology.reads(system))
        return found

    def _text(self, kind: str, concepts: list[_Concept]) -> bool:
        if kind == "Condition" and any(_masked(concept) for concept in concepts):
            return True
        return bool(could_be(kind, " ".join(_texts(concepts))))


def _spelled(code: object) -> str | None:
    """Give a numeric code as text; numbers beyond 63 bits differ between decoders and are no codes."""
    return str(code) if type(code) is int and code < _NO_CODE else None


def _masked(concept: _Concept) -> bool:
    return bool(concept.extension) and not concept.coding and not concept.text


def _texts(concepts: Iterable[_Concept]) -> Iterable[str]:
    for concept in concepts:
        if concept.text:
            yield concept.text
        for coding in concept.coding or ():
            if coding is not None and coding.display:
                yield coding.display


def read_source(raw: Body, terminology: Terminology) -> SourceRead:
    """Read one prefetch value or search page; a bare resource counts as a bundle of one. Never raises on data."""
    return _read(raw, _Screen(terminology), 0)


def _read(raw: Body, screen: _Screen, depth: int) -> SourceRead:
    try:
        source = _SOURCE.decode(raw)
    except _MISFITS:
        return _read_decoded(raw, screen, depth)
    if source.resourceType != "Bundle":
        return _single(source, raw, screen)
    heads = [entry.resource if entry is not None else None for entry in source.entry or ()]
    if any([head is not None and head.resourceType == "Bundle" for head in heads]):  # noqa: C419  a hot loop
        return _read_decoded(raw, screen, depth)
    try:
        matters = screen.matters
        hits = [at for at, head in enumerate(heads) if head is not None and matters(head)]
        slices = (_RAW_SOURCE.decode(raw).entry or ()) if hits else ()
        resources = tuple([orjson.loads(memoryview(entry.resource)) for at in hits if (entry := slices[at])])
    except (*_MISFITS, orjson.JSONDecodeError):
        return _read_decoded(raw, screen, depth)
    return _summary(source, heads, resources)


def _single(source: _Head, raw: Body, screen: _Screen) -> SourceRead:
    if source.resourceType is None:
        # `null` and `[]` do not decode as an object, so this is an object without a type
        return SourceRead(SourceState.JUNK)
    if source.resourceType == "OperationOutcome":
        return SourceRead(SourceState.OUTCOME)
    try:
        if not screen.matters(source):
            return SourceRead(SourceState.DATA, entries=1)
        return SourceRead(SourceState.DATA, (orjson.loads(memoryview(raw)),), entries=1)
    except orjson.JSONDecodeError:
        return SourceRead(SourceState.JUNK)


def _summary(source: _Source, heads: Iterable[_Head | None], resources: tuple[dict[str, Any], ...]) -> SourceRead:
    held = beside = 0
    failed = False
    for head, entry in zip(heads, source.entry or (), strict=True):
        if entry is None or head is None or head.resourceType is None:
            continue
        if head.resourceType == "OperationOutcome":
            failed = failed or any(issue is not None and issue.severity in _FATAL for issue in head.issue or ())
            continue
        held += 1
        if entry.search is not None and entry.search.mode in _BESIDE:
            beside += 1
    matches = held - beside
    following = next((link.url for link in source.link or () if link and link.relation == "next" and link.url), None)
    total = source.total if isinstance(source.total, int | float) else None
    short = total is not None and total > matches and following is None
    state = SourceState.DATA if held else SourceState.OUTCOME if failed else SourceState.EMPTY
    return SourceRead(state, resources, following, failed or short, held, failed, matches, total)


def _read_decoded(raw: Body, screen: _Screen, depth: int) -> SourceRead:
    """Read the slow way: the whole body as dictionaries, whatever their shape."""
    try:
        body = orjson.loads(memoryview(raw))
    except orjson.JSONDecodeError:
        return SourceRead(SourceState.JUNK)
    if body is None:
        return SourceRead(SourceState.EMPTY)
    if not isinstance(body, dict):
        return SourceRead(SourceState.JUNK)
    return _read_dict(body, screen, depth)


def _read_dict(body: dict[str, Any], screen: _Screen, depth: int) -> SourceRead:
    kind = _text(body.get("resourceType"))
    if kind != "Bundle":
        if kind is None:
            return SourceRead(SourceState.JUNK)
        if kind == "OperationOutcome":
            return SourceRead(SourceState.OUTCOME)
        return SourceRead(SourceState.DATA, (body,) if screen.matters_as_dictionary(body) else (), entries=1)
    resources: list[dict[str, Any]] = []
    entries: list[_Entry | None] = []
    partial = False
    for entry in _objects(body.get("entry")):
        resource = entry.get("resource")
        if not isinstance(resource, dict):
            continue
        found = _head(resource)
        if found.resourceType == "Bundle" and depth < _DEEPEST:
            below = _read_dict(resource, screen, depth + 1)
            resources += below.resources
            partial = partial or below.partial or below.next_url is not None
            entries += [_Entry(_Head("Bundle"))] * below.entries
            continue
        mode = entry.get("search")
        entries.append(_Entry(found, _Search(_text(mode.get("mode"))) if isinstance(mode, dict) else None))
        if screen.matters_as_dictionary(resource):
            resources.append(resource)
    total = body.get("total")
    links: list[_Link | None] = [
        _Link(_text(link.get("relation")), _text(link.get("url"))) for link in _objects(body.get("link"))
    ]
    heads = [entry.resource if entry is not None else None for entry in entries]
    nested = any(head is not None and head.resourceType == "Bundle" for head in heads)
    source = _Source(
        "Bundle", entry=entries, total=total if type(total) in (int, float) and not nested else None, link=links
    )
    read = _summary(source, heads, tuple(resources))
    return replace(read, partial=read.partial or partial, failed=read.failed or partial)


def _objects(value: object) -> list[dict[str, Any]]:
    listed = value if isinstance(value, list) else [value]
    return [member for member in listed if isinstance(member, dict)]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _head(resource: dict[str, Any]) -> _Head:
    issues: list[_Issue | None] = [_Issue(_text(issue.get("severity"))) for issue in _objects(resource.get("issue"))]
    return _Head(_text(resource.get("resourceType")), issue=issues)


def _concept(value: object) -> _Concept | None:
    found = _objects(value)
    if not found:
        return None
    first = found[0]
    codings: list[_Coding | None] = [
        _Coding(_text(coding.get("system")), _code(coding.get("code")), _text(coding.get("display")))
        for concept in found
        for coding in _objects(concept.get("coding"))
    ]
    below = first.get("concept")
    return _Concept(
        codings,
        _text(first.get("text")),
        first.get("extension"),
        _concept(below) if isinstance(below, dict) else None,
        first.get("reference"),
    )


def _code(value: object) -> str | int | None:
    return value if isinstance(value, str) or type(value) is int else None
