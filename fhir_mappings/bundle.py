"""One prefetch value or search page: its resources that may matter, and whether it is all there is.

Resources are slices of the bytes until one matters; only then it is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import orjson

from fhir_mappings.relevance import CODED, MISFITS, NOT_SENT, Head, Issue, Relevance, objects, text_of
from fhir_mappings.surrogates import whole_characters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_mappings.terminology import Terminology

Body: TypeAlias = bytes | bytearray | memoryview | msgspec.Raw

_FATAL = frozenset({"error", "fatal"})
_APART = frozenset({None, "OperationOutcome", "Bundle"})
"""What is no resource of a chart."""
_BESIDE = ("include", "outcome")
_DEEPEST = 3
"""Bundles in bundles that are followed: a batch response holds searchsets."""


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
    a total above its matches without a next page, or an error among the entries, reported or met (`failed`). `matches`
    and `total` are for searches of several pages: see `are_partial`.
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


class _Search(msgspec.Struct, gc=False):
    mode: str | None = None


class _Entry(msgspec.Struct, gc=False):
    resource: msgspec.Raw = NOT_SENT
    search: _Search | None = None


class _Mended(_Entry, gc=False):
    """An entry of an envelope of another shape: its resource was decoded with it."""

    body: Any = None


class _Link(msgspec.Struct, gc=False):
    relation: str | None = None
    url: str | None = None


class Scan(msgspec.Struct):
    """The envelope of a Bundle; its resources stay slices of the bytes."""

    resourceType: str | None = None
    entry: list[_Entry | None] | None = None
    total: int | float | str | None = None
    link: list[_Link | None] | None = None


_SCAN = msgspec.json.Decoder(Scan)
_HEAD = msgspec.json.Decoder(Head | None)


def scanned(sent: Body | Scan) -> Body | Scan:
    """Open a Bundle for all who look into it; whatever else was sent, or in an envelope of another shape, stays."""
    if isinstance(sent, Scan):
        return sent
    try:
        scan = _SCAN.decode(sent)
    except MISFITS:
        return sent
    return scan if scan.resourceType == "Bundle" else sent


def read_source(sent: Body | Scan, terminology: Terminology) -> SourceRead:
    """Read one prefetch value or search page; a bare resource counts as a bundle of one. Never raises on data.

    A `Scan` is a Bundle whose envelope was read already.
    """
    relevance = Relevance(terminology)
    if isinstance(sent, Scan):
        return _read_bundle(sent, relevance, 0)
    try:
        return _read(sent, relevance, 0)
    except orjson.JSONDecodeError:
        raw = bytes(sent)
        mended = whole_characters(raw)
        return read_source(mended, terminology) if mended != raw else SourceRead(SourceState.JUNK)


def each_match(sent: Body | Scan) -> Iterator[dict[str, Any] | None]:
    """Decode what a source was asked for, a resource at a time as they are taken; `None` for what nothing can read."""
    try:
        whole = _opened(sent)
    except orjson.JSONDecodeError:
        yield None
        return
    if isinstance(whole, dict) and whole.get("resourceType") == "Bundle":
        whole = _mended(whole)
    if not isinstance(whole, Scan):
        yield whole if isinstance(whole, dict) else {}
        return
    for entry in whole.entry or ():
        if entry is None or (entry.search is not None and entry.search.mode in _BESIDE):
            continue
        try:
            yield _decoded(entry) or {}
        except orjson.JSONDecodeError:
            yield None


def _opened(sent: Body | Scan) -> Scan | object:
    """Give a Bundle with its entries undecoded; whatever else a source is, or an envelope of another shape, decoded."""
    found = scanned(sent)
    return found if isinstance(found, Scan) else orjson.loads(memoryview(found))


def _read(sent: Body, relevance: Relevance, depth: int) -> SourceRead:
    whole = _opened(sent)
    return _read_bundle(whole, relevance, depth) if isinstance(whole, Scan) else _read_odd(whole, relevance, depth)


def _read_odd(body: object, relevance: Relevance, depth: int) -> SourceRead:
    """Read what is no Bundle, or one with an envelope of another shape: a lone entry, a link without text."""
    if body is None:
        return SourceRead(SourceState.EMPTY)
    kind = text_of(body.get("resourceType")) if isinstance(body, dict) else None
    if not isinstance(body, dict) or kind is None:
        return SourceRead(SourceState.JUNK)
    if kind == "OperationOutcome":
        return SourceRead(SourceState.OUTCOME)
    if kind != "Bundle":
        return SourceRead(SourceState.DATA, (body,) if relevance.matters_as_dictionary(body) else (), entries=1)
    return _read_bundle(_mended(body), relevance, depth)


def _mended(body: dict[str, Any]) -> Scan:
    entries: list[_Entry | None] = []
    for entry in objects(body.get("entry")):
        search = entry.get("search")
        mode = text_of(search.get("mode")) if isinstance(search, dict) else None
        entries.append(_Mended(search=_Search(mode), body=entry.get("resource")))
    total = body.get("total")
    links: list[_Link | None] = [
        _Link(text_of(link.get("relation")), text_of(link.get("url"))) for link in objects(body.get("link"))
    ]
    return Scan(entry=entries, total=total if type(total) in (int, float) else None, link=links)


@dataclass(slots=True)
class _Found:
    """What the entries of a Bundle at some depth, and of those inside it, came to."""

    relevance: Relevance
    depth: int
    resources: list[dict[str, Any]] = field(default_factory=list)
    entries: int = 0
    failed: bool = False
    partial: bool = False
    nested: bool = False

    def takes(self, entry: _Entry, head: Head | None) -> bool:
        """Take in any entry; whether it counts as a resource of the chart."""
        odd = None if head is not None else _decoded(entry)
        told = head or _head(odd)
        if told.resourceType in _APART and not self._counts(entry, told, odd):
            return False
        if self.relevance.matters(told) if odd is None else self.relevance.matters_as_dictionary(odd):
            self.resources.append(odd or orjson.loads(memoryview(entry.resource)))
        return True

    def _counts(self, entry: _Entry, head: Head, odd: dict[str, Any] | None) -> bool:
        """Take in what is no resource of the chart itself; a Bundle that is too deep to follow counts as one."""
        if head.resourceType == "OperationOutcome":
            fatal = any(issue is not None and issue.severity in _FATAL for issue in head.issue or ())
            self.failed = self.failed or fatal
        elif head.resourceType == "Bundle" and self.depth < _DEEPEST:
            inner = (self.relevance, self.depth + 1)
            self._take(_read(entry.resource, *inner) if odd is None else _read_odd(odd, *inner))
        elif head.resourceType == "Bundle":
            self.nested = True
            return True
        return False

    def _take(self, below: SourceRead) -> None:
        """Take over what an inner Bundle holds."""
        self.resources += below.resources
        self.entries += below.entries
        self.nested = self.nested or below.entries > 0
        self.partial = self.partial or below.partial or below.next_url is not None


def _read_bundle(scan: Scan, relevance: Relevance, depth: int) -> SourceRead:
    found = _Found(relevance, depth)
    held = beside = 0
    entries = [entry for entry in scan.entry or () if entry is not None]
    for entry, head in zip(entries, _heads(entries), strict=True):
        try:
            # Nearly all entries are coded resources: they are worth a way of their own.
            if head is not None and head.resourceType in CODED:
                if relevance.matters(head):
                    found.resources.append(orjson.loads(memoryview(entry.resource)))
            elif not found.takes(entry, head):
                continue
        except orjson.JSONDecodeError:
            # A number or a text that no program can hold costs its resource alone, and that is told.
            found.failed = True
        held += 1
        if entry.search is not None and entry.search.mode in _BESIDE:
            beside += 1
    found.entries += held
    return _source(scan, found, matches=found.entries - beside)


def _heads(entries: list[_Entry]) -> list[Head | None]:
    """Scan the resources of all entries; `None` for what is no object or has a type or issues of another shape."""
    try:
        return [_HEAD.decode(entry.resource) for entry in entries]
    except MISFITS:
        return [_head_of(entry) for entry in entries]


def _head_of(entry: _Entry) -> Head | None:
    try:
        found: Head | None = _HEAD.decode(entry.resource)
    except MISFITS:
        return None
    return found


def _decoded(entry: _Entry) -> dict[str, Any] | None:
    """Give the resource of an entry that the scan could not read; `None` where it is no object."""
    odd = entry.body if isinstance(entry, _Mended) else orjson.loads(memoryview(entry.resource))
    return odd if isinstance(odd, dict) else None


def _source(scan: Scan, found: _Found, *, matches: int) -> SourceRead:
    following = next((link.url for link in scan.link or () if link and link.relation == "next" and link.url), None)
    total = scan.total if isinstance(scan.total, int | float) and not found.nested else None
    short = total is not None and total > matches and following is None
    return SourceRead(
        SourceState.DATA if found.entries else SourceState.OUTCOME if found.failed else SourceState.EMPTY,
        tuple(found.resources),
        following,
        partial=found.failed or short or found.partial,
        entries=found.entries,
        failed=found.failed or found.partial,
        matches=matches,
        total=total,
    )


def _head(resource: dict[str, Any] | None) -> Head:
    if resource is None:
        return Head()
    issues: list[Issue | None] = [Issue(text_of(issue.get("severity"))) for issue in objects(resource.get("issue"))]
    return Head(text_of(resource.get("resourceType")), issue=issues)
