from __future__ import annotations

import logging
from typing import Any

import pytest

from fhir_mappings.chart import Completeness
from fhir_mappings.terminology import load_terminology
from service.adapters.clients import Client
from service.adapters.fhir_client import FhirClient, destinations_of
from service.adapters.fhir_pages import Limits, Reason
from service.adapters.origins import origin_of
from service.adapters.outbound import Destinations, Outbound
from service.cds.messages import AccessToken, FhirAuthorization
from tests.adapters.fetching import (
    AMPLE_S,
    BUDGET_S,
    CONDITIONS,
    JUNK,
    QUERIES,
    TOKEN,
    authorization,
    by_path,
    condition,
    told,
    without_post,
)
from tests.adapters.servers import Answer, Asked, as_gzip, as_json, searchset
from tests.stopwatch import Stopwatch


async def test_all_keys_are_had_from_a_sound_server_with_the_token_in_each_request(to: Any) -> None:
    with to(by_path) as fetching:
        fetched = await fetching.begin().fetch(QUERIES)
        asked = fetching.server.asked
    assert told(fetched) == {
        "conditions": (["c1"], "complete", None),
        "procedures": ([], "complete", None),
    }
    assert {request.headers["authorization"] for request in asked} == {f"Bearer {TOKEN}"}
    assert sorted((request.method, request.target, request.body) for request in asked) == [
        ("POST", "/fhir/Condition/_search", "patient=p1&_count=1000"),
        ("POST", "/fhir/Procedure/_search", "patient=p1"),
    ]


async def test_an_open_server_is_asked_without_a_token(to: Any, outbound: Outbound) -> None:
    with to(by_path) as fetching:
        call = fetching.client.begin(
            f"{fetching.server.url}/fhir/",
            patient_id="p1",
            destinations=Destinations(frozenset({origin_of(fetching.server.url)}), allow_private_addresses=True),
            authorization=None,
            budget_s=AMPLE_S,
        )
        fetched = await call.fetch(CONDITIONS)
        asked = fetching.server.asked
    assert told(fetched) == {"conditions": (["c1"], "complete", None)}
    assert "authorization" not in asked[0].headers


@pytest.mark.parametrize("status", [400, 403, 404, 405, 406, 415, 422, 501])
async def test_a_server_without_post_is_asked_by_get_now_and_by_get_alone_later(to: Any, status: int) -> None:
    with to(lambda asked: without_post(asked, status)) as fetching:
        first = await fetching.begin().fetch(QUERIES)
        posts = [asked.method for asked in fetching.server.asked].count("POST")
        second = await fetching.begin().fetch(QUERIES)
        methods = [asked.method for asked in fetching.server.asked]
    assert told(first) == told(second)
    assert told(first)["conditions"] == (["c1"], "complete", None)
    assert [posts, methods.count("POST"), methods.count("GET")] == [2, 2, 4]


async def test_a_type_that_get_refuses_too_is_not_retrieved_and_costs_one_request_later(to: Any) -> None:
    def handler(asked: Asked) -> Answer:
        return Answer(404) if "Condition" in asked.path else by_path(asked)

    with to(handler) as fetching:
        for _ in range(2):
            fetched = await fetching.begin().fetch(QUERIES)
            assert told(fetched)["conditions"] == ([], "not-retrieved", Reason.FAILED)
        methods = [asked.method for asked in fetching.server.asked if "Condition" in asked.path]
    assert methods == ["POST", "GET", "GET"]


async def test_a_server_that_answered_nothing_is_asked_by_post_again_once_it_answers(to: Any) -> None:
    away = True
    with to(lambda asked: Answer(404) if away else by_path(asked)) as fetching:
        calls = [await fetching.begin().fetch(QUERIES)]
        away = False
        calls.append(await fetching.begin().fetch(QUERIES))
        methods = [asked.method for asked in fetching.server.asked if "Condition" in asked.path]
    assert [told(call)["conditions"] for call in calls] == [
        ([], "not-retrieved", Reason.FAILED),
        (["c1"], "complete", None),
    ]
    assert methods == ["POST", "GET", "POST"]


