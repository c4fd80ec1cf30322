from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from service.adapters.fhir_pages import Limits, Link, Reason
from tests.adapters.fetching import (
    BUDGET_S,
    CONDITIONS,
    JUNK,
    TOKEN,
    by_path,
    condition,
    told,
    without_post,
)
from tests.adapters.servers import Answer, Asked, Server, as_json, searchset

if TYPE_CHECKING:
    from collections.abc import Callable


def paged(*, links: dict[str, str], last: Answer | None = None) -> Callable[[Asked], Answer]:
    """Pages 0, 1, 2…: each links to the next by the URL that `links` gives for it; the unlinked one ends it."""

    def handler(asked: Asked) -> Answer:
        number = asked.parameters.get("page", ["0"])[0]
        if last is not None and number not in links:
            return last
        return as_json(searchset(condition(int(number)), next_url=links.get(number)))

    return handler


async def test_all_pages_are_followed_whatever_the_form_of_their_links(to: Any) -> None:
    links = {"0": "?page=1", "1": "/fhir?page=2", "2": ""}
    with to(paged(links=links)) as fetching:
        links["2"] = f"{fetching.server.url}/fhir?page=3"
        fetched = await fetching.begin().fetch(CONDITIONS)
        asked = fetching.server.asked
    assert told(fetched) == {"conditions": (["c0", "c1", "c2", "c3"], "complete", None)}
    assert [(request.method, request.headers["authorization"]) for request in asked] == [
        ("POST", f"Bearer {TOKEN}"),
        *[("GET", f"Bearer {TOKEN}")] * 3,
    ]


async def test_a_page_on_another_server_is_never_asked_for(to: Any) -> None:
    with Server(by_path) as foreign:
        for link in (
            f"{foreign.url}/fhir?page=1",
            "https://evil.example/?page=1",
            f"//127.0.0.1:{foreign.port}/",
            "file:///etc/passwd",
            "http://[",
        ):
            with to(paged(links={"0": link})) as fetching:
                fetched = await fetching.begin().fetch(CONDITIONS)
                assert len(fetching.server.asked) == 1
            assert told(fetched) == {"conditions": (["c0"], "partial", Reason.FOREIGN_PAGE)}
        assert foreign.asked == []


async def test_a_page_that_names_a_user_is_never_asked_for(to: Any) -> None:
    links = {"0": ""}
    with to(paged(links=links)) as fetching:
        links["0"] = fetching.server.url.replace("//", "//user:secret@") + "/fhir?page=1"
        fetched = await fetching.begin().fetch(CONDITIONS)
    assert told(fetched) == {"conditions": (["c0"], "partial", Reason.FOREIGN_PAGE)}


async def test_paging_without_end_ends(to: Any) -> None:
    def handler(asked: Asked) -> Answer:
        number = int(asked.parameters.get("page", ["0"])[0])
        return as_json(searchset(condition(number), next_url=f"?page={number + 1}"))

    with to(handler, Limits(pages=5)) as fetching:
        fetched = await fetching.begin(budget_s=5).fetch(CONDITIONS)
        assert len(fetching.server.asked) == 5
    assert told(fetched) == {"conditions": (["c0", "c1", "c2", "c3", "c4"], "partial", Reason.TOO_MANY_PAGES)}


async def test_pages_that_lead_back_end(to: Any) -> None:
    with to(paged(links={"0": "?page=1", "1": "?page=1"})) as fetching:
        fetched = await fetching.begin().fetch(CONDITIONS)
    assert told(fetched) == {"conditions": (["c0", "c1"], "partial", Reason.TOO_MANY_PAGES)}


async def test_no_page_is_asked_for_past_the_number_of_entries(to: Any) -> None:
    with to(paged(links={"0": "?page=1", "1": "?page=2"}), Limits(entries=2)) as fetching:
        fetched = await fetching.begin().fetch(CONDITIONS)
    assert told(fetched) == {"conditions": (["c0", "c1"], "partial", Reason.TOO_MANY_PAGES)}


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (Answer(500), Reason.FAILED),
        (Answer(401), Reason.REFUSED),
        (Answer(200, JUNK), Reason.UNREADABLE),
        (Answer(200, b"x" * 100, hold=True), Reason.TIME),
        (Answer(200, b"x" * 100, cut=True), Reason.UNREACHABLE),
        (Answer(302, headers={"Location": "/"}), Reason.REDIRECTED),
    ],
)
async def test_a_later_page_that_fails_leaves_the_key_partial(to: Any, last: Answer, reason: Reason) -> None:
    with to(paged(links={"0": "?page=1"}, last=last)) as fetching:
        fetched = await fetching.begin(budget_s=BUDGET_S).fetch(CONDITIONS)
    assert told(fetched) == {"conditions": (["c0"], "partial", reason)}


def of_another(number: int) -> dict[str, Any]:
    return {**condition(number), "subject": {"reference": "Patient/p2"}}


