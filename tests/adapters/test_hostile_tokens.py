from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.adapters.clients import Client
from service.errors import Unauthenticated
from tests.adapters.tokens import (
    AUDIENCE,
    BASE,
    EC_KEY,
    ED_KEY,
    ISSUER,
    KEY_SET_URL,
    NOW_S,
    OTHER_EC_KEY,
    P256_KEY,
    P521_KEY,
    PATH,
    RSA_KEY,
    SERVICE,
    SMALL_RSA_KEY,
    RememberedIds,
    authenticator,
    good_claims,
    good_header,
    jwk,
    segment,
    signed_with_secret,
    token,
)

PEM = EC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = EC_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
JWK = json.dumps(jwk(EC_KEY, "ec")).encode()
RSA_PEM = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
SOUND = token()
HEADER, CLAIMS, SIGNATURE = SOUND.split(".")
DUPLICATE_ISSUER = json.dumps(good_claims()).encode()[:-1] + b', "iss": "https://evil.example"}'
DUPLICATE_ALGORITHM = json.dumps(good_header()).encode()[:-1] + b', "alg": "none"}'
DEEP = b'{"iss": "x", "deep": ' + b"[" * 3000 + b"]" * 3000 + b"}"


def _flipped(text: str, place: int) -> str:
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


HOSTILE = {
    # algorithms
    "alg none without signature": token(key=None, header={"alg": "none"}),
    "alg none with a signature": f"{segment({**good_header(), 'alg': 'none'})}.{CLAIMS}.{SIGNATURE}",
    "alg None in capitals": token(header={"alg": "NONE"}),
    "alg missing": token(header={"alg": ...}),
    "alg null": token(header={"alg": None}),
    "alg a list": token(header={"alg": ["ES384"]}),
    "HS256 with the public key in PEM": signed_with_secret(PEM),
    "HS384 with the public key in PEM": signed_with_secret(PEM, algorithm="HS384"),
    "HS256 with the public key in DER": signed_with_secret(DER),
    "HS256 with the public key as JWK": signed_with_secret(JWK),
    "HS256 with the RSA key in PEM": signed_with_secret(RSA_PEM, header={"kid": "rsa"}),
    "HS256 with the symmetric key of the set": signed_with_secret(b"secret", header={"kid": "secret"}),
    "RS384 said of an EC key": token(header={"alg": "RS384"}),
    "ES384 said of an RSA key": token(key=RSA_KEY, sign_as="RS384", header={"kid": "rsa"}),
    "RS256, sound but not allowed": token(key=RSA_KEY, sign_as="RS256", header={"alg": "RS256", "kid": "rsa"}),
    "PS384, sound but not allowed": token(key=RSA_KEY, sign_as="PS384", header={"alg": "PS384", "kid": "rsa"}),
    "ES256, sound but not allowed": token(key=P256_KEY, sign_as="ES256", header={"alg": "ES256", "kid": "p256"}),
    "EdDSA, sound but not allowed": token(key=ED_KEY, sign_as="EdDSA", header={"alg": "EdDSA", "kid": "ed"}),
    "an unheard-of algorithm": token(header={"alg": "ES384X"}),
    # keys
    "P-256 key for ES384": token(key=P256_KEY, sign_as="ES256", header={"kid": "p256"}),
    "P-521 key for ES384": token(key=P521_KEY, sign_as="ES512", header={"kid": "p521"}),
    "RSA key of 1024 bits": token(key=SMALL_RSA_KEY, sign_as="RS384", header={"alg": "RS384", "kid": "small"}),
    "a stranger's key": token(key=OTHER_EC_KEY),
    "a key for encryption": token(header={"kid": "encryption"}),
    "a key for another algorithm": token(header={"kid": "wrong-alg"}),
    "a key that may not verify": token(header={"kid": "signs-only"}),
    "a key id that stands twice": token(header={"kid": "twice"}),
    # kid tricks
    "kid missing": token(header={"kid": ...}),
    "kid empty": token(header={"kid": ""}),
    "kid a number": token(header={"kid": 1}),
    "kid a path": token(header={"kid": "../../../../dev/null"}),
    "kid SQL": token(header={"kid": "ec' OR '1'='1"}),
    "kid a URL": token(header={"kid": "https://evil.example/jwks"}),
    "kid in another case": token(header={"kid": "EC"}),
    "kid with a zero": token(header={"kid": "ec\x00"}),
    "kid of 4,000 characters": token(header={"kid": "e" * 4000}),
    # keys that the sender brings
    "jku elsewhere": token(header={"jku": "https://evil.example/jwks"}),
    "jku that begins like ours": token(header={"jku": KEY_SET_URL + ".evil.example"}),
    "jku with ours as its user": token(header={"jku": "https://ehr.example.org@evil.example/jwks"}),
    "jku over http": token(header={"jku": KEY_SET_URL.replace("https", "http")}),
    "jku with a query": token(header={"jku": KEY_SET_URL + "?x=1"}),
    "jku with a fragment": token(header={"jku": KEY_SET_URL + "#"}),
    "jku in another case": token(header={"jku": KEY_SET_URL.upper()}),
    "jku null": token(header={"jku": None}),
    "jku a list": token(header={"jku": [KEY_SET_URL]}),
    "jwk in the header": token(key=OTHER_EC_KEY, header={"jwk": jwk(OTHER_EC_KEY, "ec")}),
    "jwk beside a sound signature": token(header={"jwk": jwk(EC_KEY, "ec")}),
    "x5u in the header": token(header={"x5u": "https://evil.example/cert"}),
    "x5c in the header": token(header={"x5c": [base64.b64encode(DER).decode()]}),
    # rules that the sender brings
    "crit with an unknown name": token(header={"crit": ["exp"]}),
    "crit empty": token(header={"crit": []}),
    "b64 false": token(header={"b64": False, "crit": ["b64"]}),
    "b64 true": token(header={"b64": True}),
    "compressed": token(header={"zip": "DEF"}),
    "encrypted": token(header={"enc": "A256GCM"}),
    "typ missing": token(header={"typ": ...}),
    "typ of another token": token(header={"typ": "at+jwt"}),
    # issuer, audience, tenant
    "iss missing": token(claims={"iss": ...}),
    "iss unknown": token(claims={"iss": "https://evil.example"}),
    "iss with a slash more": token(claims={"iss": ISSUER + "/"}),
    "iss in another case": token(claims={"iss": ISSUER.upper()}),
    "iss a list": token(claims={"iss": [ISSUER]}),
    "aud missing": token(claims={"aud": ...}),
    "aud null": token(claims={"aud": None}),
    "aud empty": token(claims={"aud": []}),
    "aud of another service": token(claims={"aud": f"{BASE}/cds-services/crlm-order-sign"}),
    "aud the base alone": token(claims={"aud": BASE}),
    "aud discovery": token(claims={"aud": f"{BASE}/cds-services"}),
    "aud that begins like ours": token(claims={"aud": AUDIENCE + ".evil.example"}),
    "aud a part of ours": token(claims={"aud": AUDIENCE[:-1]}),
    "aud on another host": token(claims={"aud": f"https://evil.example/crlm{PATH}"}),
    "aud over http": token(claims={"aud": AUDIENCE.replace("https", "http")}),
    "aud with a query": token(claims={"aud": AUDIENCE + "?a=b"}),
    "aud of the feedback": token(claims={"aud": AUDIENCE + "/feedback"}),
    "aud the path alone": token(claims={"aud": PATH}),
    "aud with a number beside": token(claims={"aud": [AUDIENCE, 1]}),
    "aud an object": token(claims={"aud": {AUDIENCE: True}}),
    "tenant a number": token(claims={"tenant": 7}),
    "tenant null": token(claims={"tenant": None}),
    # times
    "exp missing": token(claims={"exp": ...}),
    "exp past": token(claims={"exp": NOW_S - 60, "iat": NOW_S - 360}),
    "exp text": token(claims={"exp": str(NOW_S + 295)}),
    "exp true": token(claims={"exp": True}),
    "exp for ever": token(claims={"exp": 10**30}),
    "exp beyond floats": token(claims=json.dumps(good_claims()).replace(str(NOW_S + 295), "9" * 400).encode()),
    "exp 1e999": token(claims=json.dumps(good_claims()).replace(str(NOW_S + 295), "1e999").encode()),
    "exp Infinity": token(claims={"exp": float("inf")}),
    "exp NaN": token(claims={"exp": float("nan")}),
    "exp before iat": token(claims={"iat": NOW_S + 30, "exp": NOW_S + 20}),
    "exp at iat": token(claims={"iat": NOW_S, "exp": NOW_S}),
    "iat missing": token(claims={"iat": ...}),
    "iat in the future": token(claims={"iat": NOW_S + 61, "exp": NOW_S + 300}),
    "iat text": token(claims={"iat": "now"}),
    "nbf in the future": token(claims={"nbf": NOW_S + 61}),
    "nbf text": token(claims={"nbf": "now"}),
    "a lifetime of more than an hour": token(claims={"iat": NOW_S - 3000, "exp": NOW_S + 601}),
    # token ids
    "jti missing": token(claims={"jti": ...}),
    "jti empty": token(claims={"jti": ""}),
    "jti a number": token(claims={"jti": 1}),
    "jti with half a character": token(claims={"jti": "\ud800"}),
    "jti with NUL": token(claims={"jti": "a\0"}),
    "jti of 1,000 characters": token(claims={"jti": "j" * 1000}),
    # shapes
    "empty": "",
    "one word": "token",
    "two parts": f"{HEADER}.{CLAIMS}",
    "four parts": f"{SOUND}.{SIGNATURE}",
    "five parts, encrypted": f"{SOUND}.{SIGNATURE}.{SIGNATURE}",
    "no signature": f"{HEADER}.{CLAIMS}.",
    "signature changed": f"{HEADER}.{CLAIMS}.{_flipped(SIGNATURE, 20)}",
    "signature cut": f"{HEADER}.{CLAIMS}.{SIGNATURE[:-4]}",
    "signature of zeros": f"{HEADER}.{CLAIMS}.{segment(bytes(96))}",
    "signature in DER": f"{HEADER}.{CLAIMS}.{segment(DER)}",
    "signature of impossible length": f"{HEADER}.{CLAIMS}.{SIGNATURE}A",
    "claims of another token": f"{HEADER}.{segment({**good_claims(), 'jti': 'other'})}.{SIGNATURE}",
    "spaces inside": SOUND.replace(".", ". "),
    "padding": f"{HEADER}==.{CLAIMS}.{SIGNATURE}",
    "plain base64": SOUND.replace("-", "+").replace("_", "/") + "+/",
    "header no JSON": token(header=b"alg=ES384"),
    "header a list": token(header=b'["ES384"]'),
    "header not UTF-8": token(header=b'{"alg": "\xff"}'),
    "claims no JSON": token(claims=b"iss"),
    "claims null": token(claims=b"null"),
    "duplicate alg": token(header=DUPLICATE_ALGORITHM),
    "duplicate iss": token(claims=DUPLICATE_ISSUER),
    "duplicate in a nested object": token(claims=json.dumps(good_claims()).encode()[:-1] + b', "x": {"a": 1, "a": 2}}'),
    "nested 3,000 deep": token(claims=DEEP),
    "giant": token(claims={"padding": "x" * 100_000}),
}

