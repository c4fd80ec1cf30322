"""The oracle of the scan: the same source read from plain dictionaries, whatever their shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from fhir_mappings.bundle import SourceRead, SourceState
from fhir_mappings.relevance import Relevance

if TYPE_CHECKING:
    from fhir_mappings.terminology import Terminology

DEEPEST = 3


def read_decoded(raw: bytes, terminology: Terminology) -> SourceRead:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return SourceRead(SourceState.JUNK)
    if body is None:
        return SourceRead(SourceState.EMPTY)
    return read_body(body, Relevance(terminology), 0)


def read_body(body: Any, relevance: Relevance, depth: int) -> SourceRead:
    kind = body.get("resourceType") if isinstance(body, dict) else None
    if not isinstance(kind, str):
        return SourceRead(SourceState.JUNK)
    if kind == "OperationOutcome":
        return SourceRead(SourceState.OUTCOME)
    if kind != "Bundle":
        return SourceRead(SourceState.DATA, (body,) if relevance.matters_as_dictionary(body) else (), entries=1)
    return read_entries(body, relevance, depth)


def read_entries(body: dict[str, Any], relevance: Relevance, depth: int) -> SourceRead:
    resources: list[dict[str, Any]] = []
    kinds: list[str] = []
    matches = 0
    partial = failed = withheld = False
    for entry in objects(body.get("entry")):
        resource = entry.get("resource")
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(kind, str) or not isinstance(resource, dict):
            response = entry.get("response")
            status = response.get("status") if isinstance(response, dict) else 200
            failed = failed or not (isinstance(status, str | int) and str(status).startswith("2"))
            continue
        if kind == "Bundle" and depth < DEEPEST:
            below = read_body(resource, relevance, depth + 1)
            resources += below.resources
            partial = partial or below.partial or below.next_url is not None
            kinds += ["Bundle"] * below.entries
            matches += below.entries
        elif kind == "OperationOutcome":
            issues = [(str(issue.get("severity")), str(issue.get("code"))) for issue in objects(resource.get("issue"))]
            failed = failed or any(severity in ("error", "fatal") or code == "incomplete" for severity, code in issues)
            withheld = withheld or any(code == "suppressed" for _, code in issues)
        else:
            kinds.append(kind)
            search = entry.get("search")
            matches += not (isinstance(search, dict) and search.get("mode") in ("include", "outcome"))
            resources += [resource] if relevance.matters_as_dictionary(resource) else []
    links = [one for one in objects(body.get("link")) if one.get("relation") == "next"]
    following = next((one["url"] for one in links if isinstance(one.get("url"), str) and one["url"]), None)
    failed = failed or (withheld and not kinds) or (bool(links) and following is None)
    total = body.get("total")
    total = total if type(total) in (int, float) and "Bundle" not in kinds else None
    short = total is not None and total > matches and following is None
    state = SourceState.DATA if kinds else SourceState.OUTCOME if failed else SourceState.EMPTY
    partial_at_all = partial or failed or short
    return SourceRead(state, tuple(resources), following, partial_at_all, len(kinds), failed or partial, matches, total)


def objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
