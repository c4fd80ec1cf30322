from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from service.demo.addresses import AddressError, Addresses
from tests.demo.ehrs import Bench, ids, make_bench, observation
from tests.demo.scripted_service import ScriptedService, card

if TYPE_CHECKING:
    import httpx

SUGGESTION = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def service() -> ScriptedService:
    return ScriptedService()


@pytest.fixture
def bench(service: ScriptedService) -> Bench:
    resources = tuple(observation(f"o{number}", on=f"2026-10-{number + 1:02}") for number in range(12))
    return make_bench(resources=(*resources, observation("of-p2", of="p2")), service=service)


def open_chart(bench: Bench, mode: str = "full") -> httpx.Response:
    return bench.http.post("/patients/p1/patient-view", data={"mode": mode})


def card_path(answer: httpx.Response) -> str:
    found = re.search(r'action="(/cards/[^"]+)/', answer.text)
    assert found
    return found[1]


def order(bench: Bench, **fields: str) -> str:
    return bench.http.post("/patients/p1/orders", data=fields).text


def last(service: ScriptedService, hook: str = "patient-view") -> dict[str, Any]:
    return service.bodies(f"crlm-{hook}")[-1]


def test_opening_a_chart_sends_what_the_service_asks_for(bench: Bench, service: ScriptedService) -> None:
    open_chart(bench)
    sent = last(service)
    assert (sent["hook"], sent["context"]) == (
        "patient-view",
        {"userId": "Practitioner/demo-surgeon", "patientId": "p1"},
    )
    assert sent["prefetch"]["patient"]["id"] == "p1"
    assert sent["prefetch"]["conditions"]["total"] == 0
    assert ids(sent["prefetch"]["observations"]) == [f"o{number}" for number in reversed(range(12))]


def test_the_service_is_given_access_to_this_patient_only(bench: Bench, service: ScriptedService) -> None:
    open_chart(bench)
    given = last(service)["fhirAuthorization"]
    headers = {"Authorization": f"{given['token_type']} {given['access_token']}"}
    assert (given["patient"], last(service)["fhirServer"]) == ("p1", "http://127.0.0.1:8000/fhir")
    assert bench.http.get("/fhir/Observation/o1", headers=headers).status_code == 200
    assert bench.http.get("/fhir/Observation/of-p2", headers=headers).status_code == 403
    assert bench.http.post("/fhir/Observation", json=observation("x"), headers=headers).status_code == 403


def test_each_call_carries_a_token_of_its_own_that_the_jwks_verifies(bench: Bench, service: ScriptedService) -> None:
    open_chart(bench)
    key = jwt.PyJWKSet.from_dict(bench.http.get("/.well-known/jwks.json").json()).keys[0]
    seen = set()
    for request in service.requests:
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, key, algorithms=["ES384"], audience=str(request.url), options={"verify_exp": False})
        seen.add(claims["jti"])
        assert (claims["iss"], claims["exp"] - claims["iat"]) == ("http://127.0.0.1:8000/demo-ehr", 300)
        assert jwt.get_unverified_header(token)["typ"] == "JWT"
    assert len(seen) == len(service.requests) == 2


def test_a_paging_ehr_sends_first_pages_with_next_links(bench: Bench, service: ScriptedService) -> None:
    open_chart(bench, "paged")
    found = last(service)["prefetch"]["observations"]
    links = {link["relation"]: link["url"] for link in found["link"]}
    given = last(service)["fhirAuthorization"]["access_token"]
    rest = bench.http.get(links["next"], headers={"Authorization": f"Bearer {given}"}).json()
    assert (len(found["entry"]), ids(rest)) == (10, ["o1", "o0"])


@pytest.mark.parametrize(("mode", "has_access"), [("none", True), ("closed", False)])
def test_an_ehr_may_send_nothing(bench: Bench, service: ScriptedService, mode: str, *, has_access: bool) -> None:
    open_chart(bench, mode)
    assert ("prefetch" in last(service), "fhirAuthorization" in last(service)) == (False, has_access)


def test_an_ehr_may_fail_at_one_key(bench: Bench, service: ScriptedService) -> None:
    open_chart(bench, "error")
    prefetch = last(service)["prefetch"]
    assert (prefetch["observations"]["resourceType"], prefetch["patient"]["id"]) == ("OperationOutcome", "p1")


def test_a_refusal_of_the_service_is_shown(bench: Bench, service: ScriptedService) -> None:
    service.status = 412
    shown = open_chart(bench).text
    assert "the service answered 412" in shown
    assert "conditions are missing" in shown


def test_silence_is_shown_as_silence(bench: Bench, service: ScriptedService) -> None:
    service.cards = {}
    assert "nothing to say" in open_chart(bench).text


def test_a_service_that_is_down_is_told() -> None:
    answer = open_chart(make_bench())
    assert (answer.status_code, "did not answer" in answer.text) == (502, True)


