import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from service.adapters.sealing import Sealer
from service.cds.app_context import AppContext, sign_app_context
from service.web.smart.sessions import Sessions
from tests.smart.ehr import AUTHORIZATION, ISS, NOW, OIDC_ISSUER, REVOKE
from tests.smart.harness import CONTEXT_KEY, SECRET, Harness, launch, path_of

SESSION = "__Host-crlm-session"
AGAIN = "Open the app again from the patient&#39;s chart."


async def _session(harness: Harness, browser: httpx.AsyncClient) -> Any:
    return await Sessions(harness.records, Sealer([SECRET], "sessions"), harness.clock).find(browser.cookies[SESSION])


def _title(response: httpx.Response) -> str:
    found = re.search(r"<h1>(.*?)</h1>", response.text)
    assert found is not None
    return found[1]


async def test_an_ehr_launch_ends_at_the_review_page_of_the_patient_of_the_token() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        response = await launch(browser, harness.ehr)
        assert (response.status_code, path_of(response)) == (303, "/review")
        session = await _session(harness, browser)
    assert (session.iss, session.grant.patient, session.grant.user) == (ISS, "p1", "Practitioner/dr-1")


async def test_a_standalone_launch_asks_the_ehr_for_the_patient() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        begun = await browser.get("/smart/launch", params={"iss": ISS})
        asked = dict(parse_qsl(urlsplit(begun.headers["location"]).query))
        response = await browser.get("/smart/callback", params=harness.ehr.authorize(begun.headers["location"]))
    assert asked["scope"].startswith("launch/patient ")
    assert path_of(response) == "/review"


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"iss": ""},
        {"iss": "https://stranger.example/fhir"},
        {"iss": ISS + "/"},
        {"iss": ISS + ".stranger.example"},
        {"iss": ISS.upper()},
        {"iss": "http://169.254.169.254/latest"},
        [("iss", ISS), ("iss", "https://stranger.example/fhir")],
        {"iss": "https://x/" + "a" * 5000},
    ],
)
async def test_an_issuer_that_is_not_listed_is_refused_before_anything_is_fetched(parameters: Any) -> None:
    harness = Harness()
    async with harness.browser() as browser:
        response = await browser.get("/smart/launch", params=parameters)
    assert (response.status_code, _title(response)) == (403, "This app is not set up for this EHR")
    assert "Tell whoever runs it: no client of this service names the FHIR server of this EHR." in response.text
    assert AGAIN not in response.text
    assert harness.ehr.requests == []
    assert "stranger" not in response.text
    assert response.headers["content-security-policy"].endswith("; frame-ancestors https://ehr.example.org")
    assert "location" not in response.headers


async def test_an_ehr_without_smart_is_told_plainly() -> None:
    harness = Harness()
    harness.ehr.unreachable = True
    async with harness.browser() as browser:
        response = await browser.get("/smart/launch", params={"iss": ISS, "launch": "x"})
    assert (response.status_code, _title(response)) == (502, "The EHR cannot be reached")
    assert "could not be fetched" in response.text


async def test_the_configuration_is_fetched_once_in_five_minutes() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        for _ in range(3):
            await browser.get("/smart/launch", params={"iss": ISS, "launch": "x"})
        harness.clock.forward(minutes=5)
        await browser.get("/smart/launch", params={"iss": ISS, "launch": "x"})
    assert len(harness.ehr.requests) == 2


async def test_the_cookies_of_a_framed_app_are_closed_to_everybody_else() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        begun = await browser.get("/smart/launch", params={"iss": ISS, "launch": "x"})
        done = await browser.get("/smart/callback", params=harness.ehr.authorize(begun.headers["location"]))
    for cookie in [*begun.headers.get_list("set-cookie"), *done.headers.get_list("set-cookie")]:
        assert cookie.startswith("__Host-crlm-")
        assert cookie.endswith("; Path=/; HttpOnly; Secure; SameSite=None; Partitioned")


