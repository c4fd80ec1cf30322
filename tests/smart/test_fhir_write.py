import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from service.adapters.fhir_answers import read_answer, read_transaction
from service.adapters.fhir_write import AccessEndedError, FhirWriter, NotWritten, Write, WriteOutcome, Written
from service.adapters.write_permissions import Permissions, permissions_from
from tests.smart.ehr import ISS
from tests.smart.fhir import FakeFhir

FULL = frozenset(
    {"patient/Observation.cruds", "patient/Provenance.c", "patient/DocumentReference.c", "patient/CarePlan.c"}
)
SYSTEM = "https://crlm-cds.example/fhir/identifier/case-fact"


def _observation(fact: str, value: int, *, name: str = "3f0c0000-0000-4000-8000-000000000001") -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "identifier": [{"system": SYSTEM, "value": f"p1/{fact}"}],
        "status": "final",
        "code": {"coding": [{"code": fact}]},
        "valueInteger": value,
    }


def _write(fact: str, value: int = 1, *, replaces: tuple[str, str] | None = None) -> Write:
    return Write(fact, _observation(fact, value, name=f"new-{fact}"), f"{SYSTEM}|p1/{fact}", replaces)


def _provenance(targets: Sequence[str]) -> dict[str, Any]:
    return {"resourceType": "Provenance", "id": "x", "target": [{"reference": target} for target in targets]}


def _document() -> Write:
    body = {"resourceType": "DocumentReference", "id": "d", "status": "current"}
    return Write("summary", body, f"{SYSTEM}|p1/summary")


async def _save(fhir: FakeFhir, *writes: Write, scopes: frozenset[str] = FULL) -> WriteOutcome:
    writer = FhirWriter(ISS, "secret-token", scopes, fhir)
    return await writer.save(writes, provenance=_provenance, document=_document)


async def test_one_transaction_writes_all_with_a_provenance_that_names_them() -> None:
    fhir = FakeFhir()
    outcome = await _save(fhir, _write("ecog"), _write("asa", 2))
    first, second = (resource["id"] for resource in fhir.of("Observation"))
    assert outcome == WriteOutcome(
        "transaction",
        (
            Written("ecog", f"Observation/{first}", "created", "1"),
            Written("asa", f"Observation/{second}", "created", "1"),
        ),
        provenance=True,
    )
    (provenance,) = fhir.of("Provenance")
    assert [target["reference"] for target in provenance["target"]] == [f"Observation/{first}", f"Observation/{second}"]


async def test_our_own_earlier_observation_is_updated_in_its_version() -> None:
    fhir = FakeFhir().add(_observation("ecog", 0, name="mine"))
    outcome = await _save(fhir, _write("ecog", 2, replaces=("mine", "1")))
    assert outcome.written == (Written("ecog", "Observation/mine", "updated", None),)
    assert (fhir.kept["Observation/mine"]["valueInteger"], len(fhir.of("Observation"))) == (2, 1)


async def test_a_version_that_moved_on_is_a_conflict_and_undoes_the_whole_transaction() -> None:
    fhir = FakeFhir().add(_observation("ecog", 0, name="mine"))
    fhir.kept["Observation/mine"]["meta"]["versionId"] = "2"
    outcome = await _save(fhir, _write("asa"), _write("ecog", 2, replaces=("mine", "1")))
    assert outcome == WriteOutcome(None, (), (NotWritten("asa", "conflict"), NotWritten("ecog", "conflict")))
    assert [resource["valueInteger"] for resource in fhir.of("Observation")] == [0]


async def test_a_second_post_of_the_same_writes_nothing_twice() -> None:
    fhir = FakeFhir()
    await _save(fhir, _write("ecog"))
    outcome = await _save(fhir, _write("ecog"))
    assert [found.how for found in outcome.written] == ["already there"]
    assert len(fhir.of("Observation")) == 1


@pytest.mark.parametrize("transactions", [True, False])
async def test_another_value_under_our_identifier_is_a_conflict(*, transactions: bool) -> None:
    fhir = FakeFhir(transactions=transactions).add(_observation("ecog", 3, name="somebody"))
    outcome = await _save(fhir, _write("ecog", 1))
    assert outcome.not_written == (NotWritten("ecog", "conflict"),)
    assert fhir.kept["Observation/somebody"]["valueInteger"] == 3