def test_markdown_of_a_card_can_do_nothing(bench: Bench, service: ScriptedService) -> None:
    attack = (
        "<script>alert(1)</script> <img src=x onerror=alert(1)> [a](javascript:alert(1)) ![b](http://evil.example/x) "
        '**bold** <a href="http://ok.example" onclick="x">c</a> | x'
    )
    service.cards = {"patient-view": [card(detail=attack, summary="<b>bold</b>", source={"label": "<i>x</i>"})]}
    shown = open_chart(bench).text
    for tag in ("<script", "<img", "<b>", "<i>", 'href="javascript'):
        assert tag not in shown
    assert "<strong>bold</strong>" in shown
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown


def test_faulty_cards_are_left_out_and_the_urgent_come_first(bench: Bench, service: ScriptedService) -> None:
    service.cards = {
        "patient-view": [
            card(summary="an info"),
            card(summary="a critical", indicator="critical"),
            card(summary="", indicator="info"),
            card(summary="no source", source=None),
            card(summary="a hard stop", indicator="hard-stop"),
            "nonsense",  # type: ignore[list-item]  # on purpose
        ]
    }
    shown = open_chart(bench).text
    assert re.findall(r"<h3[^>]*>([^<]+)</h3>", shown) == ["a critical", "an info"]


def test_accepting_a_suggestion_writes_to_the_record_and_tells_the_service(
    bench: Bench, service: ScriptedService
) -> None:
    path = card_path(open_chart(bench))
    shown = bench.http.post(f"{path}/accept", data={"suggestion": SUGGESTION})
    stored = bench.ehr.record.all("ServiceRequest", patient="p1")
    assert [one["code"]["text"] for one in stored] == ["Referral to the liver MDT"]
    assert "Feedback stored" in shown.text
    assert service.bodies("/feedback") == [
        {
            "feedback": [
                {
                    "card": "11111111-1111-4111-8111-111111111111",
                    "outcome": "accepted",
                    "acceptedSuggestions": [{"id": SUGGESTION}],
                    "outcomeTimestamp": "2026-11-23T09:00:00.000Z",
                }
            ]
        }
    ]


def test_a_suggestion_cannot_write_for_another_patient(bench: Bench, service: ScriptedService) -> None:
    found = card()
    found["suggestions"][0]["actions"][0]["resource"]["subject"]["reference"] = "Patient/p2"
    service.cards = {"patient-view": [found]}
    answer = bench.http.post(f"{card_path(open_chart(bench))}/accept", data={"suggestion": SUGGESTION})
    assert (answer.status_code, bench.ehr.record.all("ServiceRequest")) == (403, [])
    assert service.bodies("/feedback") == []


def test_a_suggestion_is_carried_out_whole_or_not_at_all(bench: Bench, service: ScriptedService) -> None:
    found = card()
    found["suggestions"][0]["actions"].append({"type": "delete", "resourceId": "Observation/none"})
    service.cards = {"patient-view": [found]}
    answer = bench.http.post(f"{card_path(open_chart(bench))}/accept", data={"suggestion": SUGGESTION})
    assert (answer.status_code, bench.ehr.record.all("ServiceRequest")) == (404, [])


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (
            {"reason": "mdt", "comment": " We decided otherwise. "},
            {
                "reason": {"code": "mdt", "system": "urn:reasons", "display": "The MDT decided otherwise"},
                "userComment": "We decided otherwise.",
            },
        ),
        ({"reason": "", "comment": "Only a comment"}, {"userComment": "Only a comment"}),
        ({"reason": "forged"}, None),
        ({}, None),
    ],
)
def test_overriding_sends_reason_and_comment(
    bench: Bench, service: ScriptedService, fields: dict[str, str], why: dict[str, Any] | None
) -> None:
    bench.http.post(f"{card_path(open_chart(bench))}/override", data=fields)
    entry = service.bodies("/feedback")[0]["feedback"][0]
    assert (entry["outcome"], entry.get("overrideReason")) == ("overridden", why)


def test_a_smart_link_launches_with_the_cards_context(bench: Bench) -> None:
    answer = bench.http.post(f"{card_path(open_chart(bench))}/launch", data={"link": "Review the case"})
    place = urlsplit(answer.headers["location"])
    query = parse_qs(place.query)
    assert (answer.status_code, place.netloc, place.path) == (303, "127.0.0.1:8001", "/smart/launch")
    assert query["iss"] == ["http://127.0.0.1:8000/fhir"]
    context = bench.ehr.grants.take_launch(query["launch"][0])
    assert context is not None
    assert (context.patient, context.app_context) == ("p1", "signed")


def test_an_app_of_a_stranger_is_not_launched(bench: Bench, service: ScriptedService) -> None:
    link = {"label": "Review the case", "url": "http://127.0.0.1:9999/smart/launch", "type": "smart"}
    service.cards = {"patient-view": [card(links=[link])]}
    answer = bench.http.post(f"{card_path(open_chart(bench))}/launch", data={"link": "Review the case"})
    assert answer.status_code == 404


