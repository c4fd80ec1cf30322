from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from service.adapters.store import group_commit as module
from service.adapters.store.group_commit import GroupCommit
from service.errors import StoreUnavailable
from service.logs import begin_notes, note

if TYPE_CHECKING:
    from collections.abc import Sequence


class Slow:
    """A commit that waits to be let go and keeps what it was given."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()
        self.fault: Exception | None = None

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        return [item * 10 for item in items]


async def turn() -> None:
    """Let everything run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_arrives_while_a_commit_runs_goes_into_the_next_together() -> None:
    commit = Slow()
    group = GroupCommit(commit)
    first = asyncio.create_task(group.submit(1))
    await turn()
    others = [asyncio.create_task(group.submit(number)) for number in (2, 3, 4)]
    await turn()
    commit.go.set()
    assert [await first, await asyncio.gather(*others)] == [10, [20, 30, 40]]
    assert commit.batches == [[1], [2, 3, 4]]


async def test_a_transaction_takes_no_more_rows_than_it_may_but_for_an_item_that_has_them_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MOST_ROWS", 5)
    commit = Slow()
    group = GroupCommit(commit, rows=lambda item: item)
    commit.go.set()
    found = await asyncio.gather(*(group.submit(rows) for rows in (2, 3, 1, 5, 4, 9, 1, 4)))
    assert found == [20, 30, 10, 50, 40, 90, 10, 40]
    assert commit.batches == [[2, 3], [1], [5], [4], [9], [1, 4]]


async def test_a_caller_that_gave_up_holds_up_nobody() -> None:
    commit = Slow()
    group = GroupCommit(commit)
    impatient, patient = (asyncio.create_task(group.submit(number)) for number in (1, 2))
    await turn()
    impatient.cancel()
    commit.go.set()
    assert await patient == 20


async def test_what_its_caller_no_longer_waits_for_is_not_written() -> None:
    commit = Slow()
    group = GroupCommit(commit)
    running = asyncio.create_task(group.submit(1))
    await turn()
    impatient, patient = (asyncio.create_task(group.submit(number)) for number in (2, 3))
    await turn()
    impatient.cancel()
    commit.go.set()
    assert [await running, await patient] == [10, 30]
    assert commit.batches == [[1], [3]]


async def test_a_fault_reaches_each_caller_also_beside_one_that_gave_up() -> None:
    commit = Slow()
    commit.fault = StoreUnavailable()
    group = GroupCommit(commit)
    tasks = [asyncio.create_task(group.submit(number)) for number in (1, 2, 3)]
    await turn()
    tasks[0].cancel()
    commit.go.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(fault) for fault in found] == [asyncio.CancelledError, StoreUnavailable, StoreUnavailable]


async def test_more_than_can_wait_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 2)
    commit = Slow()
    group = GroupCommit(commit)
    running = asyncio.create_task(group.submit(1))
    await turn()
    waiting = [asyncio.create_task(group.submit(number)) for number in (2, 3)]
    await turn()
    with pytest.raises(StoreUnavailable):
        await group.submit(4)
    commit.go.set()
    assert [await running, *await asyncio.gather(*waiting)] == [10, 20, 30]


async def test_what_is_written_for_all_is_no_part_of_the_request_that_came_first() -> None:
    async def commit(items: Sequence[int]) -> Sequence[int]:
        note(written=len(items))
        return items

    notes = begin_notes(request_id="first")
    await GroupCommit(commit).submit(1)
    assert notes == {"request_id": "first"}