async def test_an_app_that_nobody_frames_keeps_its_cookies_to_its_own_site() -> None:
    harness = Harness(frame_ancestors=())
    async with harness.browser() as browser:
        begun = await browser.get("/smart/launch", params={"iss": ISS, "launch": "x"})
    assert begun.headers["set-cookie"].endswith("; Path=/; HttpOnly; Secure; SameSite=Lax")


async def test_loopback_http_has_cookies_that_a_browser_accepts() -> None:
    harness = Harness(base_url="http://127.0.0.1:8000")
    async with harness.browser() as browser:
        begun = await browser.get("/smart/launch", params={"iss": ISS, "launch": "x"})
    assert begun.headers["set-cookie"].startswith("crlm-launch-")
    assert begun.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax")


async def test_a_state_fixed_by_somebody_else_opens_no_session() -> None:
    harness = Harness()
    application = harness.application()
    async with harness.browser(application) as attacker, harness.browser(application) as victim:
        begun = await attacker.get("/smart/launch", params={"iss": ISS, "launch": "x"})
        fixed = harness.ehr.authorize(begun.headers["location"])
        response = await victim.get("/smart/callback", params=fixed)
        assert (response.status_code, _title(response)) == (
            400,
            "This launch was begun in another browser, or this one keeps no cookies",
        )
        assert "Allow cookies for this app, or open it in a window of its own." in response.text
        assert SESSION not in victim.cookies
        again = await attacker.get("/smart/callback", params=fixed)
        assert again.status_code == 400


async def test_a_state_works_once() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        begun = await browser.get("/smart/launch", params={"iss": ISS, "launch": "x"})
        answer = harness.ehr.authorize(begun.headers["location"])
        assert (await browser.get("/smart/callback", params=answer)).status_code == 303
        again = await browser.get("/smart/callback", params=answer)
    assert (again.status_code, _title(again)) == (400, "This launch has expired or was used already")


async def test_a_state_expires() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        begun = await browser.get("/smart/launch", params={"iss": ISS, "launch": "x"})
        harness.clock.forward(seconds=600)
        response = await browser.get("/smart/callback", params=harness.ehr.authorize(begun.headers["location"]))
    assert response.status_code == 400


@pytest.mark.parametrize("parameters", [{}, {"code": "x"}, {"code": "x", "state": "guessed"}, {"state": "a" * 5000}])
async def test_a_callback_nobody_began_is_refused(parameters: dict[str, str]) -> None:
    harness = Harness()
    async with harness.browser() as browser:
        response = await browser.get("/smart/callback", params=parameters)
    assert (response.status_code, harness.ehr.requests) == (400, [])


async def test_a_code_injected_from_another_launch_is_refused() -> None:
    harness = Harness()
    application = harness.application()
    async with harness.browser(application) as attacker, harness.browser(application) as victim:
        foreign = await attacker.get("/smart/launch", params={"iss": ISS, "launch": "x"})
        own = await victim.get("/smart/launch", params={"iss": ISS, "launch": "y"})
        code = harness.ehr.authorize(foreign.headers["location"])["code"]
        state = harness.ehr.authorize(own.headers["location"])["state"]
        response = await victim.get("/smart/callback", params={"code": code, "state": state})
        assert (response.status_code, _title(response)) == (502, "The EHR did not grant access")
        assert SESSION not in victim.cookies


@pytest.mark.parametrize(
    ("named", "promised", "status"),
    [(OIDC_ISSUER, True, 303), (None, False, 303), ("https://stranger.example", False, 400), (None, True, 400)],
)
async def test_an_answer_of_another_issuer_is_refused(named: str | None, *, promised: bool, status: int) -> None:
    harness = Harness()
    harness.ehr.configuration["authorization_response_iss_parameter_supported"] = promised
    async with harness.browser() as browser:
        begun = await browser.get("/smart/launch", params={"iss": ISS, "launch": "x"})
        answer = harness.ehr.authorize(begun.headers["location"])
        response = await browser.get("/smart/callback", params={**answer, **({"iss": named} if named else {})})
    assert response.status_code == status


