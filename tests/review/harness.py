"""The review page in process: the fake EHR with a chart, the real mapper, decision and pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
from fastapi import FastAPI

from fhir_mappings.bundle import read_source
from fhir_mappings.catalogue import load_catalogue
from fhir_mappings.chart import Chart, Completeness
from fhir_mappings.mapper import map_case
from fhir_mappings.terminology import load_terminology
from service.adapters.clients import Client, Clients
from service.adapters.outbound import OutboundError
from service.advise import mapping_policy
from service.errors import RequiredDataMissing
from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline
from service.knowledge.reading import Reading
from service.web.review.desk import ReviewDesk
from service.web.review.hook_path import HookPath
from service.web.review.routes import review_routes
from service.web.smart.routes import smart_routes
from tests.smart.ehr import ISS, FakeEhr
from tests.smart.fhir import FakeFhir
from tests.smart.harness import Harness

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fhir_mappings.catalogue import Catalogue
    from service.adapters.store.mdt_decisions import MdtDecision
    from service.cds.messages import HookRequest
    from service.knowledge.model import Guideline

TYPES = (
    "Condition",
    "Observation",
    "Procedure",
    "ServiceRequest",
    "MedicationRequest",
    "MedicationAdministration",
    "CarePlan",
    "BodyStructure",
)

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"use": "official", "family": "Testperson", "given": ["Anna"]}],
    "birthDate": "1961-05-04",
    "gender": "female",
    "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "MRN-4711"}],
}


@dataclass
class Assessor:
    """Maps and decides as the use case does."""

    guideline: Guideline = field(default_factory=load_guideline)
    catalogue: Catalogue = field(default_factory=load_catalogue)

    def assess(self, chart: Chart, *, as_of: datetime) -> Reading:
        case = map_case(
            chart,
            as_of=as_of,
            terminology=load_terminology(),
            catalogue=self.catalogue,
            policy=mapping_policy(self.guideline, self.catalogue),
        )
        return Reading(case, decide(case, self.guideline), self.guideline, self.catalogue)


@dataclass
class WholeCharts:
    """Gives all resources of the fake EHR, by its searches."""

    ehr: FakeEhr

    async def chart(self, request: HookRequest, client: Client | None) -> Chart | None:
        assert client is not None
        assert request.fhir_authorization is not None
        token = request.fhir_authorization.token.reveal()
        resources: list[dict[str, Any]] = []
        for kind in TYPES:
            asked = _get(f"{ISS}/{kind}?patient={request.context.patient_id}", token)
            try:
                answer = await self.ehr.send(asked)
            except OutboundError:
                raise RequiredDataMissing("conditions", "it did not answer") from None
            resources += read_source(answer.content, load_terminology()).resources
        complete = dict.fromkeys(TYPES, Completeness.COMPLETE)
        return Chart(request.context.patient_id, tuple(resources), completeness=complete)


def _get(url: str, token: str) -> httpx.Request:
    return httpx.Request("GET", url, headers={"Authorization": f"Bearer {token}"})


@dataclass
class KeptFacts:
    """Our own store of facts as a dictionary."""

    kept: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)

    async def put(self, issuer: str, patient: str, observations: Sequence[dict[str, Any]], *, now: datetime) -> None:
        assert now.tzinfo is not None
        self.kept.setdefault((issuer, patient), []).extend(observations)

    async def of(self, issuer: str, patient: str) -> list[dict[str, Any]]:
        return self.kept.get((issuer, patient), [])


@dataclass
class KeptDecisions:
    """The report's lines as a list."""

    kept: list[MdtDecision] = field(default_factory=list)

    async def record(self, decision: MdtDecision) -> None:
        self.kept.append(decision)


@dataclass
class ReviewHarness(Harness):
    """The app with its review page; `fhir` is the chart."""

    fhir: FakeFhir = field(default_factory=lambda: FakeFhir().add(PATIENT))
    own: KeptFacts | None = None
    decisions: KeptDecisions = field(default_factory=KeptDecisions)

    def __post_init__(self) -> None:
        self.ehr.fhir = self.fhir

    def application(self) -> FastAPI:
        app = self.smart_app()
        registered = {client.issuer: Client(issuer=client.issuer) for client in self.clients.values()}
        path = HookPath(Assessor(), WholeCharts(self.ehr), Clients(registered), lambda _: self.ehr, own_facts=self.own)
        application = FastAPI()
        application.include_router(smart_routes(app))
        application.include_router(review_routes(ReviewDesk(app, path, self.own, self.decisions)))
        return application


def chart_resources(found: Any) -> list[dict[str, Any]]:
    """Flatten what the chart builders give, as plain JSON."""
    flat = [resource for resources in found.values() for resource in resources]
    decoded: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(flat))
    return decoded
