from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx
import pytest

from service.adapters.clients import Client
from service.adapters.jwks import FRESH_S, REREAD_WINDOW_S, REREADS, RETRY_S, STALE_S, UNKNOWN_S, CachedKeySets
from service.adapters.keys import parse_key_set
from service.adapters.outbound import Allowance, Destinations, Outbound, TimedOut
from service.logs import begin_notes
from tests.adapters.servers import Answer, Asked, Server
from tests.adapters.tokens import EC_KEY, ED_KEY, KEYS, P256_KEY, P521_KEY, RSA_KEY, jwk, key_set

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Keys:
    """A key server whose set changes as told."""

    def __init__(self, *key_ids: str) -> None:
        self.answer = self.of(*key_ids)

    @staticmethod
    def of(*key_ids: str) -> Answer:
        return Answer(200, key_set(*(jwk(EC_KEY, key_id) for key_id in key_ids)))

    def __call__(self, _: Asked) -> Answer:
        return self.answer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cached(outbound: Outbound, clock: Clock) -> CachedKeySets:
    return CachedKeySets(outbound, clock=clock)


def client_of(server: Server, *, private: bool = True) -> Client:
    return Client(issuer="https://a.example", jwks_url=f"{server.url}/jwks", allow_private_addresses=private)


async def test_a_set_is_read_once_and_again_when_it_is_old(cached: CachedKeySets, clock: Clock) -> None:
    with Server(Keys("one")) as server:
        client = client_of(server)
        found = [await cached.find(client, "one") for _ in range(3)]
        clock.now += FRESH_S + 1
        found.append(await cached.find(client, "one"))
        assert [key.key_id for key in found if key] == ["one"] * 4
        assert len(server.asked) == 2


async def test_clients_have_their_keys_apart(cached: CachedKeySets) -> None:
    sets = {"/one": [jwk(EC_KEY, "k")], "/two": [jwk(RSA_KEY, "k")]}
    with Server(lambda asked: Answer(200, key_set(*sets[asked.path]))) as server:
        clients = [
            Client(issuer=f"https://{path}.example", jwks_url=f"{server.url}/{path}", allow_private_addresses=True)
            for path in ("one", "two", "one")
        ]
        found = [await cached.find(client, "k") for client in clients]
    assert [[key is not None and bool(key.for_algorithm(name)) for name in ("ES384", "RS384")] for key in found] == [
        [True, False],
        [False, True],
        [True, False],
    ]


async def test_sets_are_asked_for_as_json(cached: CachedKeySets) -> None:
    with Server(Keys("one")) as server:
        await cached.find(client_of(server), "one")
        asked = [(call.method, call.path, call.headers.get("accept")) for call in server.asked]
    assert asked == [("GET", "/jwks", "application/json")]


@pytest.mark.duty(77)
async def test_a_new_key_is_found_at_once_and_a_withdrawn_one_is_gone(cached: CachedKeySets) -> None:
    keys = Keys("old")
    with Server(keys) as server:
        client = client_of(server)
        assert await cached.find(client, "old")
        keys.answer = keys.of("new")
        assert await cached.find(client, "new")
        assert await cached.find(client, "old") is None


async def test_unknown_key_ids_cost_a_bounded_number_of_readings(cached: CachedKeySets, clock: Clock) -> None:
    with Server(Keys("one")) as server:
        client = client_of(server)
        for number in range(50):
            assert await cached.find(client, f"guess-{number}") is None
        assert len(server.asked) == 1 + REREADS
        clock.now += 61
        assert await cached.find(client, "guess-again") is None
        assert len(server.asked) == 2 + REREADS


async def test_the_same_unknown_key_id_is_looked_for_once(cached: CachedKeySets) -> None:
    with Server(Keys("one")) as server:
        client = client_of(server)
        assert await cached.find(client, "one")
        for _ in range(5):
            assert await cached.find(client, "other") is None
        assert len(server.asked) == 2


async def readings_at(cached: CachedKeySets, clock: Clock, server: Server, *asked: tuple[float, str]) -> list[int]:
    """Ask for keys at seconds after now and count the readings so far."""
    start, client, counts = clock.now, client_of(server), []
    for after_s, key_id in asked:
        clock.now = start + after_s
        await cached.find(client, key_id)
        counts.append(len(server.asked))
    return counts


async def test_a_set_is_old_after_its_time_not_at_it(cached: CachedKeySets, clock: Clock) -> None:
    with Server(Keys("one")) as server:
        asked = [(0, "one"), (FRESH_S, "one"), (FRESH_S + 0.5, "one")]
        assert await readings_at(cached, clock, server, *asked) == [1, 1, 2]


