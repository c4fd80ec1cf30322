from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, quote_plus, urlsplit

import jwt
import pytest

from service.demo.patients.practice import USER
from service.demo.smart.clients import ASSERTION_TYPE
from service.demo.smart.grants import Context
from service.demo.smart.keys import SigningKey
from tests.demo.ehrs import CALLBACK, PUBLIC, SCOPES, SECRET, Bench, make_bench

if TYPE_CHECKING:
    import httpx

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
KEY = SigningKey.generate("app-key")
CONFIDENTIAL = replace(PUBLIC, client_id="confidential", jwks=KEY.jwks)
TOKEN_URL = "http://127.0.0.1:8000/smart/token"  # noqa: S105 an address


@pytest.fixture
def bench() -> Bench:
    return make_bench(clients=(PUBLIC, SECRET, CONFIDENTIAL))


def request_of(bench: Bench, **changes: str | None) -> dict[str, str]:
    handle = bench.ehr.grants.open_launch(Context("p1", USER, "signed-context"))
    asked = {
        "response_type": "code",
        "client_id": "public",
        "redirect_uri": CALLBACK,
        "scope": "launch openid fhirUser patient/*.rs offline_access",
        "state": "state-1",
        "aud": "http://127.0.0.1:8000/fhir",
        "launch": handle,
        "nonce": "nonce-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return {name: value for name, value in asked.items() if value is not None}


def authorize(bench: Bench, **changes: str | None) -> dict[str, str]:
    answer = bench.http.get("/smart/authorize", params=request_of(bench, **changes))
    assert answer.status_code == 303, answer.text
    place, _, query = answer.headers["location"].partition("?")
    assert place == CALLBACK
    return dict(parse_qsl(query))


def redeem(bench: Bench, code: str, **changes: Any) -> httpx.Response:
    headers = changes.pop("headers", {})
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": "public",
        **changes,
    }
    sent = {name: value for name, value in form.items() if value is not None}
    return bench.http.post("/smart/token", data=sent, headers=headers)


def tokens(bench: Bench, **changes: str | None) -> dict[str, Any]:
    found: dict[str, Any] = redeem(bench, authorize(bench, **changes)["code"]).json()
    return found


def refresh(bench: Bench, token: str, **changes: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "public", **changes}
    return bench.http.post("/smart/token", data=form)


def reads(bench: Bench, token: str) -> int:
    return bench.http.get("/fhir/Patient/p1", headers={"Authorization": f"Bearer {token}"}).status_code


def test_the_configuration_names_what_smart_demands(bench: Bench) -> None:
    found = bench.http.get("/fhir/.well-known/smart-configuration").json()
    assert found["authorization_endpoint"] == "http://127.0.0.1:8000/smart/authorize"
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert {"launch-ehr", "launch-standalone", "client-public", "client-confidential-asymmetric", "permission-v2"} <= {
        *found["capabilities"]
    }
    assert bench.http.get("/smart/.well-known/openid-configuration").json()["issuer"] == found["issuer"]


def test_a_launch_ends_in_tokens_with_patient_user_and_context(bench: Bench) -> None:
    answer = redeem(bench, authorize(bench)["code"])
    found = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert {name: found[name] for name in ("token_type", "patient", "appContext", "scope", "expires_in")} == {
        "token_type": "Bearer",
        "patient": "p1",
        "appContext": "signed-context",
        "scope": "launch openid fhirUser patient/*.rs offline_access",
        "expires_in": 900,
    }
    key = jwt.PyJWKSet.from_dict(bench.http.get("/.well-known/jwks.json").json()).keys[0]
    claims = jwt.decode(found["id_token"], key, algorithms=["ES384"], audience="public", options={"verify_exp": False})
    assert claims["fhirUser"] == "http://127.0.0.1:8000/fhir/Practitioner/demo-surgeon"
    assert (claims["nonce"], claims["iss"]) == ("nonce-1", "http://127.0.0.1:8000/smart")
    assert reads(bench, found["access_token"]) == 200


def test_the_state_comes_back(bench: Bench) -> None:
    assert authorize(bench)["state"] == "state-1"


def test_the_authorization_request_may_be_posted(bench: Bench) -> None:
    assert bench.http.post("/smart/authorize", data=request_of(bench)).status_code == 303


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "stranger"},
        {"redirect_uri": "http://127.0.0.1:8001/smart/callback2"},
        {"redirect_uri": "https://evil.example"},
        {"redirect_uri": None},
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(bench: Bench, changes: dict[str, str | None]) -> None:
    answer = bench.http.get("/smart/authorize", params=request_of(bench, **changes))
    assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"state": None}, "invalid_request"),
        ({"aud": None}, "invalid_request"),
        ({"aud": "https://other.example/fhir"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "system/*.cruds"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"launch": "forged"}, "invalid_request"),
        ({"scope": "patient/*.rs"}, "invalid_request"),
    ],
)
def test_a_faulty_request_is_told_to_the_app(bench: Bench, changes: dict[str, str | None], error: str) -> None:
    assert authorize(bench, **changes)["error"] == error


