"""The services that discovery lists: one for each hook, `crlm-` before its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SPECIFICATION_VERSION = "3.0.0-ballot"
_PREFIX = "crlm-"


@dataclass(frozen=True, slots=True)
class HookService:
    """One service: the hook that it answers and what a reader of discovery learns of it."""

    hook: str
    title: str
    description: str

    @property
    def id(self) -> str:
        """The id under which it is called."""
        return _PREFIX + self.hook


_USAGE = (
    "FHIR R4 (4.0.1) or R4B. The conditions are required, by prefetch or from fhirServer; what else is missing is"
    " treated as unknown and named on the card."
)

SERVICES: Mapping[str, HookService] = {
    service.id: service
    for service in (
        HookService(
            hook="patient-view",
            title="Colorectal liver metastases: order of treatment",
            description=(
                "Says for a patient with colorectal cancer and liver metastases in which order primary, liver and"
                " systemic treatment come, why, and which missing facts would decide."
            ),
        ),
        HookService(
            hook="order-select",
            title="Colorectal liver metastases: orders being chosen",
            description="Names orders that contradict the recommended order of treatment while they are chosen.",
        ),
        HookService(
            hook="order-sign",
            title="Colorectal liver metastases: orders being signed",
            description="Names orders that contradict the recommended order of treatment before they are signed.",
        ),
    )
}


def discovery(templates: Mapping[str, str]) -> dict[str, list[dict[str, object]]]:
    """Describe every service with the prefetch `templates`, as `GET /cds-services` answers it."""
    return {
        "services": [
            {
                "hook": service.hook,
                "title": service.title,
                "description": service.description,
                "id": service.id,
                "version": SPECIFICATION_VERSION,
                "prefetch": dict(templates),
                "usageRequirements": _USAGE,
            }
            for service in SERVICES.values()
        ]
    }
