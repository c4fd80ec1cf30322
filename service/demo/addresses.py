"""Where everything of the demo stands: on loopback, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from service.adapters.clients import DEMO_ISSUER_PATH


class AddressError(Exception):
    """The demo would be reachable from elsewhere; its keys and its user are for this machine only."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The base addresses of the demo EHR and of the service, both `http://127.0.0.1:<port>`."""

    ehr: str
    service: str

    def __post_init__(self) -> None:
        """Refuse every address that is not a literal loopback address."""
        for url in (self.ehr, self.service):
            parts = urlsplit(url)
            if parts.scheme != "http" or not _is_loopback(parts.hostname) or parts.path:
                raise AddressError("the demo runs on loopback only: http://127.0.0.1:<port>")

    @property
    def fhir(self) -> str:
        """The FHIR endpoint."""
        return f"{self.ehr}/fhir"

    @property
    def smart(self) -> str:
        """The authorization server, which is also the issuer of its id_tokens."""
        return f"{self.ehr}/smart"

    @property
    def jwks(self) -> str:
        """The public keys of the demo EHR."""
        return f"{self.ehr}/.well-known/jwks.json"

    @property
    def issuer(self) -> str:
        """The issuer of the JWTs of the hook calls."""
        return f"{self.ehr}{DEMO_ISSUER_PATH}"

    @property
    def app_callback(self) -> str:
        """Where the app's codes go."""
        return f"{self.service}/smart/callback"


def _is_loopback(host: str | None) -> bool:
    try:
        return host is not None and ip_address(host).is_loopback
    except ValueError:
        return False