async def test_without_transactions_the_observations_go_one_by_one() -> None:
    fhir = FakeFhir(transactions=False)
    outcome = await _save(fhir, _write("ecog"), _write("asa"))
    assert (outcome.rung, [found.about for found in outcome.written], outcome.provenance) == (
        "one-by-one",
        ["ecog", "asa"],
        True,
    )


async def test_a_transaction_that_the_ehr_promised_and_refuses_goes_one_rung_down() -> None:
    fhir = FakeFhir(status_of={"POST": 501})
    assert (await _save(fhir, _write("ecog"))).rung == "one-by-one"


async def test_a_failed_transaction_is_not_tried_another_way() -> None:
    fhir = FakeFhir(status_of={"POST": 500})
    outcome = await _save(fhir, _write("ecog"))
    assert outcome == WriteOutcome(None, (), (NotWritten("ecog", "failed"),))
    assert fhir.of("Observation") == []


async def test_one_conflict_among_single_writes_costs_only_itself() -> None:
    fhir = FakeFhir(transactions=False).add(_observation("ecog", 0, name="mine"))
    outcome = await _save(fhir, _write("asa"), _write("ecog", 2, replaces=("mine", "7")))
    assert ([found.about for found in outcome.written], outcome.left("conflict")) == (["asa"], ("ecog",))


async def test_where_observations_are_refused_a_document_carries_the_summary() -> None:
    fhir = FakeFhir(writable={"DocumentReference": ("create",)})
    outcome = await _save(fhir, _write("ecog"))
    (document,) = fhir.of("DocumentReference")
    assert (outcome.rung, outcome.document) == ("document", f"DocumentReference/{document['id']}")
    assert outcome.left("refused") == ("ecog",)


async def test_scopes_that_allow_reading_alone_write_nothing() -> None:
    fhir = FakeFhir()
    outcome = await _save(fhir, _write("ecog"), scopes=frozenset({"patient/*.rs"}))
    assert outcome == WriteOutcome(None, (), (NotWritten("ecog", "refused"),))
    assert {request.method for request in fhir.requests} == {"GET"}


async def test_an_update_without_the_right_to_update_is_refused_and_not_created_beside() -> None:
    fhir = FakeFhir().add(_observation("ecog", 0, name="mine"))
    scopes = frozenset({"patient/Observation.crs"})
    outcome = await _save(fhir, _write("ecog", 2, replaces=("mine", "1")), scopes=scopes)
    assert outcome.left("refused") == ("ecog",)
    assert len(fhir.of("Observation")) == 1


async def test_a_provenance_that_the_ehr_does_not_take_costs_nothing_else() -> None:
    fhir = FakeFhir(writable={"Observation": ("create",)})
    outcome = await _save(fhir, _write("ecog"))
    assert (outcome.rung, outcome.provenance) == ("transaction", False)


async def test_a_lost_connection_fails_the_writes_it_hit() -> None:
    fhir = FakeFhir(transactions=False, unreachable=frozenset({"POST Observation"}))
    assert await _save(fhir, _write("ecog")) == WriteOutcome(None, (), (NotWritten("ecog", "failed"),))


async def test_an_ended_access_is_raised_so_that_the_user_can_log_in_again() -> None:
    with pytest.raises(AccessEndedError):
        await _save(FakeFhir(status_of={"POST": 401}), _write("ecog"))


async def test_the_token_goes_out_in_the_header_alone() -> None:
    fhir = FakeFhir()
    await _save(fhir, _write("ecog"))
    assert {request.headers["authorization"] for request in fhir.requests} == {"Bearer secret-token"}
    assert not [request for request in fhir.requests if "secret-token" in str(request.url)]
    assert "secret-token" not in repr(FhirWriter(ISS, "secret-token", FULL, fhir))


@pytest.mark.parametrize("body", [b"", b"[]", b'{"entry": {}}', b'{"entry": [{}]}', b'{"entry": [{"response": 1}]}'])
def test_a_transaction_answer_of_another_shape_is_no_answer(body: bytes) -> None:
    assert read_transaction(body, expected=1) is None


