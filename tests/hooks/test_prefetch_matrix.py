"""What a client sends for a key, and how its FHIR server behaves: the right card or refusal, in time."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from service.logs import configure_logging
from tests.hooks.fhir_servers import (
    BEHAVIOURS,
    FAILING,
    NO_SERVER,
    PAGING,
    SOUND,
    TOKEN,
    Record,
    fhir_servers,
    page_two,
)
from tests.hooks.serving import (
    ADVICE,
    authorization,
    bundle,
    chart,
    clients_file,
    message,
    prefetch_of,
    served,
    without_ids,
)
from tests.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.adapters.servers import Server
    from tests.checked_client import CheckedClient

pytestmark = pytest.mark.asyncio(loop_scope="module")

BUDGET_S = 0.6
ALLOWED_S = BUDGET_S + 1.0
CHART = chart("V01")
KINDS = {"conditions": "Condition", "observations": "Observation"}
"""The required key and an optional one, with their types."""
ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
HINT = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}
STATES = (
    "absent", "null", "empty bundle", "bundle without entry", "data", "outcome alone", "outcome entry",
    "error among entries", "paged", "total above entries", "junk", "another type", "HTML", "wrapped",
)  # fmt: skip


@dataclass(frozen=True)
class Matrix:
    """The running service, the servers that it may be sent to, and the one elsewhere."""

    client: CheckedClient
    servers: dict[str, Server]
    elsewhere: Server
    folder: Path

    async def call(self, behaviour: str, prefetch: dict[str, Any]) -> tuple[int, Any, float]:
        """Call with a server of that behaviour; give status, cards or outcome without ids, and the seconds."""
        more: dict[str, Any] = {}
        if behaviour != NO_SERVER:
            more["fhirServer"] = f"{self.servers[behaviour].url}/fhir"
        if behaviour not in (NO_SERVER, "open"):
            more["fhirAuthorization"] = authorization(TOKEN)
        watch = Stopwatch()
        answer = await self.client.call(message(prefetch=prefetch, **more))
        seconds = watch.seconds()
        assert TOKEN not in answer.text + str(answer.headers)
        body = answer.json()
        return answer.status_code, without_ids(body["cards"]) if answer.status_code == 200 else body, seconds


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def matrix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    folder = tmp_path_factory.mktemp("matrix")
    with ExitStack() as stack:
        servers, elsewhere = stack.enter_context(fhir_servers(CHART))
        origins = [server.url for name, server in servers.items() if name != "not allowed"]
        clients = clients_file(
            folder,
            {
                "issuer": "https://ehr.example.org",
                "jwks_url": "https://ehr.example.org/jwks",
                "fhir_origins": origins,
                "allow_private_addresses": True,
            },
        )
        async with served(folder, clients=clients, fetch_budget_s=BUDGET_S, deadline_s=30.0) as client:
            yield Matrix(client, servers, elsewhere, folder)
        assert elsewhere.asked == []
        stored = b"".join(path.read_bytes() for path in folder.iterdir())
        assert TOKEN.encode() not in stored


def sent(key: str, state: str, base: str) -> dict[str, Any]:
    """Give the whole prefetch with `key` in that state; `base` is where further pages are."""
    record, kind, prefetch = Record(CHART), KINDS[key], prefetch_of(CHART)
    whole, first = prefetch[key], record.half(kind, 1)
    states: dict[str, Any] = {
        "null": None,
        "empty bundle": bundle([], total=0),
        "bundle without entry": {"resourceType": "Bundle", "type": "searchset"},
        "data": whole,
        "outcome alone": ERROR,
        "outcome entry": bundle([resource["resource"] for resource in whole["entry"]] + [HINT]),
        "error among entries": bundle([*first, ERROR]),
        "paged": bundle(first, link=[{"relation": "next", "url": page_two(base, kind)}]),
        "total above entries": bundle(first, total=99),
        "junk": 7,
        "another type": {"resourceType": "Patient", "id": "p1"},
        "HTML": "<html><body>502 Bad Gateway</body></html>",
        "wrapped": {"response": {"status": "200"}, "resource": whole},
    }
    if state == "absent":
        del prefetch[key]
    else:
        prefetch[key] = states[state]
    return prefetch


def known(key: str, knowledge: str) -> dict[str, Any]:
    """Give a prefetch that needs no server and leaves as much known of `key` as the word says."""
    resources = [one for one in CHART if one["resourceType"] == KINDS[key]]
    values: dict[str, Any] = {
        "all": bundle(resources),
        "nothing there": None,
        "not had": ERROR,
        "first half": bundle(Record(CHART).half(KINDS[key], 1), total=99),
        "all, perhaps more": bundle(resources, total=99),
    }
    return {**prefetch_of(CHART), key: values[knowledge]}


SETTLED = {
    "null": "nothing there",
    "empty bundle": "nothing there",
    "bundle without entry": "nothing there",
    "data": "all",
    "outcome alone": "not had",
    "outcome entry": "all",
    "error among entries": "first half",
    "total above entries": "first half",
    "junk": "not had",
    "another type": "not had",
    "HTML": "not had",
}
"""What is known of a key where the server is not asked, by its state."""


def known_in_the_end(state: str, behaviour: str) -> str:
    """Say how much of the key is known when everything was tried."""
    if state in SETTLED:
        return SETTLED[state]
    if behaviour in SOUND:
        return "all"
    if behaviour in PAGING:
        return "first half" if state == "absent" else "all, perhaps more"
    return "not had" if state == "absent" else "first half"


@pytest.mark.duty(38, 39, 41, 42, 79)
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("key", KINDS)
async def test_the_answer_is_right_in_time_and_the_token_stays(
    matrix: Matrix, key: str, state: str, behaviour: str, capfd: pytest.CaptureFixture[str]
) -> None:
    configure_logging(level="debug", style="json")
    base = matrix.servers[behaviour].url if behaviour != NO_SERVER else "https://fhir.example.org"
    status, answer, seconds = await matrix.call(behaviour, sent(key, state, base))
    printed = capfd.readouterr()
    assert TOKEN not in printed.out + printed.err
    assert matrix.elsewhere.asked == []
    assert seconds < ALLOWED_S
    if state == "wrapped":
        assert (status, answer["issue"][0]["expression"]) == (400, [f"prefetch.{key}"])
        return
    wanted = known_in_the_end(state, behaviour)
    if key == "conditions" and wanted == "not had":
        assert (status, answer["issue"][0]["expression"]) == (412, ["prefetch.conditions"])
        return
    reference = await matrix.call(NO_SERVER, known(key, wanted))
    assert (status, answer) == reference[:2]


async def test_the_cards_of_each_state_of_knowledge_say_what_is_known(matrix: Matrix) -> None:
    async def advice(key: str, knowledge: str) -> Any:
        status, cards, _ = await matrix.call(NO_SERVER, known(key, knowledge))
        assert status == 200
        return cards[0]["extension"][ADVICE] if cards else None

    whole = await advice("observations", "all")
    assert (whole["determined"], whole["strategy"]) == (True, "liver-first")
    assert await advice("conditions", "nothing there") is None
    for knowledge in ("not had", "nothing there", "first half"):
        found = await advice("observations", knowledge)
        assert found["determined"] is False
        assert whole["candidates"][0] in found["candidates"]
    gaps = {gap["gap"] for gap in (await advice("observations", "not had"))["gaps"]}
    assert gaps == {"not-retrieved"}


@pytest.mark.parametrize("behaviour", [*SOUND, *FAILING, *PAGING])
@pytest.mark.parametrize("state", ["null", "empty bundle", "data", "outcome alone", "outcome entry", "junk"])
async def test_what_was_sent_is_never_asked_for_again(matrix: Matrix, state: str, behaviour: str) -> None:
    before = len(matrix.servers[behaviour].asked)
    await matrix.call(behaviour, sent("observations", state, matrix.servers[behaviour].url))
    assert matrix.servers[behaviour].asked[before:] == []
