"""The service's own SMART client against the demo's authorization server: neither is tuned to the other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from service.adapters.app_keys import read_app_key
from service.adapters.smart_client import Registration, TokenError, begin, redeem, refresh, revoke
from service.adapters.smart_configuration import discover
from service.demo.ehr import app_client
from service.demo.folder import DemoFolder
from service.demo.patients.practice import USER
from service.demo.smart.grants import Context
from tests.demo.ehrs import ADDRESSES, CALLBACK, Bench, make_bench

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class InProcess:
    """The app's transport, straight into the demo EHR."""

    bench: Bench

    async def send(self, request: httpx.Request) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.bench.ehr.app)) as client:
            return await client.send(request)


def launched(folder: Path) -> tuple[Bench, Registration]:
    """Give an EHR that knows the app by the key that the demo's folder holds."""
    jwks = DemoFolder(folder).write_app_key()
    bench = make_bench(clients=(app_client(ADDRESSES, jwks),))
    return bench, Registration("crlm", key=read_app_key((folder / "app-key.pem").read_bytes()))


@pytest.mark.parametrize("is_ehr_launch", [True, False])
def test_the_app_gets_tokens_renews_and_revokes_them(tmp_path: Path, *, is_ehr_launch: bool) -> None:
    bench, registration = launched(tmp_path)
    transport = InProcess(bench)
    configuration = asyncio.run(discover(ADDRESSES.fhir, transport))
    handle = bench.ehr.grants.open_launch(Context("p1", USER, "signed")) if is_ehr_launch else None
    url, attempt = begin(
        ADDRESSES.fhir,
        launch=handle,
        registration=registration,
        configuration=configuration,
        redirect_uri=CALLBACK,
    )
    answer = bench.http.get(url)
    if not is_ehr_launch:
        key = answer.text.split('name="request" value="')[1].split('"')[0]
        answer = bench.http.post("/smart/authorize/patient", data={"request": key, "patient": "p1"})
    found = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (found["state"], found["iss"]) == ([attempt.state], [configuration.issuer])
    grant = asyncio.run(
        redeem(attempt, found["code"][0], registration=registration, transport=transport, now=bench.clock())
    )
    assert (grant.patient, grant.user, grant.app_context) == ("p1", USER, "signed" if is_ehr_launch else None)
    assert {"openid", "fhirUser", "patient/Patient.r"} <= grant.scopes
    bench.clock.forward(seconds=30)
    renewed = asyncio.run(
        refresh(grant, configuration=configuration, registration=registration, transport=transport, now=bench.clock())
    )
    headers = {"Authorization": f"Bearer {renewed.access_token}"}
    assert bench.http.get("/fhir/Patient/p1", headers=headers).status_code == 200
    asyncio.run(
        revoke(renewed, configuration=configuration, registration=registration, transport=transport, now=bench.clock())
    )
    assert bench.http.get("/fhir/Patient/p1", headers=headers).status_code == 401


def test_a_code_is_worth_nothing_with_another_key(tmp_path: Path) -> None:
    bench, registration = launched(tmp_path)
    transport = InProcess(bench)
    configuration = asyncio.run(discover(ADDRESSES.fhir, transport))
    handle = bench.ehr.grants.open_launch(Context("p1", USER))
    url, attempt = begin(
        ADDRESSES.fhir, launch=handle, registration=registration, configuration=configuration, redirect_uri=CALLBACK
    )
    code = parse_qs(urlsplit(bench.http.get(url).headers["location"]).query)["code"][0]
    DemoFolder(tmp_path).write_app_key()
    stranger = Registration("crlm", key=read_app_key((tmp_path / "app-key.pem").read_bytes()))
    with pytest.raises(TokenError):
        asyncio.run(redeem(attempt, code, registration=stranger, transport=transport, now=bench.clock()))


def test_the_apps_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    DemoFolder(tmp_path).write_app_key()
    assert (tmp_path / "app-key.pem").stat().st_mode & 0o077 == 0
