"""The prefetch: what discovery asks for, and the same queries for our own fetch where a client does not send them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlencode

from service.errors import RequiredDataMissing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.catalogue import Catalogue
    from fhir_mappings.terminology import Terminology

_TOKEN = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_RESOLVABLE = frozenset({"context.patientId", "context.userId", "context.encounterId"})
_REFERENCE_CHARACTERS = re.compile(r"[A-Za-z0-9_.\-/]{1,512}")
_READ = re.compile(r"[A-Z][A-Za-z]+/[^?&/]+")
_SEARCH = re.compile(r"[A-Z][A-Za-z]+\?.+")


class TemplateError(Exception):
    """A template asks for something that the restricted grammar of prefetch templates does not have."""


@dataclass(frozen=True, slots=True)
class Query:
    """One FHIR read (`id` is set) or search, relative to the FHIR base; parameters in the order of the template."""

    resource_type: str
    id: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def form(self) -> str:
        """The parameters as a form body or query string."""
        return urlencode(self.parameters, quote_via=quote)

    @property
    def url(self) -> str:
        """The relative URL of the read, or of the search by GET."""
        if self.id is not None:
            return f"{self.resource_type}/{quote(self.id, safe='')}"
        return f"{self.resource_type}?{self.form}"


@dataclass(frozen=True, slots=True)
class PrefetchKey:
    """One key that discovery advertises. Without a required key there is no answer (412)."""

    name: str
    resource_type: str
    template: str
    required: bool = False


PATIENT = PrefetchKey("patient", "Patient", "Patient/{{context.patientId}}")
# Without `code`: EHRs do not offer it for Condition, and conditions that are text only have to be seen.
CONDITIONS = PrefetchKey(
    "conditions", "Condition", "Condition?patient={{context.patientId}}&_count=1000", required=True
)


def prefetch_keys(observation_codes: Iterable[str]) -> tuple[PrefetchKey, ...]:
    """List every key, the required one among the first two.

    Observations are most of a chart (laboratory, vital signs), so they alone are filtered by code: without systems,
    which keeps the URL near 2 kB and finds local aliases; what is found is checked with its system afterwards.
    Codes of operations are ranges and patterns, and drugs often hide behind references: these types come whole.
    """
    codes = ",".join(sorted(set(observation_codes)))
    code = f"&code={codes}" if codes else ""
    return (
        PATIENT,
        CONDITIONS,
        _search("observations", "Observation", f"{code}&_sort=-date&_count=500"),
        _search("procedures", "Procedure", "&_sort=-date&_count=500"),
        _search("serviceRequests", "ServiceRequest", "&status=draft,active,on-hold&_sort=-authored&_count=200"),
        _search("medicationRequests", "MedicationRequest", "&_sort=-authoredon&_count=500"),
        _search("medicationAdministrations", "MedicationAdministration", "&_sort=-effective-time&_count=500"),
        _search("carePlans", "CarePlan", "&status=active,completed&_sort=-date&_count=100"),
        _search("bodyStructures", "BodyStructure", "&_count=200"),
    )


# Sets of Observation codes that hold no LOINC code.
_SETS_WITHOUT_LOINC = ("margin", "metastasis-history", "distant-metastasis-site")
_GRADES = ("asa-", "ecog-")


def observation_codes(terminology: Terminology, catalogue: Catalogue) -> set[str]:
    """Give the codes of every Observation that is read: our own of each fact, and those of the value sets.

    A value set is one of Observations where LOINC names what is measured; LOINC's answers begin with LA. Grades of
    SNOMED CT are findings, which are codes of Observations as well as answers.
    """
    measured = [
        members
        for name, members in terminology.members.items()
        if name in _SETS_WITHOUT_LOINC
        or any(system == "loinc" and not code.startswith("LA") for system, code in members)
    ]
    codes = {code for members in measured for _, code in members}
    graded = (members for name, members in terminology.members.items() if name.startswith(_GRADES))
    codes |= {code for members in graded for system, code in members if system == "snomed"}
    return codes | catalogue.facts.keys()


def advertised(keys: Iterable[PrefetchKey], *, mode: Literal["full", "gate"]) -> dict[str, str]:
    """Give the templates that discovery shows: all, or those that tell whether a chart is in scope."""
    return {key.name: key.template for key in keys if mode == "full" or key in (PATIENT, CONDITIONS)}


def resolve(template: str, context: Mapping[str, str]) -> Query:
    """Put the values of `context` (`{"patientId": …}`) into a template.

    Values that are no FHIR id or reference are refused, so that none can add a parameter to the query. Raises
    `TemplateError` also for other tokens and for a result that is no relative read or type-level search.
    """

    def value(token: re.Match[str]) -> str:
        path = token.group(1)
        found = context.get(path.removeprefix("context."), "")
        if path not in _RESOLVABLE or not _REFERENCE_CHARACTERS.fullmatch(found):
            raise TemplateError("a token of the template has no usable value")
        return found

    url = _TOKEN.sub(value, template)
    if _READ.fullmatch(url):
        resource_type, _, identifier = url.partition("/")
        return Query(resource_type, id=identifier)
    if not _SEARCH.fullmatch(url):
        raise TemplateError("a template must be a relative 'Type/id' or 'Type?parameters'")
    resource_type, _, parameters = url.partition("?")
    pairs = [pair.partition("=") for pair in parameters.split("&")]
    names = [name for name, _, _ in pairs]
    if not all(name and text for name, _, text in pairs) or len(set(names)) != len(names):
        raise TemplateError("each parameter of a template must have a value and stand once")
    return Query(resource_type, parameters=tuple((name, text) for name, _, text in pairs))


def require(key: PrefetchKey, *, reason: str) -> None:
    """End the call where `key` is required; `reason` says in our words why it could not be had."""
    if key.required:
        raise RequiredDataMissing(key.name, reason)


def _search(name: str, resource_type: str, rest: str) -> PrefetchKey:
    return PrefetchKey(name, resource_type, f"{resource_type}?patient={{{{context.patientId}}}}{rest}")
