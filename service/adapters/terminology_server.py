"""A site's terminology server: the descendants of SNOMED CT concepts by `$expand`, in whichever form it understands."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from fhir_mappings.widening import SNOMED
from service.adapters.outbound import OutboundError
from service.adapters.strict_json import StrictJsonError, parse_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.adapters.outbound import Destinations, Outbound

_PAGE = 1000
_MOST_CODES = 100_000
_MOST_BYTES = 33_554_432
_TIMEOUT_S = 60.0
_FORMS = ("ecl", "isa", "filter")


class TerminologyServerError(Exception):
    """The server gave no usable expansion; the message is ours and names the concept."""


@dataclass(slots=True)
class TerminologyServer:
    """One server. It is asked for `ecl/<<code` first, then `isa/code`, then a filter; the first that works stays."""

    base: str
    outbound: Outbound
    destinations: Destinations
    token: str | None = field(default=None, repr=False)
    edition: str | None = None
    """The version of SNOMED CT that the last expansion was made from, as the server names it."""
    _form: str | None = None

    async def descendants(self, concept: str) -> dict[str, str]:
        """Give the concept itself and all its descendants with their displays; raise `TerminologyServerError`."""
        fault: TerminologyServerError | None = None
        for form in (self._form,) if self._form else _FORMS:
            try:
                found = await self._expanded(concept, form)
            except _NotUnderstoodError as refused:
                fault = refused
                continue
            if concept in found:
                self._form = form
                return found
            fault = TerminologyServerError(f"{concept}: the expansion does not hold the concept itself")
        raise fault or TerminologyServerError(f"{concept}: no expansion")

    async def _expanded(self, concept: str, form: str) -> dict[str, str]:
        found: dict[str, str] = {}
        while True:
            expansion = await self._page(concept, form, offset=len(found))
            before = len(found)
            found.update(_codes(expansion))
            total = expansion.get("total")
            if len(found) > _MOST_CODES:
                raise TerminologyServerError(f"{concept}: has more than {_MOST_CODES} descendants")
            if not isinstance(total, int) or len(found) >= total:
                return found
            if len(found) == before:
                raise TerminologyServerError(f"{concept}: its pages end before its total")

    async def _page(self, concept: str, form: str, *, offset: int) -> dict[str, Any]:
        try:
            answer = await self.outbound.send(
                self._request(concept, form, offset),
                to=self.destinations,
                max_bytes=_MOST_BYTES,
                timeout_s=_TIMEOUT_S,
            )
        except OutboundError as fault:
            raise TerminologyServerError(f"{concept}: {fault}") from None
        if answer.status_code != httpx.codes.OK:
            raise _NotUnderstoodError(f"{concept}: was answered with status {answer.status_code}")
        try:
            expansion = parse_object(answer.content).get("expansion")
        except StrictJsonError:
            raise TerminologyServerError(f"{concept}: the answer is no JSON") from None
        if not isinstance(expansion, dict):
            raise TerminologyServerError(f"{concept}: the answer is no expansion")
        self.edition = _edition(expansion) or self.edition
        return expansion

    def _request(self, concept: str, form: str, offset: int) -> httpx.Request:
        headers = {"Accept": "application/fhir+json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        url = f"{self.base.rstrip('/')}/ValueSet/$expand"
        if form != "filter":
            meant = f"ecl/<<{concept}" if form == "ecl" else f"isa/{concept}"
            implicit = quote(f"{SNOMED}?fhir_vs={meant}", safe="")
            return httpx.Request("GET", f"{url}?url={implicit}&count={_PAGE}&offset={offset}", headers=headers)
        content = json.dumps(_parameters(concept, offset)).encode()
        return httpx.Request("POST", url, headers={**headers, "Content-Type": "application/fhir+json"}, content=content)


class _NotUnderstoodError(TerminologyServerError):
    """The server does not understand this form of asking, or not this concept."""


def _parameters(concept: str, offset: int) -> dict[str, Any]:
    include = {"system": SNOMED, "filter": [{"property": "concept", "op": "is-a", "value": concept}]}
    value_set = {"resourceType": "ValueSet", "status": "active", "compose": {"include": [include]}}
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "valueSet", "resource": value_set},
            {"name": "count", "valueInteger": _PAGE},
            {"name": "offset", "valueInteger": offset},
        ],
    }


def _codes(expansion: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    contains = expansion.get("contains", ())
    for entry in contains if isinstance(contains, list) else ():
        if not isinstance(entry, dict):
            continue
        code, display = entry.get("code"), entry.get("display", "")
        if entry.get("system") == SNOMED and isinstance(code, str) and isinstance(display, str):
            yield code, display
        yield from _codes(entry)


def _edition(expansion: Mapping[str, Any]) -> str | None:
    parameters = expansion.get("parameter", ())
    for parameter in parameters if isinstance(parameters, list) else ():
        value = parameter.get("valueUri") if isinstance(parameter, dict) else None
        if isinstance(value, str) and value.startswith(f"{SNOMED}|"):
            return value.partition("|")[2]
    return None
