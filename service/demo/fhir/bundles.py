"""Transactions and batches: many interactions in one Bundle."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from service.demo.fhir.interactions import etag_of, is_id
from service.demo.fhir.problems import FhirProblem, Malformed, outcome_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.demo.fhir.interactions import Interactions
    from service.demo.fhir.record import Resource, Version

_ORDER = ("DELETE", "POST", "PUT", "GET")
_LARGEST = 500


def process_bundle(bundle: object, interactions: Interactions) -> Resource:
    """Carry out a transaction (all or nothing) or a batch (each by itself) and give the response Bundle."""
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise Malformed("the body must be a Bundle")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or len(entries) > _LARGEST:
        raise Malformed(f"a Bundle has a list of at most {_LARGEST} entries")
    match bundle.get("type"):
        case "transaction":
            with interactions.record.transaction():
                responses = _transaction(entries, interactions)
        case "batch":
            responses = [_contained(entry, interactions) for entry in entries]
        case _:
            raise Malformed("the Bundle must be of type transaction or batch")
    return {"resourceType": "Bundle", "type": f"{bundle['type']}-response", "entry": responses}


def _transaction(entries: list[Any], interactions: Interactions) -> list[Resource]:
    requests = [_request_of(entry) for entry in entries]
    changed = [url for method, url in requests if method in {"PUT", "DELETE"}]
    if len(changed) != len(set(changed)):
        raise Malformed("a transaction may change a resource once only")
    identities = {index: str(uuid.uuid4()) for index, (method, _) in enumerate(requests) if method == "POST"}
    addresses = {}
    for index, identity in identities.items():
        entry = entries[index]
        type_ = requests[index][1]
        found = _existing(entry, type_, interactions)
        if isinstance(full_url := entry.get("fullUrl"), str):
            addresses[full_url] = f"{type_}/{found or identity}"
    responses: list[Resource | None] = [None] * len(entries)
    for index in sorted(range(len(entries)), key=lambda at: _rank(requests[at])):
        entry = _resolved(entries[index], addresses)
        responses[index] = _carry_out(entry, interactions, identity=identities.get(index))
    return [response for response in responses if response is not None]


def _rank(request: tuple[str, str]) -> tuple[int, bool]:
    # A Provenance comes after its targets: whose it is follows from them.
    return _ORDER.index(request[0]), request[1] == "Provenance"


def _existing(entry: Resource, type_: str, interactions: Interactions) -> str | None:
    condition = entry["request"].get("ifNoneExist")
    if not isinstance(condition, str):
        return None
    found = interactions.matching(type_, condition)
    return found[0]["id"] if len(found) == 1 else None


def _contained(entry: object, interactions: Interactions) -> Resource:
    try:
        _request_of(entry)
        with interactions.record.transaction():
            return _carry_out(entry, interactions, identity=None)
    except FhirProblem as problem:
        return {"response": {"status": str(problem.status), "outcome": outcome_of(problem)}}


def _request_of(entry: object) -> tuple[str, str]:
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        raise Malformed("each entry needs a request")
    method, url = request.get("method"), request.get("url")
    if method not in _ORDER or not isinstance(url, str):
        raise Malformed(f"the request of an entry needs a method ({', '.join(_ORDER)}) and a url")
    return method, url


def _carry_out(entry: Any, interactions: Interactions, *, identity: str | None) -> Resource:  # noqa: ANN401 JSON as it came
    method, url = _request_of(entry)
    request = entry["request"]
    type_, _, rest = url.partition("?")[0].partition("/")
    if method == "POST":
        if rest:
            raise Malformed("a create has the resource type as its url")
        version, is_new = interactions.create(
            type_, entry.get("resource"), if_none_exist=request.get("ifNoneExist"), identity=identity
        )
        return _response(version, "201 Created" if is_new else "200 OK", interactions)
    if method == "GET" and not rest:
        found = interactions.search(type_, parse_qsl(url.partition("?")[2], keep_blank_values=True))
        return {"resource": found, "response": {"status": "200 OK"}}
    if not is_id(rest):
        raise Malformed("the url of an entry must be Type or Type/id")
    if method == "GET":
        version = interactions.read(type_, rest)
        return {**_response(version, "200 OK", interactions), "resource": version.body}
    if method == "DELETE":
        return _response(interactions.delete(type_, rest), "204 No Content", interactions)
    version = interactions.update(type_, rest, entry.get("resource"), if_match=request.get("ifMatch"))
    return _response(version, "200 OK", interactions)


def _response(version: Version, status: str, interactions: Interactions) -> Resource:
    location = f"{interactions.record.base_url}/{version.type}/{version.id}/_history/{version.number}"
    response = {"status": status, "etag": etag_of(version), "lastModified": version.updated}
    return {"response": response if version.body is None else {**response, "location": location}}


def _resolved(value: Any, addresses: Mapping[str, str]) -> Any:  # noqa: ANN401 JSON as it came
    """Give the value with every reference to an entry of the Bundle as a reference to its new resource."""
    if isinstance(value, list):
        return [_resolved(member, addresses) for member in value]
    if isinstance(value, dict):
        return {
            name: addresses.get(member, member)
            if name == "reference" and isinstance(member, str)
            else _resolved(member, addresses)
            for name, member in value.items()
        }
    return value
