"""What the tests of fetching share: a sound server, queries, and what came told in a few words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.adapters.origins import origin_of
from service.adapters.outbound import Destinations
from service.cds.messages import AccessToken, FhirAuthorization
from service.cds.prefetch import Query
from tests.adapters.servers import Answer, Asked, Server, as_json, searchset
from tests.canary.mark import MARK

if TYPE_CHECKING:
    from service.adapters.fhir_client import FhirCall, FhirClient

TOKEN = f"{MARK}-1"
BUDGET_S = 1.0
"""For what is ended by it."""
AMPLE_S = 20.0
"""For what a busy machine may be slow at."""
QUERIES = {
    "conditions": Query("Condition", (("patient", "p1"), ("_count", "1000"))),
    "procedures": Query("Procedure", (("patient", "p1"),)),
}
CONDITIONS = {"conditions": QUERIES["conditions"]}


def condition(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": f"c{number}",
        "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C78.7"}]},
    }


def by_path(asked: Asked) -> Answer:
    """A sound FHIR server."""
    match asked.method, asked.path:
        case "POST", "/fhir/Condition/_search":
            return as_json(searchset(condition(1)))
        case "POST", "/fhir/Procedure/_search":
            return as_json(searchset())
        case _:
            return as_json({"resourceType": "OperationOutcome"}, status=404)


def without_post(asked: Asked, status: int = 405) -> Answer:
    """A FHIR server that searches by GET alone."""
    if asked.method == "POST":
        return Answer(status)
    return as_json(searchset(condition(1)) if asked.path == "/fhir/Condition" else searchset())


def authorization(expires_in_s: int = 300) -> FhirAuthorization:
    return FhirAuthorization(AccessToken(TOKEN), expires_in_s, "crlm")


@dataclass
class Fetching:
    """The client under test with the way to one server."""

    client: FhirClient
    server: Server

    def begin(
        self, *, token: FhirAuthorization | None = None, budget_s: float = AMPLE_S, path: str = "/fhir"
    ) -> FhirCall:
        return self.client.begin(
            f"{self.server.url}{path}",
            patient_id="p1",
            destinations=Destinations(frozenset({origin_of(self.server.url)}), allow_private_addresses=True),
            authorization=token or authorization(),
            budget_s=budget_s,
        )


def told(fetched: dict[str, Any]) -> dict[str, tuple[list[str], str, str | None]]:
    """Give for each key the ids that came, how complete it is and why it is not."""
    return {
        key: (
            [resource["id"] for page in found.pages for resource in page.resources],
            found.completeness.value,
            found.reason,
        )
        for key, found in fetched.items()
    }


JUNK = b"<html><body>maintenance " + TOKEN.encode() + b"</body></html>"
