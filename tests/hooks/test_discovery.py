"""What discovery promises: which services there are, and prefetch templates that every client can answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.hooks.serving import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.checked_client import CheckedClient

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEARCH = re.compile(r"([A-Z][A-Za-z]+)\?(.+)")
READ = re.compile(r"[A-Z][A-Za-z]+/\{\{context\.patientId\}\}")
TOKEN = re.compile(r"\{\{(.*?)\}\}")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CheckedClient]:
    async with served(tmp_path_factory.mktemp("discovery")) as found:
        yield found


async def services(client: CheckedClient) -> list[dict[str, Any]]:
    answer = await client.get("/cds-services")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found: list[dict[str, Any]] = answer.json()["services"]
    return found


@pytest.mark.duty(9, 10, 11, 12, 13, 14, 16)
async def test_each_hook_has_a_service_of_its_own_described_in_full(client: CheckedClient) -> None:
    found = await services(client)
    assert [(one["id"], one["hook"], one["version"]) for one in found] == [
        ("crlm-patient-view", "patient-view", "3.0.0-ballot"),
        ("crlm-order-select", "order-select", "3.0.0-ballot"),
        ("crlm-order-sign", "order-sign", "3.0.0-ballot"),
    ]
    members = {"hook", "title", "description", "id", "version", "prefetch", "usageRequirements"}
    assert [set(one) for one in found] == [members] * 3
    assert all(isinstance(one[name], str) and one[name] for one in found for name in members - {"prefetch"})


@pytest.mark.duty(6, 8, 15)
async def test_it_says_which_fhir_it_reads_and_what_it_cannot_do_without(client: CheckedClient) -> None:
    for one in await services(client):
        assert "FHIR R4 (4.0.1)" in one["usageRequirements"]
        assert "The conditions are required" in one["usageRequirements"]
    assert (await client.get("/knowledge")).status_code == 200
    assert (await client.get("/openapi.json")).json()["paths"].keys() >= {"/cds-services"}


@pytest.mark.duty(31, 32, 33, 34, 35, 37)
async def test_templates_keep_to_the_restricted_grammar(client: CheckedClient) -> None:
    for one in await services(client):
        types = []
        for template in one["prefetch"].values():
            assert {token.strip() for token in TOKEN.findall(template)} == {"context.patientId"}
            search = SEARCH.fullmatch(template)
            if search is None:
                assert READ.fullmatch(template)
                continue
            types.append(search[1])
            names = [pair.partition("=")[0] for pair in search[2].split("&")]
            assert set(names) <= {"patient", "code", "status", "_count", "_sort"}
            assert len(names) == len(set(names))
        assert len(types) == len(set(types)) == 8


@pytest.mark.duty(9, 19)
async def test_it_is_the_same_each_time_and_cheap_to_ask_again(client: CheckedClient) -> None:
    first, second = [await client.get("/cds-services") for _ in range(2)]
    assert first.content == second.content
    again = await client.get("/cds-services", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "public, max-age=300")


@pytest.mark.duty(18)
@pytest.mark.parametrize("authorization", [None, "Bearer nonsense", "Basic x"])
async def test_nobody_is_kept_from_it(client: CheckedClient, authorization: str | None) -> None:
    headers = {"authorization": authorization} if authorization else {}
    assert (await client.get("/cds-services", headers=headers)).status_code == 200
