from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from fhir_mappings.bundle import Scan
from fhir_mappings.terminology import load_terminology
from service.cds.messages import AccessToken, HookContext, parse_request
from service.cds.prefetch import prefetch_keys
from service.cds.prefetch_states import KeyState, SentKey, read_prefetch
from service.errors import MalformedRequest, NotForThisReader
from tests.canary.mark import MARK
from tests.checked_client import HOOK_INSTANCE, patient_view

CANARY = f"{MARK}-1"
ORDERS = {"resourceType": "Bundle", "entry": []}
AUTHORIZATION = {
    "access_token": "token-1",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/Condition.rs",
    "subject": "crlm",
}


def parse(message: dict[str, Any] | bytes, *, hook: str = "patient-view") -> Any:
    return parse_request(message if isinstance(message, bytes) else json.dumps(message).encode(), hook=hook)


def refusal(message: dict[str, Any] | bytes, *, hook: str = "patient-view") -> tuple[str, str | None]:
    with pytest.raises(MalformedRequest) as found:
        parse(message, hook=hook)
    return str(found.value), found.value.element


def order(hook: str, **context: Any) -> dict[str, Any]:
    members = {"patientId": "p1", "userId": "Practitioner/1", "selections": ["A/1"], "draftOrders": ORDERS, **context}
    return patient_view(hook=hook, context={name: value for name, value in members.items() if value is not ...})


def test_a_lifetime_in_seconds_may_be_written_with_a_point() -> None:
    sent = {**AUTHORIZATION, "expires_in": 300.0}
    assert parse(patient_view(fhirServer="https://x", fhirAuthorization=sent)).fhir_authorization.expires_in_s == 300


def test_the_smallest_request_is_read_with_nothing_in_the_optional_places() -> None:
    request = parse(patient_view())
    assert (request.hook, request.hook_instance, request.context, request.prefetch) == (
        "patient-view",
        HOOK_INSTANCE,
        HookContext("p1", "Practitioner/dr1"),
        {},
    )
    assert (request.fhir_server, request.fhir_authorization) == (None, None)


def test_prefetch_values_stay_slices_of_the_body_null_included() -> None:
    request = parse(
        b'{"hook":"patient-view","hookInstance":"%s","context":{"patientId":"p","userId":"Practitioner/1"},'
        b'"prefetch":{"conditions": {"a" : 1} ,"patient":null}}' % HOOK_INSTANCE.encode()
    )
    assert {key: bytes(raw) for key, raw in request.prefetch.items()} == {
        "conditions": b'{"a" : 1}',
        "patient": b"null",
    }


def test_of_a_repeated_member_the_last_counts() -> None:
    body = json.dumps(patient_view()).encode()[:-1]
    request = parse(body + b',"hook":"other","hook":"patient-view","prefetch":{"a":1},"prefetch":{"b":2,"b":3}}')
    assert {key: bytes(raw) for key, raw in request.prefetch.items()} == {"b": b"3"}


@pytest.mark.duty(23, 86)
def test_unknown_members_and_an_extension_object_are_ignored() -> None:
    message = patient_view(extension={"com.epic": {"version": None}}, something=[{"else": 1}])
    message["context"]["more"] = {"a": [1]}
    assert parse(message).context.patient_id == "p1"


def test_null_and_empty_text_in_optional_places_count_as_absent() -> None:
    message = patient_view() | {"fhirServer": None, "prefetch": None, "extension": None, "fhirAuthorization": None}
    message["context"]["encounterId"] = ""
    request = parse(message)
    assert (request.fhir_server, request.prefetch, request.context.encounter_id) == (None, {}, None)


@pytest.mark.duty(24)
def test_the_hook_instance_may_be_written_in_capitals() -> None:
    assert parse(patient_view(hookInstance=HOOK_INSTANCE.upper())).hook_instance == HOOK_INSTANCE


@pytest.mark.duty(25)
def test_ids_written_as_references_are_stripped() -> None:
    context = {"patientId": "Patient/p1", "userId": "PractitionerRole/r-1.2_3", "encounterId": "Encounter/e1"}
    assert parse(patient_view(context=context)).context == HookContext("p1", "PractitionerRole/r-1.2_3", "e1")


