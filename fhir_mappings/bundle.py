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
_FATAL = frozenset({"error", "fatal"})
_NO_CODE = 2**63
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


class _Head(msgspec.Struct, gc=False):
    resourceType: str | None = None
    code: _Concept | None = None
    component: list[_Component | None] | None = None
    medicationCodeableConcept: _Concept | None = None
    medicationReference: Any = None
    medication: _Concept | None = None
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


class _RawEntry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw()


class _RawSource(msgspec.Struct):
    entry: list[_RawEntry | None] | None = None


_SOURCE = msgspec.json.Decoder(_Source)
_RAW_SOURCE = msgspec.json.Decoder(_RawSource)


class _Screen:
    """Whether codes matter, each distinct coding asked once a source."""

    def __init__(self, terminology: Terminology) -> None:
        self._terminology = terminology
        self._codings: dict[tuple[str | None, object], tuple[bool, bool]] = {}
        self._texts: dict[tuple[str, str], bool] = {}

    def matters(self, head: _Head) -> bool:
        kind = head.resourceType
        if kind in _ALWAYS:
            return True
        if kind is None or kind not in _CODED:
            return False
        verdict = None
        if head.component is None and kind not in _MEDICATION and head.code is not None:
            verdict = self._plain(head.code.coding)
        return self._any(kind, head) if verdict is None else verdict

    def _plain(self, codings: list[_Coding | None] | None) -> bool | None:
        """Decide what most resources are decided by, the codings of `code` alone; `None` where these say nothing."""
        understood = None
        for coding in codings or ():
            if coding is not None:
                hit, known = self._codings.get((coding.system, coding.code)) or self._coding(coding.system, coding.code)
                if hit:
                    return True
                if known:
                    understood = False
        return understood

    def _any(self, kind: str, head: _Head) -> bool:
        concepts = [concept for concept in _concepts(head) if concept is not None]
        understood = False
        for concept in concepts:
            verdict = self._plain(concept.coding)
            if verdict:
                return True
            understood = understood or verdict is False
        if kind in _MEDICATION and _refers(head):
            return True
        return not understood and self._text(kind, concepts)

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
        text = " ".join(_texts(concepts))
        found = self._texts.get((kind, text))
        if found is None:
            found = self._texts[kind, text] = bool(could_be(kind, text))
        return found


def _spelled(code: object) -> str | None:
    """Give a numeric code as text; numbers beyond 63 bits differ between decoders and are no codes."""
    return str(code) if type(code) is int and code < _NO_CODE else None


def _concepts(head: _Head) -> Iterable[_Concept | None]:
    yield head.code
    if head.code is not None:
        yield head.code.concept
    yield head.medicationCodeableConcept
    if head.medication is not None:
        yield head.medication
        yield head.medication.concept
    for component in head.component or ():
        if component is not None:
            yield component.code


def _refers(head: _Head) -> bool:
    return head.medicationReference is not None or (
        head.medication is not None and head.medication.reference is not None
    )


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
    if any(_kind(entry) == "Bundle" for entry in source.entry or ()):
        return _read_decoded(raw, screen, depth)
    hits = [
        at for at, entry in enumerate(source.entry or ()) if entry and entry.resource and screen.matters(entry.resource)
    ]
    resources: list[dict[str, Any]] = []
    if hits:
        try:
            slices = _RAW_SOURCE.decode(raw).entry or []
            for at in hits:
                entry = slices[at]
                resources.append(orjson.loads(memoryview(entry.resource) if entry else b"null"))
        except (*_MISFITS, orjson.JSONDecodeError):
            return _read_decoded(raw, screen, depth)
    return _summary(source, tuple(resources))


def _kind(entry: _Entry | None) -> str | None:
    return entry.resource.resourceType if entry is not None and entry.resource is not None else None


def _single(source: _Head, raw: Body, screen: _Screen) -> SourceRead:
    if source.resourceType is None:
        # `null` and `[]` do not decode as an object, so this is an object without a type
        return SourceRead(SourceState.JUNK)
    if source.resourceType == "OperationOutcome":
        return SourceRead(SourceState.OUTCOME)
    if not screen.matters(source):
        return SourceRead(SourceState.DATA, entries=1)
    try:
        return SourceRead(SourceState.DATA, (orjson.loads(memoryview(raw)),), entries=1)
    except orjson.JSONDecodeError:
        return SourceRead(SourceState.JUNK)


def _summary(source: _Source, resources: tuple[dict[str, Any], ...]) -> SourceRead:
    held = matches = 0
    failed = False
    for entry in source.entry or ():
        kind = _kind(entry)
        if entry is None or entry.resource is None or kind is None:
            continue
        if kind == "OperationOutcome":
            failed = failed or any(
                issue is not None and issue.severity in _FATAL for issue in entry.resource.issue or ()
            )
            continue
        held += 1
        matches += entry.search is None or entry.search.mode not in ("include", "outcome")
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
    head = _head(body)
    if head.resourceType != "Bundle":
        if head.resourceType is None:
            return SourceRead(SourceState.JUNK)
        if head.resourceType == "OperationOutcome":
            return SourceRead(SourceState.OUTCOME)
        return SourceRead(SourceState.DATA, (body,) if screen.matters(head) else (), entries=1)
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
        if screen.matters(found):
            resources.append(resource)
    total = body.get("total")
    links: list[_Link | None] = [
        _Link(_text(link.get("relation")), _text(link.get("url"))) for link in _objects(body.get("link"))
    ]
    nested = any(_kind(entry) == "Bundle" for entry in entries)
    source = _Source(
        "Bundle", entry=entries, total=total if type(total) in (int, float) and not nested else None, link=links
    )
    read = _summary(source, tuple(resources))
    return replace(read, partial=read.partial or partial, failed=read.failed or partial)


def _objects(value: object) -> list[dict[str, Any]]:
    listed = value if isinstance(value, list) else [value]
    return [member for member in listed if isinstance(member, dict)]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _head(resource: dict[str, Any]) -> _Head:
    return _Head(
        _text(resource.get("resourceType")),
        _concept(resource.get("code")),
        [_Component(_concept(component.get("code"))) for component in _objects(resource.get("component"))],
        _concept(resource.get("medicationCodeableConcept")),
        resource.get("medicationReference"),
        _concept(resource.get("medication")),
        [_Issue(_text(issue.get("severity"))) for issue in _objects(resource.get("issue"))],
    )


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
