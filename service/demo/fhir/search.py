"""Searches: a query string becomes tests on resources, an order and a page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlencode

from service.demo.fhir.dates import PREFIXES, Span, matches, span_in, span_of
from service.demo.fhir.parameters import parameters_of, values_at
from service.demo.fhir.problems import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from service.demo.fhir.parameters import Parameter
    from service.demo.fhir.record import Record, Resource

Test: TypeAlias = "Callable[[Resource], bool]"

DEFAULT_PAGE = 50
LARGEST_PAGE = 1000
_QUIET = {"_format", "_pretty"}
_SPLIT = re.compile(r"(?<!\\),")
_BAR = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Search:
    """A search that was understood: its tests, its order, its page, and the parameters that took part."""

    type: str
    tests: tuple[Test, ...]
    patient: str | None
    """The one patient whom the search names, where it names one."""
    sort: tuple[tuple[str, bool], ...]
    """Parameter and whether it descends."""
    count: int
    offset: int
    used: tuple[tuple[str, str], ...]

    def run(self, record: Record, *, allowed: Test | None = None) -> list[Resource]:
        """Give every resource that fits, in order; `allowed` limits what the client may see at all."""
        found = [
            resource
            for resource in record.all(self.type, patient=self.patient)
            if (allowed is None or allowed(resource)) and all(test(resource) for test in self.tests)
        ]
        for name, descending in reversed(self.sort):
            parameter = parameters_of(self.type)[name]
            absent = [one for one in found if _sort_key(one, parameter, descending=descending) is None]
            present = [one for one in found if _sort_key(one, parameter, descending=descending) is not None]
            present.sort(key=lambda one: _sort_key(one, parameter, descending=descending) or "", reverse=descending)
            found = present + absent
        return found


def parse_search(type_: str, query: Iterable[tuple[str, str]], *, base_url: str, strict: bool = False) -> Search:
    """Understand a search; raise `Malformed` for values that make no sense.

    Parameters that the endpoint does not know are left out (and missing from the `self` link), or refused where the
    client asks for `handling=strict`.
    """
    tests: list[Test] = []
    patients: set[str] = set()
    sort: tuple[tuple[str, bool], ...] = ()
    count, offset = DEFAULT_PAGE, 0
    used = _understood(type_, query, strict=strict)
    known = parameters_of(type_)
    for name, value in used:
        bare, _, modifier = name.partition(":")
        match bare:
            case "_count":
                count = min(_number(name, value), LARGEST_PAGE)
            case "_offset":
                offset = _number(name, value)
            case "_sort":
                sort = _parse_sort(type_, value)
            case _:
                tests.append(_test_of(bare, known[bare], modifier, value, base_url))
                patients |= _patients_named(type_, bare, value, base_url)
    patient = patients.pop() if len(patients) == 1 else None
    linked = tuple(pair for pair in used if pair[0] != "_offset")
    return Search(type_, tuple(tests), patient, sort, count, offset, linked)


def _understood(type_: str, query: Iterable[tuple[str, str]], *, strict: bool) -> list[tuple[str, str]]:
    known = {*parameters_of(type_), "_count", "_offset", "_sort"}
    pairs = [(name, value) for name, value in query if value and name not in _QUIET]
    strange = sorted({name.partition(":")[0] for name, _ in pairs} - known)
    if strict and strange:
        raise Malformed(f"{type_} cannot be searched by every parameter given")
    return [pair for pair in pairs if pair[0].partition(":")[0] in known]


def _patients_named(type_: str, name: str, value: str, base_url: str) -> set[str]:
    if "," in value or not (name in {"patient", "subject"} or (type_ == "Patient" and name == "_id")):
        return set()
    return {value.removeprefix(base_url + "/").removeprefix("Patient/")}


def searchset(search: Search, found: Sequence[Resource], *, base_url: str) -> Resource:
    """Build the page of a search as a Bundle with `self` and, where there is more, `next`."""
    page = found[search.offset : search.offset + search.count]
    address = f"{base_url}/{search.type}?"
    links = [{"relation": "self", "url": address + urlencode(search.used)}]
    after = search.offset + search.count
    if search.count and after < len(found):
        links.append({"relation": "next", "url": address + urlencode([*search.used, ("_offset", str(after))])})
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links}
    if page:
        bundle["entry"] = [
            {
                "fullUrl": f"{base_url}/{resource['resourceType']}/{resource['id']}",
                "resource": resource,
                "search": {"mode": "match"},
            }
            for resource in page
        ]
    return bundle


def _number(name: str, value: str) -> int:
    if not re.fullmatch(r"\d{1,9}", value):
        raise Malformed(f"{name} must be a whole number, 0 or more")
    return int(value)


def _parse_sort(type_: str, value: str) -> tuple[tuple[str, bool], ...]:
    order = []
    for part in value.split(","):
        name = part.removeprefix("-")
        if name not in parameters_of(type_):
            raise Malformed(f"{type_} cannot be sorted by that parameter")
        order.append((name, part.startswith("-")))
    return tuple(order)


def _test_of(name: str, parameter: Parameter, modifier: str, value: str, base_url: str) -> Test:
    alternatives = [_unescape(part) for part in _SPLIT.split(value)]
    if modifier and not (parameter.kind == "reference" and modifier == "Patient"):
        raise Malformed(f"the modifier {name}:{modifier} is not supported")
    match parameter.kind:
        case "token":
            wanted = [_token(part) for part in _SPLIT.split(value)]
            return lambda one: any(_has_token(found, wanted) for found in _values(one, parameter))
        case "reference":
            references = {_reference(part, base_url, patient=name in {"patient", "subject"}) for part in alternatives}
            return lambda one: any(_refers(found, references, base_url) for found in _values(one, parameter))
        case "date":
            spans = [_dated(part) for part in alternatives]
            return lambda one: any(_in_time(found, spans) for found in _values(one, parameter))
        case _:
            starts = tuple(part.casefold() for part in alternatives)
            return lambda one: any(
                isinstance(found, str) and found.casefold().startswith(starts) for found in _values(one, parameter)
            )


def _values(resource: Resource, parameter: Parameter) -> Iterable[Any]:
    for path in parameter.paths:
        yield from values_at(resource, path)


def _unescape(text: str) -> str:
    return re.sub(r"\\([,|$\\])", r"\1", text)


def _token(text: str) -> tuple[str | None, str | None]:
    parts = _BAR.split(text, maxsplit=1)
    if len(parts) == 1:
        return None, _unescape(parts[0])
    return _unescape(parts[0]), _unescape(parts[1]) or None


def _has_token(value: Any, wanted: Sequence[tuple[str | None, str | None]]) -> bool:  # noqa: ANN401 JSON as it came
    if isinstance(value, dict) and isinstance(value.get("coding"), list):
        return any(_has_token(coding, wanted) for coding in value["coding"])
    if isinstance(value, dict):
        found = value.get("system", ""), value.get("code", value.get("value"))
    elif isinstance(value, bool):
        found = "", "true" if value else "false"
    else:
        # A `code` element has no system of its own: any system asked for fits it.
        return any(code == value for _, code in wanted)
    return any((system is None or system == found[0]) and (code is None or code == found[1]) for system, code in wanted)


def _reference(text: str, base_url: str, *, patient: bool) -> str:
    relative = text.removeprefix(base_url + "/")
    return f"Patient/{relative}" if patient and "/" not in relative else relative


def _refers(value: Any, wanted: set[str], base_url: str) -> bool:  # noqa: ANN401 JSON as it came
    reference = value.get("reference") if isinstance(value, dict) else None
    if not isinstance(reference, str):
        return False
    relative = reference.removeprefix(base_url + "/").partition("/_history/")[0]
    return relative in wanted or relative.rpartition("/")[2] in wanted


def _dated(text: str) -> tuple[str, Span]:
    prefix = text[:2] if text[:2] in PREFIXES else "eq"
    return prefix, span_of(text.removeprefix(prefix))


def _in_time(value: Any, asked: Sequence[tuple[str, Span]]) -> bool:  # noqa: ANN401 JSON as it came
    found = span_in(value)
    return found is not None and any(matches(found, prefix, span) for prefix, span in asked)


def _sort_key(resource: Resource, parameter: Parameter, *, descending: bool) -> str | None:
    keys = []
    for value in _values(resource, parameter):
        if parameter.kind == "date":
            span = span_in(value)
            if span:
                keys.append((span[1] if descending else span[0]).isoformat())
        elif isinstance(value, dict):
            coding = (value.get("coding") or [value])[0]
            keys.append(str(coding.get("code", value.get("reference", ""))))
        else:
            keys.append(str(value))
    if not keys:
        return None
    return max(keys) if descending else min(keys)
