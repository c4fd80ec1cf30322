"""The mark in the place of each string of a call, one after the other, and as a member of each object: it goes nowhere.

What is asserted here is that the call ends well; that the mark is seen nowhere is watched by `tests.canary.plugin`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.canary.mark import MARK
from tests.charts import standard_chart
from tests.checked_client import PATIENT_VIEW
from tests.hooks.serving import NOW, authorization, bundle, examples, message, prefetch_of, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


HEADERS = {"content-type": "application/json", "authorization": f"Bearer {MARK}", "cookie": f"a={MARK}"}


def patient_view() -> dict[str, Any]:
    charted = standard_chart(examples()["V01"], as_of=NOW, patient_id="p1")
    resources = [resource for of_type in charted.values() for resource in of_type]
    server: dict[str, Any] = {"fhirServer": "https://fhir.example.org", "fhirAuthorization": authorization(MARK)}
    return message(prefetch=prefetch_of(resources), **server)


def order_sign() -> dict[str, Any]:
    draft = {
        "resourceType": "ServiceRequest",
        "id": "draft-1",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "47000", "display": "Biopsy"}]},
    }
    found = patient_view()
    return {**found, "hook": "order-sign", "context": {**found["context"], "draftOrders": bundle([draft])}}


def altered(body: Any) -> Iterator[Any]:
    """Give the body with each of its strings replaced, and with each of its objects widened, one at a time."""
    match body:
        case str():
            yield MARK
        case dict():
            yield {**body, MARK: MARK}
            for name, member in body.items():
                for found in altered(member):
                    yield {**body, name: found}
        case list():
            for at, member in enumerate(body):
                for found in altered(member):
                    yield [*body[:at], found, *body[at + 1 :]]


def of_the_drafts() -> Iterator[Any]:
    whole = order_sign()
    return ({**whole, "context": found} for found in altered(whole["context"]))


@pytest.mark.parametrize(
    ("hook", "bodies"), [("patient-view", list(altered(patient_view()))), ("order-sign", list(of_the_drafts()))]
)
async def test_no_string_of_a_call_is_logged_kept_counted_or_repeated(
    tmp_path: Path, hook: str, bodies: list[Any]
) -> None:
    audit: dict[str, Any] = {
        "audit_log": str(tmp_path / "audit.jsonl"),
        "pseudonym_key": "a key of the tests, long enough to be one",
    }
    async with served(tmp_path, **audit, repeat_after_s=60) as client:
        for found in bodies:
            answer = await client.request(
                "POST",
                PATIENT_VIEW.replace("patient-view", hook),
                content=json.dumps(found),
                headers=HEADERS,
                params={"patient": MARK},
            )
            assert answer.status_code in {200, 400, 403, 412}
        assert (await client.get("/metrics")).status_code == 200
    assert (tmp_path / "audit.jsonl").read_text(encoding="utf-8").count("\n") > len(bodies) / 2
    assert len(bodies) > 15
