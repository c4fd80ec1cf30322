"""The demo's folder: the service's configuration, its store, its key as an app, and the record of the EHR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from service.adapters.app_keys import jwks, read_app_key
from service.demo.ehr import APP_CLIENT_ID

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from service.demo.addresses import Addresses

_APP_KEY = "app-key.pem"
_CLIENTS = "clients.toml"


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """The files of one demo in `path`; keys are made anew at each start, records stay."""

    path: Path

    @property
    def record(self) -> Path:
        """The SQLite file of the EHR's record."""
        return self.path / "ehr.sqlite3"

    @property
    def log(self) -> Path:
        """What the service says."""
        return self.path / "service.log"

    def write_app_key(self) -> dict[str, Any]:
        """Write the app's private key for the service and give the public half as a JWKS for the EHR."""
        private = ec.generate_private_key(ec.SECP384R1())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path = self.path / _APP_KEY
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(pem)
        return jwks([read_app_key(pem)])

    def write_clients(self, addresses: Addresses) -> None:
        """Write the service's client configuration: this demo EHR and nobody else."""
        (self.path / _CLIENTS).write_text(
            f"""[[client]]
issuer = "{addresses.issuer}"
jwks_url = "{addresses.jwks}"
fhir_origins = ["{addresses.ehr}"]
allow_private_addresses = true
frame_ancestors = ["{addresses.ehr}"]
[client.smart]
iss = ["{addresses.fhir}"]
client_id = "{APP_CLIENT_ID}"
private_key_file = "{_APP_KEY}"
""",
            encoding="utf-8",
        )

    def service_environment(self, addresses: Addresses, environment: Mapping[str, str]) -> dict[str, str]:
        """Give the service's environment: real settings, and none of the CRLM_* that are set here."""
        inherited = {name: value for name, value in environment.items() if not name.startswith("CRLM_")}
        return {
            **inherited,
            "CRLM_AUTH": "required",
            "CRLM_CLIENTS": str(self.path / _CLIENTS),
            "CRLM_DATABASE_URL": f"sqlite:///{self.path / 'service.sqlite3'}",
            "CRLM_PUBLIC_BASE_URL": addresses.service,
            "CRLM_LOG_FORMAT": "json",
        }
