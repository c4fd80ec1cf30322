"""The review page's way to a decision: the hook's own, from a request that carries the app's token and no prefetch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import httpx
import msgspec

from fhir_mappings.case import Scope
from fhir_mappings.chart import Chart
from fhir_mappings.loose_json import MISFITS
from service.adapters.origins import origin_of
from service.adapters.outbound import OutboundError
from service.cds.messages import AccessToken, FhirAuthorization, HookContext, HookRequest
from service.errors import OtherFhirVersion, RequiredDataMissing
from service.knowledge.explain import explain
from service.knowledge.explanation import Explanation, Section, say
from service.knowledge.mdt import explain_mdt
from service.knowledge.uncertain import explain_uncertain_scope
from service.own_facts import with_own_facts
from service.web.review.ports import Assessment, ChartUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fhir_mappings.catalogue import Catalogue
    from service.adapters.app_transport import AppTransport
    from service.adapters.clients import Client, Clients
    from service.knowledge.model import Guideline
    from service.knowledge.reading import Reading
    from service.own_facts import OwnFacts
    from service.web.review.ports import ChartAccess

_NOTHING_LEFT = "Nothing is left to order: liver and primary are treated"
_TOKEN_LIFETIME_S = 60


class Charts(Protocol):
    """Where the hooks' charts come from."""

    async def chart(self, request: HookRequest, client: Client | None) -> Chart | None:
        """Give the chart, or `None` out of scope; raise `RequiredDataMissing`, `OtherFhirVersion`."""
        ...


class Assessor(Protocol):
    """From a chart to its case and decision, as the hooks do it."""

    @property
    def guideline(self) -> Guideline:
        """Give the guideline under the site's policy."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """Give the catalogue of facts."""
        ...

    def assess(self, chart: Chart, *, as_of: datetime) -> Reading:
        """Map and decide."""
        ...


@dataclass(frozen=True, slots=True)
class HookPath:
    """Reads charts and decides as the hooks do; `transport_for` reaches the FHIR endpoint of a client."""

    assessor: Assessor
    charts: Charts
    clients: Clients
    transport_for: Callable[[ChartAccess], AppTransport]
    own_facts: OwnFacts | None = None

    @property
    def guideline(self) -> Guideline:
        """Give the guideline of the hooks."""
        return self.assessor.guideline

    @property
    def catalogue(self) -> Catalogue:
        """Give the catalogue of the hooks."""
        return self.assessor.catalogue

    async def open_chart(self, access: ChartAccess) -> Chart:
        """Fetch the Patient, the chart and what our own store has."""
        patient = await self._patient(access)
        try:
            chart = await self.charts.chart(_request(access), self._client(access))
        except RequiredDataMissing as fault:
            raise ChartUnavailableError from fault
        except OtherFhirVersion as fault:
            raise ChartUnavailableError(other_version=True) from fault
        shown = (patient,) if patient is not None else ()
        if chart is None:
            return Chart(access.patient, shown)
        chart = await with_own_facts(chart, issuer=access.issuer, own_facts=self.own_facts)
        return replace(chart, resources=(*shown, *chart.resources))

    def assess(self, chart: Chart, *, as_of: datetime) -> Assessment:
        """Decide as the hooks do, and say it in the same words."""
        reading = self.assessor.assess(chart, as_of=as_of)
        case = reading.case
        by_mdt = explain_mdt(reading) if case.mdt is not None and case.scope is Scope.IN else None
        return Assessment(reading, _explained(reading), by_mdt)

    def _client(self, access: ChartAccess) -> Client | None:
        """Give the client; the app's token may go where it came from, and was issued to the app, not to the hooks."""
        client = self.clients.get(access.issuer)
        if client is None:
            return None
        origins = client.fhir_origins | {origin_of(access.fhir_base)}
        return replace(client, fhir_origins=origins, fhir_client_id=None)

    async def _patient(self, access: ChartAccess) -> dict[str, Any] | None:
        """Fetch who the patient is, for the banner; without it the page shows the id."""
        request = httpx.Request(
            "GET",
            f"{access.fhir_base.rstrip('/')}/Patient/{access.patient}",
            headers={"Accept": "application/fhir+json", "Authorization": f"Bearer {access.token}"},
        )
        try:
            response = await self.transport_for(access).send(request)
            if response.status_code == httpx.codes.UNAUTHORIZED:
                raise ChartUnavailableError(access_ended=True)
            found = msgspec.json.decode(response.content) if response.is_success else None
        except (OutboundError, *MISFITS):
            return None
        if not isinstance(found, dict) or found.get("resourceType") != "Patient" or found.get("id") != access.patient:
            return None
        return found


def _explained(reading: Reading) -> Explanation:
    if reading.case.scope is Scope.UNCERTAIN:
        return explain_uncertain_scope(reading)
    if reading.decision.no_card or reading.case.scope is Scope.OUT:
        line = say("recommendation", f"{_NOTHING_LEFT}.")
        return Explanation(_NOTHING_LEFT, "info", (Section("recommendation", "", (line,)),))
    return explain(reading)


def _request(access: ChartAccess) -> HookRequest:
    return HookRequest(
        hook="patient-view",
        hook_instance=str(uuid4()),
        context=HookContext(patient_id=access.patient, user_id=""),
        fhir_server=access.fhir_base,
        fhir_authorization=FhirAuthorization(AccessToken(access.token), _TOKEN_LIFETIME_S, subject=""),
    )