async def test_an_unknown_key_id_is_looked_for_again_after_a_minute(cached: CachedKeySets, clock: Clock) -> None:
    with Server(Keys("one")) as server:
        asked = [(0, "other"), (UNKNOWN_S - 0.5, "other"), (UNKNOWN_S, "other")]
        assert await readings_at(cached, clock, server, *asked) == [1, 1, 2]


async def test_a_failed_reading_is_tried_again_after_seconds(cached: CachedKeySets, clock: Clock) -> None:
    with Server(lambda _: Answer(500)) as server:
        asked = [(0, "one"), (RETRY_S - 0.5, "one"), (RETRY_S, "one")]
        assert await readings_at(cached, clock, server, *asked) == [1, 1, 2]


async def test_readings_for_unknown_key_ids_are_counted_from_the_oldest(cached: CachedKeySets, clock: Clock) -> None:
    times = [0, 1, 20, 40, REREAD_WINDOW_S, REREAD_WINDOW_S + 1, REREAD_WINDOW_S + 1.5, REREAD_WINDOW_S + 2]
    with Server(Keys("one")) as server:
        asked = [(time_s, f"guess at {time_s}") for time_s in times]
        assert await readings_at(cached, clock, server, *asked) == [1, 2, 3, 4, 4, 4, 5, 5]


async def test_the_latest_unknown_key_ids_are_kept_in_mind(cached: CachedKeySets, clock: Clock) -> None:
    with Server(Keys("one")) as server:
        asked = [(number * (FRESH_S + 1), f"guess {number}") for number in range(300)]
        counts = await readings_at(cached, clock, server, *asked, (299 * (FRESH_S + 1) + 1, "guess 299"))
        assert counts[-2:] == [300, 300]


async def test_a_key_lives_a_day_to_the_second(cached: CachedKeySets, clock: Clock) -> None:
    keys = Keys("one")
    with Server(keys) as server:
        client = client_of(server)
        assert await cached.find(client, "one")
        keys.answer = Answer(500)
        clock.now += STALE_S
        assert await cached.find(client, "one")
        clock.now += 0.5
        assert await cached.find(client, "one") is None


async def test_many_at_once_read_once(cached: CachedKeySets) -> None:
    with Server(Keys("one")) as server:
        client = client_of(server)
        found = await asyncio.gather(*(cached.find(client, "one") for _ in range(20)))
        assert [all(found), len(server.asked)] == [True, 1]


