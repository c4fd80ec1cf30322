"""What an EHR answers to a write: status, reference, version, read without trusting its shape."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from fhir_mappings.loose_json import MISFITS, objects

if TYPE_CHECKING:
    from collections.abc import Mapping

# Ids of real EHRs are longer than the 64 characters of R4.
_LOCATION = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9_\-.]{1,255})(?:/_history/([A-Za-z0-9\-.]{1,64}))?/?$")
_ETAG = re.compile(r'(?:W/)?"([A-Za-z0-9\-.]{1,64})"')
_CONFLICT = {httpx.codes.CONFLICT, httpx.codes.PRECONDITION_FAILED}
_REFUSED = {
    httpx.codes.BAD_REQUEST,
    httpx.codes.FORBIDDEN,
    httpx.codes.NOT_FOUND,
    httpx.codes.METHOD_NOT_ALLOWED,
    httpx.codes.GONE,
    httpx.codes.UNSUPPORTED_MEDIA_TYPE,
    httpx.codes.UNPROCESSABLE_ENTITY,
    httpx.codes.NOT_IMPLEMENTED,
}


@dataclass(frozen=True, slots=True)
class WriteAnswer:
    """The answer to one write; `reference` is `Type/id`."""

    status: int
    reference: str | None = None
    version: str | None = None
    resource: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def is_done(self) -> bool:
        """Whether the write stands."""
        return httpx.codes.is_success(self.status)

    @property
    def is_conflict(self) -> bool:
        """Whether somebody else's change is in the way."""
        return self.status in _CONFLICT

    @property
    def is_refused(self) -> bool:
        """Whether the EHR does not take this kind of write, so that another kind may work."""
        return self.status in _REFUSED


def read_answer(response: httpx.Response) -> WriteAnswer:
    """Read the answer to a single interaction."""
    resource = _object(response.content)
    return _answer(
        response.status_code,
        location=response.headers.get("location") or response.headers.get("content-location"),
        etag=response.headers.get("etag"),
        resource=resource,
        version=version_of(resource or {}),
    )


def read_transaction(body: bytes, *, expected: int) -> list[WriteAnswer] | None:
    """Read the answers of a transaction in the order of its entries; `None` where the Bundle is not such an answer."""
    bundle = _object(body)
    entries = bundle.get("entry") if bundle else None
    if not isinstance(entries, list) or len(entries) != expected:
        return None
    answers = []
    for entry in entries:
        response = entry.get("response") if isinstance(entry, dict) else None
        if not isinstance(response, dict):
            return None
        status = re.match(r"\d{3}", str(response.get("status", "")))
        resource = entry.get("resource")
        answers.append(
            _answer(
                int(status[0]) if status else 0,
                location=response.get("location"),
                etag=response.get("etag"),
                resource=resource if isinstance(resource, dict) else None,
                version=None,
            )
        )
    return answers


def read_existing(body: bytes, kind: str) -> dict[str, Any] | None:
    """Give the resource of type `kind` that was read, or the first one of a search; `None` where there is none."""
    found = _object(body)
    is_search = found is not None and found.get("resourceType") == "Bundle"
    entries = found.get("entry") if found is not None and is_search else [{"resource": found}]
    for entry in objects(entries):
        resource = entry.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") == kind and isinstance(resource.get("id"), str):
            return resource
    return None


def version_of(resource: Mapping[str, Any]) -> str | None:
    """Give the version of a resource as its server names it."""
    meta = next(iter(objects(resource.get("meta"))), {})
    version = meta.get("versionId")
    return str(version) if version and isinstance(version, str | int) else None


def _answer(
    status: int, *, location: object, etag: object, resource: Mapping[str, Any] | None, version: object
) -> WriteAnswer:
    place = _LOCATION.search(location.split("?")[0]) if isinstance(location, str) else None
    tag = _ETAG.fullmatch(etag) if isinstance(etag, str) else None
    found = dict(resource) if resource else None
    reference = f"{place[1]}/{place[2]}" if place else None
    if reference is None and found and found.get("resourceType") != "OperationOutcome" and found.get("id"):
        reference = f"{found.get('resourceType')}/{found['id']}"
    in_place = place[3] if place else None
    return WriteAnswer(
        status,
        reference,
        tag[1] if tag else in_place or (version if isinstance(version, str) else None),
        found,
    )


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(body)
    except MISFITS:
        return None
    return found if isinstance(found, dict) else None