async def test_access_that_is_refused_both_ways_says_nothing_about_how_others_search(to: Any) -> None:
    def handler(asked: Asked) -> Answer:
        return by_path(asked) if asked.headers["authorization"] == f"Bearer {TOKEN}-other" else Answer(403)

    with to(handler) as fetching:
        refused = await fetching.begin().fetch(CONDITIONS)
        other = FhirAuthorization(AccessToken(f"{TOKEN}-other"), 300, "crlm")
        found = await fetching.begin(token=other).fetch(CONDITIONS)
        methods = [asked.method for asked in fetching.server.asked]
    assert [told(refused)["conditions"], refused["conditions"].status] == [([], "not-retrieved", Reason.REFUSED), 403]
    assert told(found) == {"conditions": (["c1"], "complete", None)}
    assert methods == ["POST", "GET", "POST"]


async def test_a_wrong_path_leaves_the_searches_below_the_right_one_as_they_are(to: Any) -> None:
    with to(by_path) as fetching:
        wrong = await fetching.begin(path="/fhri").fetch(CONDITIONS)
        right = await fetching.begin().fetch(CONDITIONS)
        asked = [(request.method, request.path) for request in fetching.server.asked]
    assert [told(wrong), told(right)] == [
        {"conditions": ([], "not-retrieved", Reason.FAILED)},
        {"conditions": (["c1"], "complete", None)},
    ]
    assert asked == [
        ("POST", "/fhri/Condition/_search"),
        ("GET", "/fhri/Condition"),
        ("POST", "/fhir/Condition/_search"),
    ]


