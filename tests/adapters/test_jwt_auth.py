from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from service.adapters.clients import Client
from service.caller import Caller
from service.errors import ServiceNotAllowed, StoreUnavailable, Unauthenticated
from service.logs import begin_notes
from tests.adapters.tokens import (
    AUDIENCE,
    BASE,
    EC_KEY,
    EPIC_KEY_ID,
    ISSUER,
    KEY_SET_URL,
    NOW_S,
    OTHER_EC_KEY,
    PATH,
    RSA_KEY,
    SERVICE,
    RememberedIds,
    authenticator,
    jwk,
    key_set,
    token,
)

if TYPE_CHECKING:
    from service.adapters.jwt_auth import Authenticator

RECORDED = Path(__file__).parent / "sandbox"


async def accepted(gate: Authenticator, text: str, *, path: str = PATH, service_id: str = SERVICE) -> Caller:
    return await gate.authenticate(f"Bearer {text}", path=path, service_id=service_id)


EPIC = "https://epic.hospital.example/interconnect/api/FHIR/R4"
EPIC_KEYS = "https://epic.hospital.example/interconnect/api/epic/2019/Security/Open/PublicKeys/530000/X"
ORACLE = "https://cds-hooks.cerner.com"
ORACLE_KEYS = "https://authorization.cerner.com/jwk"
INFERNO = "https://inferno.example/custom/crd_server"


@pytest.mark.duty(83)
@pytest.mark.parametrize(
    ("client", "text"),
    [
        pytest.param(
            Client(issuer=EPIC, jwks_url=EPIC_KEYS),
            token(
                key=RSA_KEY,
                sign_as="RS384",
                header={"alg": "RS384", "kid": EPIC_KEY_ID, "jku": EPIC_KEYS},
                claims={"iss": EPIC, "sub": EPIC, "nbf": NOW_S - 300, "iat": NOW_S, "exp": NOW_S + 900},
            ),
            id="Epic",
        ),
        pytest.param(
            Client(issuer=ORACLE, jwks_url=ORACLE_KEYS, tenants=frozenset({"ec2458f2"})),
            token(
                header={"jku": ORACLE_KEYS},
                claims={"iss": ORACLE, "tenant": "ec2458f2", "aud": [AUDIENCE], "exp": NOW_S + 60},
            ),
            id="Oracle Health",
        ),
        pytest.param(
            Client(issuer="https://sandbox.cds-hooks.org", jwks_url="https://sandbox.cds-hooks.org/jwks.json"),
            token(
                header={"jku": "https://sandbox.cds-hooks.org/jwks.json"},
                claims={"iss": "https://sandbox.cds-hooks.org", "iat": NOW_S, "exp": NOW_S + 300},
            ),
            id="CDS Hooks Sandbox",
        ),
        pytest.param(
            Client(issuer=INFERNO, jwks_url=f"{INFERNO}/jwks.json"),
            token(
                key=RSA_KEY,
                sign_as="RS384",
                header={"alg": "RS384", "kid": "rsa", "jku": f"{INFERNO}/jwks.json"},
                claims={"iss": INFERNO, "iat": NOW_S, "exp": NOW_S + 300},
            ),
            id="Inferno",
        ),
    ],
)
async def test_a_token_as_the_vendor_sends_it_is_believed(client: Client, text: str) -> None:
    keys = key_set(jwk(EC_KEY, "ec"), jwk(RSA_KEY, "rsa"), jwk(RSA_KEY, EPIC_KEY_ID, use="sig"))
    found = await accepted(authenticator(client, keys={client.issuer: keys}), text)
    assert found == Caller(issuer=client.issuer, tenant=next(iter(client.tenants), None))