def test_a_drafted_order_is_selected_then_signed(bench: Bench, service: ScriptedService) -> None:
    shown = order(bench, do="draft", order="liver-biopsy", on="2026-12-01")
    context = last(service, "order-select")["context"]
    draft = context["draftOrders"]["entry"][0]["resource"]
    assert context["selections"] == [f"ServiceRequest/{draft['id']}"]
    assert (draft["status"], draft["occurrenceDateTime"], draft["code"]["coding"][0]["code"]) == (
        "draft",
        "2026-12-01",
        "86259008",
    )
    assert "Biopsy of liver lesion" in shown
    assert "1 order signed." in order(bench, do="sign")
    assert "selections" not in last(service, "order-sign")["context"]
    assert [one["status"] for one in bench.ehr.record.all("ServiceRequest")] == ["active"]


def test_advice_on_signing_stops_the_order_until_it_is_signed_anyway(bench: Bench, service: ScriptedService) -> None:
    service.cards["order-sign"] = [card(summary="Do not biopsy")]
    order(bench, do="draft", order="liver-biopsy", on="2026-12-01")
    assert "Do not biopsy" in order(bench, do="sign")
    assert bench.ehr.record.all("ServiceRequest") == []
    assert "1 order signed." in order(bench, do="sign-anyway")


def test_accepting_the_removal_of_a_draft_removes_it(bench: Bench, service: ScriptedService) -> None:
    order(bench, do="draft", order="oxaliplatin", on="2026-12-01")
    draft = last(service, "order-select")["context"]["draftOrders"]["entry"][0]["resource"]
    found = card()
    found["suggestions"][0]["actions"] = [{"type": "delete", "resourceId": f"MedicationRequest/{draft['id']}"}]
    service.cards["order-sign"] = [found]
    path = re.search(r'action="(/cards/[^"]+)/accept', order(bench, do="sign"))
    assert path
    assert "removed" in bench.http.post(f"{path[1]}/accept", data={"suggestion": SUGGESTION}).text
    assert "There is no draft order to sign." in order(bench, do="sign")


@pytest.mark.parametrize("fields", [{"do": "sign"}, {"do": "nonsense"}, {"do": "draft", "order": "nonsense"}])
def test_a_faulty_order_form_does_nothing(bench: Bench, service: ScriptedService, fields: dict[str, str]) -> None:
    order(bench, **fields)
    assert service.requests == []


def test_the_exchange_shows_both_sides_without_the_token(bench: Bench, service: ScriptedService) -> None:
    path = card_path(open_chart(bench)).split("/")[2]
    shown = bench.http.get(f"/exchanges/{path}").text
    assert last(service)["fhirAuthorization"]["access_token"] not in shown
    assert service.requests[-1].headers["authorization"].removeprefix("Bearer ") not in shown
    assert "Liver first: resect the liver now" in shown


@pytest.mark.parametrize(
    "path", ["/", "/?find=two", "/patients/p1", "/record/Observation/o1", "/exchanges", "/discovery"]
)
def test_pages_allow_nothing_foreign(bench: Bench, path: str) -> None:
    answer = bench.http.get(path)
    policy = answer.headers["content-security-policy"]
    assert (answer.status_code, "default-src 'none'" in policy, "unsafe" in policy) == (200, True, False)
    assert "<style" not in answer.text
    assert not re.search(r"<script(?![^>]*src=)|\son[a-z]+=|style=", answer.text)


@pytest.mark.parametrize("path", ["/patients/none", "/record/Observation/none", "/exchanges/none"])
def test_what_is_not_there_is_told(bench: Bench, path: str) -> None:
    assert bench.http.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/patients/p1/patient-view", "/patients/p1/orders", "/cards/x/y/accept"])
def test_a_form_of_another_site_is_refused(bench: Bench, service: ScriptedService, path: str) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:8001"):
        assert bench.http.post(path, headers={"Origin": origin}).status_code == 403
    assert service.requests == []


def test_the_pages_work_under_the_name_of_this_machine_too(bench: Bench) -> None:
    own = {"Host": "localhost:8000", "Origin": "http://localhost:8000"}
    mixed = {"Host": "localhost:8000", "Origin": "http://127.0.0.1:8000"}
    answers = [bench.http.post("/patients/p1/patient-view", headers=headers) for headers in (own, mixed)]
    assert [answer.status_code for answer in answers] == [200, 403]


def test_an_address_that_does_not_exist_is_answered_with_a_page_for_people_and_plainly_for_programs(
    bench: Bench,
) -> None:
    page = bench.http.get("/nowhere", headers={"accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<p>There is no such page.</p>" in page.text
    assert "<h1>Not possible</h1>" in page.text
    method = bench.http.post("/discovery", headers={"accept": "text/html"})
    assert (method.status_code, set(method.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})
    plain = bench.http.get("/nowhere")
    assert (plain.status_code, plain.text) == (404, "Not Found")


def test_another_host_name_is_refused(bench: Bench) -> None:
    assert bench.http.get("/", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    "url", ["http://0.0.0.0:8000", "https://ehr.example.org", "http://192.168.1.2:8000", "http://localhost.evil:80"]
)
def test_the_demo_stands_on_loopback_only(url: str) -> None:
    with pytest.raises(AddressError, match="loopback only"):
        Addresses(ehr=url, service="http://127.0.0.1:8001")