class Silent(Outbound):
    """A key server that answers once, fails once, and keeps silent from then on."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.goes_on = asyncio.Event()

    async def send(
        self, request: httpx.Request, *, to: Destinations, max_bytes: int | Allowance, timeout_s: float
    ) -> httpx.Response:
        del to, max_bytes, timeout_s
        self.asked += 1
        if self.asked == 2:
            raise TimedOut("no whole answer in time")
        if self.asked > 2:
            await self.goes_on.wait()
        return httpx.Response(200, content=KEYS, request=request)


async def test_who_has_a_key_does_not_wait_again_for_a_server_that_failed(clock: Clock) -> None:
    silent = Silent()
    sets, client = (
        CachedKeySets(silent, clock=clock),
        Client(issuer="https://a.example", jwks_url="https://a.example/k"),
    )
    assert await sets.find(client, "ec")
    clock.now += FRESH_S + 1
    assert await sets.find(client, "ec")
    clock.now += RETRY_S
    found = await asyncio.gather(*(sets.find(client, "ec") for _ in range(3)))
    unknown = asyncio.create_task(sets.find(client, "other"))
    await asyncio.wait([unknown], timeout=0)
    assert (all(found), unknown.done(), silent.asked) == (True, False, 3)
    silent.goes_on.set()
    assert await unknown is None
    clock.now += 1
    assert await sets.find(client, "ec")
    assert silent.asked == 3


async def test_keys_outlive_their_server_for_a_day_and_no_longer(cached: CachedKeySets, clock: Clock) -> None:
    keys = Keys("one")
    with Server(keys) as server:
        client = client_of(server)
        assert await cached.find(client, "one")
        keys.answer = Answer(500)
        clock.now += STALE_S - 1
        assert await cached.find(client, "one")
        clock.now += RETRY_S + 2
        assert await cached.find(client, "one") is None
        keys.answer = keys.of("one")
        clock.now += RETRY_S + 1
        assert await cached.find(client, "one")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404),
        Answer(302, headers={"Location": "/other"}),
        Answer(200, b"<html>"),
        Answer(200, b"{}"),
        Answer(200, b'{"keys": [], "keys": []}'),
        Answer(200, b'{"keys": [' + b"1," * 200 + b"1]}"),
        Answer(200, b" " * 300_000),
        Answer(200, KEYS, cut=True),
    ],
)
async def test_a_set_that_is_none_gives_no_key_and_is_not_asked_for_on_each_call(
    cached: CachedKeySets, clock: Clock, answer: Answer
) -> None:
    with Server(lambda _: answer) as server:
        client = client_of(server)
        for _ in range(3):
            assert await cached.find(client, "ec") is None
        assert len(server.asked) == 1
        clock.now += RETRY_S + 1
        assert await cached.find(client, "ec") is None
        assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(503), "was answered with another status than 200"),
        (Answer(200, b"<html>"), "is no key set: no JSON"),
        (Answer(200, KEYS, cut=True), "no whole answer came"),
    ],
)
async def test_a_set_that_cannot_be_read_is_noted_on_each_call_until_it_can(
    cached: CachedKeySets, clock: Clock, answer: Answer, told: str
) -> None:
    keys = Keys("one")
    with Server(keys) as server:
        client = client_of(server)
        noted = []
        sound = keys.answer
        for later_s, given in ((0, sound), (FRESH_S + 1, answer), (1, answer), (RETRY_S, sound)):
            clock.now += later_s
            keys.answer = given
            notes = begin_notes()
            assert await cached.find(client, "one")
            noted.append(dict(notes))
        # The last of them did not wait for the reading; who needs a new key does.
        await cached.find(client, "new")
        notes = begin_notes()
        assert await cached.find(client, "one")
    assert [*noted, notes] == [{}, *([{"key_set": told}] * 3), {}]


async def test_a_file_of_keys_that_is_gone_is_noted_without_its_name(cached: CachedKeySets, tmp_path: Path) -> None:
    notes = begin_notes()
    assert await cached.find(Client(issuer="https://a.example", jwks_file=tmp_path / "keys.json"), "one") is None
    assert notes == {"key_set": "the file cannot be read"}


async def test_a_key_server_inside_is_not_asked_unless_that_is_allowed(cached: CachedKeySets) -> None:
    with Server(Keys("one")) as server:
        assert await cached.find(client_of(server, private=False), "one") is None
        assert server.asked == []


async def test_keys_from_a_file_follow_the_file(cached: CachedKeySets, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(key_set(jwk(EC_KEY, "old")))
    client = Client(issuer="https://a.example", jwks_file=path)
    assert await cached.find(client, "old")
    path.write_bytes(key_set(jwk(EC_KEY, "new")))
    assert await cached.find(client, "new")
    path.unlink()
    assert await cached.find(client, "old") is None


async def test_a_client_without_keys_has_none(cached: CachedKeySets) -> None:
    client = Client(issuer="https://a.example")
    assert await cached.find(client, "x") is None


@pytest.mark.parametrize(
    ("key_id", "algorithms"),
    [
        ("ec", {"ES384"}), ("rsa", {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}), ("p256", {"ES256"}),
        ("p521", {"ES512"}), ("ed", {"EdDSA"}), ("small", set()), ("wrong-alg", set()),
    ],
)  # fmt: skip
def test_a_key_verifies_with_the_algorithms_it_fits(key_id: str, algorithms: set[str]) -> None:
    known = ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA", "HS256", "none"]
    key = parse_key_set(KEYS)[key_id]
    assert {algorithm for algorithm in known if key.for_algorithm(algorithm)} == algorithms


def test_a_set_keeps_only_public_keys_for_signatures_with_one_meaning() -> None:
    odd = [
        7,
        None,
        {},
        {"kid": 7},
        {"kid": ""},
        {"kid": "no-kty"},
        {"kid": "kty", "kty": ["EC"]},
        {"kid": "oct", "kty": "oct", "k": "eA"},
    ]
    private = jwk(RSA_KEY, "private", d="eA")
    raw = json.dumps({"keys": [*odd, private, jwk(P256_KEY, "a"), jwk(P521_KEY, "b"), jwk(ED_KEY, "b")]}).encode()
    assert sorted(parse_key_set(raw)) == ["a"]


@pytest.mark.parametrize("members", [{"x": "AA"}, {"x": 7}, {"y": None}, {"crv": "P-999"}, {"x": "!!"}])
def test_a_broken_key_verifies_nothing(members: dict[str, object]) -> None:
    raw = key_set({**jwk(EC_KEY, "broken"), **members})
    assert parse_key_set(raw)["broken"].for_algorithm("ES384") is None
