"""Turns: one computation at a time between looks at what has arrived, first come first served."""

from __future__ import annotations

import asyncio

from service.web.turns import Turns


async def test_a_call_alone_computes_at_once() -> None:
    turns = Turns()
    for _ in range(3):
        taking = turns.take()
        try:
            taking.send(None)
        except StopIteration:
            await asyncio.sleep(0)
            continue
        raise AssertionError("it had to wait")


async def test_of_many_each_computes_in_a_turn_of_its_own_and_in_order() -> None:
    turns, looks, seen = Turns(), [0], []

    async def compute(number: int) -> None:
        await turns.take()
        seen.append((number, looks[0]))

    async def look() -> None:
        while len(seen) < 20:
            looks[0] += 1
            await asyncio.sleep(0)

    await asyncio.gather(*(compute(number) for number in range(20)), look())
    assert [number for number, _ in seen] == list(range(20))
    assert len({look for _, look in seen}) == 20


async def test_the_queue_tells_how_long_its_next_call_has_waited() -> None:
    now = [100.0]
    turns = Turns(lambda: now[0])
    assert turns.longest_wait_s() == 0.0
    taking = [asyncio.create_task(turns.take()) for _ in range(2)]
    await asyncio.sleep(0)
    now[0] += 2.0
    assert turns.longest_wait_s() == 2.0
    await asyncio.gather(*taking)
    assert turns.longest_wait_s() == 0.0


async def test_who_gives_up_holds_up_nobody_and_the_queue_ends() -> None:
    turns, seen = Turns(), []

    async def compute(number: int) -> None:
        await turns.take()
        seen.append(number)

    tasks = [asyncio.create_task(compute(number)) for number in range(5)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    tasks[4].cancel()
    await asyncio.wait(tasks)
    assert seen == [0, 1, 3]
    await asyncio.wait_for(compute(5), 1)
    assert seen == [0, 1, 3, 5]
