"""What a source was asked for, one resource after the other, in every shape that a source may have."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest

from fhir_mappings.bundle import Scan, each_match, read_source
from fhir_mappings.terminology import load_terminology

CLAIM: dict[str, Any] = {"resourceType": "Claim", "id": "c", "total": {"value": 3}}
FLU: dict[str, Any] = {"resourceType": "Condition", "id": "f", "code": {"text": "flu"}}
BESIDE = [{"resource": CLAIM, "search": {"mode": mode}} for mode in ("include", "outcome")]


def bundle(*entries: Any, **members: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": list(entries), **members}


def raw(body: object) -> bytes:
    return orjson.dumps(body)


UNREADABLE = b'{"resourceType":"Bundle","entry":[{"resource":{"id":1e999}},{"resource":{"resourceType":"Claim"}}]}'


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (raw(bundle({"resource": FLU}, *BESIDE, None, {"resource": CLAIM, "search": {"mode": "match"}})), [FLU, CLAIM]),
        (raw(bundle({"resource": CLAIM, "search": None}, {}, {"resource": 5})), [CLAIM, {}, {}]),
        (raw(bundle()), []),
        (raw({"resourceType": "Bundle"}), []),
        (raw(bundle({"resource": FLU}, *BESIDE, total={})), [FLU]),
        (raw(FLU), [FLU]),
        (raw(CLAIM), [CLAIM]),
        (raw([FLU]), [{}]),
        (raw(5), [{}]),
        (UNREADABLE, [None, {"resourceType": "Claim"}]),
        (b'{"resourceType":"Claim","total":1e999}', [None]),
    ],
)
def test_each_match_is_decoded_in_its_turn(sent: bytes, expected: list[Any]) -> None:
    assert list(each_match(sent)) == expected
    assert list(each_match(memoryview(sent))) == expected


def test_an_envelope_that_was_read_already_is_not_read_again() -> None:
    scan = msgspec.json.decode(raw(bundle({"resource": FLU}, *BESIDE)), type=Scan)
    assert list(each_match(scan)) == [FLU]


def test_nothing_is_decoded_before_it_is_asked_for() -> None:
    matches = each_match(raw(bundle({"resource": FLU})) + b"no JSON")
    assert list(matches) == [None]
    first = next(each_match(UNREADABLE.replace(b'"id":1e999', b'"id":"x"').replace(b'"Claim"', b"1e999")))
    assert first == {"id": "x"}


def test_an_envelope_that_was_read_already_stands_as_deep_as_any() -> None:
    metastases = {**FLU, "code": {"text": "liver mets"}}
    deep = bundle({"resource": bundle({"resource": bundle({"resource": bundle({"resource": metastases})})})})
    scan = msgspec.json.decode(raw(deep), type=Scan)
    found = [read_source(sent, load_terminology()).resources for sent in (scan, raw(deep))]
    assert found == [(metastases,), (metastases,)]
