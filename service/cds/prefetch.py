"""The prefetch: what discovery asks for, and the same queries for our own fetch where a client does not send them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.catalogue import Catalogue
    from fhir_mappings.terminology import Terminology

_PATIENT_ID = "{{context.patientId}}"


@dataclass(frozen=True, slots=True)
class Query:
    """One FHIR search, relative to the FHIR base; parameters in the order of the template."""

    resource_type: str
    parameters: tuple[tuple[str, str], ...]

    @property
    def form(self) -> str:
        """The parameters as a form body or query string."""
        return urlencode(self.parameters, quote_via=quote)

    @property
    def url(self) -> str:
        """The relative URL of the search by GET."""
        return f"{self.resource_type}?{self.form}"


@dataclass(frozen=True, slots=True)
class PrefetchKey:
    """One key that discovery advertises."""

    name: str
    resource_type: str
    template: str

    def query(self, patient_id: str) -> Query:
        """Give the search of the template for a patient; none is made of the read of the Patient."""
        _, _, parameters = self.template.partition("?")
        pairs = ((name, value.replace(_PATIENT_ID, patient_id)) for name, value in parse_qsl(parameters))
        return Query(self.resource_type, tuple(pairs))


def _search(name: str, resource_type: str, rest: str) -> PrefetchKey:
    return PrefetchKey(name, resource_type, f"{resource_type}?patient={_PATIENT_ID}{rest}")


PATIENT = PrefetchKey("patient", "Patient", f"Patient/{_PATIENT_ID}")
"""For clients that show whom they ask about: no answer depends on it, so that it is never fetched."""
# Without `code`: EHRs do not offer it for Condition, and conditions that are text only have to be seen.
CONDITIONS = _search("conditions", "Condition", "&_count=1000")
"""The one key without which there is no answer (412)."""


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