async def test_a_refusal_of_the_ehr_is_told_in_our_words() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        begun = await browser.get("/smart/launch", params={"iss": ISS, "launch": "x"})
        state = harness.ehr.authorize(begun.headers["location"])["state"]
        response = await browser.get(
            "/smart/callback",
            params={"error": "access_denied", "error_description": "<script>alert(1)</script>", "state": state},
        )
    assert (response.status_code, _title(response)) == (403, "The EHR did not grant access")
    assert "alert" not in response.text


@pytest.mark.parametrize("user", ["Patient/p1", "RelatedPerson/r1"])
async def test_a_patient_is_not_advised(user: str) -> None:
    harness = Harness()
    harness.ehr.claim_changes = {"fhirUser": f"{ISS}/{user}"}
    async with harness.browser() as browser:
        response = await launch(browser, harness.ehr)
        assert (response.status_code, _title(response)) == (403, "This app advises clinicians")
        assert SESSION not in browser.cookies


async def test_a_new_launch_replaces_the_session_of_the_browser() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        first = browser.cookies[SESSION]
        harness.ehr.patient = "p2"
        await launch(browser, harness.ehr)
        assert browser.cookies[SESSION] != first
        assert (await _session(harness, browser)).grant.patient == "p2"
    assert len([kind for kind, _ in harness.records.kept if kind == "session"]) == 1


async def test_a_cookie_planted_before_the_launch_opens_nothing() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        browser.cookies.set(SESSION, "planted", domain="crlm.example")
        await launch(browser, harness.ehr)
        sessions = Sessions(harness.records, Sealer([SECRET], "sessions"), harness.clock)
        assert await sessions.find("planted") is None


async def test_the_context_of_a_card_names_the_fact_to_ask() -> None:
    harness = Harness()
    context = AppContext("https://ehr.example.org", "b0a3c1de-0000-4000-8000-000000000001", "ecog")
    harness.ehr.token_changes = {
        "appContext": sign_app_context(context, key=CONTEXT_KEY, now_s=int(NOW.timestamp()) - 60)
    }
    async with harness.browser() as browser:
        response = await launch(browser, harness.ehr)
        session = await _session(harness, browser)
    assert (session.ask, session.card, session.note) == ("ecog", context.card, None)
    assert response.headers["location"] == "/review#ask-ecog"


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            sign_app_context(AppContext("https://ehr.example.org", "c", "ecog"), key=b"x" * 32, now_s=0),
            "Opened without the question of the card: the reference of the card is not one of ours.",
        ),
        (
            sign_app_context(AppContext("https://ehr.example.org", "c", "ecog"), key=CONTEXT_KEY, now_s=0),
            "Opened without the question of the card: the reference of the card has expired.",
        ),
        (
            sign_app_context(
                AppContext("https://other.example", "c", "ecog"), key=CONTEXT_KEY, now_s=int(NOW.timestamp())
            ),
            "Opened without the question of the card: it was shown in another EHR.",
        ),
        ("a" * 2000, "Opened without the question of the card: the reference of the card is too long."),
        ("<script>", "Opened without the question of the card: the reference of the card is not one of ours."),
        ("é.é", "Opened without the question of the card: the reference of the card is not one of ours."),
    ],
)
async def test_a_forged_or_expired_context_is_ignored_with_a_note(text: str, note: str) -> None:
    harness = Harness()
    harness.ehr.token_changes = {"appContext": text}
    async with harness.browser() as browser:
        assert (await launch(browser, harness.ehr)).status_code == 303
        session = await _session(harness, browser)
    assert (session.ask, session.card, session.note) == (None, None, note)


async def test_nothing_secret_stands_in_the_store_the_log_or_an_address(
    log_lines: list[MutableMapping[str, Any]],
) -> None:
    harness = Harness()
    harness.ehr.patient = "secret-patient"
    async with harness.browser() as browser:
        response = await launch(browser, harness.ehr)
        cookie = browser.cookies[SESSION]
    assert [line["event"] for line in log_lines] == ["smart_launch", "smart_session_opened"]
    for secret in ("secret-access", "secret-refresh", "secret-patient", cookie):
        assert secret not in repr(harness.records.kept)
        assert secret not in repr(log_lines)
        assert secret not in response.headers["location"]


