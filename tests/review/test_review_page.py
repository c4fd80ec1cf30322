"""What the page shows."""

import asyncio
import html
import re
from dataclasses import replace

from service.adapters.sealing import Sealer
from service.web.smart.sessions import AppSession, Sessions
from tests.canary.mark import MARK
from tests.review.cases_charts import OPEN, local
from tests.review.harness import ReviewHarness
from tests.review.visits import ORIGIN, charted, headline, opened
from tests.smart.harness import SECRET, launch


async def test_the_page_says_what_the_card_says_and_what_would_decide() -> None:
    harness = charted()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        response = await browser.get("/review")
    assert (
        headline(response) == "Order of surgery open: ECOG decides between simultaneous resection, liver first and MDT"
    )
    assert "Testperson, Anna" in response.text
    assert "MRN-4711" in response.text
    first = re.search(r'id="ask-([a-z-]+)"', response.text)
    assert first is not None
    assert first[1] == "ecog"


async def test_an_answer_that_decides_nothing_alone_is_not_told_branch_by_branch() -> None:
    harness = charted({"primary-site": "sigmoid-colon", "metastases-detected": "at-staging"})
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        response = await browser.get("/review")
    asked = (
        response.text.split('id="ask-primary-pathology"')[1].split('What the answers decide">')[1].split("</div>")[0]
    )
    assert re.sub(r"<[^>]+>", "", asked).split() == ["Decides", "only", "together", "with", "the", "others."]


async def test_an_access_token_is_renewed_before_it_ends() -> None:
    harness = charted()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        harness.clock.forward(minutes=5)
        response = await browser.get("/review")
        sessions = Sessions(harness.records, Sealer([SECRET], "sessions"), harness.clock)
        session = await sessions.find(browser.cookies["__Host-crlm-session"])
    assert response.status_code == 200
    assert isinstance(session, AppSession)
    assert session.grant.access_token == f"secret-access-2.{MARK}"


async def test_an_access_that_cannot_be_renewed_is_told_plainly() -> None:
    harness = charted()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        harness.clock.forward(minutes=5)
        harness.ehr.token_changes = {"error": "invalid_grant"}
        response = await browser.get("/review")
    assert (response.status_code, "The EHR has ended the access" in response.text) == (401, True)


async def test_an_unreachable_chart_is_told_plainly() -> None:
    harness = charted(unreachable=frozenset({"GET Condition"}))
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        response = await browser.get("/review")
    assert (response.status_code, "The chart could not be read" in response.text) == (502, True)


async def test_a_chart_out_of_scope_has_nothing_to_review() -> None:
    harness = ReviewHarness()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        response = await browser.get("/review")
    assert "no colorectal cancer with liver metastases" in response.text


async def test_the_summary_says_the_same_on_paper_and_as_text() -> None:
    harness = charted({**OPEN, "ecog": 1})
    async with harness.browser() as browser:
        await opened(harness, browser)
        response = await browser.get("/review/summary")
    found = re.search(r'<textarea id="summary-text"[^>]*>(.*?)</textarea>', response.text, re.DOTALL)
    assert found is not None
    text = html.unescape(found[1])
    assert "Testperson, Anna, born 4 May 1961, MRN-4711" in text
    assert "- ECOG performance status: 1 (16 Nov 2026, Observation/local-ecog)" in text
    assert "S30" in text


async def test_the_files_of_the_page_are_three_and_no_other() -> None:
    async with charted().browser() as browser:
        for name in ("review.css", "review.js", "review-icon.svg"):
            first = await browser.get(f"/review/static/{name}")
            again = await browser.get(f"/review/static/{name}", headers={"If-None-Match": first.headers["etag"]})
            assert (first.status_code, again.status_code) == (200, 304)
        for name in ("..%2f..%2fapp.py", "review.html", "knowledge.css"):
            assert (await browser.get(f"/review/static/{name}")).status_code == 404


