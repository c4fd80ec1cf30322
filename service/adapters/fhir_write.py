"""Writing back to an EHR, as far as it lets an app write: the ladder from one transaction down to a document.

The rungs below (the service's own store, a text to copy) need no EHR and are the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import quote

import httpx

from fhir_mappings.loose_json import objects
from service.adapters.fhir_answers import WriteAnswer, read_answer, read_existing, read_transaction, version_of
from service.adapters.outbound import OutboundError
from service.adapters.write_permissions import Permissions, permissions_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from service.adapters.app_transport import AppTransport

Resource: TypeAlias = dict[str, Any]
Rung: TypeAlias = Literal["transaction", "one-by-one", "document", "own-store", "copy"]
Why: TypeAlias = Literal["conflict", "refused", "failed"]


class AccessEndedError(Exception):
    """The EHR no longer accepts the access token (401)."""


@dataclass(frozen=True, slots=True)
class Write:
    """One resource to write; `about` is the fact or the thing it stands for.

    `identifier` is `system|value`: a resource that carries it already is not written twice. `replaces` is the id and
    version of our own earlier resource, which is then updated.
    """

    about: str
    resource: Resource = field(repr=False)
    identifier: str
    replaces: tuple[str, str] | None = None
    is_optional: bool = False

    @property
    def condition(self) -> str:
        """Give the search that finds the resource once it is written."""
        return f"identifier={quote(self.identifier, safe='')}"

    @property
    def kind(self) -> str:
        """Give the resource type."""
        return str(self.resource["resourceType"])

    def is_allowed(self, permissions: Permissions) -> bool:
        """Whether this write may be tried."""
        return permissions.may("create" if self.replaces is None else "update", self.kind)


@dataclass(frozen=True, slots=True)
class Written:
    """A resource that now stands in the EHR: `reference` is `Type/id`."""

    about: str
    reference: str
    how: Literal["created", "updated", "already there"]
    version: str | None = None


@dataclass(frozen=True, slots=True)
class NotWritten:
    """A write that did not happen: a `conflict` with somebody's newer value, `refused` by the EHR, or `failed`."""

    about: str
    why: Why


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """What a save came to in the EHR; nothing is lost: each write is in `written` or in `not_written`."""

    rung: Rung | None
    written: tuple[Written, ...] = ()
    not_written: tuple[NotWritten, ...] = ()
    provenance: bool = False
    document: str | None = None

    def left(self, why: Why) -> tuple[str, ...]:
        """Give what was not written for this reason."""
        return tuple(found.about for found in self.not_written if found.why == why)


ProvenanceOf: TypeAlias = "Callable[[Sequence[str]], Resource]"