@pytest.mark.duty(25)
def test_ids_longer_than_those_of_fhir_are_accepted() -> None:
    assert (
        len(parse(patient_view(context={"patientId": "e" * 90, "userId": "Practitioner/1"})).context.patient_id) == 90
    )


@pytest.mark.duty(27, 79)
def test_the_fhir_authorization_is_read_and_its_token_never_printed() -> None:
    request = parse(
        patient_view(fhirServer="https://fhir.example.org/r4/", fhirAuthorization={**AUTHORIZATION, "patient": "p1"})
    )
    found = request.fhir_authorization
    assert request.fhir_server == "https://fhir.example.org/r4"
    assert (found.token.reveal(), found.expires_in_s, found.subject) == ("token-1", 300, "crlm")
    assert "token-1" not in f"{request} {request!r} {found.token} {found.token!r}"
    assert str(AccessToken("a")) == "AccessToken(***)"


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_orders_are_handed_on_raw_with_their_selections(hook: str) -> None:
    context = parse(order(hook), hook=hook).context
    assert (context.selections, json.loads(bytes(context.draft_orders))) == (("A/1",), ORDERS)


def test_order_sign_needs_no_selections() -> None:
    assert parse(order("order-sign", selections=...), hook="order-sign").context.selections == ()


def test_patient_view_does_not_look_at_orders() -> None:
    message = patient_view()
    message["context"] |= {"draftOrders": ORDERS, "selections": ["A/1"]}
    assert parse(message).context.draft_orders is None


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in patient_view().items() if key != name}


def in_context(**changes: Any) -> dict[str, Any]:
    context = {"patientId": "p1", "userId": "Practitioner/1", **changes}
    return patient_view(context={name: value for name, value in context.items() if value is not ...})


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (without("hook"), ("hook is required", "hook")),
        (without("hookInstance"), ("hookInstance is required", "hookInstance")),
        (without("context"), ("context is required", "context")),
        (in_context(patientId=...), ("context.patientId is required", "context.patientId")),
        (in_context(userId=...), ("context.userId is required", "context.userId")),
        (patient_view(hook="order-sign"), ("hook must be 'patient-view' for this service", "hook")),
        (patient_view(hook=[CANARY]), ("hook has the wrong JSON type: expected string", "hook")),
        (patient_view(hookInstance=7), ("hookInstance has the wrong JSON type: expected string", "hookInstance")),
        (patient_view(hookInstance=CANARY), ("hookInstance must be a UUID", "hookInstance")),
        (patient_view(hookInstance="urn:uuid:" + HOOK_INSTANCE), ("hookInstance must be a UUID", "hookInstance")),
        (patient_view(context=[CANARY]), ("context has the wrong JSON type: expected object", "context")),
        (
            in_context(patientId=None),
            ("context.patientId has the wrong JSON type: expected string", "context.patientId"),
        ),
        (in_context(patientId=12), ("context.patientId has the wrong JSON type: expected string", "context.patientId")),
        (in_context(patientId=""), ("context.patientId must be the id of a Patient", "context.patientId")),
        (in_context(patientId=f"{CANARY}&x=1"), ("context.patientId must be the id of a Patient", "context.patientId")),
        (in_context(patientId="a/b"), ("context.patientId must be the id of a Patient", "context.patientId")),
        (in_context(encounterId="?"), ("context.encounterId must be the id of an Encounter", "context.encounterId")),
        (
            in_context(userId=CANARY),
            ("context.userId must be 'Practitioner/id' or 'PractitionerRole/id'", "context.userId"),
        ),
        (
            in_context(userId="Organization/1"),
            ("context.userId must be 'Practitioner/id' or 'PractitionerRole/id'", "context.userId"),
        ),
        (patient_view(prefetch=[CANARY]), ("prefetch has the wrong JSON type: expected object or null", "prefetch")),
        (patient_view(extension=[CANARY]), ("extension has the wrong JSON type: expected object or null", "extension")),
        (
            patient_view(fhirServer="https://x", fhirAuthorization={**AUTHORIZATION, "expires_in": "300"}),
            ("fhirAuthorization.expires_in has the wrong JSON type: expected number", "fhirAuthorization.expires_in"),
        ),
        (patient_view(fhirServer=1), ("fhirServer has the wrong JSON type: expected string or null", "fhirServer")),
        (patient_view(fhirServer=""), ("fhirServer must be an absolute http or https URL", "fhirServer")),
        (patient_view(fhirServer=CANARY), ("fhirServer must be an absolute http or https URL", "fhirServer")),
        (patient_view(fhirServer="ftp://x/y"), ("fhirServer must be an absolute http or https URL", "fhirServer")),
        (patient_view(fhirServer="https://x:9e9"), ("fhirServer must be an absolute http or https URL", "fhirServer")),
        (patient_view(fhirServer="https://[x"), ("fhirServer must be an absolute http or https URL", "fhirServer")),
        (patient_view(fhirServer="https://x/a b"), ("fhirServer must be an absolute http or https URL", "fhirServer")),
        (patient_view(fhirServer="https://x*"), ("fhirServer must be an absolute http or https URL", "fhirServer")),
        (patient_view(fhirServer="https://x/\ta"), ("fhirServer must be an absolute http or https URL", "fhirServer")),
        (patient_view(fhirServer="https://x\n"), ("fhirServer must be an absolute http or https URL", "fhirServer")),
        (patient_view(fhirServer=" https://x"), ("fhirServer must be an absolute http or https URL", "fhirServer")),
        (patient_view(fhirServer="https://u:p@x"), ("fhirServer must have no user, query or fragment", "fhirServer")),
        (patient_view(fhirServer="https://x?a=1"), ("fhirServer must have no user, query or fragment", "fhirServer")),
        (patient_view(fhirServer="https://x/r4?"), ("fhirServer must have no user, query or fragment", "fhirServer")),
        (patient_view(fhirServer="https://x/r4#"), ("fhirServer must have no user, query or fragment", "fhirServer")),
        (
            patient_view(fhirAuthorization=AUTHORIZATION),
            ("fhirServer is required where fhirAuthorization is sent", "fhirServer"),
        ),
        ([], ("the body has the wrong JSON type: expected object", None)),
        (b'"x"', ("the body has the wrong JSON type: expected object", None)),
    ],
)  # fmt: skip
def test_a_faulty_member_is_named_and_not_repeated(message: Any, expected: tuple[str, str | None]) -> None:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    assert refusal(body) == expected
    assert CANARY not in str(expected)