REASONS = {
    "not a signed JWT": {
        "alg none without signature", "empty", "one word", "two parts", "four parts", "five parts, encrypted",
        "no signature", "spaces inside", "padding", "plain base64",
    },
    "no base64url": {"signature of impossible length"},
    "token too long": {"nested 3,000 deep", "giant"},
    "header or claims: no JSON": {"header no JSON", "header not UTF-8", "claims no JSON"},
    "header or claims: no JSON object": {"header a list", "claims null"},
    "header or claims: a duplicate member": {"duplicate alg", "duplicate iss", "duplicate in a nested object"},
    "header or claims: a number that JSON does not have": {"exp Infinity", "exp NaN"},
    "header jwk": {"jwk in the header", "jwk beside a sound signature"},
    "header x5u": {"x5u in the header"},
    "header x5c": {"x5c in the header"},
    "header crit": {"crit with an unknown name", "crit empty", "b64 false"},
    "header b64": {"b64 true"},
    "header zip": {"compressed"},
    "header enc": {"encrypted"},
    "typ is not JWT": {"typ missing", "typ of another token"},
    "jku is no string": {"jku null", "jku a list"},
    "jku is not that of the client": {
        "jku elsewhere", "jku that begins like ours", "jku with ours as its user", "jku over http", "jku with a query",
        "jku with a fragment", "jku in another case",
    },
    "key does not fit the algorithm": {
        "RS384 said of an EC key", "ES384 said of an RSA key", "P-256 key for ES384", "P-521 key for ES384",
        "RSA key of 1024 bits", "a key for another algorithm",
    },
    "no such key": {
        "a key for encryption", "a key that may not verify", "a key id that stands twice", "kid a path", "kid SQL",
        "kid a URL", "kid in another case",
    },
    "alg is missing or no usable string": {"alg missing", "alg null", "alg a list"},
    "kid is missing or no usable string": {
        "kid missing", "kid empty", "kid a number", "kid of 4,000 characters", "kid with a zero",
    },
    "iss is missing or no usable string": {"iss missing", "iss a list"},
    "unknown issuer": {"iss unknown", "iss with a slash more", "iss in another case"},
    "signature": {
        "a stranger's key", "signature changed", "signature cut", "signature of zeros", "signature in DER",
        "claims of another token",
    },
    "exp is missing or no number": {"exp missing", "exp text", "exp true"},
    "exp is out of range": {"exp beyond floats", "exp 1e999"},
    "iat is missing or no number": {"iat missing", "iat text"},
    "nbf is missing or no number": {"nbf text"},
    "expired": {"exp past"},
    "issued in the future": {"iat in the future"},
    "not yet valid": {"nbf in the future"},
    "lifetime": {"exp for ever", "exp before iat", "exp at iat", "a lifetime of more than an hour"},
    "aud is no string or list of strings": {"aud missing", "aud null", "aud with a number beside", "aud an object"},
    "audience": {
        "aud empty", "aud of another service", "aud the base alone", "aud discovery", "aud that begins like ours",
        "aud a part of ours", "aud on another host", "aud over http", "aud with a query", "aud of the feedback",
        "aud the path alone",
    },
    "tenant is missing or no usable string": {"tenant a number", "tenant null"},
    "jti is missing or no usable string": {
        "jti missing", "jti empty", "jti a number", "jti of 1,000 characters", "jti with half a character",
        "jti with NUL",
    },
}  # fmt: skip
"""What the log says of each; of all others: that the client may not use their algorithm."""
REASON = {attack: reason for reason, attacks in REASONS.items() for attack in attacks}


