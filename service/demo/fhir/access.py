"""What one client may see and change: scopes and patient of its token, applied to resources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.demo.fhir.problems import Forbidden
from service.demo.fhir.search import parse_search

if TYPE_CHECKING:
    from service.demo.fhir.record import Record, Resource
    from service.demo.fhir.search import Search
    from service.demo.smart.scopes import Interaction, ResourceScope


@dataclass(frozen=True, slots=True)
class Access:
    """The rights of one token; `patient` is the patient in context of its `patient/` scopes."""

    scopes: tuple[ResourceScope, ...]
    patient: str | None
    record: Record

    def require(self, type_: str, interaction: Interaction) -> None:
        """Raise `Forbidden` where no scope reaches this interaction with this type."""
        if not self._covering(type_, interaction):
            raise Forbidden(f"the scopes of this token do not reach {interaction!r} of {type_}")

    def require_of(self, resource: Resource, interaction: Interaction) -> None:
        """Raise `Forbidden` where no scope reaches this interaction with this resource."""
        self.require(resource["resourceType"], interaction)
        if not self.reaches(resource, interaction):
            raise Forbidden("the token does not reach this resource: another patient, or outside the scope's query")

    def require_search(self, search: Search) -> None:
        """Raise `Forbidden` for searches beyond the scopes, another patient's included."""
        self.require(search.type, "s")
        only_patient = all(scope.level == "patient" for scope in self._covering(search.type, "s"))
        if only_patient and search.patient is not None and search.patient != self.patient:
            raise Forbidden("the token belongs to another patient")

    def reaches(self, resource: Resource, interaction: Interaction) -> bool:
        """Whether some scope reaches this interaction with this resource."""
        return any(self._fits(scope, resource) for scope in self._covering(resource["resourceType"], interaction))

    def _covering(self, type_: str, interaction: Interaction) -> list[ResourceScope]:
        return [scope for scope in self.scopes if scope.covers(type_, interaction)]

    def _fits(self, scope: ResourceScope, resource: Resource) -> bool:
        if scope.level == "patient":
            owner = self.record.patient_of(resource)
            # Resources of no patient (a Practitioner) may be read by any app; EHRs do the same.
            if owner != self.patient and not (owner is None and resource["resourceType"] in _OF_NOBODY):
                return False
        if not scope.query:
            return True
        limits = parse_search(resource["resourceType"], scope.query, base_url=self.record.base_url, strict=True)
        return all(test(resource) for test in limits.tests)


_OF_NOBODY = {"Practitioner", "Organization"}
