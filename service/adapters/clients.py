"""The clients (EHRs) that may call: read from the TOML file that `CRLM_CLIENTS` names, checked as a whole.

    [[client]]
    issuer = "https://ehr.example.org"
    jwks_url = "https://ehr.example.org/jwks"
    fhir_origins = ["https://fhir.example.org"]

`docker/clients.example.toml` shows every key.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.adapters.client_fields import ALGORITHMS, Fields
from service.adapters.keys import KeySetError, parse_key_set
from service.adapters.origins import is_loopback
from service.adapters.outbound import Destinations
from service.cds.services import SERVICES
from service.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from service.adapters.origins import Origin

PUBLISHED_KEY_ISSUERS = frozenset({"https://sandbox.cds-hooks.org"})
"""Issuers whose private key anyone can download: whoever trusts them trusts everybody."""

DEMO_ISSUER_PATH = "/demo-ehr"
"""How the issuer of the demo EHR ends; its keys are made for one run on one machine."""

_MAX_LIFETIME_S = 86_400


REQUESTS_PER_MINUTE = 30_000
"""More than one worker answers: the limit keeps a client from taking the place of others, not an EHR from asking."""
CONCURRENT_REQUESTS = 128
"""Half of what a worker takes in: room for others, and for the moments in which a machine pauses."""


@dataclass(frozen=True, slots=True)
class SmartRegistration:
    """How one EHR's authorization server knows the app: public, or confidential by a secret or a key in a file."""

    iss: tuple[str, ...]
    client_id: str
    client_secret_file: Path | None = None
    private_key_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One EHR: whose tokens are believed, what it may call, and where its own FHIR tokens may go.

    Empty `tenants` and `services` mean any. At least one of `jwks_url` and `jwks_file` is set: with
    both, keys come from the file and the URL is what tokens may name. `fhir_client_id` is the id under which the EHR's
    authorization server knows this service: what a grant names as its subject.
    """

    issuer: str
    jwks_url: str | None = None
    jwks_file: Path | None = None
    algorithms: tuple[str, ...] = ("ES384", "RS384")
    max_lifetime_s: int = 3600
    tenants: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    fhir_origins: frozenset[Origin] = frozenset()
    allow_private_addresses: bool = False
    frame_ancestors: tuple[str, ...] = ()
    silent: bool = False
    fhir_client_id: str | None = None
    refuse_other_subjects: bool = True
    requests_per_minute: int = REQUESTS_PER_MINUTE
    concurrent_requests: int = CONCURRENT_REQUESTS
    smart: SmartRegistration | None = None

    @property
    def fhir_destinations(self) -> Destinations:
        """Where this client's FHIR token may go."""
        return Destinations(self.fhir_origins, allow_private_addresses=self.allow_private_addresses)

    def may_call(self, service_id: str) -> bool:
        """Whether this client may call the service."""
        return not self.services or service_id in self.services


@dataclass(frozen=True, slots=True)
class Clients:
    """All configured clients by issuer, and what an operator should be told about them at start."""

    by_issuer: Mapping[str, Client] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Client]:
        """Go through the clients in the order of the file."""
        return iter(self.by_issuer.values())

    def get(self, issuer: str | None) -> Client | None:
        """Give the client with this issuer, or `None` where nobody or somebody unknown calls."""
        return None if issuer is None else self.by_issuer.get(issuer)

    @property
    def all_destinations(self) -> tuple[Destinations, ...]:
        """Where any client's token may go: what a server without authentication (`CRLM_AUTH=off`) may ask."""
        return tuple(client.fhir_destinations for client in self)