@pytest.mark.duty(83)
@pytest.mark.parametrize("name", ["patient-view", "order-select", "order-sign", "feedback-accepted", "smart-launched"])
async def test_a_recorded_call_of_the_sandbox_is_believed_at_its_time_alone(name: str) -> None:
    call = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    at = datetime.fromtimestamp(call["at"], UTC)
    client = Client(issuer="https://sandbox.cds-hooks.org", jwks_file=RECORDED / "jwks.json")
    keys = {client.issuer: (RECORDED / "jwks.json").read_bytes()}

    async def at_time(now: datetime) -> Caller:
        gate = authenticator(client, keys=keys, base=call["base"], now=now)
        return await gate.authenticate(call["authorization"], path=call["path"], service_id="crlm-order-sign")

    assert await at_time(at) == Caller(issuer=client.issuer)
    with pytest.raises(Unauthenticated):
        await at_time(at + timedelta(days=1))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW_S - 59, "iat": NOW_S - 359},
        {"iat": NOW_S + 60, "exp": NOW_S + 300},
        {"nbf": NOW_S + 60},
        {"iat": NOW_S, "exp": NOW_S + 3600},
        {"iat": NOW_S, "exp": NOW_S + 1},
        {"jti": "j" * 512},
        {"iat": NOW_S - 0.5, "exp": NOW_S + 295.5},
        {"aud": ["https://other.example", AUDIENCE]},
        {"tenant": "any"},
        {"unknown": {"a": [1, None]}},
    ],
)
async def test_what_is_just_inside_the_rules_is_believed(claims: dict[str, Any]) -> None:
    assert (await accepted(authenticator(), token(claims=claims))).issuer == ISSUER


def of_length(length: int) -> str:
    return next(
        text
        for size in range(5600, 6000)
        for more in range(4)
        if len(text := token(header={"x5t": "x" * more}, claims={"padding": "x" * size})) == length
    )


async def test_a_token_may_have_8192_characters_and_no_more() -> None:
    assert (await accepted(authenticator(), of_length(8192))).issuer == ISSUER
    with pytest.raises(Unauthenticated) as refused:
        await accepted(authenticator(), of_length(8193))
    assert refused.value.reason == "token too long"


@pytest.mark.parametrize("header", [{"jku": ...}, {"typ": "jwt"}, {"x5t": "thumbprint"}, {"unknown": 1}])
async def test_what_a_header_may_say_is_believed(header: dict[str, Any]) -> None:
    assert (await accepted(authenticator(), token(header=header))).issuer == ISSUER


async def test_other_algorithms_are_believed_where_the_client_is_allowed_them() -> None:
    gate = authenticator(Client(issuer=ISSUER, jwks_url=KEY_SET_URL, algorithms=("PS384",)))
    text = token(key=RSA_KEY, sign_as="PS384", header={"alg": "PS384", "kid": "rsa"})
    assert (await accepted(gate, text)).issuer == ISSUER
    with pytest.raises(Unauthenticated):
        await accepted(gate, token())


async def test_the_scheme_is_read_in_any_case() -> None:
    found = await authenticator().authenticate(f"bearer {token()}", path=PATH, service_id=SERVICE)
    assert found.issuer == ISSUER


@pytest.mark.duty(70)
@pytest.mark.parametrize("audience", [AUDIENCE, f"{AUDIENCE}/feedback"])
async def test_feedback_may_be_addressed_to_the_service_or_to_its_feedback(audience: str) -> None:
    found = await accepted(authenticator(), token(claims={"aud": audience}), path=f"{PATH}/feedback")
    assert found.issuer == ISSUER


@pytest.mark.duty(74)
async def test_required_refuses_a_call_without_token() -> None:
    with pytest.raises(Unauthenticated) as refused:
        await authenticator().authenticate(None, path=PATH, service_id=SERVICE)
    assert refused.value.reason == "no token"


async def test_a_slash_at_the_end_of_the_public_address_is_no_part_of_audiences() -> None:
    assert (await accepted(authenticator(base=f"{BASE}/"), token())).issuer == ISSUER
    ward = f"{BASE}/ward-X"
    assert (await accepted(authenticator(base=f"{ward}/"), token(claims={"aud": ward + PATH}))).issuer == ISSUER


async def test_optional_lets_nobody_in_as_nobody_but_checks_a_token_that_is_sent() -> None:
    gate = authenticator(mode="optional")
    assert await gate.authenticate(None, path=PATH, service_id=SERVICE) == Caller()
    assert (await accepted(gate, token())).issuer == ISSUER
    with pytest.raises(Unauthenticated):
        await accepted(gate, token(key=OTHER_EC_KEY))


async def test_off_looks_at_no_token() -> None:
    assert await authenticator(mode="off").authenticate("Bearer junk", path=PATH, service_id=SERVICE) == Caller()


async def test_a_known_client_without_this_service_is_told_so() -> None:
    gate = authenticator(Client(issuer=ISSUER, jwks_url=KEY_SET_URL, services=frozenset({"crlm-order-sign"})))
    with pytest.raises(ServiceNotAllowed):
        await accepted(gate, token())
    open_to_it = authenticator(Client(issuer=ISSUER, jwks_url=KEY_SET_URL, services=frozenset({SERVICE})))
    assert (await accepted(open_to_it, token())).issuer == ISSUER