async def test_the_card_of_the_launch_puts_its_question_first() -> None:
    harness = charted()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        sessions = Sessions(harness.records, Sealer([SECRET], "sessions"), harness.clock)
        cookie = browser.cookies["__Host-crlm-session"]
        session = await sessions.find(cookie)
        assert session is not None
        await sessions.change(cookie, lambda session: replace(session, ask="asa", note="a note to show once"))
        first, second = await browser.get("/review"), await browser.get("/review")
    asked = re.search(r'id="ask-([a-z-]+)"', first.text)
    assert asked is not None
    assert asked[1] == "asa"
    assert ("a note to show once" in first.text, "a note to show once" in second.text) == (True, False)


async def test_requests_at_the_same_time_renew_the_access_once() -> None:
    harness = charted()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        harness.clock.forward(minutes=5)
        answers = await asyncio.gather(*(browser.get("/review") for _ in range(4)))
    assert [response.status_code for response in answers] == [200] * 4
    assert harness.ehr.tokens == 2


async def test_what_was_opened_long_ago_is_fetched_anew() -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        asked = len(harness.fhir.requests)
        for minutes, fetched in ((1, False), (3, True)):
            harness.clock.forward(minutes=minutes)
            await browser.post("/review/what-if", data={**hidden, "ecog": "1"}, headers=ORIGIN)
            assert (len(harness.fhir.requests) > asked) is fetched


async def test_print_and_text_hold_narrowed_facts_and_name_the_day_in_words() -> None:
    counted = next(found for found in local({"metastasis-count": 2}) if found["resourceType"] == "Observation")
    bounded = {"valueQuantity": {"value": 2, "comparator": ">=", "system": "http://unitsofmeasure.org", "code": "1"}}
    harness = charted({fact: value for fact, value in OPEN.items() if fact != "metastasis-count"})
    harness.fhir.add({key: value for key, value in counted.items() if not key.startswith("value")} | bounded)
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        text = html.unescape((await browser.get("/review/summary")).text)
    printed, pasted = text.split("<textarea")
    assert "Number of liver metastases: <strong>≥ 2</strong>" in printed
    assert "- Number of liver metastases: ≥ 2 (" in pasted
    assert "as of 23 Nov 2026" in printed
    assert "As of 23 Nov 2026" in pasted


RESECTED = {
    "primary-in-situ": False,
    "primary-site": "sigmoid-colon",
    "primary-pathology": "favourable",
    "metastases-detected": "at-staging",
    "metastasis-count": 2,
    "r0-achievable": True,
    "hepatectomy-extent": "minor",
    "ecog": 0,
}


async def test_where_the_primary_was_resected_no_strategy_is_called_primary_first() -> None:
    harness = charted(RESECTED)
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        response = await browser.get("/review")
    shown = re.findall(
        r'<span class="strategy-name">(.*?)</span> <span class="strategy-word">(.*?)</span>', response.text
    )
    assert shown[0] == ("Staged (liver next)", "Recommended")
    form = response.text.partition('<section id="mdt"')[2]
    assert ("Staged (liver next)" in form, "primary first" in form) == (True, False)


async def test_the_strategies_stand_in_the_order_of_the_card_operations_first() -> None:
    harness = charted()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        response = await browser.get("/review")
    assert re.findall(
        r'<span class="strategy-name">(.*?)</span> <span class="strategy-word">(.*?)</span>', response.text
    ) == [
        ("Simultaneous resection", "Still open"),
        ("Liver first", "Still open"),
        ("MDT", "Still open"),
        ("Staged (primary first)", "Excluded"),
        ("Treatment as metachronous disease", "Excluded"),
        ("Systemic therapy first", "Excluded"),
    ]


async def test_the_summary_for_the_meeting_begins_with_what_the_mdt_decided() -> None:
    harness = charted({**OPEN, "ecog": 1, "mdt-decision": "staged"})
    async with harness.browser() as browser:
        await opened(harness, browser)
        response = await browser.get("/review/summary")
    paper, _, text = response.text.partition('id="summary-text"')
    for where in (paper, text):
        assert (
            0 < where.index("MDT decided primary first on 16 Nov 2026") < where.index("Consider simultaneous resection")
        )
