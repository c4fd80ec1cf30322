from __future__ import annotations

import asyncio

import pytest

from service.adapters.store.database import Database
from service.adapters.store.migrate import migrate
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
    seen = StoredTokenIds(database)
    await seen.remember("a", "old", expires_at=NOW - 1, now=NOW)
    await seen.remember("a", "edge", expires_at=NOW, now=NOW)
    await seen.remember("a", "young", expires_at=LATER, now=NOW)
    assert await seen.purge(NOW + 0.5) == 0
    assert [await seen.remember("a", name, expires_at=LATER, now=NOW) for name in ("old", "edge", "young")] == [
        True,
        False,
        False,
    ]


async def test_what_cannot_be_recorded_is_not_believed(store_url: str) -> None:
    without_tables = Database(store_url)
    try:
        with pytest.raises(StoreUnavailable):
            await StoredTokenIds(without_tables).remember("a", "1", expires_at=LATER, now=NOW)
    finally:
        without_tables.close()


async def test_one_failure_does_not_hold_up_those_who_come_later(store_url: str) -> None:
    database = Database(store_url)
    seen = StoredTokenIds(database)
    try:
        answers = await asyncio.gather(
            *(seen.remember("a", str(number), expires_at=LATER, now=NOW) for number in range(5)), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [StoreUnavailable] * 5
        migrate(database)
        assert await seen.remember("a", "1", expires_at=LATER, now=NOW)
    finally:
        database.close()
