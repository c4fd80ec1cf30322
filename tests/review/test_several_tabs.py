"""Two tabs of one session: what one does while the other waits for the EHR is not undone by it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from service.adapters.sealing import Sealer
from service.web.smart.sessions import Sessions
from tests.canary.mark import MARK
from tests.review.visits import ORIGIN, charted, opened
from tests.smart.ehr import ISS, TOKEN, form_of
from tests.smart.harness import SECRET

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.review.harness import ReviewHarness

SESSION = "__Host-crlm-session"


def meanwhile(harness: ReviewHarness, url: str, act: Callable[[], Awaitable[object]]) -> None:
    """Let `act` happen while the EHR takes its time for the next request to `url`."""
    answered, waiting = harness.ehr.send, [act]

    async def send(request: httpx.Request) -> httpx.Response:
        if waiting and str(request.url).startswith(url):
            await waiting.pop()()
        return await answered(request)

    harness.ehr.send = send  # type: ignore[method-assign]  # a test bends it


async def test_a_tab_that_loads_while_another_renews_the_access_does_not_bring_the_old_one_back() -> None:
    harness = charted()
    application = harness.application()
    async with harness.browser(application) as browser, harness.browser(application) as second:
        hidden = await opened(harness, browser)
        second.cookies = browser.cookies
        harness.clock.forward(seconds=269)

        async def renew() -> None:
            harness.clock.forward(seconds=2)
            answer = await second.post("/review/what-if", data={**hidden, "ecog": "1"}, headers=ORIGIN)
            assert answer.status_code == 200

        meanwhile(harness, f"{ISS}/Condition", renew)
        assert (await browser.get("/review")).status_code == 200
        harness.clock.forward(seconds=299)
        assert (await browser.get("/review")).status_code == 200
    asked = [form_of(request) for request in harness.ehr.requests if str(request.url) == TOKEN]
    assert [form.get("refresh_token") for form in asked] == [
        None,
        f"secret-refresh-1.{MARK}",
        f"secret-refresh-2.{MARK}",
    ]


async def test_of_two_workers_that_need_a_new_token_at_once_one_renews_it_and_the_other_takes_what_came() -> None:
    harness = charted()
    answered, used = harness.ehr.send, list[str]()

    async def slowly(request: httpx.Request) -> httpx.Response:
        if str(request.url) == TOKEN and (token := form_of(request).get("refresh_token")):
            used.append(token)
            for _ in range(50):
                await asyncio.sleep(0)
            if len(used) > 1:
                return httpx.Response(400, json={"error": "invalid_grant"}, request=request)
        return await answered(request)

    harness.ehr.send = slowly  # type: ignore[method-assign]  # a test bends it
    async with harness.browser() as browser, harness.browser() as of_other_worker:
        await opened(harness, browser)
        of_other_worker.cookies.set(SESSION, browser.cookies[SESSION])
        harness.clock.forward(seconds=271)
        answers = await asyncio.gather(browser.get("/review"), of_other_worker.get("/review"))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert used == [f"secret-refresh-1.{MARK}"]


async def test_a_renewal_that_fails_leaves_the_next_worker_to_try() -> None:
    harness = charted()
    answered, used = harness.ehr.send, list[str]()

    async def fails_once(request: httpx.Request) -> httpx.Response:
        if str(request.url) == TOKEN and (token := form_of(request).get("refresh_token")):
            used.append(token)
            if len(used) == 1:
                return httpx.Response(503, request=request)
        return await answered(request)

    harness.ehr.send = fails_once  # type: ignore[method-assign]  # a test bends it
    async with harness.browser() as browser, harness.browser() as of_other_worker:
        await opened(harness, browser)
        of_other_worker.cookies.set(SESSION, browser.cookies[SESSION])
        harness.clock.forward(seconds=271)
        answers = [await browser.get("/review"), await of_other_worker.get("/review")]
    assert [answer.status_code for answer in answers] == [401, 200]
    assert used == [f"secret-refresh-1.{MARK}"] * 2


async def test_a_worker_that_died_while_it_renewed_is_not_waited_for_longer_than_an_ehr_may_take() -> None:
    harness = charted()
    sessions = Sessions(harness.records, Sealer([SECRET], "sessions"), harness.clock)
    async with harness.browser() as browser:
        await opened(harness, browser)
        harness.clock.forward(seconds=271)
        until_s = harness.clock().timestamp() + 15
        await sessions.change(browser.cookies[SESSION], lambda session: replace(session, renewing_until_s=until_s))
        waiting = asyncio.create_task(browser.get("/review"))
        await asyncio.wait([waiting], timeout=0.3)
        assert not waiting.done()
        harness.clock.forward(seconds=15)
        assert (await waiting).status_code == 200


@pytest.mark.parametrize(
    ("age_s", "url"), [(0, f"{ISS}/Condition"), (271, TOKEN)], ids=["loading", "renewing the access"]
)
async def test_logout_ends_the_session_for_a_tab_that_waits_for_the_ehr(age_s: int, url: str) -> None:
    harness = charted()
    application = harness.application()
    async with harness.browser(application) as browser, harness.browser(application) as second:
        hidden = await opened(harness, browser)
        cookie = browser.cookies[SESSION]
        second.cookies.set(SESSION, cookie)
        harness.clock.forward(seconds=age_s)

        async def log_out() -> None:
            answer = await second.post("/smart/logout", data={"csrf": hidden["csrf"]}, headers=ORIGIN)
            assert "You are logged out" in answer.text

        meanwhile(harness, url, log_out)
        assert (await browser.get("/review")).status_code == 401
    assert await Sessions(harness.records, Sealer([SECRET], "sessions"), harness.clock).find(cookie) is None


async def test_of_two_changes_at_once_neither_is_lost() -> None:
    harness = charted()
    sessions = Sessions(harness.records, Sealer([SECRET], "sessions"), harness.clock)
    async with harness.browser() as browser:
        await opened(harness, browser)
        cookie = browser.cookies[SESSION]
    replacing, waiting = harness.records.replace, [sessions]

    async def replaced(*arguments: Any, **named: Any) -> bool:
        if waiting:
            await waiting.pop().change(cookie, lambda session: replace(session, ask="asa"))
        return await replacing(*arguments, **named)

    harness.records.replace = replaced  # type: ignore[method-assign]  # a test bends it
    changed = await sessions.change(cookie, lambda session: replace(session, note="n"))
    assert changed is not None
    assert (changed.ask, changed.note) == ("asa", "n")
    assert await sessions.find(cookie) == changed