@pytest.mark.parametrize("attack", HOSTILE)
async def test_each_is_refused_by_the_check_that_is_meant_for_it(attack: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await authenticator().authenticate(f"Bearer {HOSTILE[attack]}", path=PATH, service_id=SERVICE)
    assert refused.value.reason == REASON.get(attack, "algorithm is not one of the client")


def test_reasons_are_those_of_known_attacks() -> None:
    assert REASON.keys() <= HOSTILE.keys()


@pytest.mark.duty(75, 76, 77)
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
async def test_it_is_refused_and_says_nothing_of_why(hostile: str) -> None:
    seen = RememberedIds()
    with pytest.raises(Unauthenticated, match=r"^a valid token of a known client is required$") as refused:
        await authenticator(token_ids=seen).authenticate(f"Bearer {hostile}", path=PATH, service_id=SERVICE)
    assert seen.seen == {}
    assert not any(part and part in refused.value.reason for part in hostile.split("."))


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", SOUND, f"Basic {SOUND}", f"Bearer  {SOUND}", f"Bearer {SOUND} x", f"Bearer\t{SOUND}",
     f"Bearer {SOUND}, Bearer {SOUND}", f"Bearer {SOUND}\n"],
)  # fmt: skip
async def test_a_header_that_is_no_bearer_token_is_refused(header: str) -> None:
    with pytest.raises(Unauthenticated):
        await authenticator().authenticate(header, path=PATH, service_id=SERVICE)


