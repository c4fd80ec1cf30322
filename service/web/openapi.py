"""The OpenAPI description: CDS Hooks as this service speaks it, written out by hand."""

from __future__ import annotations

from typing import Any

from service import __version__
from service.cds.feedback import SAYS_SOMETHING
from service.cds.services import SERVICES
from service.knowledge.phrases import SUMMARY_LIMIT

JsonSchema = dict[str, Any]

_UUID = {"type": "string", "pattern": "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"}
_LOWER_UUID = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
_ID = {"type": "string", "pattern": r"^(Patient/)?[A-Za-z0-9_.\-]{1,255}$"}
_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
_TEXT = {"type": "string", "minLength": 1}
_EXTENSION = {"type": "object", "description": "Members named by agreement; unknown ones are ignored."}
_ORDERS = {"type": "object", "description": "A FHIR R4 Bundle of draft orders."}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None, **more: object) -> JsonSchema:
    return {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}, **more}


def _list(items: JsonSchema, **more: object) -> JsonSchema:
    return {"type": "array", "items": items, **more}


def _or_null(schema: JsonSchema) -> JsonSchema:
    """Let null stand for an absent member: some clients send it, though the specification has it left out."""
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> JsonSchema:
    return {"$ref": f"#/components/schemas/{name}"}


