"""The chart of one call: what the client sent, and what it did not send, fetched from its FHIR server.

Prefetched and fetched resources make the same chart. A chart out of scope costs one look at its conditions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from fhir_mappings.asked import Stray
from fhir_mappings.bundle import SourceState, are_partial
from fhir_mappings.chart import Chart, Completeness
from fhir_mappings.resources import is_older
from fhir_mappings.screen import may_be_in_scope
from service.adapters.fhir_client import destinations_of
from service.adapters.fhir_pages import Link
from service.cds.prefetch import CONDITIONS, PATIENT
from service.cds.prefetch_states import KeyState, read_prefetch
from service.errors import MalformedRequest, OtherFhirVersion, RequiredDataMissing
from service.logs import note
from service.timing import phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from fhir_mappings.terminology import Terminology
    from service.adapters.clients import Client
    from service.adapters.fhir_client import FhirCall, FhirClient
    from service.adapters.fhir_pages import Fetched
    from service.adapters.outbound import Destinations
    from service.cds.messages import HookRequest
    from service.cds.prefetch import PrefetchKey
    from service.cds.prefetch_states import SentKey

_NOT_SENT = "it was neither sent nor can it be fetched"
_OUTCOME = "the client sent an OperationOutcome instead of it"
_PART = "the client sent a part of it"
_OF_ANOTHER = "what it holds is of another patient than context.patientId"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSource:
    """How charts are had. `open_destinations` are those of a call without a client (none where tokens are checked)."""

    keys: tuple[PrefetchKey, ...]
    terminology: Terminology
    fhir: FhirClient
    fetch_budget_s: float
    open_destinations: tuple[Destinations, ...] = ()

    async def chart(self, request: HookRequest, client: Client | None) -> Chart | None:
        """Give the chart of the request's patient, or `None` where its conditions show that it is out of scope.

        Raises `RequiredDataMissing` where the conditions can be had in no way or are of another patient,
        `OtherFhirVersion` where they cannot be read, and `MalformedRequest` where the grant is for somebody else.
        """
        _check_subject(request, client)
        with phase("prefetch"):
            conditions = self._sent(request, (CONDITIONS,))[CONDITIONS.name]
        if conditions.state is KeyState.ERROR:
            _check_required(conditions, None)
        if conditions.completeness is Completeness.COMPLETE and not self._concerns(conditions.source.resources):
            return None
        others = [key for key in self.keys if key not in (CONDITIONS, PATIENT)]
        with phase("prefetch"):
            sent = {CONDITIONS.name: conditions, **self._sent(request, others)}
        fetched = await self._fetch(request, client, sent)
        note(fetched=[found.completeness.value for found in fetched.values()])
        _check_required(conditions, fetched.get(CONDITIONS.name))
        if not self._may_concern(conditions, fetched):
            return None
        _note_lacking({name: why for name, one in sent.items() if (why := _why_lacking(one, fetched.get(name)))})
        resources = tuple(_resources(sent.values(), fetched.values()))
        _check_version(resources)
        return Chart(
            patient_id=request.context.patient_id,
            resources=resources,
            completeness=_completeness(sent, fetched),
        )

    def _sent(self, request: HookRequest, keys: Iterable[PrefetchKey]) -> dict[str, SentKey]:
        return read_prefetch(request.prefetch, keys, self.terminology, patient_id=request.context.patient_id)

    async def _fetch(
        self, request: HookRequest, client: Client | None, sent: Mapping[str, SentKey]
    ) -> dict[str, Fetched]:
        """Fetch the keys that were not sent and the further pages of those that were, conditions first."""
        patient_id = request.context.patient_id
        queries = {name: one.key.query(patient_id) for name, one in sent.items() if one.state is KeyState.ABSENT}
        links = {
            name: Link(one.source.next_url, one.key.resource_type)
            for name, one in sent.items()
            if one.source.next_url is not None
        }
        if not queries and not links:
            return {}
        call = self._call(request, client)
        if call is None:
            return {}
        with phase("fetch"):
            if CONDITIONS.name not in queries and CONDITIONS.name not in links:
                return await call.fetch(queries, links=links)
            first = {name: query for name, query in queries.items() if name == CONDITIONS.name}
            rest = {name: query for name, query in queries.items() if name != CONDITIONS.name}
            conditions = sent[CONDITIONS.name]
            return await call.fetch_gated(
                first, rest, wanted=lambda found: self._may_concern(conditions, found), links=links
            )

    def _call(self, request: HookRequest, client: Client | None) -> FhirCall | None:
        """Open the way to the FHIR server, where the request names one that this client's token may go to."""
        if request.fhir_server is None:
            return None
        destinations = destinations_of(client, request.fhir_server, anyone=self.open_destinations)
        return self.fhir.begin(
            request.fhir_server,
            patient_id=request.context.patient_id,
            destinations=destinations,
            authorization=request.fhir_authorization,
            budget_s=self.fetch_budget_s,
        )

    def _concerns(self, resources: Iterable[dict[str, Any]]) -> bool:
        return may_be_in_scope(resources, self.terminology)

    def _may_concern(self, conditions: SentKey, fetched: Mapping[str, Fetched]) -> bool:
        """Whether the conditions had so far could put the chart in scope; a part of them always could."""
        more = fetched.get(CONDITIONS.name)
        if _had(conditions, more) is not Completeness.COMPLETE:
            return True
        return self._concerns(_resources((conditions,), (more,) if more else ()))


