from __future__ import annotations

import json
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from tests.demo.ehrs import Bench, ids, observation

JSON = {"Content-Type": "application/fhir+json"}


def new_observation(**changes: Any) -> dict[str, Any]:
    resource = {**observation("x", value=2), **changes}
    del resource["id"]
    return resource


def test_a_resource_is_read_with_its_version(bench: Bench) -> None:
    answer = bench.http.get("/fhir/Observation/o1", headers=bench.token())
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["content-type"].startswith("application/fhir+json")
    assert answer.json()["meta"] == {"versionId": "1", "lastUpdated": "2026-11-23T09:00:00.000Z"}


def test_an_unchanged_resource_is_not_sent_again(bench: Bench) -> None:
    headers = {**bench.token(), "If-None-Match": 'W/"1"'}
    assert bench.http.get("/fhir/Observation/o1", headers=headers).status_code == 304


@pytest.mark.parametrize("path", ["Observation/none", "Observation/o1/_history/9", "Observation/none/_history"])
def test_what_does_not_exist_is_404(bench: Bench, path: str) -> None:
    answer = bench.http.get(f"/fhir/{path}", headers=bench.token())
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (404, "not-found")


@pytest.mark.parametrize("path", ["Spaceship", "Spaceship/1", "observation/o1"])
def test_an_unknown_type_is_404(bench: Bench, path: str) -> None:
    assert bench.http.get(f"/fhir/{path}", headers=bench.token()).status_code == 404


def test_a_create_gives_the_id_and_the_place(bench: Bench) -> None:
    answer = bench.http.post("/fhir/Observation", json={**new_observation(), "id": "mine"}, headers=bench.token())
    created = answer.json()
    assert (answer.status_code, created["id"] != "mine", created["meta"]["versionId"]) == (201, True, "1")
    assert answer.headers["location"] == f"http://127.0.0.1:8000/fhir/Observation/{created['id']}/_history/1"


def test_the_preferred_return_is_respected(bench: Bench) -> None:
    headers = {**bench.token(), "Prefer": "return=minimal"}
    assert bench.http.post("/fhir/Observation", json=new_observation(), headers=headers).content == b""


def test_a_conditional_create_stores_once(bench: Bench) -> None:
    resource = new_observation(identifier=[{"system": "urn:s", "value": "1"}])
    headers = {**bench.token(), "If-None-Exist": "identifier=urn:s|1"}
    first = bench.http.post("/fhir/Observation", json=resource, headers=headers)
    second = bench.http.post("/fhir/Observation", json=resource, headers=headers)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]


@pytest.mark.parametrize(
    ("condition", "status"), [("patient=p1", 412), ("colour=red", 400), ("_count=1", 400), ("", 400)]
)
def test_a_conditional_create_needs_one_clear_match(bench: Bench, condition: str, status: int) -> None:
    headers = {**bench.token(), "If-None-Exist": condition}
    assert bench.http.post("/fhir/Observation", json=new_observation(), headers=headers).status_code == status


def test_an_update_makes_the_next_version_and_keeps_the_old_one(bench: Bench) -> None:
    changed = {**observation("o1"), "valueInteger": 3}
    answer = bench.http.put("/fhir/Observation/o1", json=changed, headers={**bench.token(), "If-Match": 'W/"1"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    versions = [
        bench.http.get(f"/fhir/Observation/o1/_history/{number}", headers=bench.token()).json()["valueInteger"]
        for number in (1, 2)
    ]
    assert versions == [0, 3]
    history = bench.http.get("/fhir/Observation/o1/_history", headers=bench.token()).json()
    assert [entry["request"]["method"] for entry in history["entry"]] == ["PUT", "POST"]
    Bundle.model_validate(history)


@pytest.mark.parametrize(("tag", "status"), [('W/"7"', 412), ('"7"', 412), ("7", 400), ('W/"x"', 400)])
def test_an_update_of_another_version_is_refused(bench: Bench, tag: str, status: int) -> None:
    answer = bench.http.put("/fhir/Observation/o1", json=observation("o1"), headers={**bench.token(), "If-Match": tag})
    assert answer.status_code == status


def test_an_update_creates_nothing(bench: Bench) -> None:
    answer = bench.http.put("/fhir/Observation/new", json=observation("new"), headers=bench.token())
    assert answer.status_code == 404


def test_an_update_keeps_the_id_of_its_address(bench: Bench) -> None:
    answer = bench.http.put("/fhir/Observation/o1", json=observation("o2"), headers=bench.token())
    assert answer.status_code == 400


def test_a_deleted_resource_is_gone(bench: Bench) -> None:
    assert bench.http.delete("/fhir/Observation/o1", headers=bench.token()).status_code == 204
    assert bench.http.get("/fhir/Observation/o1", headers=bench.token()).status_code == 410
    assert "o1" not in ids(bench.http.get("/fhir/Observation?patient=p1", headers=bench.token()).json())


def test_a_patient_with_resources_is_not_deleted(bench: Bench) -> None:
    answer = bench.http.delete("/fhir/Patient/p1", headers=bench.token())
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'{"resourceType": 1}', 400),
        (b'{"resourceType": "Patient"}', 400),
        (b"[" * 100_000, 400),
        (b'{"resourceType": "Observation", "valueInteger": NaN}', 400),
        (b'{"resourceType": "Observation"}', 422),
        (b'{"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "colour": "red"}', 422),
        (json.dumps({**new_observation(), "contained": [{"resourceType": "Spaceship"}]}).encode(), 422),
        (b'{"resourceType": "Observation", "extension": ' + b'[{"extension": ' * 100 + b"[]" + b"}]" * 100 + b"}", 422),
    ],
)
def test_what_is_no_fhir_is_refused(bench: Bench, body: bytes, status: int) -> None:
    answer = bench.http.post("/fhir/Observation", content=body, headers={**bench.token(), **JSON})
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")