def load_clients(path: Path) -> Clients:
    """Read the file; raise `SettingsError` with all its faults, none of which repeats a secret."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(["CRLM_CLIENTS: the file cannot be read as UTF-8"]) from None
    return parse_clients(text, folder=path.parent)


def refuse_demo(clients: Clients) -> None:
    """Refuse the issuer of the demo EHR, which no server but that of `crlm-cds demo` may trust."""
    if any(client.issuer.rstrip("/").endswith(DEMO_ISSUER_PATH) for client in clients):
        raise SettingsError(["CRLM_CLIENTS: the demo EHR may only be trusted by a server on loopback"])


def parse_clients(text: str, *, folder: Path) -> Clients:
    """Read clients from TOML; files that it names stand in `folder` unless their path is absolute."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as fault:
        raise SettingsError([f"CRLM_CLIENTS: no TOML: {fault}"]) from None
    faults = [f"CRLM_CLIENTS: unknown key {key!r}" for key in sorted(document.keys() - {"client"})]
    tables = document.get("client", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SettingsError([*faults, "CRLM_CLIENTS: clients are tables headed [[client]]"])
    if not tables:
        faults.append("CRLM_CLIENTS: no [[client]] is configured")
    found: dict[str, Client] = {}
    for number, table in enumerate(tables, start=1):
        fields = Fields(table, place=f"CRLM_CLIENTS: client {number}", folder=folder)
        client = _client(fields)
        if client.issuer in found and not fields.has_fault("issuer"):
            fields.fault("issuer", "is used by an earlier client")
        found.setdefault(client.issuer, client)
        faults += fields.faults
    if faults:
        raise SettingsError(faults)
    return Clients(found, tuple(warning for client in found.values() for warning in _warnings(client)))


def _client(fields: Fields) -> Client:
    private = fields.boolean("allow_private_addresses", default=False)
    jwks_url = fields.url("jwks_url", private=private)
    jwks_file = fields.file("jwks_file")
    if jwks_url is None and jwks_file is None and not fields.has_fault("jwks_url", "jwks_file"):
        fields.fault("jwks_url", "or jwks_file is needed")
    if jwks_file is not None:
        _check_key_file(fields, jwks_file)
    client = Client(
        issuer=fields.text("issuer", required=True) or "",
        jwks_url=jwks_url,
        jwks_file=jwks_file,
        algorithms=fields.choices("algorithms", ALGORITHMS, default=("ES384", "RS384")),
        max_lifetime_s=fields.integer("max_lifetime_s", default=3600, maximum=_MAX_LIFETIME_S),
        tenants=frozenset(fields.texts("tenants")),
        services=frozenset(fields.choices("services", tuple(SERVICES), default=())),
        fhir_origins=frozenset(fields.origins("fhir_origins", private=private)),
        allow_private_addresses=private,
        frame_ancestors=tuple(str(origin) for origin in fields.origins("frame_ancestors", private=True)),
        silent=fields.boolean("silent", default=False),
        fhir_client_id=fields.text("fhir_client_id"),
        refuse_other_subjects=fields.boolean("refuse_other_subjects", default=True),
        requests_per_minute=fields.integer("requests_per_minute", default=REQUESTS_PER_MINUTE, maximum=1_000_000),
        concurrent_requests=fields.integer("concurrent_requests", default=CONCURRENT_REQUESTS, maximum=10_000),
        smart=_smart(fields, private=private),
    )
    fields.refuse_unknown()
    return client


def _smart(fields: Fields, *, private: bool) -> SmartRegistration | None:
    table = fields.table("smart")
    if table is None:
        return None
    iss = table.urls("iss", private=private)
    if not iss and not table.has_fault("iss"):
        table.fault("iss", "must name at least one FHIR base URL")
    registration = SmartRegistration(
        iss=iss,
        client_id=table.text("client_id", required=True) or "",
        client_secret_file=table.file("client_secret_file"),
        private_key_file=table.file("private_key_file"),
    )
    if registration.client_secret_file is not None and registration.private_key_file is not None:
        table.fault("client_secret_file", "and private_key_file exclude each other")
    table.refuse_unknown()
    return registration


def _check_key_file(fields: Fields, path: Path) -> None:
    try:
        keys = parse_key_set(path.read_bytes())
    except OSError:
        fields.fault("jwks_file", "cannot be read")
    except KeySetError as fault:
        fields.fault("jwks_file", str(fault))
    else:
        if not keys:
            fields.fault("jwks_file", "holds no usable public key")


def _warnings(client: Client) -> Iterator[str]:
    if client.issuer in PUBLISHED_KEY_ISSUERS:
        yield f"{client.issuer}: its private key is published, so anyone can call as this client: trials only"
    elif is_loopback(client.issuer):
        yield f"{client.issuer}: an issuer on this machine, as the demo uses it: trials only"
    if client.allow_private_addresses:
        yield f"{client.issuer}: allow_private_addresses opens networks behind the firewall to this client's requests"
    closed = [str(origin) for origin in client.fhir_origins if origin.is_loopback]
    if closed and not client.allow_private_addresses:
        yield f"{client.issuer}: {', '.join(sorted(closed))} is never asked without allow_private_addresses"