async def test_another_scheme_is_named_as_the_reason() -> None:
    with pytest.raises(Unauthenticated) as refused:
        await authenticator().authenticate(f"Basic {SOUND}", path=PATH, service_id=SERVICE)
    assert refused.value.reason == "not a bearer token"


@pytest.mark.duty(78)
async def test_a_token_is_believed_once() -> None:
    gate = authenticator()
    await gate.authenticate(f"Bearer {SOUND}", path=PATH, service_id=SERVICE)
    with pytest.raises(Unauthenticated) as refused:
        await gate.authenticate(f"Bearer {SOUND}", path=PATH, service_id=SERVICE)
    assert refused.value.reason == "replayed"


@pytest.mark.duty(75)
@pytest.mark.parametrize("claims", [{}, {"tenant": "south"}, {"tenant": "North"}, {"tenant": ["north"]}])
async def test_another_tenant_than_the_configured_ones_is_refused(claims: dict[str, object]) -> None:
    gate = authenticator(Client(issuer=ISSUER, jwks_url=KEY_SET_URL, tenants=frozenset({"north"})))
    with pytest.raises(Unauthenticated) as refused:
        await gate.authenticate(f"Bearer {token(claims=claims)}", path=PATH, service_id=SERVICE)
    assert refused.value.reason == (
        "tenant is missing or no usable string" if claims.get("tenant") == ["north"] else "tenant"
    )


async def test_one_client_cannot_sign_for_another() -> None:
    gate = authenticator(
        Client(issuer=ISSUER, jwks_url=KEY_SET_URL),
        Client(issuer="https://second.example", jwks_url="https://second.example/jwks"),
    )
    foreign = token(claims={"iss": "https://second.example"}, header={"jku": ...})
    with pytest.raises(Unauthenticated):
        await gate.authenticate(f"Bearer {foreign}", path=PATH, service_id=SERVICE)


async def test_keys_from_a_file_leave_a_foreign_jku_refused() -> None:
    gate = authenticator(Client(issuer=ISSUER))
    foreign = token(header={"jku": "https://evil.example/jwks"})
    with pytest.raises(Unauthenticated):
        await gate.authenticate(f"Bearer {foreign}", path=PATH, service_id=SERVICE)
