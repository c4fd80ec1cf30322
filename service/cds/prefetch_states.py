"""The states of a prefetch key: what a client sent for it, or that it sent nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

import msgspec

from fhir_mappings.asked import stray
from fhir_mappings.bundle import Scan, SourceRead, SourceState, opened, read_source
from fhir_mappings.chart import Completeness
from fhir_mappings.loose_json import MISFITS
from service.errors import MalformedRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.asked import Stray
    from fhir_mappings.terminology import Terminology
    from service.cds.messages import Sent
    from service.cds.prefetch import PrefetchKey


class KeyState(StrEnum):
    """What one key arrived as (specification, "Prefetch Template": providing prefetch)."""

    ABSENT = "absent"
    """Not sent: to be fetched."""
    EMPTY = "empty"
    """The client asked and there is nothing: null, or a Bundle without entries. Never asked again."""
    DATA = "data"
    """A resource or a whole searchset."""
    PAGED = "paged"
    """A searchset whose next page is at the client's FHIR server."""
    ERROR = "error"
    """An OperationOutcome, nothing of what was asked for, or no FHIR: the client's query failed. Not asked again."""


@dataclass(frozen=True, slots=True)
class SentKey:
    """One advertised key as it arrived; `source` holds nothing where nothing was sent, or only what is `stray`."""

    key: PrefetchKey
    state: KeyState
    source: SourceRead
    stray: Stray | None = None

    @property
    def completeness(self) -> Completeness:
        """How much of the key's resource type is in hand before anything is fetched."""
        match self.state:
            case KeyState.ABSENT | KeyState.ERROR:
                return Completeness.NOT_RETRIEVED
            case KeyState.PAGED:
                return Completeness.PARTIAL
            case KeyState.EMPTY | KeyState.DATA:
                return Completeness.PARTIAL if self.source.partial else Completeness.COMPLETE
            case _:
                assert_never(self.state)


class _DraftShape(msgspec.Struct):
    """What the draft of CDS Hooks 1.0 wrapped around a resource."""

    resource: dict[str, msgspec.Raw]
    response: dict[str, msgspec.Raw] | None = None


_DRAFT_SHAPE = msgspec.json.Decoder(_DraftShape)
_NOTHING = SourceRead(SourceState.EMPTY)


def read_prefetch(
    sent: Mapping[str, Sent], keys: Iterable[PrefetchKey], terminology: Terminology, *, patient_id: str
) -> dict[str, SentKey]:
    """Read what was sent for each of `keys`; keys that were never advertised are not looked at.

    Raises `MalformedRequest` for the wrapped shape of the 1.0 drafts, which a client can only mend by an update.
    """
    return {key.name: _read(key, sent.get(key.name), terminology, patient_id) for key in keys}


def _read(key: PrefetchKey, sent: Sent | None, terminology: Terminology, patient_id: str) -> SentKey:
    if sent is None:
        return SentKey(key, KeyState.ABSENT, _NOTHING)
    whole = opened(sent)
    source = read_source(whole, terminology)
    match source.state:
        case SourceState.DATA if found := stray(whole, source, resource_type=key.resource_type, patient_id=patient_id):
            return SentKey(key, KeyState.ERROR, _NOTHING, found)
        case SourceState.DATA:
            return SentKey(key, KeyState.PAGED if source.next_url else KeyState.DATA, source)
        case SourceState.EMPTY:
            return SentKey(key, KeyState.PAGED if source.next_url else KeyState.EMPTY, source)
        case SourceState.OUTCOME:
            return SentKey(key, KeyState.ERROR, source)
        case SourceState.JUNK:
            _refuse_draft_shape(key, sent)
            return SentKey(key, KeyState.ERROR, source)
        case _:
            assert_never(source.state)


def _refuse_draft_shape(key: PrefetchKey, sent: Sent) -> None:
    if isinstance(sent, Scan):
        return
    try:
        _DRAFT_SHAPE.decode(sent)
    except MISFITS:
        return
    raise MalformedRequest(
        f"prefetch.{key.name} must be a resource or a Bundle itself, not wrapped in 'resource' and 'response'",
        element=f"prefetch.{key.name}",
    )
