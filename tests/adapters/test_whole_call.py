"""Prefetch states against FHIR servers of every behaviour, through the whole service: answer, time, and the token."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from service.settings import Settings
from service.web.server import build_app
from tests.adapters.servers import Answer, Asked, Server, as_gzip, as_json, searchset
from tests.adapters.tokens import EC_KEY, ISSUER, SERVICE, jwk, key_set, token
from tests.canary.mark import MARK
from tests.checked_client import CheckedClient
from tests.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

CANARY = f"{MARK}-1"
BASE = "https://cds.example.org"
PATH = f"/cds-services/{SERVICE}"
BUDGET_S = 0.8
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}


def condition(number: int, code: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": f"c{number}",
        "subject": {"reference": "Patient/p1"},
        "clinicalStatus": {"coding": [{"system": CLINICAL, "code": "active"}]},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]},
    }


IN_SCOPE = searchset(condition(1, "C18.7"), condition(2, "C78.7"))


def sound(asked: Asked) -> Answer:
    return as_json(IN_SCOPE if "Condition" in asked.path else searchset())


@cache
def bomb() -> Answer:
    """Pack it once: packing takes longer than the answers that are timed."""
    return as_gzip(b" " * 40_000_000)


SERVERS: dict[str, Callable[[Asked], Answer]] = {
    "401": lambda _: Answer(401, CANARY.encode()),
    "403": lambda _: Answer(403),
    "404": lambda _: Answer(404),
    "500": lambda _: as_json(OUTCOME, status=500),
    "slow": lambda _: Answer(200, b"x" * 100, hold=True),
    "dies mid-body": lambda _: Answer(200, b"x" * 100, cut=True),
    "redirects": lambda _: Answer(302, headers={"Location": f"https://evil.example/?{CANARY}"}),
    "not JSON": lambda _: Answer(200, b"<html>" + CANARY.encode()),
    "gzip bomb": lambda _: bomb(),
    "outcome": lambda _: as_json(OUTCOME),
}


@asynccontextmanager
async def service(fhir: Server | None, folder: Path) -> AsyncIterator[CheckedClient]:
    """The service as it is served, with one client and that client's FHIR server."""
    (folder / "keys.json").write_bytes(key_set(jwk(EC_KEY, "ec")))
    origins = json.dumps([fhir.url] if fhir else [])
    (folder / "clients.toml").write_text(
        f'[[client]]\nissuer = "{ISSUER}"\njwks_file = "keys.json"\nfhir_origins = {origins}\n'
        "allow_private_addresses = true\n"
    )
    settings = Settings(
        public_base_url=BASE,
        clients=folder / "clients.toml",
        database_url=f"sqlite:///{folder}/store.sqlite3",
        fetch_budget_s=BUDGET_S,
    )
    app = build_app(settings, own_process=False)
    async with app.router.lifespan_context(app), CheckedClient(app) as client:
        yield client


async def called(
    client: CheckedClient, fhir: Server | None, prefetch: dict[str, Any] | None
) -> tuple[int, dict[str, Any], float]:
    """Call as the configured client; give status, body and the seconds that it took."""
    now = int(datetime.now(UTC).timestamp())
    claims = {"iss": ISSUER, "aud": BASE + PATH, "iat": now, "exp": now + 300, "jti": str(uuid4())}
    message: dict[str, Any] = {
        "hook": "patient-view",
        "hookInstance": str(uuid4()),
        "context": {"patientId": "p1", "userId": "Practitioner/dr1"},
    }
    if prefetch is not None:
        message["prefetch"] = prefetch
    if fhir is not None:
        message["fhirServer"] = f"{fhir.url}/fhir"
        message["fhirAuthorization"] = {
            "access_token": CANARY,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.rs",
            "subject": "crlm",
        }
    headers = {
        "content-type": "application/json",
        "authorization": f"Bearer {token(claims=claims, header={'jku': ...})}",
    }
    watch = Stopwatch()
    answer = await client.request("POST", PATH, content=json.dumps(message), headers=headers)
    return answer.status_code, answer.json(), watch.seconds()


def stored(folder: Path) -> str:
    """Give all that lies on the disk, whatever it is."""
    return "".join(path.read_bytes().decode("latin-1") for path in folder.iterdir())


@pytest.mark.parametrize("behaviour", SERVERS)
async def test_a_server_that_fails_costs_412_without_conditions_and_a_card_that_says_so_with_them(
    behaviour: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Server(SERVERS[behaviour]) as fhir:
        async with service(fhir, tmp_path) as client:
            without = await called(client, fhir, None)
            sent = await called(client, fhir, {"conditions": IN_SCOPE})
            null = await called(client, fhir, {"conditions": None})
            error = await called(client, fhir, {"conditions": OUTCOME})
    assert [without[0], sent[0], null[:2], error[0]] == [412, 200, (200, {"cards": []}), 412]
    (card,) = sent[1]["cards"]
    assert card["source"]["topic"]["code"] == "undetermined"
    assert card["extension"]["example.crlm-cds.advice"]["determined"] is False
    assert max(seconds for _, _, seconds in (sent, error)) < BUDGET_S + 1.2
    said = capfd.readouterr()
    everything = said.out + said.err + json.dumps([without[1], sent[1], error[1]])
    everything += stored(tmp_path)
    assert CANARY not in everything


async def test_prefetched_and_fetched_conditions_give_the_same_card(tmp_path: Path) -> None:
    with Server(sound) as fhir:
        async with service(fhir, tmp_path) as client:
            cards = [
                (await called(client, fhir, prefetch))[1]["cards"]
                for prefetch in (None, {}, {"conditions": IN_SCOPE}, {"conditions": {**IN_SCOPE, "total": 2}})
            ]
    said = [[(card["summary"], card["detail"], card["extension"]) for card in found] for found in cards]
    assert [len(said[0]), said[1:]] == [1, [said[0]] * 3]


async def test_a_paged_bundle_that_was_sent_is_completed(tmp_path: Path) -> None:
    with Server(
        lambda asked: sound(asked) if asked.method == "POST" else as_json(searchset(condition(2, "C78.7")))
    ) as fhir:
        first = searchset(condition(1, "C18.7"), next_url=f"{fhir.url}/fhir?page=2")
        foreign = searchset(condition(1, "C18.7"), next_url="https://evil.example/?page=2")
        async with service(fhir, tmp_path) as client:
            complete = await called(client, fhir, {"conditions": first})
            partial = await called(client, fhir, {"conditions": foreign})
    assert [(status, len(body["cards"])) for status, body, _ in (complete, partial)] == [(200, 1), (200, 1)]


async def test_without_a_server_the_prefetch_has_to_suffice(tmp_path: Path) -> None:
    async with service(None, tmp_path) as client:
        found = [
            (await called(client, None, prefetch))[0]
            for prefetch in (None, {}, {"conditions": IN_SCOPE}, {"conditions": None}, {"conditions": OUTCOME})
        ]
    assert found == [412, 412, 200, 200, 412]


async def test_a_server_that_is_not_the_clients_is_never_asked(tmp_path: Path) -> None:
    with Server(sound) as own, Server(sound) as foreign:
        async with service(own, tmp_path) as client:
            found = [(await called(client, foreign, prefetch))[0] for prefetch in (None, {"conditions": IN_SCOPE})]
    assert [found, own.asked, foreign.asked] == [[412, 200], [], []]
