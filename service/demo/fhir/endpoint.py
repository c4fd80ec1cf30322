"""The HTTP side of the FHIR endpoint."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.routing import Route

from service.demo.fhir.bundles import process_bundle
from service.demo.fhir.interactions import Interactions, etag_of
from service.demo.fhir.problems import (
    FhirProblem,
    Malformed,
    NotAcceptable,
    NotAllowed,
    Unauthorised,
    UnsupportedMedia,
    outcome,
    outcome_of,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from service.demo.fhir.access import Access
    from service.demo.fhir.record import Record, Resource, Version

_JSON = "application/fhir+json"
_ACCEPTED = {"application/fhir+json", "application/json", "application/json+fhir", "*/*", "application/*", "json"}
_LARGEST_BODY = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The FHIR endpoint: `access_of` gives the rights of a bearer token, or `None` where it is not valid."""

    record: Record
    access_of: Callable[[str], Access | None]
    capability: Resource

    def base(self, path: str) -> Route:
        """Give the route of the base address itself, without a slash at its end."""
        return Route(path, self._answering(self._system), methods=["GET", "POST"])

    def routes(self) -> list[Route]:
        """Give the routes, relative to the base address."""
        return [
            Route("/metadata", self._answering(self._metadata), methods=["GET"]),
            Route("/{type}/_search", self._answering(self._search_form), methods=["POST"]),
            Route("/{type}/{id}/_history/{version}", self._answering(self._read_version), methods=["GET"]),
            Route("/{type}/{id}/_history", self._answering(self._history), methods=["GET"]),
            Route("/{type}/{id}", self._answering(self._resource), methods=["GET", "PUT", "DELETE", "PATCH", "POST"]),
            Route("/{type}", self._answering(self._type), methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
            Route("/", self._answering(self._system), methods=["GET", "POST"]),
        ]

    def _answering(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                _check_accept(request)
                return await handler(request)
            except FhirProblem as problem:
                headers = {}
                if isinstance(problem, Unauthorised):
                    headers["WWW-Authenticate"] = 'Bearer realm="demo EHR", error="invalid_token"'
                return _json(outcome_of(problem), status=problem.status, headers=headers)

        return answer

    def _interactions(self, request: Request) -> Interactions:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        access = self.access_of(token.strip()) if scheme.lower() == "bearer" else None
        if access is None:
            raise Unauthorised("a valid bearer token is needed")
        return Interactions(self.record, access)

    async def _metadata(self, request: Request) -> Response:
        del request
        return _json(self.capability)

    async def _resource(self, request: Request) -> Response:
        type_, identity = request.path_params["type"], request.path_params["id"]
        interactions = self._interactions(request)
        match request.method:
            case "GET" | "HEAD":
                version = interactions.read(type_, identity)
                if request.headers.get("if-none-match") == etag_of(version):
                    return Response(status_code=304, headers={"ETag": etag_of(version)})
                return self._version(version)
            case "PUT":
                version = interactions.update(
                    type_, identity, await _body(request), if_match=request.headers.get("if-match")
                )
                return self._written(request, version, 200)
            case "DELETE":
                version = interactions.delete(type_, identity)
                return Response(status_code=204, headers={"ETag": etag_of(version)})
            case _:
                raise NotAllowed("a resource can be read, updated or deleted here")

    async def _type(self, request: Request) -> Response:
        type_ = request.path_params["type"]
        interactions = self._interactions(request)
        match request.method:
            case "GET" | "HEAD":
                query = parse_qsl(request.url.query, keep_blank_values=True)
                return _json(interactions.search(type_, query, strict=_is_strict(request)))
            case "POST":
                version, is_new = interactions.create(
                    type_, await _body(request), if_none_exist=request.headers.get("if-none-exist")
                )
                return self._written(request, version, 201 if is_new else 200)
            case _:
                raise NotAllowed("a resource type can be searched and added to here")

    async def _search_form(self, request: Request) -> Response:
        interactions = self._interactions(request)
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
            raise UnsupportedMedia("_search takes application/x-www-form-urlencoded")
        form = (await _limited(request)).decode("utf-8", errors="replace")
        query = [*parse_qsl(request.url.query, keep_blank_values=True), *parse_qsl(form, keep_blank_values=True)]
        return _json(interactions.search(request.path_params["type"], query, strict=_is_strict(request)))

    async def _read_version(self, request: Request) -> Response:
        parameters = request.path_params
        version = self._interactions(request).read_version(parameters["type"], parameters["id"], parameters["version"])
        return self._version(version)

    async def _history(self, request: Request) -> Response:
        return _json(self._interactions(request).history(request.path_params["type"], request.path_params["id"]))

    async def _system(self, request: Request) -> Response:
        interactions = self._interactions(request)
        if request.method != "POST":
            raise NotAllowed("searches over all types are not offered; POST a transaction or batch here")
        return _json(process_bundle(await _body(request), interactions))

    def _version(self, version: Version) -> Response:
        return _json(version.body, headers={"ETag": etag_of(version)})

    def _written(self, request: Request, version: Version, status: int) -> Response:
        headers = {
            "ETag": etag_of(version),
            "Location": f"{self.record.base_url}/{version.type}/{version.id}/_history/{version.number}",
        }
        match _preference(request, "return"):
            case "minimal":
                return Response(status_code=status, headers=headers)
            case "OperationOutcome":
                return _json(outcome("information", "informational", "stored"), status=status, headers=headers)
            case _:
                return _json(version.body, status=status, headers=headers)


def _preference(request: Request, name: str) -> str | None:
    for part in request.headers.get("prefer", "").replace(";", ",").split(","):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return None


def _is_strict(request: Request) -> bool:
    return _preference(request, "handling") == "strict"


def _check_accept(request: Request) -> None:
    wanted = request.query_params.get("_format") or request.headers.get("accept") or "*/*"
    offered = {part.partition(";")[0].strip().replace(" ", "+") for part in wanted.split(",")}
    if not offered & _ACCEPTED:
        raise NotAcceptable("this server speaks application/fhir+json")


async def _body(request: Request) -> Any:  # noqa: ANN401 JSON as it came
    if request.headers.get("content-type", "").partition(";")[0].strip() not in _ACCEPTED - {"*/*", "application/*"}:
        raise UnsupportedMedia("this server takes application/fhir+json")
    try:
        return json.loads(await _limited(request), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as fault:
        raise Malformed("the body is not JSON") from fault


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


async def _limited(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise Malformed(f"the body is larger than {_LARGEST_BODY} bytes")
    return body


def _json(content: Resource | None, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        json.dumps(content, ensure_ascii=False).encode(),
        status_code=status,
        media_type=f"{_JSON}; charset=utf-8",
        headers=headers,
    )
