"""What every card keeps to, over all worked cases and orders."""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.charts import CPT, concept
from tests.hooks.serving import ADVICE, BASE, PATIENT, chart, examples, message, prefetch_of, served
from tests.noise import noise
from tests.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.checked_client import CheckedClient

    Json = dict[str, Any]

in_one_loop = pytest.mark.asyncio(loop_scope="module")

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HTML = re.compile(r"<[a-zA-Z/!]")
HOSTILE = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) `|*_\u202e"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CheckedClient]:
    async with served(tmp_path_factory.mktemp("answers")) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def answers(client: CheckedClient) -> list[Json]:
    """The answers on every worked case, and on two orders that contradict some of them."""
    orders = [
        {
            "resourceType": "ServiceRequest",
            "id": name,
            "status": "draft",
            "intent": "order",
            "subject": {"reference": f"Patient/{PATIENT}"},
            "code": concept(CPT, code),
        }
        for name, code in (("biopsy", "47000"), ("liver", "47130"))
    ]
    drafts = {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": one} for one in orders]}}
    found = []
    for example in examples():
        prefetch = prefetch_of(chart(example))
        for hook, context in (("patient-view", {}), ("order-sign", drafts)):
            answer = await client.call(message(hook, prefetch=prefetch, context=context), f"/cds-services/crlm-{hook}")
            found.append({"hook": hook, **answer.json()})
    return found


@pytest.fixture
def cards(answers: list[Json]) -> list[Json]:
    return [card for answer in answers for card in answer["cards"]]


def empties(value: Any, path: str = "$") -> Iterator[str]:
    if value in (None, "", [], {}):
        yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from empties(member, f"{path}.{name}")


def names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from names(member)


@pytest.mark.duty(44, 66)
def test_an_opened_chart_gets_one_card_at_most(answers: list[Json]) -> None:
    assert {len(answer["cards"]) for answer in answers if answer["hook"] == "patient-view"} == {1}
    assert {frozenset(answer) for answer in answers} == {frozenset({"hook", "cards"})}


@pytest.mark.duty(45)
@in_one_loop
async def test_without_advice_there_are_no_cards(client: CheckedClient) -> None:
    answer = await client.call(message(prefetch={"conditions": None}))
    assert (answer.status_code, answer.content) == (200, b'{"cards":[]}')


@pytest.mark.duty(3, 4)
def test_nothing_is_null_or_empty(cards: list[Json]) -> None:
    assert list(empties(cards)) == []


@pytest.mark.duty(7, 63, 65)
def test_nothing_is_applied_launched_or_chosen_without_the_reader(answers: list[Json]) -> None:
    unwanted = {"systemActions", "actionSelectionBehavior", "autolaunchable", "autoLaunchable"}
    assert unwanted & set(names(answers)) == set()
    kinds = {action["resource"]["resourceType"] for _, action in actions(answers) if "resource" in action}
    assert kinds == {"ServiceRequest", "CarePlan"}


@pytest.mark.duty(50, 59)
def test_cards_and_suggestions_have_uuids_that_are_all_different(cards: list[Json]) -> None:
    ids = [card["uuid"] for card in cards] + [one["uuid"] for card in cards for one in card.get("suggestions", [])]
    assert all(UUID.fullmatch(found) for found in ids)
    assert len(ids) == len(set(ids)) > 50


@pytest.mark.duty(51, 52, 53)
def test_summary_detail_and_indicator_are_in_their_bounds(cards: list[Json]) -> None:
    assert all(0 < len(card["summary"]) < 140 and "\n" not in card["summary"] for card in cards)
    assert [card["detail"] for card in cards if HTML.search(card["detail"])] == []
    assert {card["indicator"] for card in cards} == {"info", "warning", "critical"}


@pytest.mark.duty(52)
@in_one_loop
async def test_text_of_the_chart_stays_text(client: CheckedClient) -> None:
    hostile = [
        {**one, "code": {**one["code"], "text": HOSTILE}} if one["resourceType"] == "Condition" else one
        for one in chart("V01")
    ]
    hostile.append({**hostile[0], "id": "x", "code": {"text": f"colon cancer {HOSTILE}"}})
    [card] = (await client.call(message(prefetch=prefetch_of(hostile)))).json()["cards"]
    assert HTML.search(card["detail"]) is None
    assert "](javascript" not in card["detail"]
    assert "\u202e" not in json.dumps(card, ensure_ascii=False)


@pytest.mark.duty(54)
def test_the_source_has_a_label_an_absolute_url_and_a_topic(cards: list[Json]) -> None:
    for card in cards:
        source = card["source"]
        assert set(source) == {"label", "url", "topic"}
        assert source["url"].startswith(f"{BASE}/knowledge")
        assert set(source["topic"]) == {"code", "system", "display"}
        assert source["topic"]["system"].startswith("https://crlm-cds.example/fhir/CodeSystem/")


@pytest.mark.duty(55, 59)
def test_suggestions_say_how_many_may_be_taken_and_recommend_accordingly(cards: list[Json]) -> None:
    for card in cards:
        suggestions = card.get("suggestions", [])
        assert ("selectionBehavior" in card) == bool(suggestions)
        if card.get("selectionBehavior") == "at-most-one":
            assert sum(one.get("isRecommended", False) for one in suggestions) <= 1
        assert all(one["label"] and one["actions"] for one in suggestions)


@pytest.mark.duty(56)
def test_reasons_to_override_are_codes_with_a_display(cards: list[Json]) -> None:
    for card in cards:
        assert len(card["overrideReasons"]) >= 5
        assert all(set(reason) == {"code", "system", "display"} for reason in card["overrideReasons"])


def actions(value: Any) -> Iterator[tuple[Json, Json]]:
    answers = value if value and "cards" in value[0] else [{"cards": value}]
    for answer in answers:
        for card in answer["cards"]:
            for suggestion in card.get("suggestions", []):
                for action in suggestion["actions"]:
                    yield suggestion, action


@pytest.mark.duty(2, 60, 61)
def test_actions_are_drafts_for_this_patient_that_a_client_can_carry_out(cards: list[Json]) -> None:
    for _, action in actions(cards):
        assert action["description"]
        match action["type"]:
            case "create":
                resource = action["resource"]
                assert (resource["status"], resource["intent"]) in {("draft", "proposal"), ("draft", "plan")}
                assert resource["subject"] == {"reference": f"Patient/{PATIENT}"}
                assert UUID.fullmatch(resource["id"])
                assert "resourceId" not in action
            case "update":
                assert action["resource"]["id"] in {"biopsy", "liver"}
            case "delete":
                assert (set(action), action["resourceId"].partition("/")[0]) == (
                    {"type", "description", "resourceId"},
                    "ServiceRequest",
                )
    assert {action["type"] for _, action in actions(cards)} >= {"create", "delete"}


@pytest.mark.duty(57, 62)
def test_links_are_typed_and_leave_launching_to_the_client(cards: list[Json]) -> None:
    for link in (link for card in cards for link in card["links"]):
        if link["type"] == "smart":
            assert link["url"] == f"{BASE}/smart/launch"
        else:
            assert (link["type"], set(link)) == ("absolute", {"label", "url", "type"})


@pytest.mark.duty(58, 84)
def test_extensions_are_objects_under_names_of_our_own(cards: list[Json]) -> None:
    assert {frozenset(card["extension"]) for card in cards} == {frozenset({ADVICE})}
    assert all(isinstance(card["extension"][ADVICE], dict) for card in cards)


@pytest.mark.duty(85)
def test_what_the_extension_says_a_reader_without_it_reads_too(answers: list[Json]) -> None:
    titles = {
        "staged": "primary", "liver-first": "liver first", "simultaneous": "simultaneous", "mdt": "mdt",
        "systemic-first": "systemic", "metachronous": "chemotherapy",
    }  # fmt: skip
    for answer in answers:
        for card in answer["cards"] if answer["hook"] == "patient-view" else []:
            advice = card["extension"][ADVICE]
            text = f"{card['summary']} {card['detail']}".lower()
            if "strategy" in advice:
                assert titles[advice["strategy"]] in text
            assert all(
                candidate_named in text for candidate_named in (titles[c["strategy"]] for c in advice["candidates"][:1])
            )
            assert advice["knowledge"]["version"] in card["detail"]


@pytest.mark.duty(48)
@in_one_loop
async def test_a_whole_prefetch_is_answered_well_within_half_a_second(client: CheckedClient) -> None:
    body = json.dumps(message(prefetch=prefetch_of(chart("V01")))).encode()
    took = []
    for _ in range(9):
        watch = Stopwatch()
        answer = await client.call(body)
        took.append(watch.seconds())
        assert "total;dur=" in answer.headers["server-timing"]
    assert sorted(took)[4] < 0.5


@pytest.mark.duty(49)
@in_one_loop
async def test_two_thousand_resources_that_do_not_matter_cost_little(client: CheckedClient) -> None:
    crowd = noise(random.Random(7), 2_000, patient_id=PATIENT)
    body = json.dumps(message(prefetch=prefetch_of([*chart("V01"), *crowd]))).encode()
    took = []
    for _ in range(5):
        watch = Stopwatch()
        answer = await client.call(body)
        took.append(watch.seconds())
        assert len(answer.json()["cards"]) == 1
    assert sorted(took)[2] < 0.5
