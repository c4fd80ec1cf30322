"""A FHIR endpoint in memory for the tests of the app: enough of R4 to read a chart and to write to it, or to refuse."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from service.adapters.outbound import Unreachable
from tests.smart.ehr import ISS

Resource = dict[str, Any]

ALL_INTERACTIONS = ("read", "search-type", "create", "update")


@dataclass
class FakeFhir:
    """Keeps resources by reference; `refuse` and `status_of` bend single interactions."""

    kept: dict[str, Resource] = field(default_factory=dict)
    writable: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: dict.fromkeys(
            ("Observation", "Provenance", "CarePlan", "DocumentReference"), ALL_INTERACTIONS
        )
    )
    transactions: bool = True
    metadata: bool = True
    status_of: dict[str, int] = field(default_factory=dict)
    unreachable: frozenset[str] = frozenset()
    requests: list[httpx.Request] = field(default_factory=list)

    def add(self, *resources: Resource) -> FakeFhir:
        """Put resources into the chart as version 1."""
        for resource in resources:
            found = {**resource, "meta": {"versionId": "1"}}
            self.kept[f"{resource['resourceType']}/{resource['id']}"] = found
        return self

    def of(self, kind: str) -> list[Resource]:
        """Give all resources of a type, oldest first."""
        return [resource for reference, resource in self.kept.items() if reference.startswith(f"{kind}/")]

    async def send(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        parts = urlsplit(str(request.url))
        path = unquote(parts.path.removeprefix(urlsplit(ISS).path)).strip("/")
        what = f"{request.method} {path.split('/')[0]}".strip()
        if what in self.unreachable:
            raise Unreachable("no answer")
        if what in self.status_of:
            return httpx.Response(self.status_of[what], json={"resourceType": "OperationOutcome"}, request=request)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        status, body, headers = self._answer(request, path, query)
        return httpx.Response(status, json=body, headers=headers, request=request)

    def _answer(self, request: httpx.Request, path: str, query: dict[str, str]) -> tuple[int, Resource, dict[str, str]]:
        if path == "metadata":
            return (200, self._statement(), {}) if self.metadata else (404, {}, {})
        if request.method == "GET":
            if "/" in path:
                found = self.kept.get(path)
                return (200, found, {}) if found else (404, {}, {})
            return 200, self._search(path, query), {}
        body: Resource = json.loads(request.content)
        if path == "":
            return self._transaction(body)
        if request.method == "PUT":
            return self._update(path, body, request.headers.get("if-match"))
        return self._create(path, body, request.headers.get("if-none-exist"))

    def _search(self, kind: str, query: dict[str, str]) -> Resource:
        found = self.of(kind)
        if "identifier" in query:
            found = [resource for resource in found if _carries(resource, query["identifier"])]
        return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in found]}

    def _create(self, kind: str, body: Resource, condition: str | None) -> tuple[int, Resource, dict[str, str]]:
        if "create" not in self.writable.get(kind, ()):
            return 405, {"resourceType": "OperationOutcome"}, {}
        if condition is not None:
            identifier = unquote(condition.removeprefix("identifier="))
            found = [resource for resource in self.of(kind) if _carries(resource, identifier)]
            if found:
                return 200, {}, {"Location": f"{ISS}/{kind}/{found[0]['id']}/_history/1"}
        assert "id" not in body
        new = f"{kind.lower()}-{len(self.kept) + 1}"
        self.kept[f"{kind}/{new}"] = {**body, "id": new, "meta": {"versionId": "1"}}
        return 201, {}, {"Location": f"{ISS}/{kind}/{new}/_history/1", "ETag": 'W/"1"'}

    def _update(self, reference: str, body: Resource, match: str | None) -> tuple[int, Resource, dict[str, str]]:
        kind = reference.split("/", maxsplit=1)[0]
        if "update" not in self.writable.get(kind, ()):
            return 405, {"resourceType": "OperationOutcome"}, {}
        version = self.kept[reference]["meta"]["versionId"]
        if match != f'W/"{version}"':
            return 412, {"resourceType": "OperationOutcome"}, {}
        new = str(int(version) + 1)
        self.kept[reference] = {**body, "meta": {"versionId": new}}
        return 200, {}, {"ETag": f'W/"{new}"'}

    def _transaction(self, bundle: Resource) -> tuple[int, Resource, dict[str, str]]:
        if not self.transactions:
            return 405, {"resourceType": "OperationOutcome"}, {}
        before, answers = copy.deepcopy(self.kept), []
        named: dict[str, str] = {}
        for entry in bundle["entry"]:
            asked = entry["request"]
            if asked["method"] == "PUT":
                status, _, headers = self._update(asked["url"], entry["resource"], asked.get("ifMatch"))
            else:
                body = json.loads(_named(json.dumps(entry["resource"]), named))
                status, _, headers = self._create(asked["url"], body, asked.get("ifNoneExist"))
            if status >= 400:
                self.kept = before
                return status, {"resourceType": "OperationOutcome"}, {}
            location = headers.get("Location")
            if location and entry.get("fullUrl"):
                named[entry["fullUrl"]] = "/".join(location.split("/")[-4:-2])
            answers.append({"response": {"status": f"{status} OK", **({"location": location} if location else {})}})
        return 200, {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}, {}

    def _statement(self) -> Resource:
        return {
            "resourceType": "CapabilityStatement",
            "rest": [
                {
                    "mode": "server",
                    "interaction": [{"code": "transaction"}] if self.transactions else [],
                    "resource": [
                        {"type": kind, "interaction": [{"code": code} for code in codes]}
                        for kind, codes in self.writable.items()
                    ],
                }
            ],
        }


def _named(text: str, names: dict[str, str]) -> str:
    for full_url, reference in names.items():
        text = text.replace(full_url, reference)
    return text


def _carries(resource: Resource, identifier: str) -> bool:
    system, _, value = identifier.partition("|")
    found = resource.get("identifier", [])
    for each in found if isinstance(found, list) else [found]:
        if (each["system"], each["value"]) == (system, value):
            return True
    return False
