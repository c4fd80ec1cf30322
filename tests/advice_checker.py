"""Checks of the extension that every card carries, written from the public contract of the design."""

from __future__ import annotations

import re
from typing import Any

CODE_SYSTEMS = "https://crlm-cds.example/fhir/CodeSystem/"
STRATEGIES = frozenset({"staged", "liver-first", "simultaneous", "systemic-first", "metachronous", "mdt"})
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ROW = re.compile(r"[A-Z]\d+[a-z]?")
_STATEMENT = re.compile(r"[SR]\d+")
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[^\s/]+")
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?(/\d{4}-\d{2}-\d{2})?")
_MEMBERS = frozenset(
    "strategy determined nextStep strength rows candidates alternatives timing missing assumptions advisories"
    " statements facts gaps knowledge".split()
)

Faults = list[str]


def check_advice(advice: object, path: str, *, topic: dict[str, Any], hook: str) -> Faults:
    """Check one advice object against the contract, and against the topic of its card."""
    if not isinstance(advice, dict):
        return [f"{path}: must be an object"]
    faults = [f"{path}.{name}: unknown member" for name in sorted(advice.keys() - _MEMBERS)]
    faults += _knowledge(advice.get("knowledge"), f"{path}.knowledge")
    faults += _strategy(advice, path)
    if hook == "patient-view" and topic.get("code") != advice.get("strategy", "undetermined"):
        faults.append(f"{path}.strategy: differs from the topic of the card")
    for name, pattern in (("rows", _ROW), ("advisories", _CODE), ("statements", _STATEMENT)):
        faults += _texts(advice.get(name, []), f"{path}.{name}", pattern)
    for name, allowed in (("strength", {"strong", "conditional"}), ("timing", {"synchronous", "metachronous"})):
        if name in advice and advice[name] not in allowed:
            faults.append(f"{path}.{name}: must be one of {', '.join(sorted(allowed))}")
    return faults + _lists(advice, path)


def _lists(advice: dict[str, Any], path: str) -> Faults:
    faults: Faults = []
    for item, here in _items(advice, "missing", path):
        if set(item) != {"fact", "settles"} or not isinstance(item["settles"], bool):
            faults.append(f"{here}: must have fact and settles")
    for item, here in _items(advice, "assumptions", path):
        if set(item) != {"fact", "value"} or not isinstance(item["value"], (bool, int, float, str)):
            faults.append(f"{here}: must have fact and value")
    for item, here in _items(advice, "facts", path):
        faults += _fact(item, here)
    for item, here in _items(advice, "gaps", path):
        faults += _gap(item, here)
    return faults


def _knowledge(knowledge: object, path: str) -> Faults:
    if not isinstance(knowledge, dict) or set(knowledge) != {"id", "version", "policy"}:
        return [f"{path}: must have id, version and policy"]
    return [] if all(isinstance(text, str) for text in knowledge.values()) else [f"{path}: must hold texts"]


def _strategy(advice: dict[str, Any], path: str) -> Faults:
    if not isinstance(advice.get("determined"), bool):
        return [f"{path}.determined: must be true or false"]
    faults = []
    strategy = advice.get("strategy")
    if advice["determined"] is not (strategy is not None):
        faults.append(f"{path}.determined: true exactly where there is one strategy")
    if strategy is not None and strategy not in STRATEGIES:
        faults.append(f"{path}.strategy: unknown code")
    outcomes = _items(advice, "candidates", path) + _items(advice, "alternatives", path)
    faults += [
        f"{here}: must have a strategy, and may have a nextStep"
        for item, here in outcomes
        if not {"strategy"} <= set(item) <= {"strategy", "nextStep"} or item["strategy"] not in STRATEGIES
    ]
    return faults or _agreement(advice, path)


def _agreement(advice: dict[str, Any], path: str) -> Faults:
    """Check that strategy and nextStep say the same as the candidates."""
    faults = []
    candidates = [(item["strategy"], item.get("nextStep")) for item in advice.get("candidates", [])]
    steps = {step for _, step in candidates}
    if "strategy" in advice:
        if {strategy for strategy, _ in candidates} != {advice["strategy"]}:
            faults.append(f"{path}.candidates: must hold the one strategy and no other")
        if advice.get("nextStep") != (next(iter(steps)) if len(steps) == 1 else None):
            faults.append(f"{path}.nextStep: present exactly where the candidates agree on it")
    elif "nextStep" in advice or "strength" in advice:
        faults.append(f"{path}: nextStep and strength belong to a determined strategy")
    if len(set(candidates)) != len(candidates):
        faults.append(f"{path}.candidates: repeat")
    return faults


def _fact(item: dict[str, Any], path: str) -> Faults:
    faults = []
    if not {"fact", "how"} <= set(item) <= {"fact", "value", "narrowed", "unit", "how", "evidence", "dated"}:
        faults.append(f"{path}: must have fact and how, and may have value, narrowed, unit, evidence, dated")
    if "value" not in item and "narrowed" not in item:
        faults.append(f"{path}.value: is required")
    if item.get("how") not in {"coded", "derived", "entered", "assumed"}:
        faults.append(f"{path}.how: must be coded, derived, entered or assumed")
    faults += _texts(item.get("evidence", []), f"{path}.evidence", _REFERENCE)
    if "dated" in item and not (isinstance(item["dated"], str) and _DATE.fullmatch(item["dated"])):
        faults.append(f"{path}.dated: must be a date")
    return faults


def _gap(item: dict[str, Any], path: str) -> Faults:
    faults = _texts(item.get("evidence", []), f"{path}.evidence", _REFERENCE)
    if item.get("gap") not in {"absent", "conflicting", "outdated", "unreadable", "not-retrieved"}:
        faults.append(f"{path}.gap: unknown code")
    return faults


def _items(advice: dict[str, Any], name: str, path: str) -> list[tuple[dict[str, Any], str]]:
    """Give the objects of a list with their paths; what is no object is given as an empty one, which is faulty."""
    found = advice.get(name, [])
    items = found if isinstance(found, list) else [found]
    return [(item if isinstance(item, dict) else {}, f"{path}.{name}[{index}]") for index, item in enumerate(items)]


def _texts(found: object, path: str, pattern: re.Pattern[str]) -> Faults:
    if not isinstance(found, list) or not all(isinstance(text, str) and pattern.fullmatch(text) for text in found):
        return [f"{path}: must be a list of {pattern.pattern}"]
    return [] if len(set(found)) == len(found) else [f"{path}: repeats"]
