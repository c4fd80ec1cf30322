"""What FHIR servers return to the service's own queries."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.adapters.servers import Answer, Asked, Server
from tests.fuzz.http_targets import Served, messy
from tests.fuzz.mutate import dumped, mutate, spoiled
from tests.fuzz.storm import Broken
from tests.hooks.fhir_servers import Record
from tests.hooks.serving import PATIENT, authorization, chart, clients_file, message, without_ids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

_PATH = "/cds-services/crlm-patient-view"
_TYPES = (
    "application/fhir+json", "application/json", "application/fhir+json; charset=utf-8", "text/html", "",
    "application/fhir+json;fhirVersion=3.0", "application/fhir+xml",
)  # fmt: skip
_KINDS = "Patient Condition Observation Procedure ServiceRequest MedicationRequest CarePlan BodyStructure".split()


class Bundles:
    """Answers of a FHIR server to one query of a call; the others are sound.

    An input is one line of JSON (which type of resource is asked, status, headers) and the body of the answer.
    """

    name = "bundle"

    def __init__(self, served: Served, record: Record, state: dict[str, Any], base: str) -> None:
        self._served, self._record, self._state = served, record, state
        # The token is not what is tried here, but without one nothing is fetched.
        told = message(fhirServer=f"{base}/fhir", fhirAuthorization=authorization("token-of-the-fuzz"))
        self._call = json.dumps(told).encode()
        self._sound = self._ask()

    def draw(self, random: Random) -> bytes:
        kind = random.choice(_KINDS)
        asked = Asked("GET", f"/fhir/{kind}", {}, "")
        document: Any = (
            self._record.searched(asked) if kind != "Patient" else {"resourceType": "Patient", "id": PATIENT}
        )
        if random.random() < 0.2:
            document = random.choice(messy())
        if random.random() < 0.2 and isinstance(document, dict):
            url = random.choice(("/fhir?page=2", "http://127.0.0.1:1/", "x", "//", "https://elsewhere.example/", "?"))
            document = {**document, "link": [{"relation": "next", "url": url}]}
        body = dumped(mutate(random, document)).encode("utf-8", "surrogatepass")
        if random.random() < 0.3:
            body = spoiled(random, body)
        headers = {"Content-Type": random.choice(_TYPES) if random.random() < 0.3 else _TYPES[0]}
        if random.random() < 0.08:
            headers["Content-Encoding"] = random.choice(("gzip", "deflate", "br", "zstd", "gzip, gzip", "?"))
        if random.random() < 0.05:
            headers["Location"] = random.choice(("/", "http://127.0.0.1:1/", "x"))
        status = random.choice((200,) * 12 + (201, 204, 206, 300, 302, 404, 410, 429, 500, 599))
        told = {"kind": kind, "status": status, "headers": headers}
        return json.dumps(told).encode() + b"\n" + body

    def run(self, given: bytes) -> str:
        head, _, body = given.partition(b"\n")
        told = json.loads(head)
        self._state["answer"] = told["kind"], Answer(told["status"], body, told["headers"])
        try:
            answer = self._served.post(_PATH, self._call)
        finally:
            self._state.pop("answer")
        if answer.status_code not in {200, 412}:
            raise Broken(f"answered with {answer.status_code}")
        return str(answer.status_code)

    def control(self) -> None:
        if self._ask() != self._sound:
            raise Broken("a sound FHIR server gets another answer than before")

    def _ask(self) -> Any:
        answer = self._served.post(_PATH, self._call)
        if answer.status_code != 200 or not answer.json()["cards"]:
            raise Broken("a sound FHIR server gets no card")
        return without_ids(answer.json()["cards"])


@contextmanager
def bundles(folder: Path) -> Iterator[Bundles]:
    record = Record(chart("V01"))
    state: dict[str, Any] = {}

    def answer(asked: Asked) -> Answer:
        kind = asked.path.split("/")[2] if asked.path.count("/") > 1 else ""
        put = state.get("answer")
        if put is not None and (put[0] == kind or not kind):
            found: Answer = put[1]
            return found
        body = record.searched(asked) if kind != "Patient" else {"resourceType": "Patient", "id": PATIENT}
        return Answer(200, json.dumps(body).encode(), {"Content-Type": _TYPES[0]})

    with Server(answer) as server:
        origins = {"issuer": "https://ehr.example.org", "jwks_url": "https://ehr.example.org/jwks"}
        known = {**origins, "fhir_origins": [server.url], "allow_private_addresses": True}
        served = Served(folder, clients=clients_file(folder, known), fetch_budget_s=20.0, deadline_s=60.0)
        try:
            yield Bundles(served, record, state, server.url)
        finally:
            served.close()
