"""A chart in a version of FHIR before R4 is refused with the reason, rather than read as a chart full of gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.adapters.servers import Answer, Server, as_json, searchset
from tests.hooks.serving import authorization, chart, clients_file, message, prefetch_of, served

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]
VERSION_FAULT = {
    "severity": "error",
    "code": "not-supported",
    "details": {"text": "The FHIR version is not supported"},
    "diagnostics": "prefetch key 'conditions' is written in a version of FHIR before R4: this service reads R4 (4.0.1)",
    "expression": ["prefetch.conditions"],
}


def in_r2(condition: Json) -> Json:
    members = {name: member for name, member in condition.items() if name != "subject"}
    older = {"patient": condition["subject"], "clinicalStatus": "active", "verificationStatus": "confirmed"}
    return {**members, **older, "dateRecorded": "2026-11-01"}


def in_r3(condition: Json) -> Json:
    return {
        **condition,
        "clinicalStatus": "active",
        "verificationStatus": "confirmed",
        "assertedDate": "2026-11-01",
    }


def in_r5(condition: Json) -> Json:
    return {**condition, "participant": [{"actor": {"display": "Dr. One"}}]}


def rewritten(form: Any, *, only: str | None = None) -> Json:
    return prefetch_of(
        form(one) if one["resourceType"] == "Condition" and only in (None, one["id"]) else one for one in chart("V01")
    )


@pytest.mark.duty(8, 46, 47)
@pytest.mark.parametrize("form", [in_r2, in_r3])
async def test_conditions_of_an_older_version_are_refused_and_the_right_one_named(tmp_path: Path, form: Any) -> None:
    async with served(tmp_path) as client:
        answer = await client.call(message(prefetch=rewritten(form)))
    assert (answer.status_code, answer.json()["issue"]) == (400, [VERSION_FAULT])


@pytest.mark.duty(8)
async def test_conditions_of_r5_are_read(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        newer, plain = [
            (await client.call(message(prefetch=rewritten(form)))).json()["cards"] for form in (in_r5, lambda one: one)
        ]
    assert [card["summary"] for card in newer] == [card["summary"] for card in plain]


async def test_one_condition_of_an_older_version_among_others_is_a_gap(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        answer = await client.call(message(prefetch=rewritten(in_r2, only="primary")))
    assert answer.status_code == 200


async def test_an_older_chart_out_of_scope_gets_no_card(tmp_path: Path) -> None:
    hypertension = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I10"}]}
    found = prefetch_of({**in_r2(one), "code": hypertension} for one in chart("V01") if one["id"] in "primary liver")
    async with served(tmp_path) as client:
        assert (await client.call(message(prefetch=found))).json() == {"cards": []}


@pytest.mark.duty(8)
@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/fhir+json; fhirVersion=1.0", 412),
        ('application/fhir+json;charset=utf-8;FHIRVERSION="3.0"', 412),
        ("application/fhir+json; fhirVersion=4.0", 200),
        ("application/fhir+json; fhirVersion=4.3; charset=utf-8", 200),
        ("application/fhir+json", 200),
    ],
)
async def test_a_server_that_names_an_older_version_is_not_read(tmp_path: Path, media_type: str, status: int) -> None:
    answered = Answer(headers={"Content-Type": media_type}, body=as_json(searchset()).body)
    with Server(lambda _: answered) as server:
        client = {"issuer": "https://ehr.example.org", "jwks_url": "https://ehr.example.org/jwks"}
        known = clients_file(tmp_path, {**client, "fhir_origins": [server.url], "allow_private_addresses": True})
        async with served(tmp_path, clients=known) as service:
            call = message(fhirServer=f"{server.url}/fhir", fhirAuthorization=authorization("t"))
            answer = await service.call(call)
    assert answer.status_code == status
    if status == 412:
        assert answer.json()["issue"][0]["diagnostics"] == (
            "prefetch key 'conditions' is required: the FHIR server speaks a version of FHIR before R4"
        )