def test_a_launch_is_used_once_and_ends(bench: Bench) -> None:
    asked = request_of(bench)
    for expected in ("code", "error"):
        answer = bench.http.get("/smart/authorize", params=asked)
        assert expected in parse_qs(urlsplit(answer.headers["location"]).query)
    late = request_of(bench)
    bench.clock.forward(seconds=301)
    assert "error=" in bench.http.get("/smart/authorize", params=late).headers["location"]


def test_scopes_beyond_the_registration_are_left_out(bench: Bench) -> None:
    found = tokens(bench, scope="launch patient/*.rs system/*.cruds user/*.cruds user/Observation.rs nonsense")
    assert found["scope"] == "launch patient/*.rs user/Observation.rs"
    assert {"id_token", "refresh_token"} & found.keys() == set()


def test_version_1_scopes_are_granted(bench: Bench) -> None:
    found = tokens(bench, scope="launch patient/Patient.read")
    assert (found["scope"], reads(bench, found["access_token"])) == ("launch patient/Patient.read", 200)


def test_a_standalone_launch_lets_the_user_choose_the_patient(bench: Bench) -> None:
    asked = request_of(bench, launch=None, scope="launch/patient patient/*.rs")
    page = bench.http.get("/smart/authorize", params=asked)
    key = page.text.split('name="request" value="')[1].split('"')[0]
    assert (page.status_code, "Two, Test" in page.text) == (200, True)
    for expected in (303, 400):
        answer = bench.http.post("/smart/authorize/patient", data={"request": key, "patient": "p2"})
        assert answer.status_code == expected
        if expected == 303:
            code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    found = redeem(bench, code).json()
    assert (found["patient"], "appContext" in found) == ("p2", False)


def test_nobody_chooses_a_patient_who_does_not_exist(bench: Bench) -> None:
    page = bench.http.get("/smart/authorize", params=request_of(bench, launch=None))
    key = page.text.split('name="request" value="')[1].split('"')[0]
    assert bench.http.post("/smart/authorize/patient", data={"request": key, "patient": "p9"}).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": None},
        {"redirect_uri": "http://127.0.0.1:8001/other"},
        {"code": "forged"},
    ],
)
def test_a_code_without_its_proof_is_worth_nothing(bench: Bench, changes: dict[str, str | None]) -> None:
    sent = {"code": authorize(bench)["code"], **changes}
    answer = redeem(bench, sent.pop("code") or "", **sent)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_code_ends_after_a_minute(bench: Bench) -> None:
    code = authorize(bench)["code"]
    bench.clock.forward(seconds=61)
    assert redeem(bench, code).json()["error"] == "invalid_grant"