async def test_an_issuer_may_raise_or_lower_the_lifetime() -> None:
    long = token(claims={"iat": NOW_S, "exp": NOW_S + 7200})
    patient = authenticator(Client(issuer=ISSUER, jwks_url=KEY_SET_URL, max_lifetime_s=7200))
    strict = authenticator(Client(issuer=ISSUER, jwks_url=KEY_SET_URL, max_lifetime_s=299))
    assert (await accepted(patient, long)).issuer == ISSUER
    with pytest.raises(Unauthenticated):
        await accepted(strict, token())


async def test_a_token_id_is_kept_until_its_token_has_expired_for_the_slowest_clock() -> None:
    seen = RememberedIds()
    await accepted(authenticator(token_ids=seen), token())
    assert seen.seen == {(ISSUER, "00000000-0000-0000-0000-000000000001"): NOW_S + 295 + 60}


async def test_the_same_token_id_of_two_issuers_is_two() -> None:
    second = Client(issuer="https://second.example", jwks_url=KEY_SET_URL)
    keys = key_set(jwk(EC_KEY, "ec"))
    gate = authenticator(Client(issuer=ISSUER, jwks_url=KEY_SET_URL), second, keys={ISSUER: keys, second.issuer: keys})
    assert (await accepted(gate, token())).issuer == ISSUER
    assert (await accepted(gate, token(claims={"iss": second.issuer}))).issuer == second.issuer


class Down(RememberedIds):
    async def remember(self, *_: object, **__: object) -> bool:
        raise StoreUnavailable


async def test_a_replay_cache_that_is_down_lets_nobody_in() -> None:
    with pytest.raises(StoreUnavailable):
        await accepted(authenticator(token_ids=Down()), token())


async def test_where_no_token_is_needed_a_replay_cache_that_is_down_costs_no_advice() -> None:
    gate, notes = authenticator(mode="optional", token_ids=Down()), begin_notes()
    assert (await accepted(gate, token())).issuer == ISSUER
    with pytest.raises(Unauthenticated):
        await accepted(gate, token(key=OTHER_EC_KEY))
    assert notes == {"replay": "not checked"}


async def test_keys_from_a_file_let_a_jku_of_the_issuer_itself_pass() -> None:
    assert (await accepted(authenticator(Client(issuer=ISSUER)), token())).issuer == ISSUER


async def test_keys_from_a_file_leave_any_jku_of_an_issuer_without_origin_refused() -> None:
    gate = authenticator(Client(issuer="urn:ehr"), keys={"urn:ehr": key_set(jwk(EC_KEY, "ec"))})
    with pytest.raises(Unauthenticated):
        await accepted(gate, token(claims={"iss": "urn:ehr"}))
    assert (await accepted(gate, token(claims={"iss": "urn:ehr"}, header={"jku": ...}))).issuer == "urn:ehr"


@pytest.mark.duty(78)
async def test_an_unknown_issuer_costs_a_verification_too(monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    gate = authenticator()
    original = gate._verify_in_vain  # noqa: SLF001  what it costs is not seen from outside

    def counted(found: Any) -> None:
        verified.append(found.issuer)
        original(found)

    monkeypatch.setattr(gate, "_verify_in_vain", counted)
    for text in (
        token(claims={"iss": "https://x.example"}),
        token(header={"kid": "none"}),
        token(key=RSA_KEY, sign_as="RS384", header={"alg": "RS384", "kid": "none"}),
    ):
        with pytest.raises(Unauthenticated):
            await accepted(gate, text)
    assert verified == ["https://x.example", ISSUER, ISSUER]


@pytest.mark.duty(78)
@pytest.mark.parametrize(
    ("said", "verified"),
    [("RS384", "RS384"), ("PS256", "RS384"), ("ES384", "ES384"), ("ES256", "ES384"), ("HS256", "ES384")],
)
async def test_a_stranger_waits_as_long_as_a_client_of_the_same_kind_of_key(
    said: str, verified: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, text, asked = authenticator(), token(header={"alg": said, "kid": "none"}), []
    original = jwt.get_algorithm_by_name

    def counted(name: str) -> Any:
        asked.append(name)
        return original(name)

    monkeypatch.setattr(jwt, "get_algorithm_by_name", counted)
    with pytest.raises(Unauthenticated):
        await accepted(gate, text)
    assert asked == [verified]
