from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from service.adapters.store import issued_cards as module
from service.adapters.store.database import Database
from service.adapters.store.issued_cards import IssuedCards
from service.adapters.store.migrate import migrate
from service.adapters.store.schema import issued_cards
from service.errors import StoreUnavailable
from service.knowledge.policy import LONGEST_NAME
from tests.adapters.store.cards import ISSUER, MONDAY, card, uuid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.engine import Connection


def count(database: Database) -> int:
    query = sa.select(sa.func.count()).select_from(issued_cards)
    return database.read_now(lambda connection: connection.execute(query).scalar_one())


async def test_what_a_card_said_is_kept_and_nothing_else(database: Database) -> None:
    queue = IssuedCards(database)
    queue.put([card(1, advisories=("no-biopsy",), missing=("ecog",)), card(2, issuer=None, strategy=None, silent=True)])
    await queue.flush()
    query = sa.select(issued_cards).order_by(issued_cards.c.card)
    rows = database.read_now(lambda connection: [row._asdict() for row in connection.execute(query)])
    common = {
        "service": "crlm-patient-view",
        "next_step": "resect-now-no-more-chemotherapy",
        "rows": ["A12b"],
        "statements": ["S10", "S27"],
        "knowledge_id": "crlm-summary-2025",
        "knowledge_version": "1.0.0",
        "policy": "default",
        "issued_at": MONDAY,
        "subject": None,
    }
    assert rows == [
        {
            **common,
            "card": uuid(1),
            "issuer": ISSUER,
            "strategy": "liver-first",
            "advisories": ["no-biopsy"],
            "missing": ["ecog"],
            "silent": False,
        },
        {**common, "card": uuid(2), "issuer": "", "strategy": None, "advisories": [], "missing": [], "silent": True},
    ]


async def test_the_longest_name_of_a_policy_is_kept(database: Database) -> None:
    queue = IssuedCards(database)
    queue.put([card(1, policy="Ω" * LONGEST_NAME)])
    await queue.flush()
    assert count(database) == 1


async def test_leaving_writes_what_waits(database: Database) -> None:
    queue = IssuedCards(database)
    async with queue.writing():
        queue.put(card(number) for number in range(1200))
    assert [count(database), queue.waiting, queue.dropped] == [1200, 0, 0]


async def test_a_write_takes_five_hundred_cards_at_most(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    write, written = database.write_lightly, [0]

    async def counted(work: Callable[[Connection], None]) -> None:
        await write(work)
        written.append(count(database))

    monkeypatch.setattr(database, "write_lightly", counted)
    queue = IssuedCards(database)
    queue.put(card(number) for number in range(1200))
    await queue.flush()
    assert written == [0, 500, 1000, 1200]


async def test_cards_are_written_while_the_service_runs(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GATHER_S", 0)
    queue = IssuedCards(database)
    async with queue.writing():
        queue.put([card(1)])
        while queue.waiting:
            await database.read(lambda _: None)
        assert count(database) == 1


def more_comes_during(queue: IssuedCards, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another card come during each write, until there are five."""
    write = database.write_lightly

    async def write_while_more_comes(work: Callable[[Connection], None]) -> None:
        await write(work)
        if (written := count(database)) < 5:
            queue.put([card(written + 10)])

    monkeypatch.setattr(database, "write_lightly", write_while_more_comes)


async def test_what_comes_during_a_write_waits_for_the_next_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = IssuedCards(database)
    more_comes_during(queue, database, monkeypatch)
    queue.put([card(1), card(2)])
    await queue.flush()
    assert [count(database), queue.waiting] == [2, 1]


async def test_what_comes_during_the_last_write_is_written_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = IssuedCards(database)
    more_comes_during(queue, database, monkeypatch)
    async with queue.writing():
        queue.put([card(1), card(2)])
    assert [count(database), queue.waiting, queue.dropped] == [5, 0, 0]


async def test_a_queue_that_is_full_drops_the_newest_and_counts_them(database: Database) -> None:
    queue = IssuedCards(database, capacity=2)
    queue.put(card(number) for number in range(5))
    await queue.flush()
    assert [count(database), queue.waiting, queue.dropped] == [2, 0, 3]


async def test_a_card_that_comes_twice_is_kept_once(database: Database) -> None:
    queue = IssuedCards(database)
    for _ in range(2):
        queue.put([card(1)])
        await queue.flush()
    assert count(database) == 1


async def test_cards_wait_for_a_store_that_is_down(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GATHER_S", 0)
    monkeypatch.setattr(module, "_RETRY_S", 0)
    database = Database(store_url)
    queue = IssuedCards(database)
    try:
        queue.put([card(1)])
        with pytest.raises(StoreUnavailable):
            await queue.flush()
        assert queue.waiting == 1
        async with queue.writing():
            migrate(database)
            while queue.waiting:
                await database.read(lambda _: None)
        assert count(database) == 1
    finally:
        database.close()


async def test_what_is_lost_at_the_end_is_counted(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/without-tables.sqlite3")
    queue = IssuedCards(database)
    try:
        async with queue.writing():
            queue.put([card(1), card(2)])
        assert [queue.waiting, queue.dropped] == [2, 2]
    finally:
        database.close()
