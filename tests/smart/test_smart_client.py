import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import RSAKey

from service.adapters.app_keys import AppKeyError, jwks, read_app_key
from service.adapters.smart_client import Attempt, Grant, Registration, TokenError, begin, redeem, refresh, revoke
from service.adapters.smart_configuration import SmartConfiguration, discover
from tests.canary.mark import MARK
from tests.smart.ehr import AUTHORIZATION, ISS, NOW, REVOKE, TOKEN, FakeEhr, form_of

REDIRECT = "https://crlm.example/smart/callback"
PUBLIC = Registration("crlm")


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


async def _started(ehr: FakeEhr, registration: Registration = PUBLIC) -> tuple[str, Attempt, SmartConfiguration]:
    configuration = await discover(ISS, ehr)
    url, attempt = begin(
        ISS, launch="xyz", registration=registration, configuration=configuration, redirect_uri=REDIRECT
    )
    return url, attempt, configuration


async def _granted(ehr: FakeEhr, registration: Registration = PUBLIC) -> tuple[Grant, SmartConfiguration]:
    url, attempt, configuration = await _started(ehr, registration)
    code = ehr.authorize(url)["code"]
    return await redeem(attempt, code, registration=registration, transport=ehr, now=NOW), configuration


async def test_the_authorization_request_carries_what_smart_asks_for() -> None:
    url, attempt, _ = await _started(FakeEhr())
    asked = dict(parse_qsl(urlsplit(url).query))
    assert url.startswith(AUTHORIZATION + "?")
    assert (asked["aud"], asked["launch"], asked["redirect_uri"]) == (ISS, "xyz", REDIRECT)
    assert (asked["client_id"], asked["state"], asked["nonce"]) == ("crlm", attempt.state, attempt.nonce)
    assert attempt.verifier not in url


async def test_a_standalone_launch_asks_for_a_patient() -> None:
    configuration = await discover(ISS, FakeEhr())
    url, _ = begin(ISS, launch=None, registration=PUBLIC, configuration=configuration, redirect_uri=REDIRECT)
    asked = dict(parse_qsl(urlsplit(url).query))
    assert "launch" not in asked
    assert asked["scope"].split()[0] == "launch/patient"


async def test_two_launches_share_no_secret() -> None:
    (_, first, _), (_, second, _) = await _started(FakeEhr()), await _started(FakeEhr())
    assert {first.state, first.nonce, first.verifier}.isdisjoint({second.state, second.nonce, second.verifier})


async def test_a_code_becomes_a_grant_for_the_patient_of_the_answer() -> None:
    grant, _ = await _granted(FakeEhr())
    assert (grant.patient, grant.user, grant.expires_at_s) == ("p1", "Practitioner/dr-1", NOW.timestamp() + 300)
    assert "patient/Observation.cu" in grant.scopes


async def test_nothing_secret_shows_in_a_repr() -> None:
    ehr = FakeEhr()
    url, attempt, _ = await _started(ehr, Registration("crlm", secret="very-secret"))  # noqa: S106
    grant, _ = await _granted(FakeEhr())
    shown = repr(attempt) + repr(grant) + repr(Registration("crlm", secret="very-secret"))  # noqa: S106
    assert url
    for secret in ("secret-", attempt.state, attempt.verifier, attempt.nonce, "very-secret"):
        assert secret not in shown


async def test_a_secret_is_sent_as_basic_and_never_in_the_body() -> None:
    ehr = FakeEhr()
    await _granted(ehr, Registration("crlm", secret="s3cret"))  # noqa: S106
    request = next(found for found in ehr.requests if str(found.url) == TOKEN)
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"crlm:s3cret").decode()
    assert "client_secret" not in form_of(request)


