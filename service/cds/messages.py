"""The CDS Hooks request: read in one scan, checked, with the resources handed on as raw slices of the body."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

import msgspec

from fhir_mappings.bundle import Scan
from service.cds.json_body import read_json
from service.cds.prefetch import PATIENT
from service.errors import MalformedRequest, NotForThisReader

if TYPE_CHECKING:
    from collections.abc import Mapping

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# RFC 3986, sections 3.2.2 and 3.3: an address with other characters is none, whatever libraries make of it.
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.\-]+)(:[0-9]{0,5})?")
_URL_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/\-]*")
_NO_URL = re.compile(r"[^\x21-\x7e]")
"""What `urlsplit` drops from an address without a word: it would check another than the one that is asked."""
_USER = re.compile(r"([A-Za-z]+)/[A-Za-z0-9_.\-]{1,255}")
# Ids of real EHRs are longer than the 64 characters of FHIR's `id`; what matters is that none can alter a query.
_ID = re.compile(r"[A-Za-z0-9_.\-]{1,255}")
_CLINICIANS = frozenset({"Practitioner", "PractitionerRole"})
_NO_CLINICIANS = frozenset({"Patient", "RelatedPerson"})


class AccessToken:
    """The client's FHIR access token; printing it shows nothing, `reveal` is for the request to its own server."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def reveal(self) -> str:
        """Give the token itself."""
        return self._secret

    def __repr__(self) -> str:
        """Show that there is a token, never which."""
        return "AccessToken(***)"


@dataclass(frozen=True, slots=True)
class FhirAuthorization:
    """The client's permission to read from its FHIR server during this call."""

    token: AccessToken
    expires_in_s: int
    subject: str
    patient_id: str | None = None


@dataclass(frozen=True, slots=True)
class HookContext:
    """What the hook was fired on. `draft_orders` is the raw JSON of a Bundle; both order fields are empty elsewhere."""

    patient_id: str
    user_id: str
    encounter_id: str | None = None
    selections: tuple[str, ...] = ()
    draft_orders: msgspec.Raw | None = None


