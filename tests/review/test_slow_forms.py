"""A form that does not come takes a place from others for a bounded time, with a session or without."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request

from service.web.smart import protection
from service.web.smart.protection import UnreadFormError, read_form
from tests.review.visits import ORIGIN, charted, opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Message

PATHS = ["/review/save", "/review/what-if", "/review/mdt", "/smart/logout"]
SENT = {**ORIGIN, "content-type": "application/x-www-form-urlencoded", "content-length": "1000"}


async def begun_and_never_ended() -> AsyncIterator[bytes]:
    yield b"ecog=1"
    await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protection, "FORM_S", 0.01)


@pytest.mark.parametrize("path", PATHS)
async def test_a_form_of_a_session_that_does_not_come_whole_is_not_waited_for(path: str) -> None:
    harness = charted()
    async with harness.browser() as browser:
        await opened(harness, browser)
        response = await browser.post(path, content=begun_and_never_ended(), headers=SENT)
    assert (response.status_code, "The form did not come whole" in response.text) == (408, True)


@pytest.mark.parametrize("path", PATHS[:3])
async def test_a_form_of_a_stranger_that_does_not_come_whole_is_not_waited_for(path: str) -> None:
    async with charted().browser() as browser:
        response = await browser.post(path, content=begun_and_never_ended(), headers=SENT)
    assert (response.status_code, "Nothing was saved." in response.text) == (401, True)


async def test_who_goes_away_in_the_middle_of_a_form_is_no_bug() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    headers = [(name.encode(), value.encode()) for name, value in SENT.items()]
    with pytest.raises(UnreadFormError, match="did not come whole"):
        await read_form(Request({"type": "http", "method": "POST", "headers": headers}, gone))
