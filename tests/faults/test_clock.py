"""A clock that is set forth and back under a running service: advice, tokens and feedback go on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from service.adapters.store.schema import feedback, issued_cards
from tests.adapters.tokens import NOW, token
from tests.clock import Clock
from tests.faults.test_database import column, site
from tests.hooks.serving import chart, message, prefetch_of, served

if TYPE_CHECKING:
    from pathlib import Path

FORTH_AND_BACK = [
    timedelta(hours=1),
    timedelta(days=-1),
    timedelta(days=3),
    timedelta(hours=-50),
    timedelta(minutes=-1),
]


def fresh_token(now: datetime) -> str:
    second = int(now.timestamp())
    return token(claims={"jti": str(uuid4()), "iat": second, "exp": second + 300}, header={"jku": ...})


async def test_each_step_leaves_advice_tokens_and_feedback_in_force(tmp_path: Path) -> None:
    clock, url = Clock(NOW), f"sqlite:///{tmp_path / 'store.sqlite3'}"
    async with site(tmp_path, url, auth="required", clock=clock, retention_days=3650) as found:
        used = fresh_token(clock.now)
        assert len(await found.call(used)) == 1
        for step in FORTH_AND_BACK:
            clock.now += step
            again = fresh_token(clock.now)
            assert len(await found.call(again)) == 1
            assert [await found.call(again), await found.call(used)] == [401, 401]
            assert await found.readiness() == (200, "ready")
        clock.now = NOW
        assert await found.call(used) == 401
    assert len(found.shown) == 1 + len(FORTH_AND_BACK)
    assert found.shown == column(url, issued_cards.c.card)


async def test_feedback_is_kept_whatever_the_clock_says(tmp_path: Path) -> None:
    clock, url = Clock(NOW), f"sqlite:///{tmp_path / 'store.sqlite3'}"
    async with site(tmp_path, url, auth="off", clock=clock) as found:
        for step in FORTH_AND_BACK:
            clock.now += step
            assert await found.give_feedback() == 200
    assert found.acknowledged == column(url, feedback.c.card)


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=365)])
async def test_an_answer_that_a_clock_ahead_has_shown_does_not_rest_when_it_is_set_right(
    tmp_path: Path, ahead: timedelta
) -> None:
    clock, request = Clock(NOW), message(prefetch=prefetch_of(chart("V01")))
    async with served(tmp_path, clock=clock, repeat_after_s=600) as client:
        counts = []
        for now in (NOW, NOW, NOW + ahead, NOW + timedelta(seconds=30), NOW + timedelta(seconds=60)):
            clock.now = now
            counts.append(len((await client.call(request)).json()["cards"]))
    assert counts == [1, 0, 1, 1, 0]
