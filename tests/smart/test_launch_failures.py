"""What a launch meets when the store, the keys or the user's EHR fail."""

from dataclasses import dataclass

import httpx
import pytest
from joserfc.jwk import RSAKey
from starlette.requests import Request

from service.adapters.id_token import IdTokenError, verify_id_token
from service.adapters.smart_configuration import discover
from tests.smart.ehr import ISS, JWKS, NOW, FakeEhr
from tests.smart.harness import Harness, MemoryRecords, launch


async def test_a_store_that_is_down_is_told_plainly() -> None:
    harness = Harness(records=MemoryRecords(is_down=True))
    async with harness.browser() as browser:
        browser.cookies.set("__Host-crlm-session", "x", domain="crlm.example")
        answers = [
            await browser.get("/smart/launch", params={"iss": ISS, "launch": "x"}),
            await browser.get("/smart/callback", params={"state": "s", "code": "c"}),
            await browser.post("/smart/logout"),
        ]
    assert [response.status_code for response in answers] == [503] * 3
    assert all("Try again in a moment" in response.text for response in answers)


@dataclass
class OddKeys:
    """An EHR whose JWKS is not what it should be."""

    ehr: FakeEhr
    answer: httpx.Response

    async def send(self, request: httpx.Request) -> httpx.Response:
        return self.answer if str(request.url) == JWKS else await self.ehr.send(request)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, json={"keys": []}),
        httpx.Response(200, json={"keys": []}),
        httpx.Response(200, json={"keys": "none"}),
        httpx.Response(200, json=["keys"]),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"keys": [{"kid": "ehr-1"}, {"kid": "ehr-1"}]}),
        httpx.Response(200, json={"keys": [{"kid": "ehr-1", "kty": "RSA", "n": "!", "e": "AQAB"}]}),
        httpx.Response(
            200, json={"keys": [{**RSAKey.generate_key(2048).as_dict(private=False), "kid": "ehr-1", "use": "enc"}]}
        ),
        httpx.Response(200, json={"keys": [{"kid": "ehr-1", "kty": "oct", "k": "c2VjcmV0"}]}),
    ],
)
async def test_keys_that_are_none_verify_nobody(answer: httpx.Response) -> None:
    ehr = FakeEhr()
    configuration = await discover(ISS, ehr)
    token = ehr.id_token(nonce="n")
    with pytest.raises(IdTokenError):
        await verify_id_token(
            token, configuration=configuration, client_id="crlm", nonce="n", now=NOW, transport=OddKeys(ehr, answer)
        )


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "x" * 20_000,
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSJ9.",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSJ9.AAAA",
    ],
)
async def test_a_token_that_is_unsigned_symmetric_or_none_names_nobody(token: str) -> None:
    ehr = FakeEhr()
    configuration = await discover(ISS, ehr)
    with pytest.raises(IdTokenError):
        await verify_id_token(token, configuration=configuration, client_id="crlm", nonce="n", now=NOW, transport=ehr)


async def test_an_ehr_that_is_no_longer_configured_has_no_sessions() -> None:
    harness = Harness()
    application = harness.application()
    async with harness.browser(application) as browser:
        await launch(browser, harness.ehr)
        app = harness.smart_app()
        app.clients = {}
        cookie = f"__Host-crlm-session={browser.cookies['__Host-crlm-session']}"
        found = Request({"type": "http", "headers": [(b"cookie", cookie.encode())]})
        assert await app.session(found) is None
        assert await harness.smart_app().session(found) is not None