@pytest.mark.parametrize(
    ("private", "algorithm"),
    [(ec.generate_private_key(ec.SECP384R1()), "ES384"), (rsa.generate_private_key(65537, 2048), "RS384")],
)
async def test_a_key_signs_a_short_assertion_that_our_jwks_verifies(private: Any, algorithm: str) -> None:
    key, ehr = read_app_key(_pem(private)), FakeEhr()
    await _granted(ehr, Registration("crlm", key=key))
    form = form_of(next(found for found in ehr.requests if str(found.url) == TOKEN))
    (published,) = jwks([key, key])["keys"]
    claims = jwt.decode(
        form["client_assertion"],
        jwt.PyJWK(published),
        algorithms=[algorithm],
        audience=TOKEN,
        options={"verify_exp": False, "verify_iat": False},
    )
    header = jwt.get_unverified_header(form["client_assertion"])
    assert (header["alg"], header["kid"], header["typ"]) == (algorithm, key.kid, "JWT")
    assert (claims["iss"], claims["sub"], claims["exp"] - NOW.timestamp()) == ("crlm", "crlm", 240)
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert "d" not in published
    assert "Authorization" not in ehr.requests[-1].headers


@pytest.mark.parametrize(
    "pem",
    [
        _pem(ec.generate_private_key(ec.SECP256R1())),
        _pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - the weak key that is refused
        b"-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----",
        b"{}",
    ],
)
def test_a_weak_or_unreadable_key_is_refused(pem: bytes) -> None:
    with pytest.raises(AppKeyError) as raised:
        read_app_key(pem)
    assert "nonsense" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patient": None}, "the EHR did not say which patient is open"),
        ({"patient": "../p2"}, "the EHR did not say which patient is open"),
        ({"patient": 7}, "the EHR did not say which patient is open"),
        ({"token_type": "mac"}, "the EHR gave no bearer token"),
        ({"access_token": ""}, "the EHR gave no bearer token"),
        ({"access_token": "a\r\nb"}, "the EHR gave no bearer token"),
        ({"access_token": "tökén"}, "the EHR gave no bearer token"),
        ({"expires_in": 10**400}, "the EHR's expires_in is no number of seconds"),
        ({"expires_in": "soon"}, "the EHR's token endpoint refused the request or answered something else"),
        ({"id_token": 5}, "the EHR's id_token is no text"),
        ({"id_token": "a.b.c"}, "the EHR's id_token could not be verified"),
        ({"error": "invalid_grant"}, "the EHR's token endpoint refused the request or answered something else"),
    ],
)
async def test_an_unusable_token_answer_ends_the_launch(changes: dict[str, Any], message: str) -> None:
    ehr = FakeEhr()
    ehr.token_changes = changes
    with pytest.raises(TokenError) as raised:
        await _granted(ehr)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "of-another-launch"},
        {"nonce": None},
        {"aud": "another-app"},
        {"aud": ["crlm", "another-app"]},
        {"iss": "https://stranger.example"},
        {"exp": NOW.timestamp() - 61},
        {"iat": NOW.timestamp() + 61},
        {"exp": "tomorrow"},
    ],
)
async def test_an_id_token_with_a_wrong_claim_ends_the_launch(changes: dict[str, Any]) -> None:
    ehr = FakeEhr()
    ehr.claim_changes = changes
    with pytest.raises(TokenError, match="id_token could not be verified"):
        await _granted(ehr)


async def test_an_id_token_of_another_key_ends_the_launch() -> None:
    ehr = FakeEhr()
    ehr.id_token_key = RSAKey.generate_key(2048, private=True)
    with pytest.raises(TokenError, match="id_token could not be verified"):
        await _granted(ehr)


async def test_an_id_token_that_nothing_can_verify_names_no_user() -> None:
    ehr = FakeEhr()
    del ehr.configuration["jwks_uri"]
    grant, _ = await _granted(ehr)
    assert grant.user is None


@pytest.mark.parametrize(
    "user",
    [
        "Practitioner/dr 1",
        "javascript:alert(1)",
        "https://fhir.example.org/r4/Device/1",
        "https://fhir.example.org/Practitioner/",
        5,
        "https://stranger.example/r4/Practitioner/dr-1",
        "https://fhir.example.org@stranger.example/Practitioner/dr-1",
    ],
)
async def test_an_odd_fhir_user_is_nobody(user: object) -> None:
    ehr = FakeEhr()
    ehr.claim_changes = {"fhirUser": user}
    grant, _ = await _granted(ehr)
    assert grant.user is None


