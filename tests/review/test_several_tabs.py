"""Two tabs of one session: what one does while the other waits for the EHR is not undone by it."""

from __future__ import annotations

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


async def test_a_refresh_token_that_another_worker_used_up_costs_nobody_the_session() -> None:
    harness = charted()
    answered, used = harness.ehr.send, set[str]()

    async def once(request: httpx.Request) -> httpx.Response:
        token = form_of(request).get("refresh_token") if str(request.url) == TOKEN else None
        if token is not None and token in used:
            return httpx.Response(400, json={"error": "invalid_grant"}, request=request)
        used.update({token} if token else ())
        return await answered(request)

    harness.ehr.send = once  # type: ignore[method-assign]  # a test bends it
    async with harness.browser() as browser, harness.browser() as of_other_worker:
        await opened(harness, browser)
        of_other_worker.cookies.set(SESSION, browser.cookies[SESSION])
        harness.clock.forward(seconds=271)

        async def renew() -> None:
            assert (await of_other_worker.get("/review")).status_code == 200

        meanwhile(harness, TOKEN, renew)
        assert (await browser.get("/review")).status_code == 200
    assert used == {f"secret-refresh-1.{MARK}"}


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
