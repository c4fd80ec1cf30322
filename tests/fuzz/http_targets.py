"""What arrives over HTTP: the bodies of hooks and feedback, and the header that says who calls."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt as checked_jwt
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

from tests.adapters.tokens import (
    AUDIENCE,
    BASE,
    ISSUER,
    KEY_SET_URL,
    NOW,
    PATH,
    good_claims,
    good_header,
    jwk,
    key_set,
    token,
)
from tests.checked_client import CheckedClient
from tests.fuzz.mutate import dumped, mutate, spoiled
from tests.fuzz.storm import Broken
from tests.hooks.serving import app_of, chart, clients_file, message, prefetch_of, without_ids
from tests.roundtrip.patient import PATIENT, draw_patient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

Json = dict[str, Any]

_TESTS = Path(__file__).parents[1]
_REFUSALS = frozenset({400, 403, 412, 413})
_HOOKS = ("patient-view", "order-select", "order-sign")


@cache
def recorded() -> tuple[Json, ...]:
    """Give the requests that the public sandbox really sends, and sound ones of every hook and for feedback."""
    files = sorted((_TESTS / "hooks" / "sandbox").glob("*.json"))
    sandbox = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    charts = [prefetch_of(chart(example)) for example in ("V01", "V08", "V27")]
    orders = next(one["context"] for one in sandbox if one.get("hook") == "order-select")
    whole = [message(prefetch=prefetch) for prefetch in charts]
    for hook in _HOOKS[1:]:
        context = {name: orders[name] for name in ("draftOrders", "selections") if name in orders}
        whole.append(message(hook, prefetch=charts[0], context=context))
    return (*sandbox, *whole)


@cache
def messy() -> tuple[Any, ...]:
    """Give the samples of what real senders get wrong."""
    paths = sorted((_TESTS / "fhir_mappings" / "samples" / "messy").glob("*.json"))
    return tuple(json.loads(path.read_text(encoding="utf-8")) for path in paths)


class Served:
    """The whole service in process, called from outside of its event loop."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._app = app_of(folder, **settings)
        self._runner.run(self._enter())

    async def _enter(self) -> None:
        await self._stack.enter_async_context(self._app.router.lifespan_context(self._app))
        self.client = await self._stack.enter_async_context(CheckedClient(self._app))

    def post(self, path: str, body: bytes, headers: dict[str, Any] | None = None) -> httpx.Response:
        """Post bytes; an answer that does not conform raises."""
        told = {"content-type": "application/json", **(headers or {})}
        return self._runner.run(self.client.request("POST", path, content=body, headers=told))

    def close(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()


def sound_answer(served: Served, body: bytes, headers: dict[str, Any] | None = None) -> Any:
    """Give the cards of a sound call without what is new in each."""
    answer = served.post(PATH, body, headers)
    if answer.status_code != httpx.codes.OK:
        raise Broken(f"a sound request is answered with {answer.status_code}")
    return without_ids(answer.json()["cards"])


SOUND = json.dumps(message(prefetch=prefetch_of(chart("V01")))).encode()


class Requests:
    """Bodies of hooks and feedback. An input is the path in one line, and the body."""

    name = "request"

    def __init__(self, served: Served) -> None:
        self._served = served
        self._sound = sound_answer(served, SOUND)

    def draw(self, random: Random) -> bytes:
        document = random.choice(recorded())
        if random.random() < 0.3:
            document = self._patient(random)
        hook = document.get("hook", "patient-view")
        path = f"/cds-services/crlm-{hook}" + ("/feedback" if "feedback" in document else "")
        prefetch = document.get("prefetch")
        if isinstance(prefetch, dict) and prefetch and random.random() < 0.2:
            document = {**document, "prefetch": {**prefetch, random.choice(sorted(prefetch)): random.choice(messy())}}
        body = dumped(mutate(random, document)).encode("utf-8", "surrogatepass")
        if random.random() < 0.3:
            body = spoiled(random, body)
        return path.encode() + b"\n" + body

    @staticmethod
    def _patient(random: Random) -> Json:
        found = draw_patient(random, date(2026, 11, 23))
        return message(prefetch=prefetch_of(found.resources), context={"patientId": PATIENT})

    def run(self, given: bytes) -> str:
        path, _, body = given.partition(b"\n")
        answer = self._served.post(path.decode(), body)
        if answer.status_code not in {200, *_REFUSALS}:
            raise Broken(f"answered with {answer.status_code}")
        return str(answer.status_code)

    def control(self) -> None:
        if sound_answer(self._served, SOUND) != self._sound:
            raise Broken("a sound request gets another answer than before")


KEY = ec.derive_private_key(0x5EED_0F_7E575, ec.SECP384R1())
"""A key that is the same in each run, so that tokens which broke something can be tried again."""
_REGISTRY = JWSRegistry(algorithms=["ES384"], strict_check_header=False)
"""Header parameters that are not understood are ignored (RFC 7515, section 4)."""
_VERIFIER = ECKey.import_key(jwk(KEY, "ec", use="sig", alg="ES384"))


class Tokens:
    """The Authorization header; an input is its bytes."""

    name = "jwt"

    def __init__(self, served: Served) -> None:
        self._served = served
        self._number = 0
        self._sound = self._ask()

    def draw(self, random: Random) -> bytes:
        header, claims = good_header(), {**good_claims(), "jti": f"{random.getrandbits(64):x}"}
        if random.random() < 0.6:
            header = mutate(random, header, times=1) if random.random() < 0.5 else header
            claims = mutate(random, claims, times=1) if random.random() < 0.7 else claims
        text = b"Bearer " + token(key=KEY, header=_json(header), claims=_json(claims)).encode()
        roll = random.random()
        if roll < 0.35:
            text = spoiled(random, text)
        elif roll < 0.5:
            parts = text.split(b".")
            random.shuffle(parts)
            text = b".".join(parts[: random.randint(1, 3)])
        return text

    def run(self, given: bytes) -> str:
        answer = self._served.post(PATH, SOUND, {"authorization": given})
        if answer.status_code == httpx.codes.OK:
            self._check(given)
        elif answer.status_code != httpx.codes.UNAUTHORIZED:
            raise Broken(f"answered with {answer.status_code}")
        return str(answer.status_code)

    @staticmethod
    def _check(given: bytes) -> None:
        """Let another library verify a token that was accepted."""
        claims = checked_jwt.decode(given.split()[-1].decode(), _VERIFIER, registry=_REGISTRY).claims
        now = NOW.timestamp()
        audience = claims["aud"]
        named = audience if isinstance(audience, list) else [audience]
        if claims["iss"] != ISSUER or AUDIENCE not in named or not claims["exp"] > now - 120:
            raise Broken("a token was accepted whose claims do not hold")

    def control(self) -> None:
        if self._ask() != self._sound:
            raise Broken("a sound token gets another answer than before")

    def _ask(self) -> Any:
        self._number += 1
        text = token(key=KEY, claims={"jti": f"control {self._number}"})
        return sound_answer(self._served, SOUND, {"authorization": f"Bearer {text}"})


def _json(part: Any) -> bytes:
    return dumped(part).encode("utf-8", "surrogatepass")


@contextmanager
def requests(folder: Path) -> Iterator[Requests]:
    served = Served(folder)
    try:
        yield Requests(served)
    finally:
        served.close()


@contextmanager
def tokens(folder: Path) -> Iterator[Tokens]:
    (folder / "keys.json").write_bytes(key_set(jwk(KEY, "ec", use="sig", alg="ES384")))
    known = {"issuer": ISSUER, "jwks_file": "keys.json", "jwks_url": KEY_SET_URL}
    clients = clients_file(folder, known)
    with clients.open("a", encoding="utf-8") as file:
        file.write("requests_per_minute = 1000000\n")
    served = Served(folder, auth="required", public_base_url=BASE, clients=clients)
    try:
        yield Tokens(served)
    finally:
        served.close()