def test_a_code_used_twice_revokes_what_it_gave(bench: Bench) -> None:
    code = authorize(bench)["code"]
    first = redeem(bench, code).json()
    assert redeem(bench, code).json()["error"] == "invalid_grant"
    assert reads(bench, first["access_token"]) == 401
    assert refresh(bench, first["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_code_of_another_client_is_worth_nothing(bench: Bench) -> None:
    code = authorize(bench)["code"]
    headers = basic("secret", "s3cret:+ %")
    assert redeem(bench, code, client_id=None, headers=headers).json()["error"] == "invalid_grant"
    assert redeem(bench, code).status_code == 200


def basic(client_id: str, secret: str) -> dict[str, str]:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def test_a_confidential_client_proves_itself_by_its_secret(bench: Bench) -> None:
    code = authorize(bench, client_id="secret")["code"]
    wrong = redeem(bench, code, client_id=None, headers=basic("secret", "guess"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert redeem(bench, code, client_id=None, headers=basic("secret", "s3cret:+ %")).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Basic %%%"}, {"Authorization": "Bearer x"}, basic("public", "")]
)
def test_a_faulty_authorization_header_is_refused(bench: Bench, headers: dict[str, str]) -> None:
    answer = redeem(bench, authorize(bench)["code"], headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"].split(" ")[0]) == (401, "Basic")


@pytest.mark.parametrize("client_id", ["secret", "confidential", "stranger"])
def test_a_confidential_client_cannot_pass_as_public(bench: Bench, client_id: str) -> None:
    assert redeem(bench, "code", client_id=client_id).json()["error"] == "invalid_client"


def assertion(bench: Bench, *, key: SigningKey = KEY, **changes: Any) -> dict[str, Any]:
    now_s = int(bench.clock().timestamp())
    claims = {
        "iss": "confidential",
        "sub": "confidential",
        "aud": TOKEN_URL,
        "exp": now_s + 240,
        "jti": f"jti-{now_s}",
        **changes,
    }
    token = key.sign({name: value for name, value in claims.items() if value is not None})
    return {"client_id": None, "client_assertion_type": ASSERTION_TYPE, "client_assertion": token}


def test_a_confidential_client_proves_itself_by_its_key_once(bench: Bench) -> None:
    proof = assertion(bench)
    codes = [authorize(bench, client_id="confidential")["code"] for _ in range(2)]
    assert [redeem(bench, code, **proof).status_code for code in codes] == [200, 401]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "public"},
        {"sub": "public"},
        {"sub": None},
        {"aud": "https://other.example/token"},
        {"aud": None},
        {"jti": None},
        {"exp": None},
        {"exp": 0},
        {"exp": 4_000_000_000},
        {"key": SigningKey.generate("app-key")},
        {"key": SigningKey.generate("other")},
    ],
)
def test_a_faulty_assertion_is_refused(bench: Bench, changes: dict[str, Any]) -> None:
    code = authorize(bench, client_id="confidential")["code"]
    answer = redeem(bench, code, **assertion(bench, **changes))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_unsigned_assertion_is_refused(bench: Bench) -> None:
    unsigned = jwt.encode({"iss": "confidential", "sub": "confidential"}, "", algorithm="none")
    proof = {"client_id": None, "client_assertion_type": ASSERTION_TYPE, "client_assertion": unsigned}
    assert redeem(bench, "code", **proof).json()["error"] == "invalid_client"


def test_a_refresh_gives_new_tokens_with_the_same_context(bench: Bench) -> None:
    first = tokens(bench)
    second = refresh(bench, first["refresh_token"]).json()
    assert second["access_token"] != first["access_token"]
    assert (second["patient"], second["scope"], second["appContext"]) == ("p1", first["scope"], "signed-context")


def test_a_refresh_may_ask_for_less_but_not_for_more(bench: Bench) -> None:
    first = tokens(bench)
    assert refresh(bench, first["refresh_token"], scope="patient/*.cruds").json()["error"] == "invalid_scope"
    less = refresh(bench, first["refresh_token"], scope="patient/Patient.r").json()
    assert less["scope"] == "patient/Patient.r"
    assert refresh(bench, less["refresh_token"]).json()["scope"] == first["scope"]


def test_a_refresh_token_used_twice_revokes_its_family(bench: Bench) -> None:
    first = tokens(bench)
    second = refresh(bench, first["refresh_token"]).json()
    assert refresh(bench, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert reads(bench, second["access_token"]) == 401


def test_a_refresh_token_ends(bench: Bench) -> None:
    first = tokens(bench)
    bench.clock.forward(seconds=8 * 3600)
    assert refresh(bench, first["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_client_can_ask_about_its_token(bench: Bench) -> None:
    first = tokens(bench)
    form = {"token": first["access_token"], "client_id": "public"}
    found = bench.http.post("/smart/introspect", data=form).json()
    assert (found["active"], found["patient"], found["client_id"]) == (True, "p1", "public")
    strange = bench.http.post("/smart/introspect", data={**form, "token": "x"}).json()
    assert strange == {"active": False}


def test_a_revoked_token_is_worth_nothing(bench: Bench) -> None:
    first = tokens(bench)
    form = {"token": first["refresh_token"], "client_id": "public"}
    assert bench.http.post("/smart/revoke", data=form).status_code == 200
    assert reads(bench, first["access_token"]) == 401


def test_logout_ends_every_token_of_the_user(bench: Bench) -> None:
    first = tokens(bench)
    assert bench.http.get("/smart/logout").status_code == 200
    assert reads(bench, first["access_token"]) == 200
    assert bench.http.post("/smart/logout").status_code == 200
    assert reads(bench, first["access_token"]) == 401


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_id": "public"}, "unsupported_grant_type"),
        ({"client_id": "public", "grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_client"),
    ],
)
def test_a_faulty_token_request_is_refused(bench: Bench, form: dict[str, str], error: str) -> None:
    assert bench.http.post("/smart/token", data=form).json()["error"] == error


def test_a_token_request_is_a_form_without_repetition(bench: Bench) -> None:
    assert bench.http.post("/smart/token", json={"client_id": "public"}).json()["error"] == "invalid_request"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = bench.http.post("/smart/token", content="client_id=public&client_id=secret", headers=kind)
    assert twice.json()["error"] == "invalid_request"


def test_every_scope_of_the_registration_can_be_granted(bench: Bench) -> None:
    assert tokens(bench, scope=" ".join(SCOPES))["scope"] == " ".join(SCOPES)