def describe() -> dict[str, Any]:
    """Give the OpenAPI 3.1 document of the public paths."""
    paths: dict[str, Any] = {
        "/cds-services": {
            "get": _operation("List the services", {"200": _answer("The services", _ref("Discovery"))}, tag="CDS Hooks")
        }
    }
    for service in SERVICES.values():
        paths[f"/cds-services/{service.id}"] = {
            "post": _call(service.title, body=_request(service.hook), answer=_answer("The cards", _ref("Answer")))
        }
        paths[f"/cds-services/{service.id}/feedback"] = {
            "post": _call(
                f"Keep feedback on cards of {service.id}",
                body=_ref("Feedback"),
                answer={"description": "The feedback is kept", "headers": _headers()},
                statuses=("400", "401", "403", "413", "415", "429", "503", "504"),
            )
        }
    for name in ("live", "ready"):
        answers = {"200": _answer(f"The service is {name}", _object({"status": {"const": name}}))}
        if name == "ready":
            answers["503"] = _problem("Something that the service needs is missing")
        paths[f"/health/{name}"] = {"get": _operation(f"Say whether the service is {name}", answers, tag="Operation")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "crlm-cds",
            "version": __version__,
            "description": "CDS Hooks service for the order of treatment in colorectal cancer with liver metastases.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": _SCHEMAS,
            "headers": _HEADERS,
            "securitySchemes": {"jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(summary: str, answers: dict[str, Any], *, tag: str) -> dict[str, Any]:
    return {"summary": summary, "tags": [tag], "responses": answers}


_PROBLEMS = {
    "400": "The body is no CDS Hooks request",
    "401": "The token is missing or not accepted",
    "403": "The client may not use this service, or the reader is no clinician",
    "412": (
        "A required prefetch key was neither sent nor to be had: fhirServer may not be asked, or does not answer. The"
        " request itself may be sound"
    ),
    "413": "The body is too large",
    "415": "The body is no plain JSON",
    "429": "Too many requests",
    "503": "Too many calls are in work, or the store is not available",
    "504": "The answer was not ready in time",
}


def _call(
    summary: str, *, body: JsonSchema, answer: dict[str, Any], statuses: tuple[str, ...] = tuple(_PROBLEMS)
) -> dict[str, Any]:
    return {
        **_operation(
            summary,
            {"200": answer} | {code: _problem(_PROBLEMS[code], *_HEADERS_OF.get(code, ())) for code in statuses},
            tag="CDS Hooks",
        ),
        "security": [{"jwt": []}, {}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
    }


def _answer(description: str, schema: JsonSchema) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    return {"description": description, "headers": _headers(), "content": content}


def _problem(description: str, *more: str) -> dict[str, Any]:
    return {**_answer(description, _ref("OperationOutcome")), "headers": _headers(*more)}


def _headers(*more: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", "Server-Timing", *more)}


_HEADERS_OF: dict[str, tuple[str, ...]] = {
    "401": ("WWW-Authenticate",),
    "415": ("Accept-Post",),
    "429": ("Retry-After",),
    "503": ("Retry-After",),
    "504": ("Retry-After",),
}
_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "Names the call in the service's logs: the one that was sent, where it is a UUID, or a new one.",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    },
    "Server-Timing": {
        "description": "How long the phases of the call took, in milliseconds.",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    },
    "WWW-Authenticate": {"description": "Bearer.", "required": True, "schema": {"const": "Bearer"}},
    "Accept-Post": {"description": "What is read.", "required": True, "schema": {"const": "application/json"}},
    "Retry-After": {
        "description": "Seconds after which another try makes sense.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
}


def _request(hook: str) -> JsonSchema:
    context = {
        "patientId": _ID,
        "userId": {"type": "string", "pattern": r"^(Practitioner|PractitionerRole)/[A-Za-z0-9_.\-]{1,255}$"},
    }
    if hook != "patient-view":
        context["draftOrders"] = _ORDERS
    if hook == "order-select":
        context["selections"] = _list({"type": "string"})
    encounter = {"encounterId": {"type": ["string", "null"], "pattern": r"^((Encounter/)?[A-Za-z0-9_.\-]{1,255})?$"}}
    optional: dict[str, Any] = {
        "fhirServer": {
            "type": ["string", "null"],
            "pattern": rf"^https?://[A-Za-z0-9_.\-]+(:({_PORT}))?(/[A-Za-z0-9._~!$&'()*+,;=:@%\-]*)*$",
        },
        "fhirAuthorization": _or_null(_ref("FhirAuthorization")),
        "prefetch": {
            "type": ["object", "null"],
            "description": "Resources, searchset Bundles or null under the advertised keys.",
        },
        "extension": _or_null(_EXTENSION),
    }
    return _object(
        {"hook": {"const": hook}, "hookInstance": _UUID, "context": _object(context, encounter)},
        optional,
        allOf=[
            {"anyOf": [_WITH_SERVER, {"required": ["prefetch"], "properties": {"prefetch": _WITH_CONDITIONS}}]},
            {"anyOf": [_WITH_SERVER, {"properties": {"fhirAuthorization": {"type": "null"}}}]},
        ],
    )


_WITH_SERVER = {"required": ["fhirServer"], "properties": {"fhirServer": _TEXT}}
_CONDITIONS = {
    **_or_null(_object({"resourceType": {"enum": ["Bundle", "Condition"]}})),
    "description": "Required: sent, or to be had from fhirServer; else 412.",
}
_WITH_CONDITIONS = _object({"conditions": _CONDITIONS})
_CODING = _object({"code": _TEXT, "system": {"type": "string", "format": "uri"}}, {"display": _TEXT})
_REASON = _object({"code": _TEXT, "system": {"type": "string", "format": "uri"}, "display": _TEXT})
_SAYING = {"type": "string", "pattern": SAYS_SOMETHING.pattern}
_REASON_GIVEN = {"type": "object", "properties": {key: {"type": ["string", "null"]} for key in ("code", "system")}}
_WHY = _object(
    {},
    {"reason": _or_null(_REASON_GIVEN), "userComment": {"type": ["string", "null"]}},
    anyOf=[
        {"required": ["reason"], "properties": {"reason": _object({"code": _SAYING})}},
        {"required": ["userComment"], "properties": {"userComment": _SAYING}},
    ],
)
_MOMENT = {
    "type": "string",
    "format": "date-time",
    "not": {"pattern": "^(0000-|0001-01-01|9999-12-31)"},
    "description": "A moment with its zone (RFC 3339, section 5.6).",
}
_URL = {"type": "string", "format": "uri"}

_SCHEMAS: dict[str, JsonSchema] = {
    "Discovery": _object(
        {
            "services": _list(
                _object(
                    {"hook": _TEXT, "description": _TEXT, "id": _TEXT},
                    {
                        "title": _TEXT,
                        "version": _TEXT,
                        "prefetch": {"type": "object", "additionalProperties": _TEXT},
                        "usageRequirements": _TEXT,
                    },
                )
            )
        }
    ),
    "FhirAuthorization": _object(
        {
            "access_token": {"type": "string", "pattern": r"^[A-Za-z0-9._~+/=\-]+$"},
            "token_type": {"const": "Bearer"},
            "expires_in": {"type": "number"},
            "scope": {"type": "string"},
            "subject": {"type": "string"},
        },
        {"patient": {"type": ["string", "null"]}},
    ),
    "Answer": _object({"cards": _list(_ref("Card"))}),
    "Card": _object(
        {
            "uuid": _LOWER_UUID,
            "summary": {"type": "string", "minLength": 1, "maxLength": SUMMARY_LIMIT},
            "indicator": {"enum": ["info", "warning", "critical"]},
            "source": _object({"label": _TEXT, "topic": _CODING}, {"url": _URL, "icon": _URL}),
        },
        {
            "detail": {**_TEXT, "description": "GitHub-flavoured Markdown without HTML."},
            "suggestions": _list(_ref("Suggestion"), minItems=1),
            "selectionBehavior": {"enum": ["at-most-one", "any"]},
            "overrideReasons": _list(_REASON, minItems=1),
            "links": _list(_ref("Link"), minItems=1),
            "extension": _EXTENSION,
        },
        dependentRequired={"suggestions": ["selectionBehavior"]},
    ),
    "Suggestion": _object(
        {"label": _TEXT, "uuid": _LOWER_UUID},
        {"isRecommended": {"type": "boolean"}, "actions": _list(_ref("Action"), minItems=1)},
    ),
    "Action": _object(
        {"type": {"enum": ["create", "update", "delete"]}, "description": _TEXT},
        {"resource": {"type": "object", "description": "A FHIR R4 resource."}, "resourceId": _TEXT},
    ),
    "Link": _object({"label": _TEXT, "url": _URL, "type": {"enum": ["absolute", "smart"]}}, {"appContext": _TEXT}),
    "Feedback": _object(
        {"feedback": _list({"oneOf": [_ref("Accepted"), _ref("Overridden")]}, minItems=1, maxItems=1000)}
    ),
    "Accepted": _object(
        {
            "card": _UUID,
            "outcome": {"const": "accepted"},
            "outcomeTimestamp": _MOMENT,
            "acceptedSuggestions": _list(_object({"id": _UUID}), minItems=1),
        },
    ),
    "Overridden": _object(
        {"card": _UUID, "outcome": {"const": "overridden"}, "outcomeTimestamp": _MOMENT},
        {"overrideReason": _or_null(_WHY)},
    ),
    "OperationOutcome": _object(
        {
            "resourceType": {"const": "OperationOutcome"},
            "issue": _list(
                _object(
                    {
                        "severity": {"enum": ["fatal", "error", "warning", "information"]},
                        "code": _TEXT,
                        "details": _object({"text": _TEXT}),
                    },
                    {"diagnostics": _TEXT, "expression": _list(_TEXT, minItems=1)},
                ),
                minItems=1,
            ),
        }
    ),
}
