from __future__ import annotations

import asyncio
import threading

import pytest
import sqlalchemy as sa

from service.adapters.store import rounds
from service.adapters.store import token_ids as module
from service.adapters.store.database import Database
from service.adapters.store.migrate import migrate
from service.adapters.store.schema import token_ids
from service.adapters.store.token_ids import StoredTokenIds
from service.errors import StoreUnavailable

NOW = 1_795_459_700.0
LATER = NOW + 360


async def test_a_token_id_is_new_once_for_each_issuer(database: Database) -> None:
    seen = StoredTokenIds(database)
    answers = [
        await seen.remember(issuer, token_id, expires_at=LATER, now=NOW)
        for issuer, token_id in [("a", "1"), ("a", "1"), ("b", "1"), ("a", "2"), ("a", "1")]
    ]
    assert answers == [True, False, True, True, False]


async def test_of_many_at_once_one_is_new(database: Database) -> None:
    first, second = StoredTokenIds(database), StoredTokenIds(database)
    answers = await asyncio.gather(
        *(seen.remember("a", "same", expires_at=LATER, now=NOW) for seen in (first, second) for _ in range(40))
    )
    assert sorted(answers) == [False] * 79 + [True]


@pytest.mark.duty(78)
async def test_two_processes_with_their_own_connections_share_what_was_seen(store_url: str, database: Database) -> None:
    other = Database(store_url)
    try:
        assert await StoredTokenIds(database).remember("a", "1", expires_at=LATER, now=NOW)
        assert not await StoredTokenIds(other).remember("a", "1", expires_at=LATER, now=NOW)
    finally:
        other.close()


async def test_ids_of_expired_tokens_are_forgotten_and_no_others(database: Database) -> None:
    seen, other = StoredTokenIds(database), StoredTokenIds(database)
    await seen.remember("a", "old", expires_at=NOW - 1, now=NOW)
    await seen.remember("a", "edge", expires_at=NOW, now=NOW)
    await seen.remember("a", "young", expires_at=LATER, now=NOW)
    assert await seen.purge(NOW + 0.5) == 0
    assert [await other.remember("a", name, expires_at=LATER, now=NOW) for name in ("old", "edge", "young")] == [
        True,
        False,
        False,
    ]


async def test_one_call_forgets_a_bounded_number_and_the_next_ones_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "PORTION", 2)
    old = [{"issuer": "a", "token_id": str(number), "expires_at": 1} for number in range(5)]
    database.write_now(lambda connection: connection.execute(sa.insert(token_ids), old))
    count = sa.select(sa.func.count()).select_from(token_ids).where(token_ids.c.expires_at == 1)
    seen, left = StoredTokenIds(database), []
    for number in range(4):
        await seen.remember("b", str(number), expires_at=LATER, now=NOW)
        left.append(await database.read(lambda connection: connection.execute(count).scalar_one()))
    assert left == [3, 1, 0, 0]


@pytest.mark.duty(78)
async def test_what_cannot_be_recorded_is_not_believed(store_url: str) -> None:
    database = Database(store_url)
    seen = StoredTokenIds(database)
    try:
        lost = await asyncio.gather(
            *(seen.remember("a", str(number), expires_at=LATER, now=NOW) for number in range(5)), return_exceptions=True
        )
        migrate(database)
        back = [await seen.remember("a", "1", expires_at=LATER, now=NOW) for _ in range(2)]
    finally:
        database.close()
    assert ([type(answer) for answer in lost], back) == ([StoreUnavailable] * 5, [True, False])


async def test_what_was_seen_before_the_store_was_lost_is_not_believed_again(database: Database) -> None:
    seen = StoredTokenIds(database)
    assert await seen.remember("a", "1", expires_at=LATER, now=NOW)
    with database.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE token_ids RENAME TO lost"))
    assert not await seen.remember("a", "1", expires_at=LATER, now=NOW)
    with pytest.raises(StoreUnavailable):
        await seen.remember("a", "2", expires_at=LATER, now=NOW)
    with database.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE lost RENAME TO token_ids"))
    assert [await seen.remember("a", name, expires_at=LATER, now=NOW) for name in ("1", "2", "2")] == [
        False,
        True,
        False,
    ]


async def test_a_worker_remembers_a_bounded_number_by_itself(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RECENT", 2)
    seen = StoredTokenIds(database)
    for name in ("1", "2", "3"):
        assert await seen.remember("a", name, expires_at=LATER, now=NOW)
    assert list(seen._recent) == [("a", "2"), ("a", "3")]  # noqa: SLF001  its size is the claim
    assert not await seen.remember("a", "1", expires_at=LATER, now=NOW)


async def test_a_clock_that_ran_ahead_lets_no_token_in_again(database: Database) -> None:
    seen = StoredTokenIds(database)
    assert await seen.remember("a", "1", expires_at=LATER, now=NOW)
    assert await seen.purge(LATER + 3600) == 1
    assert not await seen.remember("a", "1", expires_at=LATER, now=NOW)


async def test_a_store_that_keeps_silent_is_waited_for_a_bounded_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ANSWER_S", 0.05)
    seen, held = StoredTokenIds(database), threading.Event()
    blocked = [asyncio.create_task(database.write(lambda _: held.wait(10))) for _ in range(4)]
    await asyncio.sleep(0)
    try:
        with pytest.raises(StoreUnavailable):
            await seen.remember("a", "1", expires_at=LATER, now=NOW)
    finally:
        held.set()
        await asyncio.gather(*blocked)
    monkeypatch.setattr(module, "_ANSWER_S", 10.0)
    assert await seen.remember("a", "2", expires_at=LATER, now=NOW)
