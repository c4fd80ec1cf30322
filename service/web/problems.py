"""What an error becomes on the wire: a status and an OperationOutcome or a page; it repeats nothing that was sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service import errors
from service.logs import note
from service.web.methods import READ

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal: its status, the code of FHIR's IssueType, a text for everybody and what it is about."""

    status: HTTPStatus
    code: str
    text: str
    diagnostics: str | None = None
    expression: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


_KINDS: tuple[tuple[type[errors.ServiceError], HTTPStatus, str, str], ...] = (
    (errors.MalformedRequest, HTTPStatus.BAD_REQUEST, "invalid", "The request is not a valid CDS Hooks request"),
    (errors.Unauthenticated, HTTPStatus.UNAUTHORIZED, "login", "Authentication is required"),
    (errors.ServiceNotAllowed, HTTPStatus.FORBIDDEN, "forbidden", "The client may not use this service"),
    (errors.NotForThisReader, HTTPStatus.FORBIDDEN, "forbidden", "The guidance is written for clinicians"),
    (errors.UnknownService, HTTPStatus.NOT_FOUND, "not-found", "There is no such service"),
    (errors.OtherFhirVersion, HTTPStatus.BAD_REQUEST, "not-supported", "The FHIR version is not supported"),
    (errors.RequiredDataMissing, HTTPStatus.PRECONDITION_FAILED, "required", "Required data is missing"),
    (errors.BodyTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-long", "The request is too large"),
    (errors.UnsupportedMedia, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not-supported", "The media type is not supported"),
    (errors.TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS, "throttled", "Too many requests"),
    (errors.Busy, HTTPStatus.SERVICE_UNAVAILABLE, "throttled", "The service is busy"),
    (errors.StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE, "no-store", "The store is not available"),
    (errors.DeadlinePassed, HTTPStatus.GATEWAY_TIMEOUT, "timeout", "The answer was not ready in time"),
    (errors.Unavailable, HTTPStatus.SERVICE_UNAVAILABLE, "transient", "The service is not available"),
)

_HTTP_CODES = {
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "not-supported",
}


def problem_of(error: errors.ServiceError) -> Problem:
    """Describe `error` for the caller."""
    for kind, status, code, text in _KINDS:
        if isinstance(error, kind):
            return Problem(status, code, text, str(error), _expression(error), _headers(error))
    raise TypeError(f"{type(error).__name__} has no place in the table of problems")


def _expression(error: errors.ServiceError) -> str | None:
    match error:
        case errors.MalformedRequest(element=element):
            return element
        case errors.RequiredDataMissing(key=key) | errors.OtherFhirVersion(key=key):
            return f"prefetch.{key}"
        case _:
            return None


def _headers(error: errors.ServiceError) -> dict[str, str]:
    match error:
        case errors.Unauthenticated():
            return {"www-authenticate": "Bearer"}
        case errors.TooManyRequests(retry_after_s=seconds) | errors.Unavailable(retry_after_s=seconds):
            return {"retry-after": str(seconds)}
        case errors.UnsupportedMedia():
            return {"accept-post": "application/json", "accept-encoding": "identity"}
        case _:
            return {}


def outcome_response(problem: Problem) -> Response:
    """Write a problem as an OperationOutcome."""
    issue: dict[str, object] = {"severity": "error", "code": problem.code, "details": {"text": problem.text}}
    if problem.diagnostics:
        issue["diagnostics"] = problem.diagnostics
    if problem.expression:
        issue["expression"] = [problem.expression]
    body = orjson.dumps({"resourceType": "OperationOutcome", "issue": [issue]})
    return Response(body, status_code=problem.status, headers=problem.headers, media_type="application/json")


def page_response(problem: Problem) -> Response:
    """Write a problem as a plain page, for people."""
    title = escape(problem.text)
    more = f"<p>{escape(problem.diagnostics)}</p>" if problem.diagnostics else ""
    head = f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
    page = f'<!doctype html><html lang="en">{head}<main><h1>{title}</h1>{more}</main></html>'
    return Response(page, status_code=problem.status, headers=problem.headers, media_type="text/html")


def response_to(request: Request, problem: Problem) -> Response:
    """Write a problem for who asked: browsers that open an address or send a form accept `text/html`.

    Java's client names it for every call: JSON that is posted comes from programs.
    """
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    by_browser = (request.method in READ or is_form) and "text/html" in request.headers.get("accept", "")
    return page_response(problem) if by_browser else outcome_response(problem)


async def answer_service_error(request: Request, error: Exception) -> Response:
    """Answer an error of our own tree."""
    if not isinstance(error, errors.ServiceError):
        raise error
    note(problem=type(error).__name__)
    if isinstance(error, errors.Unauthenticated):
        note(reason=error.reason)
    else:
        note(diagnostics=str(error))
    return response_to(request, problem_of(error))


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses by itself: unknown paths and methods."""
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    code = _HTTP_CODES.get(status, "processing")
    headers = dict(error.headers or {})
    methods = next((value for name, value in headers.items() if name.lower() == "allow"), None)
    told = f"this address answers {' and '.join(sorted(methods.split(', ')))} alone" if methods else None
    return response_to(request, Problem(status, code, status.phrase, told, headers=headers))


def answer_bug(request: Request, error: Exception, *, request_id: str) -> Response:
    """Answer a fault of ours with the request id alone; log where it arose, not its message: it may quote a chart."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    _log.error("bug", request_id=request_id, error=type(error).__name__, frames=frames[-8:])
    text = "The service failed; nothing was recommended"
    return response_to(
        request, Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "exception", text, diagnostics=f"request {request_id}")
    )