def test_a_location_of_another_shape_names_nothing() -> None:
    for location in ("javascript:alert(1)", "https://x/../../etc", "Observation/a%20b"):
        response = httpx.Response(201, headers={"Location": location}, content=b"")
        assert read_answer(response).reference is None


def test_without_a_statement_the_scopes_decide() -> None:
    allowed = frozenset({("Observation", "create"), ("Observation", "update")})
    for statement in (None, b"", b"<html>", b"{}", b'{"rest": [{"mode": "client"}]}'):
        assert permissions_from(statement, {"patient/Observation.cu"}) == Permissions(transaction=True, allowed=allowed)


@pytest.mark.parametrize(
    ("version", "is_written"), [("1.0.2", False), ("3.0.2", False), ("4.0.1", True), ("4.3.0", True), ("5.0.0", True)]
)
def test_an_ehr_of_a_version_before_r4_is_written_nothing(version: str, *, is_written: bool) -> None:
    statement = json.dumps({"resourceType": "CapabilityStatement", "fhirVersion": version}).encode()
    found = permissions_from(statement, {"patient/Observation.cu"})
    assert (found.transaction, found.may("create", "Observation")) == (is_written, is_written)


async def test_an_ehr_without_a_statement_is_tried_as_far_as_the_scopes_go() -> None:
    for fhir in (FakeFhir(metadata=False), FakeFhir(unreachable=frozenset({"GET metadata"}))):
        assert (await _save(fhir, _write("ecog"))).rung == "transaction"


async def test_a_transaction_whose_answer_cannot_be_read_has_failed_and_is_safe_to_repeat() -> None:
    class Mumbling(FakeFhir):
        async def send(self, request: httpx.Request) -> httpx.Response:
            answer = await super().send(request)
            return httpx.Response(200, text="ok", request=request) if request.method == "POST" else answer

    fhir = Mumbling()
    assert await _save(fhir, _write("ecog")) == WriteOutcome(None, (), (NotWritten("ecog", "failed"),))
    assert len(fhir.of("Observation")) == 1
    repeated = await _save(FakeFhir(kept=fhir.kept), _write("ecog"))
    assert [found.how for found in repeated.written] == ["already there"]
    assert len(fhir.of("Observation")) == 1


async def test_a_lost_connection_to_the_transaction_fails_all_of_it() -> None:
    fhir = FakeFhir(unreachable=frozenset({"POST"}))
    outcome = await _save(fhir, _write("ecog"), _write("asa"))
    assert outcome.left("failed") == ("ecog", "asa")


@pytest.mark.parametrize(
    "fault", [{"unreachable": frozenset({"GET Observation"})}, {"status_of": {"GET Observation": 403}}]
)
async def test_what_is_already_there_but_cannot_be_read_is_not_called_saved(fault: dict[str, Any]) -> None:
    fhir = FakeFhir(**fault).add(_observation("ecog", 1, name="somebody"))
    assert (await _save(fhir, _write("ecog", 1))).left("failed") == ("ecog",)


THERE = _observation("ecog", 1, name="somebody")
SEARCHED = {"resourceType": "Bundle", "type": "searchset"}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({**SEARCHED, "entry": ["x"]}, "failed"),
        ({**SEARCHED, "entry": {"a": 1}}, "failed"),
        ({**SEARCHED, "entry": [{}]}, "failed"),
        ({**SEARCHED, "entry": [{"resource": "x"}]}, "failed"),
        ({**SEARCHED, "entry": [{"resource": {"resourceType": "OperationOutcome", "id": "x"}}]}, "failed"),
        ({**THERE, "id": 7}, "failed"),
        ({**THERE, "valueQuantity": "x"}, None),
        ({**THERE, "meta": "x"}, None),
        ({**THERE, "valueQuantity": {"value": 1}}, "conflict"),
        ({**THERE, "valueCodeableConcept": "x"}, None),
        ({**THERE, "valueCodeableConcept": {"coding": ["x"]}}, None),
        ({**THERE, "valueCodeableConcept": {"coding": [{"code": "a"}, {"system": "s", "code": "b"}]}}, "conflict"),
        ({**SEARCHED, "entry": [{"resource": {"resourceType": "OperationOutcome"}}, {"resource": THERE}]}, None),
    ],
)
async def test_what_is_already_there_is_read_whatever_its_shape(said: dict[str, Any], why: str | None) -> None:
    class Odd(FakeFhir):
        async def send(self, request: httpx.Request) -> httpx.Response:
            asked = request.method == "GET" and "/Observation" in str(request.url)
            return httpx.Response(200, json=said, request=request) if asked else await super().send(request)

    outcome = await _save(Odd().add(THERE), _write("ecog", 1))
    assert outcome.not_written == ((NotWritten("ecog", why),) if why else ())  # type: ignore[arg-type]  # of the table
    assert [found.how for found in outcome.written] == ([] if why else ["already there"])