def test_a_refusal_never_repeats_values(bench: Bench) -> None:
    body = {**new_observation(), "valueInteger": "Mrs Secret"}
    answer = bench.http.post("/fhir/Observation", json=body, headers=bench.token())
    assert (answer.status_code, "Secret" in answer.text) == (422, False)


@pytest.mark.parametrize("kind", ["text/xml", "application/xml", "text/plain"])
def test_only_json_is_taken_and_given(bench: Bench, kind: str) -> None:
    sent = bench.http.post("/fhir/Observation", content=b"<x/>", headers={**bench.token(), "Content-Type": kind})
    asked = bench.http.get("/fhir/Observation/o1", headers={**bench.token(), "Accept": kind})
    assert (sent.status_code, asked.status_code) == (415, 406)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "Observation/o1"), ("POST", "Observation/o1"), ("DELETE", "Observation"), ("GET", "")],
)
def test_an_interaction_that_is_not_offered_is_405(bench: Bench, method: str, path: str) -> None:
    assert bench.http.request(method, f"/fhir/{path}", headers=bench.token()).status_code == 405


def test_the_capability_statement_is_valid_and_needs_no_token(bench: Bench) -> None:
    statement = bench.http.get("/fhir/metadata").json()
    CapabilityStatement.model_validate(statement)
    rest = statement["rest"][0]
    uris = {one["url"]: one["valueUri"] for one in rest["security"]["extension"][0]["extension"]}
    assert uris["token"] == "http://127.0.0.1:8000/smart/token"  # noqa: S105 an address
    assert rest["interaction"] == [{"code": "transaction"}, {"code": "batch"}]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}])
def test_without_a_valid_token_nothing_is_shown(bench: Bench, headers: dict[str, str]) -> None:
    answer = bench.http.get("/fhir/Observation/o1", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"].split(" ")[0]) == (401, "Bearer")


def test_a_token_ends(bench: Bench) -> None:
    headers = bench.token()
    bench.clock.forward(seconds=901)
    assert bench.http.get("/fhir/Observation/o1", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("patient/*.rs", "GET", "Observation/o1", 200),
        ("patient/*.read", "GET", "Observation/o1", 200),
        ("patient/Observation.r", "GET", "Observation/o1", 200),
        ("patient/Observation.s", "GET", "Observation/o1", 403),
        ("patient/Condition.rs", "GET", "Observation/o1", 403),
        ("patient/*.rs", "GET", "Observation/o5", 403),
        ("user/*.rs", "GET", "Observation/o5", 200),
        ("patient/*.rs", "GET", "Patient/p2", 403),
        ("patient/*.rs", "GET", "Practitioner/demo-surgeon", 200),
        ("patient/*.rs", "GET", "Observation?patient=p2", 403),
        ("patient/*.rs", "GET", "Observation/o5/_history", 403),
        ("patient/*.rs", "DELETE", "Observation/o1", 403),
        ("patient/*.write", "GET", "Observation/o1", 403),
        ("patient/Observation.rs?status=final", "GET", "Observation/o1", 200),
        ("patient/Observation.rs?status=final", "GET", "Observation/o3", 403),
        ("openid launch", "GET", "Observation/o1", 403),
        ("patient/Observation.sr", "GET", "Observation/o1", 403),
    ],
)
def test_scopes_decide_what_a_token_reaches(bench: Bench, scope: str, method: str, path: str, status: int) -> None:
    assert bench.http.request(method, f"/fhir/{path}", headers=bench.token(scope)).status_code == status


def test_a_search_without_patient_shows_only_the_patient_in_context(bench: Bench) -> None:
    found = bench.http.get("/fhir/Observation", headers=bench.token("patient/*.rs", patient="p2")).json()
    assert ids(found) == ["o5"]


def test_a_patient_token_writes_for_its_patient_only(bench: Bench) -> None:
    headers = bench.token("patient/*.cruds", patient="p1")
    foreign = {**new_observation(), "subject": {"reference": "Patient/p2"}}
    assert bench.http.post("/fhir/Observation", json=foreign, headers=headers).status_code == 403
    stolen = {**observation("o5"), "subject": {"reference": "Patient/p1"}}
    assert bench.http.put("/fhir/Observation/o5", json=stolen, headers=headers).status_code == 403
