"""SMART discovery: the endpoints that an EHR publishes, checked before anything is sent to them, and its scopes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import msgspec

from fhir_mappings.loose_json import MISFITS
from fhir_mappings.mapper import SOURCES
from service.adapters.origins import is_this_machine
from service.adapters.outbound import OutboundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.adapters.app_transport import AppTransport

WELL_KNOWN = "/.well-known/smart-configuration"

READ_SEARCH = (*SOURCES, "BodyStructure")
"""What the case is read from."""
WRITES = (("Observation", "cu"), ("Provenance", "c"), ("CarePlan", "c"), ("DocumentReference", "c"))
"""What completing the case writes: our own Observations are created and updated, the others only created."""

_V2_SCOPE = re.compile(r"(?:patient|user|system)/(?:\*|[A-Z][A-Za-z]+)\.(c?r?u?d?s?)(?:\?.*)?$")
_V1_SCOPE = re.compile(r"(?:patient|user|system)/(?:\*|[A-Z][A-Za-z]+)\.(?:read|write|\*)$")


class DiscoveryError(Exception):
    """The EHR's SMART configuration is missing or unusable; the message is ours and names the member at fault."""


@dataclass(frozen=True, slots=True)
class SmartConfiguration:
    """What of a SMART configuration the app uses; optional members are `None` or empty where absent."""

    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str | None = None
    jwks_uri: str | None = None
    issuer: str | None = None
    capabilities: frozenset[str] = frozenset()
    scopes_supported: frozenset[str] = frozenset()
    names_issuer_in_answer: bool = False


class _Document(msgspec.Struct):
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str | None = None
    jwks_uri: str | None = None
    issuer: str | None = None
    capabilities: list[str] | None = None
    scopes_supported: list[str] | None = None
    code_challenge_methods_supported: list[str] | None = None
    authorization_response_iss_parameter_supported: bool | None = None


async def discover(iss: str, transport: AppTransport) -> SmartConfiguration:
    """Fetch and check the SMART configuration of the FHIR endpoint `iss`, which the caller has allow-listed."""
    request = httpx.Request("GET", iss.rstrip("/") + WELL_KNOWN, headers={"Accept": "application/json"})
    try:
        response = await transport.send(request)
    except OutboundError as fault:
        raise DiscoveryError("the EHR's SMART configuration could not be fetched") from fault
    if response.status_code != httpx.codes.OK:
        raise DiscoveryError("the EHR has no SMART configuration at its well-known address")
    return read_configuration(response.content, iss=iss)


def read_configuration(body: bytes, *, iss: str) -> SmartConfiguration:
    """Read a SMART configuration (SMART App Launch 2.2, "conformance"); raise `DiscoveryError` where it is unusable."""
    try:
        document = msgspec.json.decode(body, type=_Document)
    except MISFITS as fault:
        raise DiscoveryError("the EHR's SMART configuration is not what the specification describes") from fault
    methods = document.code_challenge_methods_supported
    if methods is not None and "S256" not in methods:
        raise DiscoveryError("the EHR's SMART configuration does not offer PKCE with S256")
    for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint", "jwks_uri"):
        url = getattr(document, name)
        if url is not None and not is_acceptable_endpoint(url, iss=iss):
            raise DiscoveryError(f"the EHR's {name} must be an https URL without user, fragment or spaces")
    return SmartConfiguration(
        authorization_endpoint=document.authorization_endpoint,
        token_endpoint=document.token_endpoint,
        revocation_endpoint=document.revocation_endpoint,
        jwks_uri=document.jwks_uri,
        issuer=document.issuer,
        capabilities=frozenset(document.capabilities or ()),
        scopes_supported=frozenset(document.scopes_supported or ()),
        names_issuer_in_answer=bool(document.authorization_response_iss_parameter_supported),
    )


def is_acceptable_endpoint(url: str, *, iss: str) -> bool:
    """Whether `url` may be used for an EHR at `iss`: https, or http on loopback where `iss` itself is loopback."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or parts.fragment or re.search(r"[\s\\]", url):
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and is_this_machine(parts.hostname) and is_this_machine(urlsplit(iss).hostname or "")
    )


def scopes_for(configuration: SmartConfiguration, *, with_launch: bool) -> str:
    """Choose the least scopes that the app needs, in the syntax that the EHR offers.

    SMART v2 (`patient/Condition.rs`) unless only v1 (`patient/Condition.read`) is offered. Where the EHR lists its
    resource scopes, those it does not cover are not asked for: some servers refuse a whole request over one of them.
    """
    supported = configuration.scopes_supported
    uses_v1 = _offers_only_v1(configuration)
    wanted = list(_v1_scopes() if uses_v1 else _v2_scopes())
    if any(scope.startswith("patient/") for scope in supported):
        covered = [scope for scope in wanted if _is_covered(scope, supported)]
        wanted = covered or wanted
    general = ["launch" if with_launch else "launch/patient", "openid", "fhirUser"]
    general += ["online_access"] if "online_access" in supported else []
    return " ".join(general + wanted)


def _v2_scopes() -> Iterable[str]:
    yield "patient/Patient.r"
    for resource in READ_SEARCH:
        yield f"patient/{resource}.rs"
    for resource, letters in WRITES:
        yield f"patient/{resource}.{letters}"


def _v1_scopes() -> Iterable[str]:
    for resource in ("Patient", *READ_SEARCH):
        yield f"patient/{resource}.read"
    for resource, _ in WRITES:
        yield f"patient/{resource}.write"


def _offers_only_v1(configuration: SmartConfiguration) -> bool:
    capabilities = configuration.capabilities
    if "permission-v2" in capabilities:
        return False
    if "permission-v1" in capabilities:
        return True
    offered = configuration.scopes_supported
    return any(_V1_SCOPE.match(scope) for scope in offered) and not any(_V2_SCOPE.match(scope) for scope in offered)


def _is_covered(scope: str, supported: frozenset[str]) -> bool:
    return all(grants(supported, resource, letter) for resource, letter in _asked_by(scope))


def _asked_by(scope: str) -> Iterable[tuple[str, str]]:
    resource, permission = scope.removeprefix("patient/").split(".", 1)
    letters = {"read": "r", "write": "c"}.get(permission, permission)
    return ((resource, letter) for letter in letters)


def grants(scopes: Iterable[str], resource: str, letter: str) -> bool:
    """Whether `scopes` (granted or supported) allow `letter` of c, r, u, d, s on `resource` of the patient."""
    return any(_grants(scope, resource, letter) for scope in scopes)


def _grants(scope: str, resource: str, letter: str) -> bool:
    level, _, rest = scope.partition("/")
    name, _, permission = rest.partition(".")
    if level not in {"patient", "user"} or name not in {resource, "*"}:
        return False
    permission = permission.partition("?")[0]
    v1: dict[str, Any] = {"read": "rs", "write": "cud", "*": "cruds"}
    return letter in v1.get(permission, permission if _V2_SCOPE.match(scope) else "")
