"""Trying out, saving down the ladder, and the decision of the MDT."""

import html
import re
from dataclasses import replace

import pytest

from service.adapters.store.mdt_decisions import MdtDecision
from tests.review.cases_charts import OPEN
from tests.review.harness import KeptDecisions, KeptFacts
from tests.review.visits import ORIGIN, TODAY, charted, headline, opened, saved_part


async def test_what_if_shows_the_answer_and_writes_nothing() -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
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


@pytest.mark.parametrize("path", ["/review/what-if", "/review/save", "/review/mdt"])
async def test_the_address_of_an_answered_form_leads_back_to_the_review_when_it_is_opened_again(path: str) -> None:
    harness = charted()
    async with harness.browser() as browser:
        await opened(harness, browser)
        again = await browser.get(path)
        assert (again.status_code, again.headers["location"]) == (303, "/review")


async def test_what_if_is_what_the_page_says_after_saving() -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        tried = await browser.post("/review/what-if", data={**hidden, "ecog": "1", "part": "fragment"}, headers=ORIGIN)
        saved = await browser.post("/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN, follow_redirects=True)
    assert f'<p class="what-if-headline">{html.escape(headline(saved))}</p>' in tried.text


@pytest.mark.parametrize(
    ("path", "entered", "said"),
    [
        ("/review/save", {"ecog": "1"}, "ECOG performance status: 1 , created"),
        (
            "/review/mdt",
            {"stance": "agree", "decided-on": TODAY},
            "Decision of the MDT: simultaneous resection , created",
        ),
    ],
)
async def test_what_was_saved_is_told_once_by_a_page_that_a_reload_only_reads(
    path: str, entered: dict[str, str], said: str
) -> None:
    harness = charted({**OPEN, "ecog": 1})
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        saved = await browser.post(path, data={**hidden, **entered}, headers=ORIGIN)
        assert (saved.status_code, saved.headers["location"]) == (303, "/review")
        written = dict(harness.fhir.kept)
        told, again = await browser.get("/review"), await browser.get("/review")
    assert said in saved_part(told)
    assert (told.status_code, again.status_code, saved_part(again)) == (200, 200, "")
    assert harness.fhir.kept == written


async def test_what_was_saved_is_told_by_the_answer_itself_while_sessions_cannot_be_kept() -> None:
    class Lost(KeptDecisions):
        async def record(self, decision: MdtDecision) -> None:
            await super().record(decision)
            harness.records.is_down = True

    harness = replace(charted({**OPEN, "ecog": 1}), decisions=Lost())
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        saved = await browser.post(
            "/review/mdt", data={**hidden, "stance": "agree", "decided-on": TODAY}, headers=ORIGIN
        )
    assert saved.status_code == 200
    assert "Decision of the MDT: simultaneous resection , created" in saved_part(saved)


async def test_saving_writes_an_observation_of_the_local_system_with_user_and_app() -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        saved = await browser.post("/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN, follow_redirects=True)
    assert saved.status_code == 200
    written = harness.fhir.of("Observation")[-1]
    assert saved_part(saved) == (
        "Saved Written to the chart. You and this app are recorded as the source (Provenance). "
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
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        await browser.post("/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN, follow_redirects=True)
        again = await opened(harness, browser)
        saved = await browser.post("/review/save", data={**again, "ecog": "2"}, headers=ORIGIN, follow_redirects=True)
    assert again[f"seen:ecog/{TODAY}"] == "1"
    mine = [
        found
        for found in harness.fhir.of("Observation")
        if found.get("valueInteger") in {1, 2} and "performer" in found
    ]
    assert [found["valueInteger"] for found in mine] == [2]
    assert "updated" in saved_part(saved)
    assert "liver first" in headline(saved).lower()


async def test_a_conflict_keeps_what_was_typed_and_shows_the_chart_as_it_is() -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        await browser.post("/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN, follow_redirects=True)
        seen = await opened(harness, browser)
        reference = next(name for name, found in harness.fhir.kept.items() if "performer" in found)
        harness.fhir.kept[reference] |= {"valueInteger": 0, "meta": {"versionId": "2"}}
        refused = await browser.post("/review/save", data={**seen, "ecog": "2"}, headers=ORIGIN, follow_redirects=True)
        assert (refused.status_code, saved_part(refused)[:9]) == (409, "Not saved")
        assert 'name="ecog" value="2" checked' in refused.text
        assert harness.fhir.kept[reference]["valueInteger"] == 0
        fresh = dict(re.findall(r'name="(seen:[^"]+)" value="([^"]*)"', refused.text))
        saved = await browser.post(
            "/review/save", data={**seen, **fresh, "ecog": "2"}, headers=ORIGIN, follow_redirects=True
        )
    assert saved.status_code == 200
    assert harness.fhir.kept[reference]["valueInteger"] == 2


async def test_a_failing_ehr_keeps_what_was_typed() -> None:
    harness = charted(status_of={"POST": 503})
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        response = await browser.post(
            "/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN, follow_redirects=True
        )
    assert response.status_code == 502
    assert 'name="ecog" value="1" checked' in response.text
    assert "whether these were written is not certain" in saved_part(response)


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
    harness = replace(charted(writable=writable), own=own)
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        response = await browser.post(
            "/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN, follow_redirects=True
        )
        assert said in saved_part(response)
        if own is not None:
            assert "simultaneous" in headline(await browser.get("/review")).lower()


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
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        response = await browser.post("/review/save", data={**hidden, **fields}, headers=ORIGIN, follow_redirects=True)
    assert response.status_code == 422
    assert "nothing was saved" in response.text
    assert fault in response.text
    assert harness.fhir.of("Provenance") == []


async def test_a_comma_is_a_decimal_point() -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        await browser.post(
            "/review/save", data={**hidden, "largest-metastasis": "17,5"}, headers=ORIGIN, follow_redirects=True
        )
    quantity = harness.fhir.of("Observation")[-1]["valueQuantity"]
    assert quantity == {"value": 17.5, "unit": "mm", "system": "http://unitsofmeasure.org", "code": "mm"}


async def test_an_ended_access_while_saving_keeps_what_was_typed() -> None:
    harness = charted(status_of={"POST": 401})
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        response = await browser.post(
            "/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN, follow_redirects=True
        )
    assert response.status_code == 401
    assert "ECOG performance status: 1" in response.text


async def test_agreement_of_the_mdt_is_written_and_counted_without_the_patient() -> None:
    harness = charted({**OPEN, "ecog": 1})
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        fields = {"csrf": hidden["csrf"], "stance": "agree", "decided-on": TODAY, "comment": "as Anna wishes"}
        response = await browser.post("/review/mdt", data=fields, headers=ORIGIN, follow_redirects=True)
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
    harness = charted({**OPEN, "ecog": 1})
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        fields = {"csrf": hidden["csrf"], "stance": "deviate", "decided-on": TODAY, "strategy": "simultaneous"}
        response = await browser.post("/review/mdt", data=fields, headers=ORIGIN, follow_redirects=True)
        assert response.status_code == 422
        assert "This is what was recommended" in response.text
        assert "Give the reason for deviating." in response.text
        assert "The MDT decided otherwise" not in response.text
        response = await browser.post("/review/mdt", data={**fields, "reason": "mdt-decided-otherwise"}, headers=ORIGIN)
        assert "Choose one of the reasons." in response.text
        fields |= {"strategy": "liver-first", "reason": "patient-preference", "comment": "<b>asked</b>"}
        assert (
            await browser.post("/review/mdt", data=fields, headers=ORIGIN, follow_redirects=True)
        ).status_code == 200
    assert harness.fhir.of("Observation")[-1]["note"] == [
        {"text": "The patient declines or prefers another treatment: <b>asked</b>"}
    ]
    assert [(line.agreed, line.reason) for line in harness.decisions.kept] == [(False, "patient-preference")]


async def test_agreeing_with_an_open_recommendation_is_not_possible() -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        fields = {"csrf": hidden["csrf"], "stance": "agree", "decided-on": TODAY}
        response = await browser.post("/review/mdt", data=fields, headers=ORIGIN, follow_redirects=True)
    assert response.status_code == 422
    assert "choose what the MDT decided" in response.text


async def test_a_care_plan_that_the_ehr_refuses_does_not_hinder_the_decision() -> None:
    harness = charted({**OPEN, "ecog": 1}, writable={"Observation": ("create", "update")})
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        fields = {"csrf": hidden["csrf"], "stance": "agree", "decided-on": TODAY}
        response = await browser.post("/review/mdt", data=fields, headers=ORIGIN, follow_redirects=True)
    assert response.status_code == 200
    assert saved_part(response).startswith("Saved Written to the chart.")
    assert harness.fhir.of("CarePlan") == []


async def test_a_chart_that_cannot_be_read_again_does_not_hide_what_was_saved() -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        harness.fhir.unreachable = frozenset({"GET Condition"})
        response = await browser.post(
            "/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN, follow_redirects=True
        )
    assert response.status_code == 200
    assert saved_part(response).startswith("Saved Written to the chart.")
    assert len(harness.fhir.of("Provenance")) == 1


async def test_nothing_entered_is_nothing_saved() -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        response = await browser.post("/review/save", data=hidden, headers=ORIGIN, follow_redirects=True)
    assert (response.status_code, "Nothing was entered." in response.text) == (422, True)


@pytest.mark.parametrize("path", ["/review/save", "/review/mdt"])
async def test_a_form_that_finds_no_session_access_or_chart_is_told_that_nothing_was_saved(path: str) -> None:
    harness = charted()
    sent = {"ecog": "1", "stance": "deviate", "strategy": "staged", "decided-on": TODAY}
    async with harness.browser() as stranger, harness.browser() as browser:
        hidden = await opened(harness, browser)
        answers = [await stranger.post(path, data={**hidden, **sent}, headers=ORIGIN, follow_redirects=True)]
        harness.fhir.unreachable = frozenset({"GET Condition"})
        harness.clock.forward(minutes=3)
        answers.append(await browser.post(path, data={**hidden, **sent}, headers=ORIGIN, follow_redirects=True))
        looked = await browser.get("/review")
        harness.ehr.token_changes = {"error": "invalid_grant"}
        harness.clock.forward(minutes=5)
        answers.append(await browser.post(path, data={**hidden, **sent}, headers=ORIGIN, follow_redirects=True))
    told = [re.findall(r"<h1>(.*)</h1>\s*<p>(.*)</p>", html.unescape(answer.text)) for answer in answers]
    again = "Nothing was saved. Open the app again from the patient's chart."
    assert told == [
        [("No patient is open here", again)],
        [("The chart could not be read", "Nothing was saved. Try again in a moment.")],
        [("The EHR has ended the access", again)],
    ]
    assert "Nothing was saved" not in looked.text
    assert [request for request in harness.fhir.requests if request.method != "GET"] == []


async def test_a_correction_whose_button_is_pressed_twice_is_called_saved() -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        await browser.post("/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN, follow_redirects=True)
        again = await opened(harness, browser)
        answers = [
            await browser.post("/review/save", data={**again, "ecog": "2"}, headers=ORIGIN, follow_redirects=True)
            for _ in range(2)
        ]
    assert [(answer.status_code, saved_part(answer).split(" Written")[0]) for answer in answers] == [(200, "Saved")] * 2
    assert saved_part(answers[1]).endswith("already there Observation/" + harness.fhir.of("Observation")[-1]["id"])
