"""What was typed is given back, to copy, where the session that it was typed in has ended."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from tests.review.visits import ORIGIN, TODAY, charted, opened
from tests.smart.harness import launch

if TYPE_CHECKING:
    import httpx

FACTS = {"ecog": "1", "metastases-accessible": "true", "flr-percent": "many", "asa": "", "entered-on": TODAY}
DECISION = {
    "stance": "deviate",
    "strategy": "liver-first",
    "reason": "patient-preference",
    "comment": "<b>asked</b>\ntwice",
    "decided-on": TODAY,
}
KEPT_FACTS = [
    "ECOG performance status: 1",
    "Metastases accessible: yes",
    "Future liver remnant: many",
    f"Date: {TODAY}",
]
KEPT_DECISION = [
    "The MDT: decides otherwise",
    "Strategy: liver first",
    "Reason: The patient declines or prefers another treatment",
    "Comment: <b>asked</b>",
    "twice",
    f"Decided on: {TODAY}",
]


def kept(answer: httpx.Response) -> list[str]:
    found = re.search(r'<textarea id="kept-text"[^>]*>(.*?)</textarea>', answer.text, re.DOTALL)
    return html.unescape(found[1]).splitlines() if found else []


@pytest.mark.parametrize(
    ("path", "typed", "expected"),
    [
        ("/review/save", FACTS, KEPT_FACTS),
        ("/review/what-if", FACTS, KEPT_FACTS),
        ("/review/mdt", DECISION, KEPT_DECISION),
    ],
)
async def test_what_was_typed_is_given_back_where_the_session_has_ended(
    path: str, typed: dict[str, str], expected: list[str]
) -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        await browser.post("/smart/logout", data={"csrf": hidden["csrf"]}, headers=ORIGIN)
        answers = [await browser.post(path, data={**hidden, **typed}, headers=ORIGIN)]
        await launch(browser, harness.ehr)
        answers.append(await browser.post(path, data={**hidden, **typed}, headers=ORIGIN))
        harness.ehr.token_changes = {"error": "invalid_grant"}
        harness.clock.forward(minutes=5)
        answers.append(await browser.post(path, data={**hidden, **typed}, headers=ORIGIN))
    assert [(answer.status_code, kept(answer)) for answer in answers] == [
        (401, expected),
        (403, expected),
        (401, expected),
    ]
    assert "<b>" not in "".join(answer.text for answer in answers)


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}, {}]
)
async def test_nothing_is_given_back_to_a_form_of_another_site(headers: dict[str, str]) -> None:
    harness = charted()
    async with harness.browser() as stranger, harness.browser() as browser:
        await launch(browser, harness.ehr)
        answers = [await each.post("/review/save", data=FACTS, headers=headers) for each in (stranger, browser)]
    assert [(answer.status_code, kept(answer)) for answer in answers] == [(401, []), (403, [])]


@pytest.mark.parametrize("typed", [{"part": "fragment", "ecog": "1"}, {"asa": "", "entered-on": TODAY}, {"x": "1"}])
async def test_nothing_is_given_back_where_the_form_is_still_there_or_nothing_was_typed(typed: dict[str, str]) -> None:
    async with charted().browser() as stranger:
        answer = await stranger.post("/review/what-if", data=typed, headers=ORIGIN)
    assert (answer.status_code, kept(answer)) == (401, [])
