"""Tokens through the whole service: who gets in under each setting, and what a refused caller learns."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from service.cds.services import SERVICES
from tests.adapters.test_hostile_tokens import HOSTILE
from tests.adapters.tokens import (
    BASE,
    EC_KEY,
    EPIC_KEY_ID,
    ISSUER,
    KEYS,
    NOW,
    NOW_S,
    PATH,
    RSA_KEY,
    token,
)
from tests.hooks.serving import chart, clients_file, message, prefetch_of, served

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.checked_client import CheckedClient

REQUEST = message(prefetch=prefetch_of(chart("V01")))
REFUSAL = {
    "resourceType": "OperationOutcome",
    "issue": [
        {
            "severity": "error",
            "code": "login",
            "details": {"text": "Authentication is required"},
            "diagnostics": "a valid token of a known client is required",
        }
    ],
}
EPIC = "https://epic.hospital.example/interconnect/api/FHIR/R4"
EPIC_KEYS = "https://epic.hospital.example/interconnect/api/epic/2019/Security/Open/PublicKeys/530000/X"
ORACLE = "https://cds-hooks.cerner.com"
SANDBOX = "https://sandbox.cds-hooks.org"
INFERNO = "https://inferno.example/custom/crd_server"


def settings(folder: Path, *, auth: str = "required", **client: Any) -> dict[str, Any]:
    """Trust one client whose keys lie in a file."""
    (folder / "keys.json").write_bytes(KEYS)
    known = {"issuer": ISSUER, "jwks_file": "keys.json", "jwks_url": "https://ehr.example.org/jwks", **client}
    return {"auth": auth, "public_base_url": BASE, "clients": clients_file(folder, known), "clock": lambda: NOW}


async def post(client: CheckedClient, text: str | None, *, path: str = PATH, body: Any = REQUEST) -> httpx.Response:
    headers = {"content-type": "application/json"}
    if text is not None:
        headers["authorization"] = f"Bearer {text}"
    return await client.request("POST", path, content=json.dumps(body), headers=headers)


@pytest.mark.duty(75, 76, 77, 78)
async def test_every_hostile_token_gets_the_same_refusal_that_gives_no_reason(tmp_path: Path) -> None:
    found = {}
    async with served(tmp_path, **settings(tmp_path)) as client:
        for name, hostile in HOSTILE.items():
            # What no HTTP client can put into a header arrives nowhere.
            answer = await post(client, hostile.encode("ascii", "ignore").decode().strip())
            wanted = answer.headers["www-authenticate"], answer.headers["access-control-allow-origin"]
            found[name] = answer.status_code, answer.json(), wanted, answer.headers["server-timing"].count(";")
    assert len(found) >= 40
    assert {name: one for name, one in found.items() if one != (401, REFUSAL, ("Bearer", "*"), 1)} == {}


@pytest.mark.duty(74, 75)
@pytest.mark.parametrize(
    ("auth", "text", "status"),
    [
        ("required", None, 401),
        ("required", token(), 200),
        ("required", "nonsense", 401),
        ("optional", None, 200),
        ("optional", token(), 200),
        ("optional", "nonsense", 401),
        ("off", None, 200),
        ("off", token(), 200),
        ("off", "nonsense", 200),
    ],
)
@pytest.mark.parametrize("feedback", [False, True])
async def test_each_setting_lets_in_whom_it_says(
    tmp_path: Path, auth: str, text: str | None, status: int, *, feedback: bool
) -> None:
    entry = {"card": "5f6c9d3e-0000-4000-8000-000000000001", "outcome": "overridden"}
    body = {"feedback": [{**entry, "outcomeTimestamp": "2026-11-23T18:49:38.380Z"}]} if feedback else REQUEST
    async with served(tmp_path, **settings(tmp_path, auth=auth)) as client:
        answer = await post(client, text, path=f"{PATH}/feedback" if feedback else PATH, body=body)
    assert answer.status_code == status


@pytest.mark.duty(77, 78, 83)
@pytest.mark.parametrize(
    ("client", "text"),
    [
        pytest.param(
            {"issuer": EPIC, "jwks_url": EPIC_KEYS},
            token(
                key=RSA_KEY,
                sign_as="RS384",
                header={"alg": "RS384", "kid": EPIC_KEY_ID, "jku": EPIC_KEYS},
                claims={"iss": EPIC, "sub": EPIC, "nbf": NOW_S - 300, "iat": NOW_S, "exp": NOW_S + 900},
            ),
            id="Epic",
        ),
        pytest.param(
            {"issuer": ORACLE, "jwks_url": "https://authorization.cerner.com/jwk", "tenants": ["ec2458f2"]},
            token(header={"jku": "https://authorization.cerner.com/jwk"}, claims={"iss": ORACLE, "tenant": "ec2458f2"}),
            id="Oracle Health",
        ),
        pytest.param(
            {"issuer": SANDBOX, "jwks_url": f"{SANDBOX}/.well-known/jwks.json"},
            token(header={"jku": f"{SANDBOX}/.well-known/jwks.json"}, claims={"iss": SANDBOX}),
            id="CDS Hooks Sandbox",
        ),
        pytest.param(
            {"issuer": INFERNO, "jwks_url": f"{INFERNO}/jwks.json"},
            token(
                key=RSA_KEY,
                sign_as="RS384",
                header={"alg": "RS384", "kid": "rsa", "jku": f"{INFERNO}/jwks.json"},
                claims={"iss": INFERNO},
            ),
            id="Inferno",
        ),
    ],
)
async def test_a_call_as_a_vendor_sends_it_is_answered_once(tmp_path: Path, client: dict[str, Any], text: str) -> None:
    async with served(tmp_path, **settings(tmp_path, **client)) as service:
        first, second = await post(service, text), await post(service, text)
    assert (first.status_code, len(first.json()["cards"])) == (200, 1)
    assert (second.status_code, second.json()) == (401, REFUSAL)


@pytest.mark.duty(47)
async def test_a_known_client_without_the_service_is_told_so(tmp_path: Path) -> None:
    async with served(tmp_path, **settings(tmp_path, services=["crlm-order-sign"])) as client:
        answer = await post(client, token())
    assert (answer.status_code, answer.json()["issue"][0]["diagnostics"]) == (
        403,
        "this client may not use this service",
    )


@pytest.mark.duty(70)
@pytest.mark.parametrize("audience", [PATH, f"{PATH}/feedback"])
async def test_feedback_may_be_addressed_to_the_service_or_to_its_feedback(tmp_path: Path, audience: str) -> None:
    entry = {"card": "5f6c9d3e-0000-4000-8000-000000000001", "outcome": "overridden"}
    body = {"feedback": [{**entry, "outcomeTimestamp": "2026-11-23T18:49:38.380Z"}]}
    async with served(tmp_path, **settings(tmp_path)) as client:
        answer = await post(client, token(claims={"aud": BASE + audience}), path=f"{PATH}/feedback", body=body)
    assert answer.status_code == 200


async def test_a_token_for_feedback_opens_no_service(tmp_path: Path) -> None:
    async with served(tmp_path, **settings(tmp_path)) as client:
        answer = await post(client, token(claims={"aud": f"{BASE}{PATH}/feedback"}))
    assert answer.status_code == 401


async def test_a_token_that_has_expired_is_refused_after_its_leeway(tmp_path: Path) -> None:
    told = settings(tmp_path)
    async with served(tmp_path, **{**told, "clock": lambda: NOW + timedelta(seconds=295 + 59)}) as client:
        assert (await post(client, token(claims={"jti": "in time"}))).status_code == 200
    async with served(tmp_path, **{**told, "clock": lambda: NOW + timedelta(seconds=295 + 61)}) as client:
        assert (await post(client, token(claims={"jti": "too late"}))).status_code == 401


@pytest.mark.parametrize("text", [None, token(), "nonsense"])
async def test_discovery_needs_no_token(tmp_path: Path, text: str | None) -> None:
    headers = {"authorization": f"Bearer {text}"} if text else {}
    async with served(tmp_path, **settings(tmp_path)) as client:
        answer = await client.request("GET", "/cds-services", headers=headers)
    assert [service["id"] for service in answer.json()["services"]] == list(SERVICES)


async def test_a_preflight_needs_no_token_and_allows_one(tmp_path: Path) -> None:
    headers = {
        "origin": "https://sandbox.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    async with served(tmp_path, **settings(tmp_path)) as client:
        answer = await client.request("OPTIONS", PATH, headers=headers)
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert (answer.status_code, {"authorization", "content-type"} <= allowed) == (204, True)


@pytest.mark.duty(78)
async def test_nothing_of_a_token_is_logged(tmp_path: Path, log_lines: list[Any]) -> None:
    text = token()
    async with served(tmp_path, **settings(tmp_path)) as client:
        await post(client, text)
        await post(client, text)
        await post(client, token(key=EC_KEY, header={"kid": "strange"}))
    said = json.dumps(log_lines, default=str)
    assert [part for part in text.split(".") if part in said] == []
    assert [line.get("reason") for line in log_lines if line["event"] == "request"] == [
        None,
        "replayed",
        "no such key",
    ]