def _check_required(conditions: SentKey, fetched: Fetched | None) -> None:
    why = _why_lacking(conditions, fetched)
    if why is not None and _had(conditions, fetched) is Completeness.NOT_RETRIEVED:
        _note_lacking({CONDITIONS.name: why})
        raise RequiredDataMissing(CONDITIONS.name, why)


def _note_lacking(reasons: Mapping[str, str]) -> None:
    """Tell the operator which keys are not whole, and why."""
    names: dict[str, list[str]] = {}
    for name, why in reasons.items():
        names.setdefault(why, []).append(name)
    if names:
        note(lacking=[f"{', '.join(of_one)}: {why}" for why, of_one in names.items()])


def _why_lacking(sent: SentKey, fetched: Fetched | None) -> str | None:
    """Say in our words why a key is not whole; `None` where it is."""
    if _had(sent, fetched) is Completeness.COMPLETE:
        return None
    return (fetched.why if fetched else None) or _why_not_sent(sent)


def _why_not_sent(sent: SentKey) -> str:
    match sent.state:
        case KeyState.ABSENT:
            return _NOT_SENT
        case KeyState.ERROR if sent.stray is Stray.OTHER_PATIENT:
            return _OF_ANOTHER
        case KeyState.ERROR if sent.source.state is SourceState.OUTCOME:
            return _OUTCOME
        case KeyState.ERROR:
            return f"it must be a Bundle or a resource of type {sent.key.resource_type}"
        case KeyState.PAGED | KeyState.DATA | KeyState.EMPTY:
            return _PART
        case _:
            assert_never(sent.state)


def _check_subject(request: HookRequest, client: Client | None) -> None:
    """Hold the subject of the grant against the id under which the EHR knows this service, where that is configured."""
    grant = request.fhir_authorization
    if client is None or client.fhir_client_id is None or grant is None or grant.subject == client.fhir_client_id:
        return
    if client.refuse_other_subjects:
        raise MalformedRequest(
            "fhirAuthorization.subject is not the id under which the EHR knows this service",
            element="fhirAuthorization.subject",
        )
    note(grant_subject="other")


def _check_version(resources: Iterable[dict[str, Any]]) -> None:
    """Refuse a chart whose conditions are all of another version. A single odd one is a gap: messages get mixed."""
    found = [one for one in resources if one.get("resourceType") == "Condition"]
    if len(found) > 1 and all(is_older("Condition", one) for one in found):
        raise OtherFhirVersion(CONDITIONS.name)


def _resources(sent: Iterable[SentKey], fetched: Iterable[Fetched]) -> Iterable[dict[str, Any]]:
    for one in sent:
        yield from one.source.resources
    for more in fetched:
        for page in more.pages:
            yield from page.resources


def _had(sent: SentKey, fetched: Fetched | None) -> Completeness:
    """How much of a key is in hand: what was sent, completed or not by what was fetched."""
    if fetched is None:
        return sent.completeness
    if sent.state is not KeyState.PAGED:
        return fetched.completeness
    whole = fetched.completeness is Completeness.COMPLETE and not are_partial((sent.source, *fetched.pages))
    return Completeness.COMPLETE if whole else Completeness.PARTIAL


def _completeness(sent: Mapping[str, SentKey], fetched: Mapping[str, Fetched]) -> dict[str, Completeness]:
    return {one.key.resource_type: _had(one, fetched.get(name)) for name, one in sent.items()}