@pytest.mark.parametrize("user", ["Practitioner/dr-1", "https://fhir.example.org/proxy/Practitioner/dr-1?x=1"])
async def test_the_user_is_named_relative_to_the_ehr(user: str) -> None:
    ehr = FakeEhr()
    ehr.claim_changes = {"fhirUser": user}
    grant, _ = await _granted(ehr)
    assert grant.user == "Practitioner/dr-1"


async def test_a_code_of_another_launch_is_refused_by_pkce() -> None:
    ehr = FakeEhr()
    victim_url, _, _ = await _started(ehr)
    _, attempt, _ = await _started(ehr)
    injected = ehr.authorize(victim_url)["code"]
    with pytest.raises(TokenError):
        await redeem(attempt, injected, registration=PUBLIC, transport=ehr, now=NOW)


async def test_a_refresh_keeps_the_patient_the_user_and_the_scopes() -> None:
    ehr = FakeEhr()
    grant, configuration = await _granted(ehr)
    later = NOW + timedelta(minutes=6)
    renewed = await refresh(grant, configuration=configuration, registration=PUBLIC, transport=ehr, now=later)
    assert renewed == replace(
        grant,
        access_token=f"secret-access-2.{MARK}",
        refresh_token=f"secret-refresh-2.{MARK}",
        expires_at_s=later.timestamp() + 300,
    )


async def test_a_refresh_for_another_patient_is_refused() -> None:
    ehr = FakeEhr()
    grant, configuration = await _granted(ehr)
    ehr.token_changes = {"patient": "p2"}
    with pytest.raises(TokenError, match="another patient"):
        await refresh(grant, configuration=configuration, registration=PUBLIC, transport=ehr, now=NOW)


async def test_without_a_refresh_token_nothing_is_asked() -> None:
    ehr = FakeEhr()
    grant, configuration = await _granted(ehr)
    asked = len(ehr.requests)
    with pytest.raises(TokenError, match="cannot be renewed"):
        await refresh(
            replace(grant, refresh_token=None), configuration=configuration, registration=PUBLIC, transport=ehr, now=NOW
        )
    assert len(ehr.requests) == asked


async def test_logout_revokes_the_refresh_token() -> None:
    ehr = FakeEhr()
    grant, configuration = await _granted(ehr)
    assert await revoke(grant, configuration=configuration, registration=PUBLIC, transport=ehr, now=NOW)
    assert str(ehr.requests[-1].url) == REVOKE
    assert form_of(ehr.requests[-1]) == {
        "token": f"secret-refresh-1.{MARK}",
        "token_type_hint": "refresh_token",
        "client_id": "crlm",
    }


async def test_logout_without_an_endpoint_or_an_answer_revokes_nothing() -> None:
    ehr = FakeEhr()
    grant, configuration = await _granted(ehr)
    silent = replace(configuration, revocation_endpoint=None)
    assert not await revoke(grant, configuration=silent, registration=PUBLIC, transport=ehr, now=NOW)
    ehr.unreachable = True
    assert not await revoke(grant, configuration=configuration, registration=PUBLIC, transport=ehr, now=NOW)


async def test_an_unreachable_token_endpoint_is_told_plainly() -> None:
    ehr = FakeEhr()
    _, attempt, _ = await _started(ehr)
    ehr.unreachable = True
    with pytest.raises(TokenError, match="could not be reached"):
        await redeem(attempt, "code", registration=PUBLIC, transport=ehr, now=NOW)


@pytest.mark.parametrize("text", ["<html>", "null", "[" * 100_000])
async def test_a_page_instead_of_a_token_ends_the_launch(text: str) -> None:
    class Portal(FakeEhr):
        async def send(self, request: httpx.Request) -> httpx.Response:
            if str(request.url) == TOKEN:
                return httpx.Response(200, text=text, request=request)
            return await super().send(request)

    with pytest.raises(TokenError, match="answered something else"):
        await _granted(Portal())
