"""The EHR's side of prefetch: the service's templates, evaluated against the record."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from service.demo.fhir.parameters import TYPES
from service.demo.fhir.problems import FhirProblem, outcome
from service.demo.fhir.search import parse_search, searchset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.demo.fhir.record import Record

_TOKEN = re.compile(r"\{\{\s*context\.([A-Za-z]+)\s*\}\}")
_PAGE = "10"


class PrefetchMode(StrEnum):
    """How the EHR behaves: EHRs differ, and the service has to cope with each."""

    FULL = "full"
    PAGED = "paged"
    NONE = "none"
    ERROR = "error"
    CLOSED = "closed"

    @property
    def label(self) -> str:
        """What the choice says."""
        return {
            "full": "Send everything asked for",
            "paged": f"Send first pages of {_PAGE}, with next links",
            "none": "Send nothing: the service fetches",
            "error": "Fail at the observations",
            "closed": "Send nothing and give no access",
        }[self.value]


def evaluate(
    templates: Mapping[str, str], *, context: Mapping[str, str], record: Record, mode: PrefetchMode
) -> dict[str, Any] | None:
    """Answer every template; `None` where the EHR sends no prefetch. Keys that it cannot answer are left out."""
    if mode in {PrefetchMode.NONE, PrefetchMode.CLOSED}:
        return None
    answers: dict[str, Any] = {}
    for key, template in templates.items():
        query = _resolve(template, context)
        if query is None:
            continue
        if mode is PrefetchMode.ERROR and query.startswith("Observation"):
            answers[key] = outcome("error", "transient", "the laboratory system does not answer")
        else:
            answers |= _answer(key, query, record, mode)
    return answers


def _resolve(template: str, context: Mapping[str, str]) -> str | None:
    if any(name not in context for name in _TOKEN.findall(template)):
        return None
    query = _TOKEN.sub(lambda token: context[token[1]], template)
    return None if "{{" in query else query


def _answer(key: str, query: str, record: Record, mode: PrefetchMode) -> dict[str, Any]:
    path, _, parameters = query.partition("?")
    type_, _, identity = path.partition("/")
    if type_ not in TYPES:
        return {}
    try:
        if identity:
            return {key: record.read(type_, identity).body}
        pairs = parse_qsl(parameters, keep_blank_values=True)
        if mode is PrefetchMode.PAGED:
            pairs = [*((name, value) for name, value in pairs if name != "_count"), ("_count", _PAGE)]
        search = parse_search(type_, pairs, base_url=record.base_url)
        return {key: searchset(search, search.run(record), base_url=record.base_url)}
    except FhirProblem:
        # A read without result is null; a search that the EHR cannot do is no key at all (CDS Hooks, prefetch).
        return {key: None} if identity else {}
