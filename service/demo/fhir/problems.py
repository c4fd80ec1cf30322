"""What can go wrong at the FHIR endpoint, and the OperationOutcome that says so.

FhirProblem
├── Malformed 400            the request cannot be read
├── Unauthorised 401         no valid bearer token
├── Forbidden 403            the token's scopes do not reach this
├── Unknown 404              no such resource or type
├── NotAllowed 405           an interaction that this server does not offer
├── NotAcceptable 406        another format than JSON is asked for
├── Conflict 409             other resources refer to it
├── Gone 410                 the resource was deleted
├── PreconditionFailed 412   If-Match or If-None-Exist did not hold
├── UnsupportedMedia 415     another format than JSON is sent
└── Unprocessable 422        JSON, but no valid FHIR
"""

from __future__ import annotations

from typing import Any, ClassVar


class FhirProblem(Exception):  # noqa: N818 the names say what went wrong, as the statuses do
    """A request that the endpoint refuses; the message is for the client and carries no chart text."""

    status: ClassVar[int]
    code: ClassVar[str]


class Malformed(FhirProblem):
    """The request cannot be read."""

    status, code = 400, "invalid"


class Unauthorised(FhirProblem):
    """There is no valid bearer token."""

    status, code = 401, "login"


class Forbidden(FhirProblem):
    """The scopes of the token do not reach this."""

    status, code = 403, "forbidden"


class Unknown(FhirProblem):
    """There is no such resource or resource type."""

    status, code = 404, "not-found"


class NotAllowed(FhirProblem):
    """The server does not offer this interaction."""

    status, code = 405, "not-supported"


class NotAcceptable(FhirProblem):
    """The client wants another format than JSON."""

    status, code = 406, "not-supported"


class Conflict(FhirProblem):
    """Other resources refer to the resource."""

    status, code = 409, "conflict"


class Gone(FhirProblem):
    """The resource was deleted."""

    status, code = 410, "deleted"


class PreconditionFailed(FhirProblem):
    """If-Match or If-None-Exist did not hold."""

    status, code = 412, "conflict"


class UnsupportedMedia(FhirProblem):
    """The client sends another format than JSON."""

    status, code = 415, "not-supported"


class Unprocessable(FhirProblem):
    """The body is JSON but no valid FHIR."""

    status, code = 422, "processing"


def outcome(severity: str, code: str, text: str) -> dict[str, Any]:
    """Build an OperationOutcome with one issue."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "details": {"text": text}, "diagnostics": text}],
    }


def outcome_of(problem: FhirProblem) -> dict[str, Any]:
    """Build the OperationOutcome of a refusal."""
    return outcome("error", problem.code, str(problem))