@pytest.mark.parametrize(
    ("change", "element"),
    [
        ({"token_type": "MAC"}, "token_type"),
        ({"access_token": ""}, "access_token"),
        ({"access_token": f"{CANARY}\r\nX: 1"}, "access_token"),
        ({"access_token": "two words"}, "access_token"),
        ({"access_token": "tökén"}, "access_token"),
        ({"expires_in": "300"}, "expires_in"),
        ({"expires_in": 10**400}, "expires_in"),
        ({"expires_in": -(10**400)}, "expires_in"),
        ({"scope": None}, "scope"),
    ],
)
def test_a_faulty_authorization_is_refused_without_its_token(change: dict[str, Any], element: str) -> None:
    message = patient_view(fhirServer="https://x", fhirAuthorization={**AUTHORIZATION, **change})
    text, found = refusal(message)
    assert found == f"fhirAuthorization.{element}"
    assert CANARY not in text


@pytest.mark.duty(27)
@pytest.mark.parametrize("name", sorted(AUTHORIZATION))
def test_every_member_of_the_authorization_is_required(name: str) -> None:
    rest = {key: value for key, value in AUTHORIZATION.items() if key != name}
    assert refusal(patient_view(fhirServer="https://x", fhirAuthorization=rest)) == (
        f"fhirAuthorization.{name} is required",
        f"fhirAuthorization.{name}",
    )


@pytest.mark.parametrize(
    ("hook", "change", "expected"),
    [
        ("order-sign", {"draftOrders": ...}, ("context.draftOrders is required", "context.draftOrders")),
        ("order-sign", {"draftOrders": None}, ("context.draftOrders must be a Bundle", "context.draftOrders")),
        ("order-select", {"draftOrders": [CANARY]}, ("context.draftOrders must be a Bundle", "context.draftOrders")),
        ("order-select", {"selections": ...}, ("context.selections is required", "context.selections")),
        (
            "order-select",
            {"selections": [1]},
            ("context.selections[0] has the wrong JSON type: expected string", "context.selections[0]"),
        ),
    ],
)
def test_faulty_orders_are_named(hook: str, change: dict[str, Any], expected: tuple[str, str]) -> None:
    assert refusal(order(hook, **change), hook=hook) == expected


