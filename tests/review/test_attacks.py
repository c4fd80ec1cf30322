"""Attacks on the review page: each fails."""

import re
from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import pytest

from tests.charts import local
from tests.review.harness import PATIENT
from tests.review.visits import ORIGIN, charted, headline, opened
from tests.smart.ehr import ISS, NOW
from tests.smart.harness import launch


async def test_without_a_session_there_is_no_page() -> None:
    async with charted().browser() as browser:
        for path in ("/review", "/review/summary"):
            response = await browser.get(path)
            assert (response.status_code, "No patient is open here" in response.text) == (401, True)
        for path in ("/review/save", "/review/what-if", "/review/mdt"):
            assert (
                await browser.post(path, data={"ecog": "1"}, headers=ORIGIN, follow_redirects=True)
            ).status_code == 401


async def test_every_page_is_guarded_and_framed_by_the_ehr_of_the_launch_alone() -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
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
    harness = replace(charted(), frame_ancestors=())
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        response = await browser.get("/review")
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("ancestors", [(), ("https://ehr.example.org",)])
@pytest.mark.parametrize("path", ["/review", "/smart/launch?iss=https://stranger.example", "/smart/callback?state=x"])
async def test_a_page_without_a_session_tells_what_to_do_in_the_frame_of_an_ehr_and_in_no_other(
    path: str, ancestors: tuple[str, ...]
) -> None:
    harness = replace(charted(), frame_ancestors=ancestors)
    async with harness.browser() as browser:
        response = await browser.get(path)
    assert response.status_code in {400, 401, 403}
    allowed = response.headers["content-security-policy"].rpartition("frame-ancestors ")[2]
    assert (allowed, response.headers.get("x-frame-options")) == (
        ("https://ehr.example.org", None) if ancestors else ("'none'", "DENY")
    )


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
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        before = dict(harness.fhir.kept)
        response = await browser.post(path, data={**hidden, "ecog": "1", **change}, headers=headers)
    assert response.status_code == 403
    assert harness.fhir.kept == before


async def test_the_form_of_another_patient_in_this_browser_writes_nothing() -> None:
    harness = charted()
    async with harness.browser() as browser:
        of_first = await opened(harness, browser)
        harness.ehr.patient = "p2"
        await launch(browser, harness.ehr)
        response = await browser.post(
            "/review/save", data={**of_first, "ecog": "1"}, headers=ORIGIN, follow_redirects=True
        )
    assert response.status_code == 403
    assert "opened again in this browser since, perhaps for another patient" in response.text
    assert harness.fhir.of("Provenance") == []


async def test_a_patient_in_the_address_or_the_form_is_never_believed() -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        other = {"patient": "p2", "subject": "Patient/p2", "patient_id": "p2"}
        await browser.get("/review", params=other)
        await browser.post(
            "/review/save", params=other, data={**hidden, **other, "ecog": "1"}, headers=ORIGIN, follow_redirects=True
        )
    asked = [str(request.url) for request in harness.fhir.requests]
    assert not [url for url in asked if "p2" in url]
    assert harness.fhir.of("Observation")[-1]["subject"] == {"reference": "Patient/p1"}


async def test_resources_of_another_patient_are_not_shown() -> None:
    harness = charted()
    harness.fhir.add(local("ecog", 4, on=NOW.date(), patient_id="p2", ident="foreign"))
    harness.fhir.kept["Patient/p1"] = {**PATIENT, "id": "p2", "name": [{"family": "Stranger"}]}
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        response = await browser.get("/review")
    assert "Stranger" not in response.text
    assert headline(response).startswith("Order of surgery open: ECOG decides")


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
    harness = charted()
    harness.fhir.add(local("mdt-decision", "staged", on=NOW.date(), patient_id="p1", note=[{"text": "because"}]))
    harness.fhir.kept = {name: _poisoned(resource) for name, resource in harness.fhir.kept.items()}
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
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
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        for path in ("/review/save", "/review/what-if", "/review/mdt"):
            response = await browser.post(path, data={**hidden, name: HOSTILE}, headers=ORIGIN, follow_redirects=True)
            assert "<img" not in response.text
            assert "<script>alert" not in response.text


async def test_neither_tokens_nor_the_patient_reach_the_log_or_an_address(
    log_lines: list[MutableMapping[str, Any]],
) -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        response = await browser.post(
            "/review/save", data={**hidden, "ecog": "1"}, headers=ORIGIN, follow_redirects=True
        )
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


async def test_the_token_is_sent_to_the_ehr_of_the_launch_alone() -> None:
    harness = charted()
    async with harness.browser() as browser:
        await opened(harness, browser)
    carrying = [str(request.url) for request in harness.ehr.requests if "authorization" in request.headers]
    assert carrying
    assert all(url.startswith(ISS) for url in carrying)


async def test_a_form_that_is_too_long_is_refused_before_it_is_read() -> None:
    harness = charted()
    async with harness.browser() as browser:
        hidden = await opened(harness, browser)
        response = await browser.post(
            "/review/save", data={**hidden, "comment": "x" * 200_000}, headers=ORIGIN, follow_redirects=True
        )
    assert (response.status_code, "The form is too long" in response.text) == (413, True)
