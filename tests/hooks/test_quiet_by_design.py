"""What a site may hold back: an answer that the same user has just seen, and the line on an unchanged MDT decision."""

from __future__ import annotations

import sqlite3
from contextlib import AsyncExitStack, closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.adapters.tokens import EC_KEY, jwk, key_set, token
from tests.canary.mark import MARK
from tests.charts import CPT, ICD10CM, condition, local, order
from tests.clock import Clock
from tests.hooks.serving import BASE, NOW, chart, clients_file, message, prefetch_of, served

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.checked_client import CheckedClient

CHART = chart("V01")
CHANGED = chart("V01", ecog=3)
BIOPSY = order("biopsy", (CPT, "47000"), status="draft", patient_id="p1")


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def shown(client: CheckedClient, resources: list[dict[str, Any]] = CHART, **context: Any) -> int:
    """Open a chart and give the number of cards; the service and the members of the context may be named."""
    hook = context.pop("hook", "patient-view")
    answer = await client.call(
        message(hook, prefetch=prefetch_of(resources), context=context), f"/cds-services/crlm-{hook}"
    )
    assert answer.status_code == 200
    return len(answer.json()["cards"])


async def test_by_default_every_call_is_answered(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        assert [await shown(client) for _ in range(3)] == [1, 1, 1]


@pytest.mark.duty(66)
async def test_the_same_answer_to_the_same_user_rests_until_its_time_is_over(tmp_path: Path) -> None:
    clock = Clock(NOW)
    async with served(tmp_path, repeat_after_s=60, clock=clock) as client:
        found = []
        for seconds in (0, 1, 59, 61, 62):
            clock.now = NOW + timedelta(seconds=seconds)
            found.append(await shown(client))
    assert found == [1, 0, 0, 1, 0]


@pytest.mark.parametrize(
    "context", [{"userId": "Practitioner/dr2"}, {"userId": "PractitionerRole/dr1"}], ids=lambda found: found["userId"]
)
async def test_another_user_gets_the_answer(tmp_path: Path, context: dict[str, Any]) -> None:
    async with served(tmp_path, repeat_after_s=60) as client:
        assert [await shown(client), await shown(client, **context), await shown(client)] == [1, 1, 0]


async def test_the_answer_on_another_patient_is_another_answer(tmp_path: Path) -> None:
    async with served(tmp_path, repeat_after_s=60) as client:
        other = chart("V01", patient_id="p2")
        sent = {**prefetch_of(other), "patient": {"resourceType": "Patient", "id": "p2"}}
        first = await shown(client)
        answer = await client.call(message(prefetch=sent, context={"patientId": "p2"}))
    assert [first, len(answer.json()["cards"])] == [1, 1]


async def test_an_answer_that_changed_is_given_and_so_is_the_one_after_it(tmp_path: Path) -> None:
    async with served(tmp_path, repeat_after_s=60) as client:
        found = [await shown(client, resources) for resources in (CHART, CHANGED, CHANGED, CHART)]
    assert found == [1, 1, 0, 1]


async def test_what_one_hook_said_another_still_says(tmp_path: Path) -> None:
    drafts = {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": BIOPSY}]}}
    async with served(tmp_path, repeat_after_s=60) as client:
        select: dict[str, Any] = {"hook": "order-select", "selections": ["ServiceRequest/biopsy"], **drafts}
        found = [await shown(client, **call) for call in (select, {"hook": "order-sign", **drafts}, select)]
    assert found == [1, 1, 0]


async def test_the_same_advice_on_another_order_is_given(tmp_path: Path) -> None:
    def drafts(*names: str) -> dict[str, Any]:
        orders = [{**BIOPSY, "id": name} for name in names]
        return {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": found} for found in orders]}}

    async with served(tmp_path, repeat_after_s=60) as client:
        found = [await shown(client, hook="order-sign", **drafts(name)) for name in ("one", "one", "two")]
    assert found == [1, 0, 1]


async def test_critical_cards_are_always_repeated(tmp_path: Path) -> None:
    operated = chart("V11")
    drafts = {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": BIOPSY}]}}
    async with served(tmp_path, repeat_after_s=60) as client:
        found = [await shown(client, operated, hook="order-sign", **drafts) for _ in range(3)]
    assert found == [1, 1, 1]


async def test_a_store_that_fails_lets_the_answer_through(tmp_path: Path) -> None:
    async with served(tmp_path, repeat_after_s=60) as client:
        with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as store:
            store.execute("DROP TABLE shown_answers")
            store.commit()
        assert [await shown(client) for _ in range(3)] == [1, 1, 1]


async def test_a_refused_call_silences_nothing(tmp_path: Path) -> None:
    async with served(tmp_path, repeat_after_s=60) as client:
        refused = await client.call(message(prefetch={}))
        assert [refused.status_code, await shown(client), await shown(client)] == [412, 1, 0]


async def test_all_workers_remember_together(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        async with served(tmp_path, repeat_after_s=60) as first:
            assert await shown(first) == 1
        second = await stack.enter_async_context(served(tmp_path, repeat_after_s=60))
        third = await stack.enter_async_context(served(tmp_path, repeat_after_s=60))
        assert [await shown(second), await shown(third)] == [0, 0]


async def test_the_store_names_neither_patient_nor_user_nor_answer(tmp_path: Path) -> None:
    async with served(tmp_path, repeat_after_s=60) as client:
        assert await shown(client, userId=f"Practitioner/{MARK}") == 1
    with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as store:
        [(reader, answer, expires_at)] = store.execute("SELECT reader, answer, expires_at FROM shown_answers")
    assert [len(reader), len(answer), expires_at] == [64, 64, int(NOW.timestamp()) + 60]
    assert MARK.encode() not in everything_in(tmp_path)


async def test_answers_whose_time_is_over_are_forgotten(tmp_path: Path) -> None:
    clock = Clock(NOW)
    async with served(tmp_path, repeat_after_s=60, clock=clock) as client:
        for minutes, user in enumerate(("dr1", "dr2", "dr3")):
            clock.now = NOW + timedelta(minutes=10 * minutes)
            await shown(client, userId=f"Practitioner/{user}")
    with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as store:
        assert store.execute("SELECT count(*) FROM shown_answers").fetchone() == (1,)


async def test_a_silent_client_that_is_shown_nothing_has_seen_nothing(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(key_set(jwk(EC_KEY, "ec")))

    async def cards(*, silent: bool, number: int) -> int:
        ehr = {"issuer": "https://ehr.example.org", "jwks_file": "keys.json", "silent": silent}
        claims = {"aud": f"{BASE}/cds-services/crlm-patient-view", "jti": f"call {number}"}
        headers = {"authorization": f"Bearer {token(claims=claims)}", "content-type": "application/json"}
        clients = clients_file(tmp_path, ehr)
        async with served(tmp_path, auth="required", clients=clients, repeat_after_s=60) as client:
            path = "/cds-services/crlm-patient-view"
            answer = await client.request("POST", path, json=message(prefetch=prefetch_of(CHART)), headers=headers)
        return len(answer.json()["cards"])

    assert [await cards(silent=silent, number=at) for at, silent in enumerate((True, False, False))] == [0, 1, 0]


def decided(**more: Any) -> list[dict[str, Any]]:
    """A chart in which the MDT decided for liver first yesterday, on facts that are older."""
    yesterday = NOW.date() - timedelta(days=1)
    return [*CHART, local("mdt-decision", "liver-first", on=yesterday, patient_id="p1"), *more.get("since", ())]


@pytest.mark.parametrize(
    ("setting", "cards"), [({}, []), ({"mdt_line": "silent"}, []), ({"mdt_line": "line"}, ["info"])]
)
async def test_an_unchanged_mdt_decision_is_silent_or_a_line(
    tmp_path: Path, setting: Mapping[str, Any], cards: list[str]
) -> None:
    async with served(tmp_path, **setting) as client:
        found = (await client.call(message(prefetch=prefetch_of(decided())))).json()["cards"]
    assert [card["indicator"] for card in found] == cards
    assert [card["summary"] for card in found] == ["MDT decided liver first on 22 Nov 2026"] * len(cards)


async def test_a_fact_that_changed_since_the_mdt_decided_is_told_in_both_settings(tmp_path: Path) -> None:
    since = [local("ecog", 3, on=NOW.date(), patient_id="p1", ident="ecog-since")]
    for setting in ("silent", "line"):
        async with served(tmp_path, mdt_line=setting) as client:
            [card] = (await client.call(message(prefetch=prefetch_of(decided(since=since))))).json()["cards"]
        assert card["summary"].startswith("MDT decided liver first on 22 Nov 2026; changed since:")


async def test_a_chart_out_of_scope_is_never_remembered(tmp_path: Path) -> None:
    healthy = [condition("c1", (ICD10CM, "I10"), patient_id="p1")]
    async with served(tmp_path, repeat_after_s=60) as client:
        assert [await shown(client, healthy), await shown(client, healthy)] == [0, 0]
    with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as store:
        assert store.execute("SELECT count(*) FROM shown_answers").fetchone() == (0,)
