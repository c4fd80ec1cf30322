"""One prefetch value or search page: its resources that may matter, and whether it is all there is.

Resources are slices of the bytes until one matters; only then it is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import orjson

from fhir_mappings.loose_json import MISFITS, objects, text_of
from fhir_mappings.relevance import CODED, NOT_SENT, Head, Issue, Relevance
from fhir_mappings.surrogates import whole_characters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhir_mappings.terminology import Terminology

Body: TypeAlias = bytes | bytearray | memoryview | msgspec.Raw

_FATAL = frozenset({"error", "fatal"})
_INCOMPLETE = "incomplete"
_WITHHELD = "suppressed"
"""What a warning says too: resources were kept back, as from a client that may not see them (FHIR R4, IssueType)."""
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
    a total above its matches without a next page, a next page without an address, or an error among the entries,
    reported or met (`failed`). `matches` and `total` are for searches of several pages: see `are_partial`.
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
    response: msgspec.Raw = NOT_SENT


class _Mended(_Entry, gc=False):
    """An entry of an envelope of another shape: its resource was decoded with it."""

    body: Any = None
    told: Any = None


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


class Lone(msgspec.Struct):
    """What is no Bundle, decoded; `UNREADABLE` where no decoder takes it."""

    body: object


UNREADABLE = object()
Opened: TypeAlias = Scan | Lone
"""One prefetch value or search page, decoded once for all who look into it."""


def opened(sent: Body | Opened) -> Opened:
    """Open a source, whose Bundle keeps its resources as slices; never raises on data."""
    if isinstance(sent, Scan | Lone):
        return sent
    try:
        return _opened(sent)
    except orjson.JSONDecodeError:
        raw = bytes(sent)
        mended = whole_characters(raw)
        return opened(mended) if mended != raw else Lone(UNREADABLE)


def read_source(sent: Body | Opened, terminology: Terminology) -> SourceRead:
    """Read one prefetch value or search page; a bare resource counts as a bundle of one. Never raises on data."""
    return _read(opened(sent), Relevance(terminology), 0)


def each_match(sent: Body | Opened) -> Iterator[dict[str, Any] | None]:
    """Decode what a source was asked for, a resource at a time as they are taken; `None` for what nothing can read."""
    whole = opened(sent)
    if isinstance(whole, Lone):
        yield None if whole.body is UNREADABLE else whole.body if isinstance(whole.body, dict) else {}
        return
    for entry in whole.entry or ():
        if entry is None or (entry.search is not None and entry.search.mode in _BESIDE):
            continue
        try:
            yield _decoded(entry) or {}
        except orjson.JSONDecodeError:
            yield None


def _opened(sent: Body) -> Opened:
    try:
        scan = _SCAN.decode(sent)
    except MISFITS:
        pass
    else:
        if scan.resourceType == "Bundle":
            return scan
    return _whole(orjson.loads(memoryview(sent)))


def _whole(body: object) -> Opened:
    """Take what is decoded; a Bundle has an envelope of another shape then: a lone entry, a link without text."""
    return _mended(body) if isinstance(body, dict) and body.get("resourceType") == "Bundle" else Lone(body)


def _read(whole: Opened, relevance: Relevance, depth: int) -> SourceRead:
    return _read_bundle(whole, relevance, depth) if isinstance(whole, Scan) else _read_lone(whole.body, relevance)


def _read_lone(body: object, relevance: Relevance) -> SourceRead:
    if body is None:
        return SourceRead(SourceState.EMPTY)
    kind = text_of(body.get("resourceType")) if isinstance(body, dict) else None
    if not isinstance(body, dict) or kind is None:
        return SourceRead(SourceState.JUNK)
    if kind == "OperationOutcome":
        return SourceRead(SourceState.OUTCOME)
    return SourceRead(SourceState.DATA, (body,) if relevance.matters_as_dictionary(body) else (), entries=1)


def _mended(body: dict[str, Any]) -> Scan:
    entries: list[_Entry | None] = []
    for entry in objects(body.get("entry")):
        search = entry.get("search")
        mode = text_of(search.get("mode")) if isinstance(search, dict) else None
        entries.append(_Mended(search=_Search(mode), body=entry.get("resource"), told=entry.get("response")))
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
    withheld: bool = False
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
            for issue in head.issue or ():
                if issue is not None:
                    self.failed = self.failed or issue.severity in _FATAL or issue.code == _INCOMPLETE
                    self.withheld = self.withheld or issue.code == _WITHHELD
        elif head.resourceType is None:
            self.failed = self.failed or _is_refusal(entry)
        elif head.resourceType == "Bundle" and self.depth < _DEEPEST:
            inner = _opened(entry.resource) if odd is None else _whole(odd)
            self._take(_read(inner, self.relevance, self.depth + 1))
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
    read: set[bytes] = set()
    entries = [entry for entry in scan.entry or () if entry is not None]
    for entry, head in zip(entries, _heads(entries), strict=True):
        try:
            # Nearly all entries are coded resources: they are worth a way of their own.
            if head is not None and head.resourceType in CODED:
                if relevance.matters(head):
                    spelled = bytes(entry.resource)
                    if spelled not in read:
                        read.add(spelled)
                        found.resources.append(orjson.loads(spelled))
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


def _is_refusal(entry: _Entry) -> bool:
    """Whether an entry without a resource tells that what it answers has failed (FHIR R4, section 3.1.0.11.2)."""
    told = entry.told if isinstance(entry, _Mended) else orjson.loads(memoryview(entry.response))
    status = told.get("status") if isinstance(told, dict) else "2"
    return not (isinstance(status, str | int) and str(status).startswith("2"))


def _decoded(entry: _Entry) -> dict[str, Any] | None:
    """Give the resource of an entry that the scan could not read; `None` where it is no object."""
    odd = entry.body if isinstance(entry, _Mended) else orjson.loads(memoryview(entry.resource))
    return odd if isinstance(odd, dict) else None


def _source(scan: Scan, found: _Found, *, matches: int) -> SourceRead:
    pages = [link.url for link in scan.link or () if link is not None and link.relation == "next"]
    following = next(filter(None, pages), None)
    total = scan.total if isinstance(scan.total, int | float) and not found.nested else None
    short = total is not None and total > matches and following is None
    # A next page without an address is lost; nothing but word that something was kept back is no answer.
    lost = bool(pages) and following is None
    failed = found.failed or lost or (found.withheld and not found.entries)
    return SourceRead(
        SourceState.DATA if found.entries else SourceState.OUTCOME if failed else SourceState.EMPTY,
        tuple(found.resources),
        following,
        partial=failed or short or found.partial,
        entries=found.entries,
        failed=failed or found.partial,
        matches=matches,
        total=total,
    )


def _head(resource: dict[str, Any] | None) -> Head:
    if resource is None:
        return Head()
    issues: list[Issue | None] = [
        Issue(text_of(issue.get("severity")), text_of(issue.get("code"))) for issue in objects(resource.get("issue"))
    ]
    return Head(text_of(resource.get("resourceType")), issue=issues)
