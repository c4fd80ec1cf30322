"""Why a part of the chart is lacking: told to the operator in the log line of the call, to the integrator in a 412."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.adapters.servers import Answer, Asked, Server, as_json, searchset
from tests.hooks.fhir_servers import TOKEN, Record
from tests.hooks.serving import authorization, bundle, chart, message, prefetch_of, served
from tests.hooks.test_round_trips import call, client_of

if TYPE_CHECKING:
    from pathlib import Path

CHART = chart("V01")
WHOLE = prefetch_of(CHART)
ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
# As Epic sends it to a client that may not see, say, operations (59204): without any resource.
WITHHELD = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "suppressed"}]}
OF_ANOTHER = bundle([{**one, "subject": {"reference": "Patient/p2"}} for one in chart("V01")])
CLAIMS = bundle([{"resourceType": "Claim", "id": "x"}])
PROCEDURE = {"resourceType": "Procedure", "id": "x", "subject": {"reference": "Patient/p1"}}


def lacking(log_lines: list[Any]) -> list[str]:
    [line] = [one for one in log_lines if one.get("method") == "POST"]
    found: list[str] = line.get("lacking", [])
    return found


def diagnostics(answer: Any) -> str:
    text: str = answer.json()["issue"][0]["diagnostics"]
    return text.removeprefix("prefetch key 'conditions' is required: ")


SENT: list[tuple[Any, str]] = [
    (ERROR, "the client sent an OperationOutcome instead of it"),
    (bundle([ERROR]), "the client sent an OperationOutcome instead of it"),
    (bundle([WITHHELD]), "the client sent an OperationOutcome instead of it"),
    ([], "it must be a Bundle or a resource of type {type}"),
    ("<html>", "it must be a Bundle or a resource of type {type}"),
    (CLAIMS, "it must be a Bundle or a resource of type {type}"),
    (OF_ANOTHER, "what it holds is of another patient than context.patientId"),
]


@pytest.mark.duty(38, 46)
@pytest.mark.parametrize(("value", "reason"), SENT)
async def test_a_refusal_says_what_is_wrong_with_the_conditions_that_were_sent(
    tmp_path: Path, log_lines: list[Any], value: Any, reason: str
) -> None:
    async with served(tmp_path) as client:
        answer = await client.call(message(prefetch={**WHOLE, "conditions": value}))
    said = reason.format(type="Condition")
    assert (answer.status_code, diagnostics(answer)) == (412, said)
    assert lacking(log_lines) == [f"conditions: {said}"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [*SENT[:-1], (bundle([PROCEDURE], total=5), "the client sent a part of it")],
)
async def test_the_log_says_what_is_wrong_with_a_key_that_a_card_could_be_made_without(
    tmp_path: Path, log_lines: list[Any], value: Any, reason: str
) -> None:
    async with served(tmp_path) as client:
        answer = await client.call(message(prefetch={**WHOLE, "procedures": value}))
    assert len(answer.json()["cards"]) == 1
    assert lacking(log_lines) == [f"procedures: {reason.format(type='Procedure')}"]


async def test_the_log_names_the_keys_that_were_not_sent_and_nothing_where_all_is_there(
    tmp_path: Path, log_lines: list[Any]
) -> None:
    async with served(tmp_path) as client:
        await client.call(message(prefetch=WHOLE))
        assert lacking(log_lines) == []
        log_lines.clear()
        await client.call(
            message(prefetch={key: WHOLE[key] for key in WHOLE if key not in ("procedures", "carePlans")})
        )
    assert lacking(log_lines) == ["procedures, carePlans: it was neither sent nor can it be fetched"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(401), "the FHIR server refused access (401)"),
        (Answer(403), "the FHIR server refused access (403)"),
        (Answer(429, headers={"Retry-After": "1"}), "the FHIR server answered with an error (429)"),
        (Answer(500), "the FHIR server answered with an error (500)"),
        (Answer(302, headers={"Location": "/"}), "the FHIR server redirected the request (302)"),
        (as_json(ERROR), "the FHIR server answered with an error"),
        (Answer(200, b"<html>"), "the FHIR server's answer was not readable"),
        (Answer(200, b"{}" * 50, cut=True), "no whole answer of the FHIR server came"),
        (Answer(200, b"{}", {"Content-Encoding": "br"}), "no whole answer of the FHIR server came"),
        (as_json(searchset(PROCEDURE, total=5)), "the FHIR server gave only a part"),
    ],
)
async def test_the_log_says_how_fetching_a_key_ended(
    tmp_path: Path, log_lines: list[Any], answer: Answer, reason: str
) -> None:
    record = Record(CHART)

    def handler(asked: Asked) -> Answer:
        return answer if "Procedure" in asked.path else as_json(record.searched(asked))

    with Server(handler) as fhir:
        async with client_of(fhir, tmp_path) as client:
            await client.call(call(fhir))
    assert lacking(log_lines) == [f"procedures: {reason}"]


@pytest.mark.duty(38, 46)
async def test_a_refusal_names_the_status_and_the_setting_that_it_came_from(tmp_path: Path) -> None:
    with Server(lambda _: Answer(404)) as fhir:
        async with client_of(fhir, tmp_path) as client:
            wrong = await client.call(call(fhir))
            other = message(fhirServer="https://other.example.org", fhirAuthorization=authorization(TOKEN))
            foreign = await client.call(other)
    assert diagnostics(wrong) == "the FHIR server answered with an error (404)"
    assert diagnostics(foreign) == "the FHIR server may not be asked: fhir_origins of this client do not allow it"


@pytest.mark.duty(29, 79)
async def test_a_grant_for_another_patient_is_not_used(tmp_path: Path, log_lines: list[Any]) -> None:
    """Servers that hold a token to its patient answer a search for another one with nothing: no cards for a cancer."""
    with Server(lambda _: as_json(searchset())) as fhir:
        async with client_of(fhir, tmp_path) as client:
            other = {**authorization(TOKEN), "patient": "p2"}
            refused = await client.call(message(fhirServer=f"{fhir.url}/fhir", fhirAuthorization=other))
            answered = await client.call(
                message(prefetch=WHOLE, fhirServer=f"{fhir.url}/fhir", fhirAuthorization=other)
            )
            own = {**authorization(TOKEN), "patient": "Patient/p1"}
            asked = len(fhir.asked)
            await client.call(message(fhirServer=f"{fhir.url}/fhir", fhirAuthorization=own))
    assert (refused.status_code, diagnostics(refused)) == (
        412,
        "the access token is for another patient than context.patientId",
    )
    assert (asked, len(answered.json()["cards"]), len(fhir.asked)) == (0, 1, 1)
