"""The FHIR server behind a network that fails: the card says what is missing, in time, and is whole again after."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.adapters.certificates import contexts
from tests.adapters.servers import Server, as_json
from tests.faults.proxy import Fault, Proxy
from tests.hooks.fhir_servers import TOKEN, Record
from tests.hooks.serving import (
    ADVICE,
    authorization,
    bundle,
    chart,
    clients_file,
    message,
    prefetch_of,
    served,
    without_ids,
)
from tests.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.checked_client import CheckedClient

CHART = chart("V01")
BUDGET_S = 0.8
ALLOWED_S = BUDGET_S + 1.2
UNREAD = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
OF_TLS = [Fault.REFUSE, Fault.RESET, Fault.RESET_MID_BODY, Fault.HALF_THEN_HANG, Fault.BLACK_HOLE, Fault.TLS_FAILURE]


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in prefetch_of(CHART).items() if name != key}


def asking(base: str, key: str) -> dict[str, Any]:
    """Build a request whose `key` has to be fetched."""
    return message(prefetch=without(key), fhirServer=f"{base}/fhir", fhirAuthorization=authorization(TOKEN))


@asynccontextmanager
async def client_for(base: str, folder: Path) -> AsyncIterator[CheckedClient]:
    ehr = {
        "issuer": "https://ehr.example.org",
        "jwks_url": "https://ehr.example.org/jwks",
        "fhir_origins": [base],
        "allow_private_addresses": True,
    }
    async with served(folder, clients=clients_file(folder, ehr), fetch_budget_s=BUDGET_S, deadline_s=30.0) as client:
        yield client


async def cards(client: CheckedClient, request: dict[str, Any]) -> Any:
    """Give the cards of an answer, or its refusal, which came in time."""
    watch = Stopwatch()
    answer = await client.call(request)
    assert watch.seconds() < ALLOWED_S
    assert TOKEN not in answer.text
    body = answer.json()
    return without_ids(body["cards"]) if answer.status_code == 200 else (answer.status_code, body["issue"][0])


async def answers_around(proxy: Proxy, fault: Fault, base: str, folder: Path) -> None:
    """Ask before, during and after the fault, and compare with what the same knowledge gives without a server."""
    async with client_for(base, folder) as client:
        whole = await cards(client, message(prefetch=prefetch_of(CHART)))
        part = await cards(client, message(prefetch={**prefetch_of(CHART), "observations": UNREAD}))
        asked = asking(base, "observations")
        assert await cards(client, asked) == whole
        with proxy.failing(fault):
            assert await cards(client, asked) == part
            status, issue = await cards(client, asking(base, "conditions"))
            assert (status, issue["expression"]) == (412, ["prefetch.conditions"])
        assert await cards(client, asked) == whole
    [card] = part
    assert card["extension"][ADVICE]["determined"] is False
    assert {gap["gap"] for gap in card["extension"][ADVICE]["gaps"]} == {"not-retrieved"}


@pytest.mark.parametrize("fault", Fault)
async def test_the_card_says_what_could_not_be_fetched_and_is_whole_again_after(tmp_path: Path, fault: Fault) -> None:
    record = Record(CHART)
    with Server(lambda asked: as_json(record.searched(asked))) as fhir, Proxy(fhir.port) as proxy:
        await answers_around(proxy, fault, proxy.url, tmp_path)


@pytest.mark.parametrize("fault", OF_TLS)
async def test_over_tls_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    record = Record(CHART)
    certificate, _ = contexts("localhost", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    # The half is beyond the handshake, whose certificate alone has some hundred bytes.
    with (
        Server(lambda asked: as_json(record.searched(asked)), tls=certificate) as fhir,
        Proxy(fhir.port, half=1200) as proxy,
    ):
        await answers_around(proxy, fault, f"https://localhost:{proxy.port}", tmp_path)


async def test_a_server_with_a_certificate_that_nobody_vouches_for_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Record(CHART)
    async with AsyncExitStack() as stack:
        for name in ("trusted", "own"):
            (tmp_path / name).mkdir()
        contexts("localhost", tmp_path / "trusted")
        certificate, _ = contexts("localhost", tmp_path / "own")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted" / "server.pem"))
        fhir = stack.enter_context(Server(lambda asked: as_json(record.searched(asked)), tls=certificate))
        base = f"https://localhost:{fhir.port}"
        client = await stack.enter_async_context(client_for(base, tmp_path))
        found = await cards(client, asking(base, "observations"))
        part = await cards(client, message(prefetch={**prefetch_of(CHART), "observations": UNREAD}))
    assert (found, fhir.asked) == (part, [])


async def test_a_sound_part_of_several_pages_is_used_where_the_next_page_is_lost(tmp_path: Path) -> None:
    record = Record(CHART)
    first, second = record.half("Observation", 1), record.half("Observation", 2)
    with Server(lambda _: as_json(bundle(second))) as fhir, Proxy(fhir.port) as proxy:
        link = [{"relation": "next", "url": f"{proxy.url}/fhir?page=2"}]
        request = asking(proxy.url, "observations")
        request["prefetch"]["observations"] = bundle(first, link=link)
        half = {**prefetch_of(CHART), "observations": bundle(first, total=99)}
        async with client_for(proxy.url, tmp_path) as client:
            for fault in Fault:
                with proxy.failing(fault):
                    assert await cards(client, request) == await cards(client, message(prefetch=half))
            assert await cards(client, request) == await cards(client, message(prefetch=prefetch_of(CHART)))
