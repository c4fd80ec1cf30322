from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from tests.demo.ehrs import Bench, ids, observation


def entry(method: str, url: str, resource: dict[str, Any] | None = None, **request: str) -> dict[str, Any]:
    found: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        found["resource"] = resource
    return found


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def provenance(target: str) -> dict[str, Any]:
    return {
        "resourceType": "Provenance",
        "target": [{"reference": target}],
        "recorded": "2026-11-23T09:00:00Z",
        "agent": [{"who": {"reference": "Practitioner/demo-surgeon"}}],
    }


def test_a_transaction_writes_all_and_resolves_references(bench: Bench) -> None:
    sent = bundle(
        "transaction",
        {"fullUrl": "urn:uuid:b", **entry("POST", "Provenance", provenance("urn:uuid:a"))},
        {"fullUrl": "urn:uuid:a", **entry("POST", "Observation", observation("ignored"))},
        entry("PUT", "Observation/o1", {**observation("o1"), "valueInteger": 4}, ifMatch='W/"1"'),
        entry("DELETE", "Observation/o4"),
        entry("GET", "Observation?patient=p1&_count=0"),
    )
    answer = bench.http.post("/fhir", json=sent, headers=bench.token("patient/*.cruds"))
    response = answer.json()
    assert (answer.status_code, response["type"]) == (200, "transaction-response")
    assert [one["response"]["status"] for one in response["entry"]] == [
        "201 Created",
        "201 Created",
        "200 OK",
        "204 No Content",
        "200 OK",
    ]
    Bundle.model_validate(response)
    places = [one["response"]["location"].split("/fhir/")[1].split("/_history")[0] for one in response["entry"][:2]]
    stored = bench.http.get(f"/fhir/{places[0]}", headers=bench.token("patient/*.rs")).json()
    assert stored["target"] == [{"reference": places[1]}]
    assert response["entry"][4]["resource"]["total"] == 4


def test_a_transaction_that_fails_writes_nothing(bench: Bench) -> None:
    sent = bundle(
        "transaction",
        entry("POST", "Observation", observation("x", "new")),
        entry("PUT", "Observation/o1", observation("o1"), ifMatch='W/"9"'),
    )
    answer = bench.http.post("/fhir/", json=sent, headers=bench.token())
    assert (answer.status_code, answer.json()["resourceType"]) == (412, "OperationOutcome")
    assert ids(bench.http.get("/fhir/Observation?code=new", headers=bench.token()).json()) == []


def test_a_conditional_create_in_a_transaction_points_to_what_exists(bench: Bench) -> None:
    known = {**observation("x"), "identifier": [{"system": "urn:s", "value": "1"}]}
    sent = bundle(
        "transaction",
        {"fullUrl": "urn:uuid:a", **entry("POST", "Observation", known, ifNoneExist="identifier=urn:s|1")},
        {"fullUrl": "urn:uuid:b", **entry("POST", "Provenance", provenance("urn:uuid:a"))},
    )
    first, second = (bench.http.post("/fhir", json=sent, headers=bench.token()).json() for _ in range(2))
    assert [one["response"]["status"] for one in second["entry"]] == ["200 OK", "201 Created"]
    places = {one["entry"][0]["response"]["location"] for one in (first, second)}
    assert len(places) == 1


def test_a_batch_lets_each_entry_stand_by_itself(bench: Bench) -> None:
    sent = bundle(
        "batch",
        entry("GET", "Observation/o1"),
        entry("GET", "Observation/none"),
        entry("POST", "Observation", {"resourceType": "Observation"}),
        entry("POST", "Observation", observation("x")),
        {"request": "none"},
    )
    response = bench.http.post("/fhir", json=sent, headers=bench.token()).json()
    assert [one["response"]["status"] for one in response["entry"]] == ["200 OK", "404", "422", "201 Created", "400"]
    assert response["entry"][0]["resource"]["id"] == "o1"


@pytest.mark.parametrize(
    "sent",
    [
        {"resourceType": "Patient"},
        [],
        {"resourceType": "Bundle", "type": "collection"},
        {"resourceType": "Bundle", "type": "transaction", "entry": {}},
        bundle("transaction", {"resource": observation("x")}),
        bundle("transaction", entry("PATCH", "Observation/o1")),
        bundle("transaction", entry("POST", "Observation/o1", observation("o1"))),
        bundle("transaction", entry("DELETE", "Observation/o1"), entry("DELETE", "Observation/o1")),
        bundle("transaction", entry("DELETE", "Observation?code=x")),
    ],
)
def test_what_is_no_transaction_is_refused(bench: Bench, sent: Any) -> None:
    assert bench.http.post("/fhir", json=sent, headers=bench.token()).status_code == 400


def test_a_transaction_stays_within_the_scopes(bench: Bench) -> None:
    sent = bundle("transaction", entry("POST", "Observation", observation("x", of="p2")))
    assert bench.http.post("/fhir", json=sent, headers=bench.token("patient/*.cruds")).status_code == 403
    assert bench.http.post("/fhir", json=sent, headers=bench.token("patient/*.rs")).status_code == 403