Sent: TypeAlias = msgspec.Raw | Scan
"""One prefetch value: a Bundle, or the slice of anything else."""


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One checked request.

    A key of `prefetch` that the client left out is absent; JSON null stays the slice `null`. The envelopes of Bundles
    are read already; the value of `patient` is not kept, since no answer depends on it.
    """

    hook: str
    hook_instance: str
    context: HookContext
    fhir_server: str | None = None
    fhir_authorization: FhirAuthorization | None = None
    prefetch: Mapping[str, Sent] = field(default_factory=dict)


_NOT_SENT = msgspec.Raw(b"")


class _Context(msgspec.Struct, rename="camel"):
    patient_id: str
    user_id: str
    encounter_id: str | None = None
    selections: list[str] | None = None
    draft_orders: msgspec.Raw = _NOT_SENT


class _Authorization(msgspec.Struct):
    access_token: str
    token_type: str
    expires_in: int | float
    scope: str
    subject: str
    patient: str | None = None


class _Envelope(msgspec.Struct, rename="camel"):
    hook: str
    hook_instance: str
    context: _Context
    fhir_server: str | None = None
    fhir_authorization: _Authorization | None = None
    extension: dict[str, msgspec.Raw] | None = None


class _OfBundles(_Envelope):
    """What nearly all clients send: no prefetch value but Bundles, null and the Patient."""

    prefetch: dict[str, Scan | None] | None = None


class _OfAnything(_Envelope):
    prefetch: dict[str, msgspec.Raw] | None = None


_OF_BUNDLES = msgspec.json.Decoder(_OfBundles)
_OF_ANYTHING = msgspec.json.Decoder(_OfAnything)
_NULL = msgspec.Raw(b"null")


def parse_request(body: bytes, *, hook: str) -> HookRequest:
    """Read the body of a call to a service that is registered for `hook`.

    Unknown members are ignored; of a repeated member the last counts. Raises `MalformedRequest` for what is no
    CDS Hooks request (specification, "HTTP Request") and `NotForThisReader` for a user who is no clinician.
    """
    envelope, prefetch = read_json(body, _decode)
    if envelope.hook != hook:
        raise MalformedRequest(f"hook must be '{hook}' for this service", element="hook")
    hook_instance = envelope.hook_instance.lower()
    if not _UUID.fullmatch(hook_instance):
        raise MalformedRequest("hookInstance must be a UUID", element="hookInstance")
    fhir_server = _fhir_server(envelope.fhir_server)
    if envelope.fhir_authorization is not None and fhir_server is None:
        raise MalformedRequest("fhirServer is required where fhirAuthorization is sent", element="fhirServer")
    return HookRequest(
        hook=hook,
        hook_instance=hook_instance,
        context=_context(envelope.context, hook=hook),
        fhir_server=fhir_server,
        fhir_authorization=_authorization(envelope.fhir_authorization),
        prefetch=prefetch,
    )


def _decode(body: bytes) -> tuple[_Envelope, Mapping[str, Sent]]:
    found = _of_bundles(body)
    if found is None:
        envelope = _OF_ANYTHING.decode(body)
        found = envelope, envelope.prefetch or {}
    return found


def _of_bundles(body: bytes) -> tuple[_Envelope, Mapping[str, Sent]] | None:
    """Read a request with the envelopes of its Bundles; `None` where something else is among its prefetch values."""
    try:
        envelope = _OF_BUNDLES.decode(body)
    except msgspec.ValidationError:
        return None
    sent = envelope.prefetch or {}
    if any(scan and scan.resourceType != "Bundle" for key, scan in sent.items() if key != PATIENT.name):
        return None
    return envelope, {key: scan or _NULL for key, scan in sent.items() if key != PATIENT.name}


def _context(context: _Context, *, hook: str) -> HookContext:
    patient_id = context.patient_id.removeprefix("Patient/")
    if not _ID.fullmatch(patient_id):
        raise MalformedRequest("context.patientId must be the id of a Patient", element="context.patientId")
    _check_user(context.user_id)
    encounter_id = (context.encounter_id or "").removeprefix("Encounter/") or None
    if encounter_id is not None and not _ID.fullmatch(encounter_id):
        raise MalformedRequest("context.encounterId must be the id of an Encounter", element="context.encounterId")
    if hook == "patient-view":
        return HookContext(patient_id, context.user_id, encounter_id)
    draft_orders = context.draft_orders
    if draft_orders is _NOT_SENT:
        raise MalformedRequest("context.draftOrders is required", element="context.draftOrders")
    if bytes(memoryview(draft_orders)[:1]) != b"{":
        raise MalformedRequest("context.draftOrders must be a Bundle", element="context.draftOrders")
    if hook == "order-select" and context.selections is None:
        raise MalformedRequest("context.selections is required", element="context.selections")
    return HookContext(patient_id, context.user_id, encounter_id, tuple(context.selections or ()), draft_orders)


def _check_user(user_id: str) -> None:
    """Refuse readers for whom surgical guidance is not written; an empty answer would look like "no advice"."""
    user = _USER.fullmatch(user_id)
    if user and user.group(1) in _CLINICIANS:
        return
    if user and user.group(1) in _NO_CLINICIANS:
        raise NotForThisReader
    raise MalformedRequest(
        "context.userId must be 'Practitioner/id' or 'PractitionerRole/id'", element="context.userId"
    )


def _fhir_server(url: str | None) -> str | None:
    """Check the shape; which origins may be asked, and over http at all, is the client's configuration."""
    if url is None:
        return None
    fault = MalformedRequest("fhirServer must be an absolute http or https URL", element="fhirServer")
    try:
        parts = urlsplit(url)
        sound = parts.port is None or parts.port > 0
    except ValueError:
        raise fault from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not sound or _NO_URL.search(url):
        raise fault
    if not _HOST.fullmatch(parts.netloc.rpartition("@")[2]) or not _URL_PATH.fullmatch(parts.path):
        raise fault
    # An empty query is one too: what is put behind it would no more be the path.
    if parts.username is not None or "?" in url or "#" in url:
        raise MalformedRequest("fhirServer must have no user, query or fragment", element="fhirServer")
    return url.rstrip("/")


def _authorization(sent: _Authorization | None) -> FhirAuthorization | None:
    if sent is None:
        return None
    if sent.token_type.lower() != "bearer":
        raise MalformedRequest("fhirAuthorization.token_type must be 'Bearer'", element="fhirAuthorization.token_type")
    # Visible ASCII without spaces: what a header may carry (RFC 6750, section 2.1, taken widely).
    if not sent.access_token.isascii() or not sent.access_token.isprintable() or " " in sent.access_token:
        raise _token_fault()
    if not sent.access_token:
        raise _token_fault()
    patient_id = (sent.patient or "").removeprefix("Patient/") or None
    return FhirAuthorization(AccessToken(sent.access_token), _lifetime_s(sent.expires_in), sent.subject, patient_id)


def _lifetime_s(sent: float) -> int:
    try:
        return int(float(sent))
    except OverflowError:
        raise MalformedRequest(
            "fhirAuthorization.expires_in must be a number of seconds", element="fhirAuthorization.expires_in"
        ) from None


def _token_fault() -> MalformedRequest:
    return MalformedRequest(
        "fhirAuthorization.access_token must be a bearer token", element="fhirAuthorization.access_token"
    )