@dataclass(slots=True)
class FhirWriter:
    """Writes to one FHIR endpoint with one access token."""

    base_url: str
    token: str = field(repr=False)
    scopes: frozenset[str]
    transport: AppTransport

    async def permissions(self) -> Permissions:
        """Read what may be written from the CapabilityStatement and the granted scopes."""
        try:
            response = await self._send("GET", "metadata")
        except OutboundError:
            return permissions_from(None, self.scopes)
        return permissions_from(response.content if response.is_success else None, self.scopes)

    async def save(
        self, writes: Sequence[Write], *, provenance: ProvenanceOf, document: Callable[[], Write]
    ) -> WriteOutcome:
        """Write all of `writes` on the highest rung that the EHR accepts; what it refuses goes one rung down.

        A conflict or a failure stops that write, because trying it another way could overwrite somebody or write
        twice. Raises `AccessEndedError`.
        """
        permissions = await self.permissions()
        writes = [write for write in writes if not write.is_optional or write.is_allowed(permissions)]
        if permissions.transaction and all(write.is_allowed(permissions) for write in writes):
            outcome = await self._transaction(writes, provenance if permissions.may("create", "Provenance") else None)
            if not outcome.left("refused"):
                return outcome
        outcome = await self._one_by_one(writes, permissions, provenance)
        refused = [write for write in writes if write.about in outcome.left("refused") and not write.is_optional]
        if not refused or not permissions.may("create", "DocumentReference"):
            return outcome
        return await self._document(outcome, document())

    async def _transaction(self, writes: Sequence[Write], provenance: ProvenanceOf | None) -> WriteOutcome:
        entries = [_entry(write, self.base_url.rstrip("/")) for write in writes]
        if provenance is not None:
            targets = [_target(write) for write in writes]
            entries.append({"resource": _unnamed(provenance(targets)), "request": _post("Provenance")})
        body = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        try:
            response = await self._send("POST", "", body=body)
        except OutboundError:
            return _all(writes, "failed")
        answer = read_answer(response)
        if not answer.is_done:
            # One conflict undoes the whole transaction: none of its writes happened, unless all did before.
            before = [await self._after_conflict(write) for write in writes] if answer.is_conflict else []
            if before and all(isinstance(found, Written) for found in before):
                return _outcome("transaction", before, provenance=False)
            return _all(writes, _why(answer))
        answers = read_transaction(response.content, expected=len(entries))
        if answers is None:
            return _all(writes, "failed")
        settled = [await self._settle(write, found) for write, found in zip(writes, answers, strict=False)]
        return _outcome("transaction", settled, provenance=provenance is not None)

    async def _one_by_one(
        self, writes: Sequence[Write], permissions: Permissions, provenance: ProvenanceOf
    ) -> WriteOutcome:
        settled = [
            await self._write(write) if write.is_allowed(permissions) else NotWritten(write.about, "refused")
            for write in writes
        ]
        written = [found.reference for found in settled if isinstance(found, Written) and found.how != "already there"]
        proven = bool(written) and permissions.may("create", "Provenance") and await self._create(provenance(written))
        return _outcome("one-by-one", settled, provenance=proven)

    async def _write(self, write: Write) -> Written | NotWritten:
        try:
            if write.replaces is None:
                headers = {"If-None-Exist": write.condition}
                response = await self._send("POST", write.kind, body=_unnamed(write.resource), headers=headers)
            else:
                name, version = write.replaces
                body = {**write.resource, "id": name}
                headers = {"If-Match": f'W/"{version}"'}
                response = await self._send("PUT", f"{write.kind}/{name}", body=body, headers=headers)
        except OutboundError:
            return NotWritten(write.about, "failed")
        return await self._settle(write, read_answer(response))

    async def _settle(self, write: Write, answer: WriteAnswer) -> Written | NotWritten:
        """Decide what an answer means; a conditional create that found something must have found the same value."""
        if answer.is_conflict:
            return await self._after_conflict(write)
        if not answer.is_done:
            return NotWritten(write.about, _why(answer))
        reference = answer.reference or (f"{write.kind}/{write.replaces[0]}" if write.replaces else None)
        if write.replaces is not None and reference is not None:
            return Written(write.about, reference, "updated", answer.version)
        if answer.status == httpx.codes.CREATED and reference is not None:
            return Written(write.about, reference, "created", answer.version)
        return await self._existing(write, reference)

    async def _after_conflict(self, write: Write) -> Written | NotWritten:
        """Tell somebody's newer value from the own one: a form that was sent twice meets what it wrote itself."""
        found = await self._existing(write, f"{write.kind}/{write.replaces[0]}" if write.replaces else None)
        return found if isinstance(found, Written) else NotWritten(write.about, "conflict")

    async def _existing(self, write: Write, reference: str | None) -> Written | NotWritten:
        path = reference or f"{write.kind}?{write.condition}"
        try:
            response = await self._send("GET", path)
        except OutboundError:
            return NotWritten(write.about, "failed")
        found = read_existing(response.content, write.kind)
        if found is None:
            return NotWritten(write.about, "failed")
        if _values(found) != _values(write.resource):
            return NotWritten(write.about, "conflict")
        return Written(write.about, f"{write.kind}/{found['id']}", "already there", version_of(found))

    async def _create(self, resource: Resource) -> bool:
        try:
            return read_answer(await self._send("POST", resource["resourceType"], body=_unnamed(resource))).is_done
        except OutboundError:
            return False

    async def _document(self, outcome: WriteOutcome, document: Write) -> WriteOutcome:
        found = await self._write(document)
        if not isinstance(found, Written):
            return outcome
        return WriteOutcome("document", outcome.written, outcome.not_written, outcome.provenance, found.reference)

    async def _send(
        self, method: str, path: str, *, body: Resource | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        base = self.base_url.rstrip("/")
        request = httpx.Request(
            method,
            f"{base}/{path}" if path else base,
            headers={
                "Accept": "application/fhir+json",
                "Authorization": f"Bearer {self.token}",
                "Prefer": "return=minimal",
                **({"Content-Type": "application/fhir+json"} if body is not None else {}),
                **(headers or {}),
            },
            json=body,
        )
        response = await self.transport.send(request)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise AccessEndedError
        return response


def _entry(write: Write, base: str) -> Resource:
    target = _target(write)
    if write.replaces is None:
        request = {**_post(write.kind), "ifNoneExist": write.condition}
        return {"fullUrl": target, "resource": _unnamed(write.resource), "request": request}
    name, version = write.replaces
    return {
        "fullUrl": f"{base}/{target}",
        "resource": {**write.resource, "id": name},
        "request": {"method": "PUT", "url": target, "ifMatch": f'W/"{version}"'},
    }


def _target(write: Write) -> str:
    """Give how a Provenance in the same transaction names the resource."""
    return f"urn:uuid:{write.resource['id']}" if write.replaces is None else f"{write.kind}/{write.replaces[0]}"


def _post(kind: str) -> Resource:
    return {"method": "POST", "url": kind}


def _unnamed(resource: Resource) -> Resource:
    """Leave the id out: the EHR gives its own."""
    return {key: value for key, value in resource.items() if key != "id"}


def _values(resource: Resource) -> Resource:
    """Give what two writes of the same thing must agree in, without the wording that servers add."""
    kept = ("valueBoolean", "valueInteger", "valueDateTime", "status")
    values = {key: resource.get(key) for key in kept}
    values["quantity"] = [
        (quantity.get("value"), quantity.get("code")) for quantity in objects(resource.get("valueQuantity"))
    ]
    values["notes"] = [note.get("text") for note in objects(resource.get("note"))]
    values["codes"] = _codes(resource.get("valueCodeableConcept"))
    values["category"] = _codes(resource.get("category")) if resource.get("resourceType") == "CarePlan" else []
    return values


def _codes(concepts: object) -> list[str]:
    return sorted(
        f"{coding.get('system')}|{coding.get('code')}"
        for concept in objects(concepts)
        for coding in objects(concept.get("coding"))
    )


def _why(answer: WriteAnswer) -> Why:
    if answer.is_conflict:
        return "conflict"
    return "refused" if answer.is_refused else "failed"


def _all(writes: Sequence[Write], why: Why) -> WriteOutcome:
    return WriteOutcome(None, not_written=tuple(NotWritten(write.about, why) for write in writes))


def _outcome(rung: Rung, settled: Sequence[Written | NotWritten], *, provenance: bool) -> WriteOutcome:
    written = tuple(found for found in settled if isinstance(found, Written))
    return WriteOutcome(
        rung if written else None,
        written,
        tuple(found for found in settled if isinstance(found, NotWritten)),
        provenance=provenance and bool(written),
    )