@pytest.mark.duty(26)
@pytest.mark.parametrize("user", ["Patient/p1", "RelatedPerson/r1"])
def test_a_reader_who_is_no_clinician_is_refused_rather_than_left_without_advice(user: str) -> None:
    with pytest.raises(NotForThisReader, match=r"^this service advises clinicians"):
        parse(in_context(userId=user))


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"01", b"+1"])
@pytest.mark.parametrize("place", [b'"prefetch":{"k":%s}', b'"extension":{"k":{"a":[%s]}}', b'"unknown":%s'])
def test_numbers_that_json_does_not_have_are_refused_wherever_they_stand(number: bytes, place: bytes) -> None:
    body = json.dumps(patient_view()).encode()[:-1] + b"," + place % number + b"}"
    assert refusal(body) == ("the body must be one JSON object: it cannot be parsed", None)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{'hook':1}", b'{"hook":"patient-view",}', b"// comment\n{}", b"\xef\xbb\xbf{}", b"hook=1"],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    assert refusal(body) == ("the body must be one JSON object: it cannot be parsed", None)


def test_a_second_value_after_the_request_is_refused() -> None:
    body = json.dumps(patient_view()).encode() + b"{}"
    assert refusal(body) == ("the body must be one JSON object: it cannot be parsed", None)


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80"])
def test_bytes_that_are_no_utf_8_are_refused_also_in_the_prefetch(bad: bytes) -> None:
    body = json.dumps(patient_view()).encode()[:-1] + b',"prefetch":{"k":"' + bad + b'"}}'
    assert refusal(body) == ("the body must be JSON in UTF-8", None)


def test_text_beyond_ascii_is_read() -> None:
    body = json.dumps(patient_view(prefetch={"k": "Müller"}), ensure_ascii=False).encode()
    assert bytes(parse(body).prefetch["k"]) == '"Müller"'.encode()


def test_a_text_that_was_cut_in_the_middle_of_a_character_is_read() -> None:
    body = json.dumps(patient_view(prefetch={"k": "Leber \ud83d"})).encode()
    assert bytes(parse(body).prefetch["k"]) == rb'"Leber \ufffd"'


@pytest.mark.parametrize("place", [b'"prefetch":{"k":%s}', b'"unknown":%s', b'"context":%s'])
@pytest.mark.parametrize(("open_", "close"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_of_ten_thousand_levels_is_refused(place: bytes, open_: bytes, close: bytes) -> None:
    deep = open_ * 10_000 + b"1" + close * 10_000
    body = json.dumps(patient_view()).encode()[:-1] + b"," + place % deep + b"}"
    with pytest.raises(MalformedRequest):
        parse(body)


PATIENT = {"resourceType": "Patient", "id": "p1"}
LIVER = {"resourceType": "Condition", "id": "c", "code": {"text": "Lebermetastasen"}}
BUNDLE = {"resourceType": "Bundle", "total": 1, "entry": [{"resource": LIVER}]}
KEYS = prefetch_keys(())


def states(prefetch: dict[str, Any]) -> dict[str, SentKey]:
    return read_prefetch(parse(patient_view(prefetch=prefetch)).prefetch, KEYS, load_terminology(), patient_id="p1")


def test_bundles_are_read_the_same_beside_values_that_are_none() -> None:
    alone = states({"patient": PATIENT, "conditions": BUNDLE, "procedures": None})
    beside = states({"patient": PATIENT, "conditions": BUNDLE, "procedures": None, "ours": [1], "observations": LIVER})
    assert alone["conditions"].source.resources == (LIVER,)
    assert [alone[key] for key in ("conditions", "procedures")] == [beside[key] for key in ("conditions", "procedures")]
    assert (alone["procedures"].state, beside["observations"].state) == (KeyState.EMPTY, KeyState.ERROR)


def test_the_patient_is_not_kept_and_does_not_hold_up_the_bundles() -> None:
    request = parse(patient_view(prefetch={"patient": PATIENT, "conditions": BUNDLE, "carePlans": None}))
    assert {key: type(value) for key, value in request.prefetch.items()} == {"conditions": Scan, "carePlans": Raw}
