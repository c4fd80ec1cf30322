"""The interactions with one resource type: read, search, create, update, delete, for a client with its rights."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from service.demo.fhir.parameters import TYPES
from service.demo.fhir.problems import Malformed, PreconditionFailed, Unknown
from service.demo.fhir.search import parse_search, searchset
from service.demo.fhir.validation import check_resource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.demo.fhir.access import Access
    from service.demo.fhir.record import Record, Resource, Version

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_ETAG = re.compile(r'(?:W/)?"(\d{1,9})"')


@dataclass(frozen=True, slots=True)
class Interactions:
    """The endpoint's interactions with `record`, within the rights of `access`."""

    record: Record
    access: Access

    def read(self, type_: str, identity: str) -> Version:
        """Give the current version of a resource."""
        self.access.require(_known(type_), "r")
        version = self.record.read(type_, identity)
        self.access.require_of(_body(version), "r")
        return version

    def read_version(self, type_: str, identity: str, number: str) -> Version:
        """Give one version of a resource."""
        self.access.require(_known(type_), "r")
        version = self.record.read_version(type_, identity, number)
        self.access.require_of(_body(version), "r")
        return version

    def history(self, type_: str, identity: str) -> Resource:
        """Give all versions as a Bundle, newest first."""
        self.access.require(_known(type_), "r")
        versions = self.record.history(type_, identity)
        for version in versions:
            if version.body is not None:
                self.access.require_of(version.body, "r")
        return {
            "resourceType": "Bundle",
            "type": "history",
            "total": len(versions),
            "entry": [self._history_entry(version) for version in versions],
        }

    def search(self, type_: str, query: Sequence[tuple[str, str]], *, strict: bool = False) -> Resource:
        """Give one page of a search."""
        base_url = self.record.base_url
        search = parse_search(_known(type_), query, base_url=base_url, strict=strict)
        self.access.require_search(search)
        found = search.run(self.record, allowed=lambda resource: self.access.reaches(resource, "s"))
        return searchset(search, found, base_url=base_url)

    def matching(self, type_: str, query: str) -> list[Resource]:
        """Give every resource that a conditional create would find."""
        pairs = parse_qsl(query.removeprefix("?").removeprefix(f"{type_}?"), keep_blank_values=True)
        search = parse_search(_known(type_), pairs, base_url=self.record.base_url, strict=True)
        if not search.tests:
            raise Malformed("a conditional create needs a search parameter")
        self.access.require_search(search)
        return search.run(self.record, allowed=lambda resource: self.access.reaches(resource, "s"))

    def create(
        self, type_: str, resource: object, *, if_none_exist: str | None = None, identity: str | None = None
    ) -> tuple[Version, bool]:
        """Store a new resource, or give the one that `if_none_exist` finds; the flag says whether it is new."""
        self.access.require(_known(type_), "c")
        checked = check_resource(resource, type_=type_)
        self.access.require_of(checked, "c")
        if if_none_exist is not None:
            found = self.matching(type_, if_none_exist)
            if len(found) > 1:
                raise PreconditionFailed("If-None-Exist finds more than one resource")
            if found:
                return self.record.read(type_, found[0]["id"]), False
        return self.record.create(checked, identity=identity), True

    def update(self, type_: str, identity: str, resource: object, *, if_match: str | None = None) -> Version:
        """Store the next version of a resource; the endpoint does not create by update."""
        self.access.require(_known(type_), "u")
        checked = check_resource(resource, type_=type_)
        if checked.get("id") != identity:
            raise Malformed("the id of the body must be the id of the address")
        # The resource as it stands must be within reach too: an update may not take over another patient's.
        self.access.require_of(_body(self.record.read(type_, identity)), "u")
        self.access.require_of(checked, "u")
        return self.record.update(checked, if_match=version_of(if_match))

    def delete(self, type_: str, identity: str) -> Version:
        """Delete a resource."""
        self.access.require(_known(type_), "d")
        self.access.require_of(_body(self.record.read(type_, identity)), "d")
        return self.record.delete(type_, identity)

    def _history_entry(self, version: Version) -> Resource:
        address = f"{version.type}/{version.id}"
        method = "DELETE" if version.body is None else "POST" if version.number == 1 else "PUT"
        entry: Resource = {
            "fullUrl": f"{self.record.base_url}/{address}",
            "request": {"method": method, "url": version.type if method == "POST" else address},
            "response": {
                "status": {"DELETE": "204", "POST": "201", "PUT": "200"}[method],
                "etag": etag_of(version),
                "lastModified": version.updated,
            },
        }
        if version.body is not None:
            entry["resource"] = version.body
        return entry


def etag_of(version: Version) -> str:
    """Give the weak ETag of a version."""
    return f'W/"{version.number}"'


def version_of(if_match: str | None) -> int | None:
    """Read an If-Match header; `None` where there is none."""
    if if_match is None:
        return None
    form = _ETAG.fullmatch(if_match.strip())
    if form is None:
        raise Malformed('If-Match must look like W/"3"')
    return int(form[1])


def is_id(text: str) -> bool:
    """Whether the text is a FHIR id."""
    return _ID.fullmatch(text) is not None


def _known(type_: str) -> str:
    if type_ not in TYPES:
        raise Unknown("this server does not keep that resource type")
    return type_


def _body(version: Version) -> Resource:
    if version.body is None:
        raise Unknown(f"there is no {version.type}/{version.id}")
    return version.body
