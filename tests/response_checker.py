"""Checks of everything the service answers, written from the CDS Hooks logical models and the public contract.

Each function lists what is wrong, a line a fault beginning with the JSON path; an empty list means conforming.
Nothing here is taken from the code under test.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from tests.advice_checker import CODE_SYSTEMS, check_advice

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9_.\-]{1,255}")
NUMBER, TEXT = (int, float), str
ADVICE = "example.crlm-cds.advice"
ISSUE_TYPES = frozenset(
    "invalid structure required value invariant security login unknown expired forbidden suppressed processing"
    " not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly"
    " business-rule conflict transient lock-error no-store exception timeout incomplete throttled informational".split()
)

Faults = list[str]


def check_response(body: bytes | dict[str, Any], *, hook: str) -> Faults:
    """Check the body of a 200 to a call of `hook`."""
    answer, faults = _parse(body)
    if answer is None:
        return faults
    faults = _emptiness(answer, "$", allowed=frozenset({"$.cards"}))
    faults += _members(answer, "$", required={"cards": list}, optional={"systemActions": list, "extension": dict})
    if "systemActions" in answer:
        faults.append("$.systemActions: treatment advice is never applied without review")
    cards = answer.get("cards")
    if not isinstance(cards, list):
        return faults
    if hook == "patient-view" and len(cards) > 1:
        faults.append("$.cards: patient-view gives at most one card")
    for index, card in enumerate(cards):
        faults += _card(card, f"$.cards[{index}]", hook=hook)
    return faults + _unique_uuids(cards)


def check_discovery(body: bytes | dict[str, Any]) -> Faults:
    """Check the body of `GET /cds-services`."""
    answer, faults = _parse(body)
    if answer is None:
        return faults
    faults = _emptiness(answer, "$", allowed=frozenset({"$.services"}))
    faults += _members(answer, "$", required={"services": list}, optional={"extension": dict})
    ids: list[str] = []
    for index, service in enumerate(answer.get("services", [])):
        path = f"$.services[{index}]"
        faults += _members(
            service,
            path,
            required={"hook": TEXT, "description": TEXT, "id": TEXT},
            optional={
                "title": TEXT,
                "version": TEXT,
                "hookVersion": TEXT,
                "prefetch": dict,
                "usageRequirements": TEXT,
                "extension": dict,
            },
        )
        ids.append(service.get("id"))
        for key, template in service.get("prefetch", {}).items():
            faults += _template(template, f"{path}.prefetch.{key}")
    if len(set(ids)) != len(ids):
        faults.append("$.services: ids repeat; clients key services by id")
    return faults


def check_operation_outcome(body: bytes | dict[str, Any]) -> Faults:
    """Check the body of an answer that is no 2xx."""
    outcome, faults = _parse(body)
    if outcome is None:
        return faults
    faults = _emptiness(outcome, "$", allowed=frozenset())
    faults += _members(outcome, "$", required={"resourceType": TEXT, "issue": list}, optional={"id": TEXT})
    if outcome.get("resourceType") != "OperationOutcome":
        faults.append("$.resourceType: must be OperationOutcome")
    for index, issue in enumerate(outcome.get("issue", [])):
        path = f"$.issue[{index}]"
        faults += _members(
            issue,
            path,
            required={"severity": TEXT, "code": TEXT, "details": dict},
            optional={"diagnostics": TEXT, "expression": list},
        )
        faults += _one_of(issue.get("severity"), f"{path}.severity", {"fatal", "error", "warning", "information"})
        faults += _one_of(issue.get("code"), f"{path}.code", ISSUE_TYPES)
        faults += _members(issue.get("details", {}), f"{path}.details", required={"text": TEXT}, optional={})
    return faults


def _parse(body: bytes | dict[str, Any]) -> tuple[dict[str, Any] | None, Faults]:
    if isinstance(body, dict):
        return body, []
    try:
        parsed = json.loads(body)
    except ValueError:
        return None, ["$: no JSON"]
    return (parsed, []) if isinstance(parsed, dict) else (None, ["$: must be an object"])


def _emptiness(node: object, path: str, *, allowed: frozenset[str]) -> Faults:
    """Find null, "", [] and {} at any depth (specification, "Null and empty JSON elements")."""
    if node is None or node == "" or (isinstance(node, (list, dict)) and not node):
        return [] if path in allowed else [f"{path}: null or empty"]
    if isinstance(node, dict):
        return [fault for key, value in node.items() for fault in _emptiness(value, f"{path}.{key}", allowed=allowed)]
    if isinstance(node, list):
        return [
            fault
            for index, value in enumerate(node)
            for fault in _emptiness(value, f"{path}[{index}]", allowed=allowed)
        ]
    return []


def _members(
    node: object, path: str, *, required: dict[str, type | tuple[type, ...]], optional: dict[str, type]
) -> Faults:
    if not isinstance(node, dict):
        return [f"{path}: must be an object"]
    faults = [f"{path}.{name}: is required" for name in required if name not in node]
    faults += [f"{path}.{name}: unknown member" for name in sorted(node.keys() - required.keys() - optional.keys())]
    for name, kind in {**required, **optional}.items():
        value = node.get(name)
        if name in node and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
            faults.append(f"{path}.{name}: has the wrong type")
    return faults


def _one_of(value: object, path: str, allowed: set[str] | frozenset[str]) -> Faults:
    return [] if value in allowed else [f"{path}: must be one of {', '.join(sorted(allowed))}"]


def _absolute(url: object, path: str) -> Faults:
    parts = urlsplit(url) if isinstance(url, str) else None
    sound = parts is not None and parts.scheme in {"http", "https"} and parts.hostname
    return [] if sound else [f"{path}: must be an absolute URL"]


def _card(card: object, path: str, *, hook: str) -> Faults:
    faults = _members(
        card,
        path,
        required={"uuid": TEXT, "summary": TEXT, "indicator": TEXT, "source": dict},
        optional={
            "detail": TEXT,
            "suggestions": list,
            "selectionBehavior": TEXT,
            "overrideReasons": list,
            "links": list,
            "extension": dict,
        },
    )
    if not isinstance(card, dict) or faults:
        return faults
    faults += _uuid(card["uuid"], f"{path}.uuid")
    if len(card["summary"]) >= 140:
        faults.append(f"{path}.summary: must be shorter than 140 characters")
    if not card["summary"].isprintable():
        faults.append(f"{path}.summary: must be one printable line")
    if re.search(r"<[A-Za-z/!]", card.get("detail", "")):
        faults.append(f"{path}.detail: raw HTML; some clients render it unsanitised")
    faults += _one_of(card["indicator"], f"{path}.indicator", {"info", "warning", "critical"})
    faults += _source(card["source"], f"{path}.source", hook=hook)
    faults += _suggestions(card, path)
    for index, reason in enumerate(card.get("overrideReasons", [])):
        faults += _coding(reason, f"{path}.overrideReasons[{index}]", display=True)
    for index, link in enumerate(card.get("links", [])):
        faults += _link(link, f"{path}.links[{index}]")
    advice = card.get("extension", {}).get(ADVICE)
    if advice is None:
        faults.append(f"{path}.extension: {ADVICE} is required")
    else:
        topic = card["source"].get("topic", {})
        faults += check_advice(advice, f"{path}.extension.{ADVICE}", topic=topic, hook=hook)
    return faults


def _source(source: dict[str, Any], path: str, *, hook: str) -> Faults:
    faults = _members(
        source, path, required={"label": TEXT, "topic": dict}, optional={"url": TEXT, "icon": TEXT, "extension": dict}
    )
    for name in ("url", "icon"):
        if name in source:
            faults += _absolute(source[name], f"{path}.{name}")
    topic = source.get("topic", {})
    faults += _coding(topic, f"{path}.topic", display=False)
    wanted = CODE_SYSTEMS + ("strategy" if hook == "patient-view" else "advisory")
    if isinstance(topic, dict) and topic.get("system") != wanted:
        faults.append(f"{path}.topic.system: must be {wanted}")
    return faults


def _coding(coding: object, path: str, *, display: bool) -> Faults:
    required: dict[str, type | tuple[type, ...]] = {"code": TEXT, "system": TEXT}
    optional: dict[str, type] = {}
    (required if display else optional)["display"] = TEXT
    return _members(coding, path, required=required, optional=optional)


def _suggestions(card: dict[str, Any], path: str) -> Faults:
    suggestions = card.get("suggestions")
    if suggestions is None:
        return [f"{path}.selectionBehavior: only with suggestions"] if "selectionBehavior" in card else []
    faults = _one_of(card.get("selectionBehavior"), f"{path}.selectionBehavior", {"at-most-one", "any"})
    recommended = sum(1 for suggestion in suggestions if suggestion.get("isRecommended") is True)
    if recommended > 1 and card.get("selectionBehavior") == "at-most-one":
        faults.append(f"{path}.suggestions: only one may be recommended where at most one may be chosen")
    for index, suggestion in enumerate(suggestions):
        here = f"{path}.suggestions[{index}]"
        faults += _members(
            suggestion,
            here,
            required={"label": TEXT, "uuid": TEXT},
            optional={"isRecommended": bool, "actions": list, "extension": dict},
        )
        faults += _uuid(suggestion.get("uuid"), f"{here}.uuid")
        for number, action in enumerate(suggestion.get("actions", [])):
            faults += _action(action, f"{here}.actions[{number}]")
    return faults


def _action(action: object, path: str) -> Faults:
    faults = _members(
        action,
        path,
        required={"type": TEXT, "description": TEXT},
        optional={"resource": dict, "resourceId": TEXT, "extension": dict},
    )
    if not isinstance(action, dict) or faults:
        return faults
    resource, resource_id = action.get("resource"), action.get("resourceId")
    match action["type"]:
        case "create" | "update":
            if not (isinstance(resource, dict) and resource.get("resourceType") and resource.get("id")):
                faults.append(f"{path}.resource: must be a resource with resourceType and id")
            if resource_id is not None:
                faults.append(f"{path}.resourceId: only for delete")
        case "delete":
            if not (isinstance(resource_id, str) and REFERENCE.fullmatch(resource_id)):
                faults.append(f"{path}.resourceId: must be 'Type/id'")
            if resource is not None:
                faults.append(f"{path}.resource: deprecated for delete")
        case _:
            faults.append(f"{path}.type: must be create, update or delete")
    return faults


def _link(link: object, path: str) -> Faults:
    faults = _members(
        link,
        path,
        required={"label": TEXT, "url": TEXT, "type": TEXT},
        optional={"appContext": TEXT, "autolaunchable": bool, "extension": dict},
    )
    if not isinstance(link, dict) or faults:
        return faults
    faults += _absolute(link["url"], f"{path}.url")
    faults += _one_of(link["type"], f"{path}.type", {"absolute", "smart"})
    if link["type"] == "absolute" and "appContext" in link:
        faults.append(f"{path}.appContext: only for smart links")
    if link["type"] == "smart" and re.search(r"[?&](iss|launch)=", link["url"]):
        faults.append(f"{path}.url: iss and launch are added by the client")
    return faults


def _uuid(value: object, path: str) -> Faults:
    return [] if isinstance(value, str) and UUID.fullmatch(value) else [f"{path}: must be a bare lower-case UUID"]


def _unique_uuids(cards: list[Any]) -> Faults:
    found = [card.get("uuid") for card in cards if isinstance(card, dict)]
    found += [
        suggestion.get("uuid")
        for card in cards
        if isinstance(card, dict)
        for suggestion in card.get("suggestions", [])
        if isinstance(suggestion, dict)
    ]
    return [] if len(set(found)) == len(found) else ["$.cards: uuids repeat"]


def _template(template: object, path: str) -> Faults:
    if not isinstance(template, str):
        return [f"{path}: must be a string"]
    faults = []
    if not re.fullmatch(r"[A-Z][A-Za-z]+(/\{\{context\.patientId\}\}|\?.+)", template):
        faults.append(f"{path}: must be 'Type/id' or 'Type?parameters'")
    names = [pair.partition("=")[0] for pair in template.partition("?")[2].split("&") if pair]
    if len(set(names)) != len(names):
        faults.append(f"{path}: a parameter repeats")
    if set(names) - {"patient", "code", "status", "_count", "_sort"}:
        faults.append(f"{path}: a parameter is outside the public contract")
    if re.sub(r"\{\{context\.patientId\}\}", "", template).count("{"):
        faults.append(f"{path}: a token is outside the public contract")
    return faults