PAGE = searchset(condition(1))
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(Answer(401), Reason.REFUSED, id="401"),
        pytest.param(Answer(403), Reason.REFUSED, id="403"),
        pytest.param(Answer(404), Reason.FAILED, id="404"),
        pytest.param(as_json(OUTCOME, status=500), Reason.FAILED, id="500"),
        pytest.param(Answer(503, headers={"Retry-After": "1"}), Reason.FAILED, id="503"),
        pytest.param(Answer(204), Reason.FAILED, id="204"),
        pytest.param(Answer(200, b"x" * 1000, hold=True), Reason.TIME, id="slow"),
        pytest.param(Answer(200, b"x" * 1000, cut=True), Reason.UNREACHABLE, id="dies mid-body"),
        pytest.param(Answer(302, headers={"Location": "/fhir/elsewhere"}), Reason.REDIRECTED, id="redirect"),
        pytest.param(Answer(307, headers={"Location": "https://evil.example"}), Reason.REDIRECTED, id="away"),
        pytest.param(Answer(200, JUNK), Reason.UNREADABLE, id="not JSON"),
        pytest.param(Answer(200, b""), Reason.UNREADABLE, id="empty"),
        pytest.param(Answer(200, b"[]"), Reason.UNREADABLE, id="a list"),
        pytest.param(as_json(OUTCOME), Reason.FAILED, id="200 with an OperationOutcome"),
        pytest.param(as_gzip(b" " * 20_000_000), Reason.TOO_LARGE, id="gzip bomb"),
        pytest.param(Answer(200, b"{}", {"Content-Encoding": "gzip"}), Reason.UNREACHABLE, id="no gzip"),
        pytest.param(Answer(200, b"{}", {"Content-Encoding": "br"}), Reason.UNREACHABLE, id="not asked for"),
        pytest.param(Answer(200, b" " * 2_000_000), Reason.TOO_LARGE, id="too large"),
    ],
)
async def test_whatever_the_server_does_the_key_is_not_retrieved_in_time_and_the_token_stays(  # noqa: PLR0913, PLR0917  each watches another leak
    to: Any,
    answer: Answer,
    reason: Reason,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    with to(lambda _: answer, Limits(bytes=1_000_000)) as fetching:
        call = fetching.begin(budget_s=BUDGET_S)
        watch = Stopwatch()
        fetched = await call.fetch(CONDITIONS)
        spent = watch.seconds()
    assert told(fetched) == {"conditions": ([], "not-retrieved", reason)}
    assert spent < BUDGET_S + 1.0
    said = capfd.readouterr()
    assert TOKEN not in caplog.text + said.out + said.err + repr(fetched) + repr(call) + repr(authorization())


async def test_one_slow_key_does_not_take_the_others(to: Any) -> None:
    def handler(asked: Asked) -> Answer:
        return Answer(200, b"x" * 100, hold=True) if "Procedure" in asked.path else by_path(asked)

    with to(handler) as fetching:
        fetched = await fetching.begin(budget_s=BUDGET_S).fetch(QUERIES)
    assert told(fetched) == {
        "conditions": (["c1"], "complete", None),
        "procedures": ([], "not-retrieved", Reason.TIME),
    }


async def test_a_server_that_is_not_there_is_not_reachable(to: Any) -> None:
    with to(by_path) as fetching:
        call = fetching.begin()
    assert told(await call.fetch(CONDITIONS)) == {"conditions": ([], "not-retrieved", Reason.UNREACHABLE)}


@pytest.mark.parametrize("expires_in_s", [0, -1])
async def test_an_expired_token_is_not_sent(to: Any, expires_in_s: int) -> None:
    with to(by_path) as fetching:
        fetched = await fetching.begin(token=authorization(expires_in_s)).fetch(CONDITIONS)
        assert fetching.server.asked == []
    assert told(fetched) == {"conditions": ([], "not-retrieved", Reason.EXPIRED)}


async def test_a_spent_budget_asks_for_nothing(to: Any) -> None:
    with to(by_path) as fetching:
        fetched = await fetching.begin(budget_s=0).fetch(QUERIES)
        assert fetching.server.asked == []
    assert {found.reason for found in fetched.values()} == {Reason.TIME}


async def test_an_origin_that_is_not_allowed_is_never_asked(to: Any) -> None:
    with to(by_path) as fetching:
        for destinations in (
            Destinations(frozenset(), allow_private_addresses=True),
            Destinations(frozenset({origin_of("http://127.0.0.1:1")}), allow_private_addresses=True),
            Destinations(frozenset({origin_of(fetching.server.url)}), allow_private_addresses=False),
        ):
            call = fetching.client.begin(
                fetching.server.url + "/fhir",
                patient_id="p1",
                destinations=destinations,
                authorization=authorization(),
                budget_s=1,
            )
            assert told(await call.fetch(CONDITIONS)) == {"conditions": ([], "not-retrieved", Reason.NOT_ALLOWED)}
        assert fetching.server.asked == []


async def test_the_gate_asks_for_the_rest_only_where_it_is_wanted(to: Any) -> None:
    rest = {"procedures": QUERIES["procedures"]}
    with to(by_path) as fetching:
        without = await fetching.begin().fetch_gated(CONDITIONS, rest, wanted=lambda found: "conditions" not in found)
        counted = len(fetching.server.asked)
        with_rest = await fetching.begin().fetch_gated(
            CONDITIONS, rest, wanted=lambda found: found["conditions"].completeness is Completeness.COMPLETE
        )
    assert [sorted(without), counted, sorted(with_rest)] == [["conditions"], 1, ["conditions", "procedures"]]


async def test_the_gate_needs_no_third_round_trip_where_post_is_refused(to: Any) -> None:
    rest = {"procedures": QUERIES["procedures"]}
    with to(without_post) as fetching:
        first = await fetching.begin().fetch_gated(CONDITIONS, rest, wanted=lambda _: False)
        methods = [asked.method for asked in fetching.server.asked]
        second = await fetching.begin().fetch_gated(CONDITIONS, rest, wanted=lambda _: False)
    assert [methods, sorted(first), sorted(second)] == [
        ["POST", "GET", "GET"],
        ["conditions", "procedures"],
        ["conditions"],
    ]


async def test_a_type_that_refuses_post_behind_the_gate_is_asked_by_get_the_next_time(to: Any) -> None:
    def handler(asked: Asked) -> Answer:
        return by_path(asked) if asked.path == "/fhir/Condition/_search" else without_post(asked)

    rest = {"procedures": QUERIES["procedures"]}
    with to(handler) as fetching:
        calls = [await fetching.begin().fetch_gated(CONDITIONS, rest, wanted=lambda _: True) for _ in range(2)]
        methods = [asked.method for asked in fetching.server.asked]
    assert [told(call)["procedures"] for call in calls] == [
        ([], "not-retrieved", Reason.FAILED),
        ([], "complete", None),
    ]
    assert methods == ["POST", "POST", "POST", "GET"]


async def test_conditions_that_may_not_be_read_leave_the_searches_of_the_rest_as_they_are(to: Any) -> None:
    rest = {"procedures": QUERIES["procedures"]}
    with to(lambda asked: Answer(403) if "Condition" in asked.path else by_path(asked)) as fetching:
        for _ in range(2):
            await fetching.begin().fetch_gated(CONDITIONS, rest, wanted=lambda _: True)
        asked = [(request.method, request.path) for request in fetching.server.asked]
    once = [("POST", "/fhir/Condition/_search"), ("GET", "/fhir/Condition"), ("GET", "/fhir/Procedure")]
    assert [asked[:1], sorted(asked[1:3]), asked[3:4], sorted(asked[4:])] == [once[:1], once[1:]] * 2


async def test_a_type_behind_the_gate_that_may_not_be_read_is_told_so_and_searched_as_before(to: Any) -> None:
    rest = {"procedures": QUERIES["procedures"]}
    with to(lambda asked: Answer(403) if "Procedure" in asked.path else by_path(asked)) as fetching:
        calls = [await fetching.begin().fetch_gated(CONDITIONS, rest, wanted=lambda _: True) for _ in range(2)]
        methods = [asked.method for asked in fetching.server.asked]
    assert [call["procedures"].why for call in calls] == ["the FHIR server refused access (403)"] * 2
    assert methods == ["POST"] * 4


async def test_a_server_without_an_origin_is_never_asked(outbound: Outbound) -> None:
    client = FhirClient(outbound, terminology=load_terminology())
    anywhere = Destinations(frozenset({origin_of("https://a.example")}), allow_private_addresses=True)
    for base in ("https://user@a.example/r4", "ftp://a.example", "https://a.example\\@evil.example", "nowhere"):
        call = client.begin(base, patient_id="p1", destinations=anywhere, authorization=authorization(), budget_s=1)
        assert told(await call.fetch(CONDITIONS)) == {"conditions": ([], "not-retrieved", Reason.NOT_ALLOWED)}


@pytest.mark.parametrize("host", ["999.999.999.999", "xn--a", "a.example/" + "9" * 70_000])
async def test_a_server_that_no_request_can_be_written_to_is_never_asked(outbound: Outbound, host: str) -> None:
    client = FhirClient(outbound, terminology=load_terminology())
    call = client.begin(
        f"https://{host}",
        patient_id="p1",
        destinations=Destinations(frozenset()),
        authorization=authorization(),
        budget_s=1,
    )
    nothing: tuple[list[str], str, Reason] = ([], "not-retrieved", Reason.NOT_ALLOWED)
    assert told(await call.fetch(QUERIES)) == dict.fromkeys(QUERIES, nothing)


async def test_a_cookie_of_one_caller_is_not_sent_with_the_next(to: Any) -> None:
    with to(lambda _: as_json(PAGE, headers={"Set-Cookie": "session=one; Path=/"})) as fetching:
        await fetching.begin().fetch(CONDITIONS)
        await fetching.begin().fetch(CONDITIONS)
        assert ["cookie" in asked.headers for asked in fetching.server.asked] == [False, False]


def test_a_call_without_a_client_goes_where_anyone_may_go_or_nowhere() -> None:
    open_to_all = Destinations(frozenset({origin_of("https://a.example")}))
    found = [
        destinations_of(None, url, anyone=(open_to_all,)) for url in ("https://a.example/r4", "https://b.example", "x")
    ]
    assert found == [open_to_all, Destinations(frozenset()), Destinations(frozenset())]
    client = Client(issuer="https://ehr.example", fhir_origins=frozenset({origin_of("https://b.example")}))
    own = destinations_of(client, "https://a.example", anyone=(open_to_all,))
    assert own == Destinations(frozenset({origin_of("https://b.example")}))