async def test_a_stolen_store_says_nothing_without_the_key() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        other = Sessions(
            harness.records, Sealer(["another secret, also long enough to use"], "sessions"), harness.clock
        )
        assert await other.find(browser.cookies[SESSION]) is None


async def test_a_rotated_key_still_opens_the_sessions_of_the_earlier_one() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        rotated = Sealer(["the new secret of the site, long enough too", SECRET], "sessions")
        assert await Sessions(harness.records, rotated, harness.clock).find(browser.cookies[SESSION]) is not None


async def test_an_idle_session_ends() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        harness.clock.forward(hours=1)
        assert await _session(harness, browser) is None


async def test_logout_ends_the_session_and_revokes_the_tokens() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        csrf = (await _session(harness, browser)).csrf
        response = await browser.post("/smart/logout", data={"csrf": csrf}, headers={"Origin": "https://crlm.example"})
        assert _title(response) == "You are logged out"
        assert SESSION not in browser.cookies
    assert str(harness.ehr.requests[-1].url) == REVOKE
    assert harness.records.kept == {}


@pytest.mark.parametrize(
    ("csrf", "headers"),
    [
        ("right", {"Origin": "https://stranger.example"}),
        ("right", {"Origin": "null"}),
        ("right", {"Origin": "null", "Sec-Fetch-Site": "cross-site"}),
        ("right", {}),
        ("right", {"Origin": "https://crlm.example.stranger.example"}),
        ("wrong", {"Origin": "https://crlm.example"}),
        (None, {"Origin": "https://crlm.example"}),
    ],
)
async def test_a_forged_logout_changes_nothing(csrf: str | None, headers: dict[str, str]) -> None:
    harness = Harness()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        session = await _session(harness, browser)
        form = {} if csrf is None else {"csrf": session.csrf if csrf == "right" else csrf}
        response = await browser.post("/smart/logout", data=form, headers=headers)
        assert response.status_code == 403
        assert await _session(harness, browser) == session


async def test_a_form_without_referrer_is_known_by_the_browsers_word() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        csrf = (await _session(harness, browser)).csrf
        headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
        response = await browser.post("/smart/logout", data={"csrf": csrf}, headers=headers)
    assert response.status_code == 200


async def test_logout_without_a_session_is_harmless() -> None:
    async with Harness().browser() as browser:
        assert (await browser.post("/smart/logout")).status_code == 200


async def test_the_address_of_the_page_after_logout_opens_nothing_when_it_is_opened_again() -> None:
    async with Harness().browser() as browser:
        again = await browser.get("/smart/logout")
        assert (again.status_code, again.headers["location"]) == (303, "/review")


async def test_the_jwks_of_an_app_without_keys_is_empty() -> None:
    async with Harness().browser() as browser:
        response = await browser.get("/smart/jwks")
    assert response.json() == {"keys": []}


@pytest.mark.parametrize("next_url", ["//stranger.example", "https://stranger.example"])
async def test_no_parameter_redirects_the_browser_elsewhere(next_url: str) -> None:
    harness = Harness()
    async with harness.browser() as browser:
        begun = await browser.get(
            "/smart/launch", params={"iss": ISS, "launch": "x", "next": next_url, "redirect_uri": next_url}
        )
        assert begun.headers["location"].startswith(AUTHORIZATION + "?")
        assert "stranger" not in begun.headers["location"]
        answer = {**harness.ehr.authorize(begun.headers["location"]), "next": next_url, "redirect_uri": next_url}
        assert (await browser.get("/smart/callback", params=answer)).headers["location"] == "/review"


async def test_the_transport_reaches_the_ehr_of_the_launch_alone() -> None:
    harness = Harness()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
    assert harness.asked_origins == [[ISS], [ISS, *(f"{OIDC_ISSUER}/{name}" for name in ("token", "revoke", "jwks"))]]