async def test_an_id_longer_than_that_of_r4_is_one_that_was_created() -> None:
    name = "eGt_OmkYFIMIGE.zc" * 5

    class LongNamed(FakeFhir):
        async def send(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST" and str(request.url).endswith("/Observation"):
                return httpx.Response(201, headers={"Location": f"{ISS}/Observation/{name}"}, request=request)
            return await super().send(request)

    fhir = LongNamed(transactions=False)
    assert await _save(fhir, _write("ecog")) == WriteOutcome(
        "one-by-one", (Written("ecog", f"Observation/{name}", "created"),), provenance=True
    )
    assert fhir.of("Provenance")[0]["target"] == [{"reference": f"Observation/{name}"}]


async def test_a_provenance_or_document_that_gets_lost_costs_nothing_else() -> None:
    fhir = FakeFhir(transactions=False, unreachable=frozenset({"POST Provenance"}))
    outcome = await _save(fhir, _write("ecog"))
    assert ([found.about for found in outcome.written], outcome.provenance) == (["ecog"], False)
    closed = FakeFhir(writable={"DocumentReference": ("create",)}, unreachable=frozenset({"POST DocumentReference"}))
    assert (await _save(closed, _write("ecog"))).document is None


async def test_an_optional_write_is_left_out_where_it_is_not_allowed() -> None:
    fhir = FakeFhir(writable={"Observation": ("create",)})
    plan = Write("care-plan", {"resourceType": "CarePlan", "id": "c"}, f"{SYSTEM}|p1/plan", is_optional=True)
    outcome = await _save(fhir, _write("ecog"), plan)
    assert (outcome.rung, [found.about for found in outcome.written], outcome.not_written) == (
        "transaction",
        ["ecog"],
        (),
    )


@pytest.mark.parametrize("transactions", [True, False])
async def test_a_correction_that_is_sent_twice_is_saved_and_no_conflict_with_oneself(*, transactions: bool) -> None:
    fhir = FakeFhir(transactions=transactions).add(_observation("ecog", 0, name="mine"))
    writes = (_write("asa", 2), _write("ecog", 2, replaces=("mine", "1")))
    await _save(fhir, *writes)
    written = len(fhir.of("Provenance"))
    again = await _save(fhir, *writes)
    assert ([found.how for found in again.written], again.not_written, again.provenance) == (
        ["already there", "already there"],
        (),
        False,
    )
    assert (len(fhir.of("Observation")), len(fhir.of("Provenance"))) == (2, written)


@pytest.mark.parametrize("transactions", [True, False])
async def test_a_conflict_whose_newer_value_cannot_be_read_stays_a_conflict(*, transactions: bool) -> None:
    fhir = FakeFhir(transactions=transactions, unreachable=frozenset({"GET Observation"}))
    fhir.add(_observation("ecog", 2, name="mine"))
    outcome = await _save(fhir, _write("ecog", 2, replaces=("mine", "7")))
    assert outcome.not_written == (NotWritten("ecog", "conflict"),)


async def test_another_comment_under_our_identifier_is_a_conflict() -> None:
    fhir = FakeFhir().add({**_observation("ecog", 1, name="somebody"), "note": [{"text": "seen by A"}]})
    mine = _write("ecog", 1)
    outcome = await _save(fhir, replace(mine, resource={**mine.resource, "note": [{"text": "seen by B"}]}))
    assert outcome.not_written == (NotWritten("ecog", "conflict"),)
