import html
import re
from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from service.adapters.sealing import Sealer
from service.web.smart.sessions import AppSession, Sessions
from tests.charts import local
from tests.review.cases_charts import OPEN
from tests.review.cases_charts import local as chart
from tests.review.harness import PATIENT, KeptFacts, ReviewHarness
from tests.smart.ehr import ISS, NOW
from tests.smart.fhir import FakeFhir
from tests.smart.harness import SECRET, launch

ORIGIN = {"Origin": "https://crlm.example"}
TODAY = NOW.date().isoformat()


def _harness(facts: dict[str, Any] | None = None, **of_fhir: Any) -> ReviewHarness:
    fhir = FakeFhir(**of_fhir).add(PATIENT, *chart(OPEN if facts is None else facts))
    return ReviewHarness(fhir=fhir)


async def _opened(harness: ReviewHarness, browser: httpx.AsyncClient) -> dict[str, str]:
    """Launch and open the page; give the hidden fields of its form."""
    await launch(browser, harness.ehr)
    response = await browser.get("/review")
    assert response.status_code == 200, response.text
    form = response.text.split('class="complete-form"')[1].split("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form))


def _headline(response: httpx.Response) -> str:
    found = re.search(r'<h1 class="headline">(.*?)</h1>', response.text, re.DOTALL)
    return html.unescape(found[1]) if found else ""


def _saved(response: httpx.Response) -> str:
    found = re.search(r'<section class="saved.*?</section>', response.text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()) if found else ""


async def test_the_page_says_what_the_card_says_and_what_would_decide() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        response = await browser.get("/review")
    assert (
        _headline(response) == "Order of surgery open: ECOG decides between simultaneous resection, liver first and MDT"
    )
    assert "Testperson, Anna" in response.text
    assert "MRN-4711" in response.text
    first = re.search(r'id="ask-([a-z-]+)"', response.text)
    assert first is not None
    assert first[1] == "ecog"


async def test_without_a_session_there_is_no_page() -> None:
    async with _harness().browser() as browser:
        for path in ("/review", "/review/summary"):
            response = await browser.get(path)
            assert (response.status_code, "No patient is open here" in response.text) == (401, True)
        for path in ("/review/save", "/review/what-if", "/review/mdt"):
            assert (await browser.post(path, data={"ecog": "1"}, headers=ORIGIN)).status_code == 401


async def test_every_page_is_guarded_and_framed_by_the_ehr_of_the_launch_alone() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        answers = [
            await browser.get("/review"),
            await browser.get("/review/summary"),
            await browser.post("/review/what-if", data={**hidden, "ecog": "1"}, headers=ORIGIN),
        ]
    for response in answers:
        policy = response.headers["content-security-policy"].split("; ")
        assert policy == [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors https://ehr.example.org",
        ]
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|style=", response.text)


async def test_a_stranger_may_frame_nothing() -> None:
    harness = replace(_harness(), frame_ancestors=())
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        response = await browser.get("/review")
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-frame-options"] == "DENY"


async def test_what_if_shows_the_answer_and_writes_nothing() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        before = dict(harness.fhir.kept)
        answer = await browser.post("/review/what-if", data={**hidden, "ecog": "2", "part": "fragment"}, headers=ORIGIN)
        whole = await browser.post("/review/what-if", data={**hidden, "ecog": "2"}, headers=ORIGIN)
    assert "What if: nothing is saved" in answer.text
    assert "liver first" in answer.text.lower()
    assert "The answer changes." in answer.text
    assert "<html" not in answer.text
    assert "<html" in whole.text
    assert harness.fhir.kept == before
    assert {request.method for request in harness.fhir.requests} == {"GET"}


async def test_what_if_is_what_the_page_says_after_saving() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        tried = await browser.post("/review/what-if", data={**hidden, "ecog": "1", "part": "fragment"}, headers=ORIGIN)
        saved = await browser.post("/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN)
    assert f'<p class="what-if-headline">{html.escape(_headline(saved))}</p>' in tried.text


async def test_saving_writes_an_observation_of_the_local_system_with_user_and_app() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        saved = await browser.post("/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN)
    assert saved.status_code == 200
    written = harness.fhir.of("Observation")[-1]
    assert _saved(saved) == (
        "Saved Written to the chart in one transaction. A Provenance names you and this app. "
        f"ECOG performance status: 1 , created Observation/{written['id']}"
    )
    assert written == {
        "resourceType": "Observation",
        "id": written["id"],
        "meta": {"versionId": "1"},
        "identifier": [{"system": "https://crlm-cds.example/fhir/identifier/case-fact", "value": f"p1/ecog/{TODAY}"}],
        "status": "final",
        "category": written["category"],
        "code": {
            "coding": [
                {
                    "system": "https://crlm-cds.example/fhir/CodeSystem/case-facts",
                    "code": "ecog",
                    "display": "ECOG performance status",
                }
            ],
            "text": "ECOG performance status",
        },
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": TODAY,
        "performer": [{"reference": "Practitioner/dr-1"}],
        "valueInteger": 1,
    }
    (provenance,) = harness.fhir.of("Provenance")
    agents = [agent["who"] for agent in provenance["agent"]]
    assert agents == [{"reference": "Practitioner/dr-1"}, {"display": "crlm-cds review"}]
    assert provenance["target"] == [{"reference": f"Observation/{written['id']}"}]


async def test_a_correction_on_the_same_day_updates_what_was_saved() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        await browser.post("/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN)
        again = await _opened(harness, browser)
        saved = await browser.post("/review/save", data={**again, "ecog": "2"}, headers=ORIGIN)
    assert again[f"seen:ecog/{TODAY}"] == "1"
    mine = [
        found
        for found in harness.fhir.of("Observation")
        if found.get("valueInteger") in {1, 2} and "performer" in found
    ]
    assert [found["valueInteger"] for found in mine] == [2]
    assert "updated" in _saved(saved)
    assert "liver first" in _headline(saved).lower()


async def test_a_conflict_keeps_what_was_typed_and_shows_the_chart_as_it_is() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        await browser.post("/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN)
        seen = await _opened(harness, browser)
        reference = next(name for name, found in harness.fhir.kept.items() if "performer" in found)
        harness.fhir.kept[reference] |= {"valueInteger": 0, "meta": {"versionId": "2"}}
        refused = await browser.post("/review/save", data={**seen, "ecog": "2"}, headers=ORIGIN)
        assert (refused.status_code, _saved(refused)[:9]) == (409, "Not saved")
        assert 'name="ecog" value="2" checked' in refused.text
        assert harness.fhir.kept[reference]["valueInteger"] == 0
        fresh = dict(re.findall(r'name="(seen:[^"]+)" value="([^"]*)"', refused.text))
        saved = await browser.post("/review/save", data={**seen, **fresh, "ecog": "2"}, headers=ORIGIN)
    assert saved.status_code == 200
    assert harness.fhir.kept[reference]["valueInteger"] == 2


async def test_a_failing_ehr_keeps_what_was_typed() -> None:
    harness = _harness(status_of={"POST": 503})
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        response = await browser.post("/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN)
    assert response.status_code == 502
    assert 'name="ecog" value="1" checked' in response.text
    assert "whether these were written is not certain" in _saved(response)


@pytest.mark.parametrize(
    ("writable", "own", "said"),
    [
        ({"DocumentReference": ("create",)}, None, "the entries stand in a document of the chart"),
        ({}, KeptFacts(), "kept encrypted by this service and read at the next call"),
        ({}, None, "This EHR does not let the app write these. Copy them into the record"),
    ],
)
async def test_the_page_says_which_rung_of_the_ladder_it_took(
    writable: dict[str, tuple[str, ...]], own: KeptFacts | None, said: str
) -> None:
    harness = replace(_harness(writable=writable), own=own)
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        response = await browser.post("/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN)
        assert said in _saved(response)
        if own is not None:
            assert "simultaneous" in _headline(await browser.get("/review")).lower()


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"ecog": "6"}, "Enter a whole number from 0 to 5."),
        ({"ecog": "1.5"}, "Enter a whole number from 0 to 5."),
        ({"flr-percent": "101"}, "Enter a number from 0 to 100."),
        ({"flr-percent": "1e1"}, "Enter a number from 0 to 100."),
        ({"flr-percent": "nan"}, "Enter a number from 0 to 100."),
        ({"metastasis-count": "0"}, "Enter a whole number, at least 1."),
        ({"primary-symptoms": "fine"}, "Choose one of the answers."),
        ({"impending-complication": "perhaps"}, "Choose yes or no."),
        ({"primary-diagnosis-date": "2026-13-01"}, "Enter a date as year-month-day."),
        ({"primary-diagnosis-date": "2030-01-01"}, "Enter a date that is not in the future."),
        ({"ecog": "1", "entered-on": "2030-01-01"}, "Enter a date that is not in the future."),
    ],
)
async def test_a_value_that_cannot_be_is_refused_and_kept_in_its_field(fields: dict[str, str], fault: str) -> None:
    harness = _harness()
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        response = await browser.post("/review/save", data={**hidden, **fields}, headers=ORIGIN)
    assert response.status_code == 422
    assert "nothing was saved" in response.text
    assert fault in response.text
    assert harness.fhir.of("Provenance") == []


async def test_a_comma_is_a_decimal_point() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        await browser.post("/review/save", data={**hidden, "largest-metastasis": "17,5"}, headers=ORIGIN)
    quantity = harness.fhir.of("Observation")[-1]["valueQuantity"]
    assert quantity == {"value": 17.5, "unit": "mm", "system": "http://unitsofmeasure.org", "code": "mm"}


@pytest.mark.parametrize("path", ["/review/save", "/review/what-if", "/review/mdt"])
@pytest.mark.parametrize(
    ("change", "headers"),
    [
        ({}, {"Origin": "https://stranger.example"}),
        ({}, {}),
        ({"csrf": "guessed"}, ORIGIN),
        ({"csrf": ""}, ORIGIN),
    ],
)
async def test_a_forged_post_changes_nothing(path: str, change: dict[str, str], headers: dict[str, str]) -> None:
    harness = _harness()
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        before = dict(harness.fhir.kept)
        response = await browser.post(path, data={**hidden, "ecog": "1", **change}, headers=headers)
    assert response.status_code == 403
    assert harness.fhir.kept == before


async def test_the_form_of_another_patient_in_this_browser_writes_nothing() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        of_first = await _opened(harness, browser)
        harness.ehr.patient = "p2"
        await launch(browser, harness.ehr)
        response = await browser.post("/review/save", data={**of_first, "ecog": "1"}, headers=ORIGIN)
    assert response.status_code == 403
    assert "Another patient may have been opened in this browser" in response.text
    assert harness.fhir.of("Provenance") == []


async def test_a_patient_in_the_address_or_the_form_is_never_believed() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        other = {"patient": "p2", "subject": "Patient/p2", "patient_id": "p2"}
        await browser.get("/review", params=other)
        await browser.post("/review/save", params=other, data={**hidden, **other, "ecog": "1"}, headers=ORIGIN)
    asked = [str(request.url) for request in harness.fhir.requests]
    assert not [url for url in asked if "p2" in url]
    assert harness.fhir.of("Observation")[-1]["subject"] == {"reference": "Patient/p1"}


async def test_resources_of_another_patient_are_not_shown() -> None:
    harness = _harness()
    harness.fhir.add(local("ecog", 4, on=NOW.date(), patient_id="p2", ident="foreign"))
    harness.fhir.kept["Patient/p1"] = {**PATIENT, "id": "p2", "name": [{"family": "Stranger"}]}
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        response = await browser.get("/review")
    assert "Stranger" not in response.text
    assert _headline(response).startswith("Order of surgery open: ECOG decides")


HOSTILE = "\"><img src=x onerror=alert(1)><script>alert('x')</script>{{7*7}}<!--"


def _poisoned(found: Any) -> Any:
    """Put hostile text into every text that is neither a code nor a reference nor a date."""
    kept = {"resourceType", "id", "reference", "code", "system", "status", "value", "use", "versionId", "unit"}
    if isinstance(found, dict):
        return {key: each if key in kept and isinstance(each, str) else _poisoned(each) for key, each in found.items()}
    if isinstance(found, list):
        return [_poisoned(each) for each in found]
    if isinstance(found, str) and not re.match(r"\d{4}-\d\d", found):
        return found + HOSTILE
    return found


async def test_hostile_text_in_any_field_of_any_resource_stays_text() -> None:
    harness = _harness()
    harness.fhir.add(local("mdt-decision", "staged", on=NOW.date(), patient_id="p1", note=[{"text": "because"}]))
    harness.fhir.kept = {name: _poisoned(resource) for name, resource in harness.fhir.kept.items()}
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        answers = [
            await browser.get("/review"),
            await browser.get("/review/summary"),
            await browser.post("/review/what-if", data={**hidden, "ecog": "1"}, headers=ORIGIN),
        ]
    for response in answers:
        assert "<img" not in response.text
        assert "alert(&#39;x&#39;)" in response.text
        assert not re.search(r"<script(?![^>]*src=\"/review/static/)", response.text)
        assert "49" not in re.findall(r"\{\{7\*7\}\}|49&lt;", response.text)


@pytest.mark.parametrize("name", ["ecog", "comment", "entered-on", "decided-on", "reason", "strategy", "unknown"])
async def test_hostile_text_in_any_field_of_a_form_stays_text(name: str) -> None:
    harness = _harness()
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        for path in ("/review/save", "/review/what-if", "/review/mdt"):
            response = await browser.post(path, data={**hidden, name: HOSTILE}, headers=ORIGIN)
            assert "<img" not in response.text
            assert "<script>alert" not in response.text


async def test_neither_tokens_nor_the_patient_reach_the_log_or_an_address(
    log_lines: list[MutableMapping[str, Any]],
) -> None:
    harness = _harness()
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        response = await browser.post("/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN)
    assert log_lines[-1] == {
        "event": "review_saved",
        "log_level": "info",
        "rung": "transaction",
        "saved": 1,
        "conflicts": 0,
        "failed": 0,
        "refused": 0,
    }
    for secret in ("secret-access", "secret-refresh", "'p1'", "Testperson", "MRN", hidden["csrf"]):
        assert secret not in repr(log_lines)
    assert "secret-access" not in response.text
    assert not [str(request.url) for request in harness.ehr.requests if "secret-" in str(request.url)]


async def test_an_ended_access_while_saving_keeps_what_was_typed() -> None:
    harness = _harness(status_of={"POST": 401})
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        response = await browser.post("/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN)
    assert response.status_code == 401
    assert "ECOG performance status: 1" in response.text


async def test_an_access_token_is_renewed_before_it_ends() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        harness.clock.forward(minutes=5)
        response = await browser.get("/review")
        sessions = Sessions(harness.records, Sealer([SECRET], "sessions"), harness.clock)
        session = await sessions.find(browser.cookies["__Host-crlm-session"])
    assert response.status_code == 200
    assert isinstance(session, AppSession)
    assert session.grant.access_token == "secret-access-2"  # noqa: S105 - of the fake EHR


async def test_an_access_that_cannot_be_renewed_is_told_plainly() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        harness.clock.forward(minutes=5)
        harness.ehr.token_changes = {"error": "invalid_grant"}
        response = await browser.get("/review")
    assert (response.status_code, "The EHR has ended the access" in response.text) == (401, True)


async def test_an_unreachable_chart_is_told_plainly() -> None:
    harness = _harness(unreachable=frozenset({"GET Condition"}))
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


async def test_agreement_of_the_mdt_is_written_and_counted_without_the_patient() -> None:
    harness = _harness({**OPEN, "ecog": 1})
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        fields = {"csrf": hidden["csrf"], "stance": "agree", "decided-on": TODAY, "comment": "as Anna wishes"}
        response = await browser.post("/review/mdt", data=fields, headers=ORIGIN)
        assert response.status_code == 200, response.text
        assert "MDT decided simultaneous" in response.text
    decision = harness.fhir.of("Observation")[-1]
    assert decision["valueCodeableConcept"]["coding"][0]["code"] == "simultaneous"
    assert decision["note"] == [{"text": "as Anna wishes"}]
    (plan,) = harness.fhir.of("CarePlan")
    assert (plan["status"], plan["intent"], plan["category"][0]["coding"][0]["code"]) == (
        "active",
        "plan",
        "simultaneous",
    )
    (line,) = harness.decisions.kept
    assert (line.recommended, line.decided, line.agreed, line.reason, line.rows) == (
        "simultaneous",
        "simultaneous",
        True,
        None,
        ("A10",),
    )
    assert "Anna" not in repr(line)


async def test_a_deviation_needs_another_strategy_and_a_reason() -> None:
    harness = _harness({**OPEN, "ecog": 1})
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        fields = {"csrf": hidden["csrf"], "stance": "deviate", "decided-on": TODAY, "strategy": "simultaneous"}
        response = await browser.post("/review/mdt", data=fields, headers=ORIGIN)
        assert response.status_code == 422
        assert "This is what was recommended" in response.text
        assert "Give the reason for deviating." in response.text
        fields |= {"strategy": "liver-first", "reason": "patient-preference", "comment": "<b>asked</b>"}
        assert (await browser.post("/review/mdt", data=fields, headers=ORIGIN)).status_code == 200
    assert harness.fhir.of("Observation")[-1]["note"] == [
        {"text": "The patient prefers another treatment: <b>asked</b>"}
    ]
    assert [(line.agreed, line.reason) for line in harness.decisions.kept] == [(False, "patient-preference")]


async def test_agreeing_with_an_open_recommendation_is_not_possible() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        fields = {"csrf": hidden["csrf"], "stance": "agree", "decided-on": TODAY}
        response = await browser.post("/review/mdt", data=fields, headers=ORIGIN)
    assert response.status_code == 422
    assert "choose what the MDT decided" in response.text


async def test_a_care_plan_that_the_ehr_refuses_does_not_hinder_the_decision() -> None:
    harness = _harness({**OPEN, "ecog": 1}, writable={"Observation": ("create", "update")})
    async with harness.browser() as browser:
        hidden = await _opened(harness, browser)
        fields = {"csrf": hidden["csrf"], "stance": "agree", "decided-on": TODAY}
        response = await browser.post("/review/mdt", data=fields, headers=ORIGIN)
    assert response.status_code == 200
    assert _saved(response).startswith("Saved Written to the chart in one transaction.")
    assert harness.fhir.of("CarePlan") == []


async def test_the_summary_says_the_same_on_paper_and_as_text() -> None:
    harness = _harness({**OPEN, "ecog": 1})
    async with harness.browser() as browser:
        await _opened(harness, browser)
        response = await browser.get("/review/summary")
    found = re.search(r'<textarea id="summary-text"[^>]*>(.*?)</textarea>', response.text, re.DOTALL)
    assert found is not None
    text = html.unescape(found[1])
    assert "Testperson, Anna, born 4 May 1961, MRN-4711" in text
    assert "- ECOG performance status: 1 (16 Nov 2026, Observation/local-ecog)" in text
    assert "S30" in text


async def test_the_files_of_the_page_are_three_and_no_other() -> None:
    async with _harness().browser() as browser:
        for name in ("review.css", "review.js", "review-icon.svg"):
            first = await browser.get(f"/review/static/{name}")
            again = await browser.get(f"/review/static/{name}", headers={"If-None-Match": first.headers["etag"]})
            assert (first.status_code, again.status_code) == (200, 304)
        for name in ("..%2f..%2fapp.py", "review.html", "knowledge.css"):
            assert (await browser.get(f"/review/static/{name}")).status_code == 404


async def test_the_card_of_the_launch_puts_its_question_first() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        sessions = Sessions(harness.records, Sealer([SECRET], "sessions"), harness.clock)
        cookie = browser.cookies["__Host-crlm-session"]
        session = await sessions.find(cookie)
        assert session is not None
        await sessions.save(cookie, replace(session, ask="asa", note="a note to show once"))
        first, second = await browser.get("/review"), await browser.get("/review")
    asked = re.search(r'id="ask-([a-z-]+)"', first.text)
    assert asked is not None
    assert asked[1] == "asa"
    assert ("a note to show once" in first.text, "a note to show once" in second.text) == (True, False)


async def test_the_token_is_sent_to_the_ehr_of_the_launch_alone() -> None:
    harness = _harness()
    async with harness.browser() as browser:
        await _opened(harness, browser)
    carrying = [str(request.url) for request in harness.ehr.requests if "authorization" in request.headers]
    assert carrying
    assert all(url.startswith(ISS) for url in carrying)
