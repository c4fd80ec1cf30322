"""What the review page asks of the use case: the same way from chart to decision as the hooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fhir_mappings.catalogue import Catalogue
    from fhir_mappings.chart import Chart
    from service.adapters.store.mdt_decisions import MdtDecision
    from service.knowledge.explanation import Explanation
    from service.knowledge.model import Guideline
    from service.knowledge.reading import Reading


class ChartUnavailableError(Exception):
    """The EHR gave nothing of the chart that can be read.

    `access_ended` where it no longer accepts the token, `other_version` where it speaks FHIR before R4.
    """

    def __init__(self, *, access_ended: bool = False, other_version: bool = False) -> None:
        super().__init__("the EHR did not give the chart")
        self.access_ended = access_ended
        self.other_version = other_version


@dataclass(frozen=True, slots=True)
class ChartAccess:
    """Where a chart is read: the FHIR endpoint, the patient of the token, and the token; `issuer` names the client."""

    issuer: str
    fhir_base: str
    patient: str
    token: str

    def __repr__(self) -> str:
        """Show neither the patient nor the token."""
        return f"ChartAccess(issuer={self.issuer!r})"


@dataclass(frozen=True, slots=True)
class Assessment:
    """A decided case, and what is said about it; `mdt` where a decision of the MDT is on record."""

    reading: Reading
    explanation: Explanation
    mdt: Explanation | None = None

    @property
    def recommended(self) -> str | None:
        """Give the one strategy that is recommended, or `None` where it is open or the disease itself uncertain."""
        return self.reading.decision.strategy if self.reading.is_settled else None


class ReviewPath(Protocol):
    """From a chart to what is said about it."""

    @property
    def guideline(self) -> Guideline:
        """Give the guideline under the site's policy."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """Give the catalogue of facts."""
        ...

    async def open_chart(self, access: ChartAccess) -> Chart:
        """Fetch the chart, the Patient and our own earlier facts included; raise `ChartUnavailableError`."""
        ...

    def assess(self, chart: Chart, *, as_of: datetime) -> Assessment:
        """Map and decide; does no I/O and never raises on data."""
        ...


class OwnStore(Protocol):
    """The service's own store of facts, present only where a site sets its key."""

    async def put(self, issuer: str, patient: str, observations: Sequence[dict[str, object]], *, now: datetime) -> None:
        """Keep Observations for the next call; raise `StoreUnavailable`."""
        ...


class MdtLog(Protocol):
    """What keeps the decisions of MDTs for the report."""

    async def record(self, decision: MdtDecision) -> None:
        """Keep it durably; raise `StoreUnavailable`."""
        ...