CLAIM = {"resourceType": "Claim", "id": "x", "patient": {"reference": "Patient/p1"}}
FLU = {**condition(9), "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "J11.1"}]}}
FLU_OF_ANOTHER = {**FLU, "subject": {"reference": "Patient/p2"}}
WARNING = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([CLAIM], ([], "not-retrieved", Reason.OTHER_TYPES)),
        ([CLAIM, CLAIM, WARNING], ([], "not-retrieved", Reason.OTHER_TYPES)),
        ([CLAIM, condition(1)], (["c1"], "complete", None)),
        ([of_another(1)], ([], "not-retrieved", Reason.OTHER_PATIENT)),
        ([of_another(1), FLU_OF_ANOTHER], ([], "not-retrieved", Reason.OTHER_PATIENT)),
        ([WARNING, of_another(1)], ([], "not-retrieved", Reason.OTHER_PATIENT)),
        ([WARNING, FLU], ([], "complete", None)),
        ([of_another(1), FLU], (["c1"], "complete", None)),
        ([FLU], ([], "complete", None)),
        ([WARNING], ([], "complete", None)),
        ([], ([], "complete", None)),
    ],
)
async def test_what_nobody_asked_for_is_never_taken_for_nothing_there(
    to: Any, resources: list[dict[str, Any]], expected: tuple[list[str], str, Reason | None]
) -> None:
    for sound in (by_path, without_post):

        def handler(asked: Asked, sound: Callable[[Asked], Answer] = sound) -> Answer:
            found = sound(asked)
            return as_json(searchset(*resources)) if found.status == 200 else found

        with to(handler) as fetching:
            fetched = await fetching.begin().fetch(CONDITIONS)
        assert told(fetched) == {"conditions": expected}


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([CLAIM], (["c0"], "partial", Reason.OTHER_TYPES)),
        ([of_another(1), FLU_OF_ANOTHER], (["c0"], "partial", Reason.OTHER_PATIENT)),
        ([of_another(1), FLU], (["c0", "c1"], "complete", None)),
        ([WARNING], (["c0"], "complete", None)),
    ],
)
async def test_a_later_page_that_nobody_asked_for_leaves_the_key_partial(
    to: Any, resources: list[dict[str, Any]], expected: tuple[list[str], str, Reason | None]
) -> None:
    with to(paged(links={"0": "?page=1"}, last=as_json(searchset(*resources)))) as fetching:
        call = fetching.begin()
        fetched = await call.fetch(CONDITIONS)
        link = Link(f"{fetching.server.url}/fhir?page=1", "Condition")
        after = await fetching.begin().fetch({}, links={"conditions": link})
    assert told(fetched) == {"conditions": expected}
    assert told(after) == {"conditions": (expected[0][1:], *expected[1:])}


@pytest.mark.parametrize("more", [{}, {"total": "1"}, {"link": {"relation": "self", "url": 5}}])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["", "byte order mark"])
@pytest.mark.parametrize("text", ["cut \ud83d", "whole"])
async def test_a_byte_order_mark_and_half_a_character_cost_nothing(
    to: Any, start: bytes, text: str, more: dict[str, Any]
) -> None:
    noted = {**condition(1), "note": [{"text": text}]}
    body = start + json.dumps({**searchset(noted), **more}).encode()
    with to(lambda _: Answer(200, body)) as fetching:
        fetched = await fetching.begin().fetch(CONDITIONS)
    assert told(fetched) == {"conditions": (["c1"], "complete", None)}


async def test_half_a_character_does_not_hide_that_a_page_is_of_another_patient(to: Any) -> None:
    body = json.dumps(searchset({**FLU_OF_ANOTHER, "note": [{"text": "cut \ud83d"}]})).encode()
    with to(lambda _: Answer(200, body)) as fetching:
        fetched = await fetching.begin().fetch(CONDITIONS)
    assert told(fetched) == {"conditions": ([], "not-retrieved", Reason.OTHER_PATIENT)}


async def test_a_total_above_the_entries_is_partial(to: Any) -> None:
    with to(lambda _: as_json(searchset(condition(1), total=2))) as fetching:
        fetched = await fetching.begin().fetch(CONDITIONS)
    assert told(fetched) == {"conditions": (["c1"], "partial", Reason.INCOMPLETE)}


async def test_the_next_link_of_a_bundle_that_the_client_sent_is_followed(to: Any) -> None:
    with to(paged(links={"1": "?page=2"})) as fetching:
        call = fetching.begin()
        fetched = await call.fetch(
            {},
            links={
                "conditions": Link(f"{fetching.server.url}/fhir?page=1", "Condition"),
                "x": Link("https://evil.example", "Condition"),
            },
        )
    assert told(fetched) == {
        "conditions": (["c1", "c2"], "complete", None),
        "x": ([], "partial", Reason.FOREIGN_PAGE),
    }


async def test_what_one_call_may_read_is_counted_over_all_its_pages(to: Any) -> None:
    limit = len(as_json(searchset(condition(0), next_url="?page=1")).body)
    with to(paged(links={"0": "?page=1"}), Limits(bytes=limit)) as fetching:
        fetched = await fetching.begin().fetch(CONDITIONS)
        assert len(fetching.server.asked) == 1
    assert told(fetched) == {"conditions": (["c0"], "partial", Reason.TOO_LARGE)}


async def test_a_link_that_no_client_can_send_is_not_followed(to: Any) -> None:
    with to(paged(links={"0": "?page=" + "9" * 70_000})) as fetching:
        fetched = await fetching.begin().fetch(CONDITIONS)
    assert told(fetched) == {"conditions": (["c0"], "partial", Reason.NOT_ALLOWED)}
