"""Who asks the app too often is told so, and nobody else is."""

import pytest

from service.adapters.rate_limit import Allowance, Buckets
from service.errors import TooManyRequests
from tests.review.visits import charted
from tests.smart.ehr import ISS
from tests.smart.harness import launch

ONE = Allowance(per_minute=6)


async def test_a_session_that_asks_too_often_gets_a_page_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.web.smart.limits.OF_SESSION", ONE)
    harness = charted()
    application = harness.application()
    async with harness.browser(application) as browser, harness.browser(application) as other:
        for each in (browser, other):
            await launch(each, harness.ehr)
        answers = [await each.get("/review") for each in (browser, browser, other)]
    assert [answer.status_code for answer in answers] == [200, 429, 200]
    assert "The app was asked too often in a short time. Nothing was saved." in answers[1].text
    assert 1 <= int(answers[1].headers["retry-after"]) <= 10
    assert "frame-ancestors" in answers[1].headers["content-security-policy"]


async def test_launches_of_an_ehr_are_limited_before_anything_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.web.smart.limits.OF_LAUNCHES", ONE)
    harness = charted()
    async with harness.browser() as browser:
        answers = [await browser.get("/smart/launch", params={"iss": ISS}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [302, 429, 429]
    assert len(harness.records.kept) == 1


def test_buckets_of_the_past_are_forgotten_and_those_in_use_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.adapters.rate_limit._MOST_BUCKETS", 2)
    now = [0.0]
    found = Buckets(lambda: now[0])
    with found.admit("running", ONE):
        with found.admit("idle", ONE):
            pass
        now[0] = 181.0
        with found.admit("young", ONE):
            pass
        with pytest.raises(TooManyRequests), found.admit("young", ONE):
            raise AssertionError
        now[0] = 190.0
        with found.admit("another", ONE):
            pass
        assert set(found._used) == {"running", "young", "another"}  # noqa: SLF001  what is forgotten shows nowhere else
