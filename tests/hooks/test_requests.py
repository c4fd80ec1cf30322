"""What a service has to accept, to tolerate and to refuse in a request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from service.errors import SettingsError
from tests.canary.mark import MARK
from tests.charts import CPT, ICD10CM, concept, condition
from tests.hooks.serving import (
    ADVICE,
    BASE,
    app_of,
    bundle,
    chart,
    clients_file,
    message,
    prefetch_of,
    served,
    without_ids,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from tests.checked_client import CheckedClient

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/cds-services/crlm-patient-view"
CHART = chart("V01")
WHOLE = prefetch_of(CHART)
CANARY = f"{MARK}-1"
GRANT = {
    "access_token": "t",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/Condition.rs patient/Observation.rs",
    "subject": "crlm",
}
SERVER = "https://fhir.example.org/r4"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CheckedClient]:
    async with served(tmp_path_factory.mktemp("requests"), max_body_bytes=1_000_000) as found:
        yield found


async def post(
    client: CheckedClient, body: Any, *, path: str = PATH, media: str = "application/json"
) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await client.request("POST", path, content=content, headers={"content-type": media})


def cards(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return without_ids(answer.json()["cards"])


@pytest.mark.duty(21, 23, 86)
@pytest.mark.parametrize(
    "more",
    [
        {"extension": {"org.example.ehr": {"deep": [1, None, {"x": "y"}]}}},
        {"unknown": CANARY, "another": [None]},
        {"context": {"patientId": "p1", "userId": "Practitioner/dr1", "encounterId": "e1", "new": {"field": True}}},
        {"fhirServer": None, "fhirAuthorization": None},
        {"fhirServer": SERVER, "fhirAuthorization": GRANT},
    ],
    ids=str,
)
async def test_what_a_later_version_may_add_changes_nothing(client: CheckedClient, more: dict[str, Any]) -> None:
    plain = cards(await post(client, message(prefetch=WHOLE)))
    assert cards(await post(client, {**message(prefetch=WHOLE), **more})) == plain


@pytest.mark.duty(24)
async def test_a_hook_instance_is_a_uuid_in_any_case_and_may_come_again(client: CheckedClient) -> None:
    upper = "D1577C69-DFBE-44AD-BA6D-3E05E953B2EA"
    answers = [await post(client, message(prefetch=WHOLE, hookInstance=name)) for name in (upper, upper, upper.lower())]
    assert [len(cards(answer)) for answer in answers] == [1, 1, 1]
    refused = await post(client, message(prefetch=WHOLE, hookInstance="7"))
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (400, ["hookInstance"])


@pytest.mark.duty(25)
async def test_a_patient_is_named_by_a_bare_id_by_a_reference_or_by_a_long_id(client: CheckedClient) -> None:
    plain = cards(await post(client, message(prefetch=WHOLE)))
    assert cards(await post(client, message(prefetch=WHOLE, context={"patientId": "Patient/p1"}))) == plain
    long = "e" + "Y" * 120
    sent = {**prefetch_of(chart("V01", patient_id=long)), "patient": {"resourceType": "Patient", "id": long}}
    assert len(cards(await post(client, message(prefetch=sent, context={"patientId": long})))) == 1


@pytest.mark.duty(36)
@pytest.mark.parametrize(
    "patient_id", ["p1&_count=1", "p1,p2", "../Patient", "p1?x", "p%31", "p 1", "", "p1\n", "Patient/"]
)
async def test_a_patient_id_that_could_alter_a_query_is_refused(client: CheckedClient, patient_id: str) -> None:
    answer = await post(client, message(prefetch=WHOLE, context={"patientId": patient_id}))
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, ["context.patientId"])


@pytest.mark.duty(26)
@pytest.mark.parametrize(
    ("user", "status"),
    [
        ("Practitioner/1", 200), ("PractitionerRole/1", 200), ("Patient/p1", 403), ("RelatedPerson/1", 403),
        ("dr1", 400), ("Device/1", 400), ("Practitioner/", 400), (f"Practitioner/<{CANARY}>", 400),
    ],
)  # fmt: skip
async def test_only_clinicians_are_advised(client: CheckedClient, user: str, status: int) -> None:
    answer = await post(client, message(prefetch=WHOLE, context={"userId": user}))
    assert (answer.status_code, CANARY in answer.text) == (status, False)


@pytest.mark.duty(27)
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"scope": "patient/Condition.read patient/Observation.read launch"}, 200),
        ({"patient": "p1"}, 200),
        ({"token_type": "bearer"}, 200),
        ({"token_type": "MAC"}, 400),
        ({"expires_in": "soon"}, 400),
        ({"access_token": ""}, 400),
        ({"access_token": f"{CANARY} x"}, 400),
        ({"access_token": None}, 400),
        ({"scope": None}, 400),
        ({"subject": None}, 400),
    ],
    ids=str,
)
async def test_a_grant_is_read_in_both_syntaxes_of_scopes_and_refused_where_a_part_is_missing(
    client: CheckedClient, changes: dict[str, Any], status: int
) -> None:
    grant = {name: value for name, value in {**GRANT, **changes}.items() if value is not None}
    answer = await post(client, message(prefetch=WHOLE, fhirServer=SERVER, fhirAuthorization=grant))
    assert (answer.status_code, CANARY in answer.text) == (status, False)


@pytest.mark.duty(21)
async def test_a_grant_without_its_server_is_refused(client: CheckedClient) -> None:
    answer = await post(client, message(prefetch=WHOLE, fhirAuthorization=GRANT))
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, ["fhirServer"])


@pytest.mark.duty(29)
async def test_what_belongs_to_another_patient_is_never_used(client: CheckedClient) -> None:
    plain = cards(await post(client, message(prefetch=WHOLE)))
    foreign = [{**one, "id": f"other-{one['id']}"} for one in chart("V16", ecog=4, patient_id="p2")]
    mixed = cards(await post(client, message(prefetch=prefetch_of([*CHART, *foreign]))))
    assert [card["extension"] for card in mixed] == [card["extension"] for card in plain]
    for code in ("C18.7", "I10"):
        healthy = [condition("c1", (ICD10CM, code), patient_id="p1")]
        assert cards(await post(client, message(prefetch=prefetch_of([*healthy, *foreign])))) == []


@pytest.mark.duty(29, 38)
@pytest.mark.parametrize(
    "conditions",
    [
        chart("V01", patient_id="p2"),
        [condition("c1", (ICD10CM, "I10"), patient_id="p2")],
        [condition("c1", (ICD10CM, "I10"), patient_id="p2"), {"resourceType": "Patient", "id": "p2"}],
    ],
)
async def test_conditions_of_another_patient_alone_are_no_answer_to_the_required_key(
    client: CheckedClient, conditions: list[dict[str, Any]]
) -> None:
    answer = await post(client, message(prefetch={**WHOLE, "conditions": bundle(conditions)}))
    assert (answer.status_code, answer.json()["issue"]) == (
        412,
        [
            {
                "severity": "error",
                "code": "required",
                "details": {"text": "Required data is missing"},
                "diagnostics": (
                    "prefetch key 'conditions' is required: what it holds is of another patient than context.patientId"
                ),
                "expression": ["prefetch.conditions"],
            }
        ],
    )


@pytest.mark.duty(29, 38)
@pytest.mark.parametrize("code", ["44140", "47562"])
async def test_procedures_of_another_patient_alone_never_mean_that_there_are_none(
    client: CheckedClient, code: str
) -> None:
    """A resection that nobody looked for is not "no resection": nothing may be assumed from it."""
    procedure = {"resourceType": "Procedure", "id": "x", "status": "completed", "code": concept(CPT, code)}
    found = []
    for sent in ([], [procedure | {"subject": {"reference": "Patient/p2"}}], [{"resourceType": "Claim", "id": "x"}]):
        prefetch = {**prefetch_of(chart("V01", primary_in_situ=..., liver_state=...)), "procedures": bundle(sent)}
        [card] = cards(await post(client, message(prefetch=prefetch)))
        gaps = {gap["fact"]: gap["gap"] for gap in card["extension"][ADVICE]["gaps"]}
        found.append((gaps.get("liver-state"), "Not or only partly retrieved: Procedure" in card["detail"]))
    assert found == [(None, False), ("not-retrieved", True), ("not-retrieved", True)]


@pytest.mark.duty(40)
async def test_a_key_that_was_never_asked_for_decides_nothing(client: CheckedClient) -> None:
    healthy = prefetch_of([condition("c1", (ICD10CM, "I10"), patient_id="p1")])
    assert cards(await post(client, message(prefetch={**healthy, "more": WHOLE["conditions"]}))) == []


@pytest.mark.duty(38, 39, 41)
async def test_without_server_and_grant_the_prefetch_suffices_or_the_missing_key_is_named(
    client: CheckedClient,
) -> None:
    assert len(cards(await post(client, message(prefetch=WHOLE)))) == 1
    for prefetch in (None, {}, {"observations": WHOLE["observations"]}):
        answer = await post(client, message(prefetch=prefetch))
        assert (answer.status_code, answer.json()["issue"]) == (
            412,
            [
                {
                    "severity": "error",
                    "code": "required",
                    "details": {"text": "Required data is missing"},
                    "diagnostics": ("prefetch key 'conditions' is required: it was neither sent nor can it be fetched"),
                    "expression": ["prefetch.conditions"],
                }
            ],
        )


@pytest.mark.duty(43)
async def test_a_resource_that_comes_twice_counts_once(client: CheckedClient) -> None:
    plain = cards(await post(client, message(prefetch=WHOLE)))
    twice = {**WHOLE, "observations": bundle([one["resource"] for one in WHOLE["observations"]["entry"]] * 2)}
    assert cards(await post(client, message(prefetch=twice))) == plain


@pytest.mark.duty(5)
@pytest.mark.parametrize(
    ("media", "status"),
    [
        ("application/json", 200), ("application/json; charset=utf-8", 200), ("application/fhir+json", 200),
        ("application/json+fhir", 200), ("text/plain", 415), ("application/xml", 415), ("", 415),
        ("application/json; charset=utf-16", 415), ("application/x-www-form-urlencoded", 415),
    ],
)  # fmt: skip
async def test_json_is_taken_under_all_its_names_and_nothing_else(
    client: CheckedClient, media: str, status: int
) -> None:
    answer = await post(client, message(prefetch=WHOLE), media=media)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")


@pytest.mark.duty(20, 22, 46, 47)
@pytest.mark.parametrize(
    ("call", "body", "status", "code"),
    [
        (f"POST {PATH}", b"{", 400, "invalid"),
        (f"POST {PATH}", message("order-sign", prefetch=WHOLE), 400, "invalid"),
        (f"POST {PATH}", {**message(), "context": None}, 400, "invalid"),
        ("POST /cds-services/unheard-of", message(prefetch=WHOLE), 404, "not-found"),
        ("POST /cds-services", message(prefetch=WHOLE), 405, "not-supported"),
        (f"GET {PATH}", b"", 405, "not-supported"),
        (f"POST {PATH}", message(prefetch={}), 412, "required"),
        (f"POST {PATH}", b" " * 1_000_001, 413, "too-long"),
    ],
    ids=range(8),
)
async def test_each_refusal_has_its_status_and_an_outcome(
    client: CheckedClient, call: str, body: Any, status: int, code: str
) -> None:
    method, path = call.split()
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await client.request(method, path, content=content, headers={"content-type": "application/json"})
    outcome = answer.json()
    assert (answer.status_code, outcome["resourceType"], outcome["issue"][0]["code"]) == (
        status,
        "OperationOutcome",
        code,
    )
    assert outcome["issue"][0]["details"]["text"]


@pytest.mark.duty(80)
@pytest.mark.parametrize("path", ["/cds-services", PATH, f"{PATH}/feedback", "/cds-services/unheard-of"])
async def test_browsers_may_read_every_answer_the_refusals_included(client: CheckedClient, path: str) -> None:
    headers = {"origin": "https://ehr.example.org", "access-control-request-method": "POST"}
    preflight = await client.request("OPTIONS", path, headers=headers)
    allowed = preflight.headers["access-control-allow-headers"].lower()
    assert (preflight.status_code, "authorization" in allowed, "content-type" in allowed) == (204, True, True)
    for method in ("GET", "POST"):
        answer = await client.request(method, path, content=b"{", headers={"content-type": "application/json"})
        assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.duty(81)
async def test_nothing_of_a_chart_is_remembered_from_call_to_call(client: CheckedClient) -> None:
    first = cards(await post(client, message(prefetch=WHOLE)))
    between = cards(await post(client, message(prefetch=prefetch_of(chart("V16")))))
    again = cards(await post(client, message(prefetch=WHOLE)))
    assert (first == again, first == between) == (True, False)


@pytest.mark.duty(1)
async def test_an_address_with_https_tells_browsers_to_stay_with_it(client: CheckedClient) -> None:
    answer = await client.get("/cds-services")
    assert (BASE[:8], answer.headers["strict-transport-security"]) == ("https://", "max-age=31536000")


@pytest.mark.duty(28)
@pytest.mark.parametrize("origin", ["http://fhir.example.org", "http://10.0.0.7", "ftp://fhir.example.org"])
async def test_a_fhir_server_without_https_stops_the_start(tmp_path: Path, origin: str) -> None:
    ehr = {"issuer": "https://ehr.example.org", "jwks_url": "https://ehr.example.org/jwks", "fhir_origins": [origin]}
    with pytest.raises(SettingsError, match="fhir_origins"):
        app_of(tmp_path, clients=clients_file(tmp_path, ehr))


@pytest.mark.duty(38)
async def test_one_resource_instead_of_a_bundle_is_taken_where_it_is_of_the_type_that_was_asked_for(
    client: CheckedClient,
) -> None:
    liver = next(one for one in CHART if one.get("id") == "liver")
    alone = {**WHOLE, "conditions": bundle([liver])}
    bare = {**WHOLE, "conditions": liver}
    assert cards(await post(client, message(prefetch=bare))) == cards(await post(client, message(prefetch=alone)))
    other = await post(client, message(prefetch={**WHOLE, "conditions": {"resourceType": "Patient", "id": "p1"}}))
    assert other.status_code == 412
