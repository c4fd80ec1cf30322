"""The typed scan: the same hits as the decoded way, on every shape."""

from __future__ import annotations

import json
import random
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings.bundle import Scan, SourceRead, SourceState, read_source
from tests.charts import CPT, ICD10CM, LOINC, RXNORM, concept, condition, dose, observation, procedure
from tests.fhir_mappings.decoded import read_decoded
from tests.fhir_mappings.reading import SAMPLES, terminology
from tests.noise import noise

if TYPE_CHECKING:
    from collections.abc import Iterable

HIT = condition("c", (ICD10CM, "C78.7"))


def bundle(*resources: Any, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]} | more


def _x(kind: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": "x"} | more


def scan(body: Any) -> SourceRead:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    found = read_source(raw, terminology())
    assert all_of(found) == all_of(read_decoded(raw, terminology()))
    assert all_of(found) == all_of(read_source(memoryview(raw), terminology()))
    return found


def all_of(found: SourceRead) -> tuple[Any, ...]:
    """Give every field, also those that `==` leaves out; each resource once, huge totals as the decoders round them."""
    once = tuple({orjson.dumps(resource): resource for resource in found.resources}.values())
    whole = replace(found, resources=once, total=found.total if found.total is None else float(found.total))
    return tuple(getattr(whole, one.name) for one in fields(whole))


def hits(body: Any) -> list[str]:
    return [resource.get("id", resource["resourceType"]) for resource in scan(body).resources]


def test_only_what_may_matter_is_decoded() -> None:
    others = [one for one in noise(random.Random(1), 200, patient_id="1") if one["resourceType"] != "Patient"]
    found = scan(bundle(*others, HIT, observation("e", (LOINC, "89247-1"), {"valueInteger": 1})))
    assert [one["id"] for one in found.resources] == ["c", "e"]
    assert (found.state, found.entries, found.partial) == (SourceState.DATA, len(others) + 2, False)


@pytest.mark.parametrize("path", sorted((SAMPLES / "messy").glob("*.json")), ids=lambda path: path.stem)
def test_messy_samples_give_the_same_hits_both_ways(path: Any) -> None:
    raw = path.read_bytes()
    scan(raw)
    scan(bundle(json.loads(raw), HIT))


KEPT: list[tuple[str, Any]] = [
    ("text-only condition", _x("Condition", code={"text": "Lebermetastasen"})),
    ("display only", _x("Condition", code={"coding": [{"display": "Colon cancer"}]})),
    ("unknown system", _x("Procedure", code=concept("urn:x", "1") | {"text": "RFA liver"})),
    ("numeric code", _x("Condition", code=concept("http://snomed.info/sct", 94381002))),  # type: ignore[arg-type]
    (
        "object for list",
        _x("Condition", code={"coding": {"system": ICD10CM, "code": "C20"}}),
    ),
    ("list for object", _x("Condition", code=[concept(ICD10CM, "C20")])),
    ("withheld", _x("Condition", code={"extension": [{"url": "u"}]})),
    ("component", _x("Observation", component=[{"code": concept(LOINC, "33728-7")}])),
    (
        "null members",
        _x("Condition", code={"coding": [None, {"system": ICD10CM, "code": "C20"}]}),
    ),
    ("referred drug", _x("MedicationRequest", medicationReference={"reference": "#m"})),
    ("R5 drug", _x("MedicationRequest", medication={"concept": concept(RXNORM, "4492")})),
    (
        "R5 referred drug",
        _x("MedicationRequest", medication={"reference": {"reference": "M/1"}}),
    ),
    ("R5 order", _x("ServiceRequest", code={"concept": concept(CPT, "47130")})),
    ("drug", _x("Medication", code=concept(RXNORM, "4492"))),
    ("body structure", _x("BodyStructure")),
    ("care plan", _x("CarePlan")),
    ("patient", _x("Patient")),
]


@pytest.mark.parametrize("resource", [case[1] for case in KEPT], ids=[case[0] for case in KEPT])
def test_a_resource_that_may_matter_survives_the_scan(resource: Any) -> None:
    assert hits(bundle(resource)) == ["x"]
    assert hits(bundle(HIT, resource, HIT)) == ["c", "x"]
    assert hits(resource) == ["x"]


def test_a_copy_is_counted_and_not_read_again() -> None:
    found = scan(bundle(HIT, HIT, total=2))
    assert (found.resources, found.entries, found.partial) == ((HIT,), 2, False)


IGNORED: list[Any] = [
    _x("Condition"),
    _x("Condition", code={}),
    _x("Condition", code={"text": "Hypertension"}),
    {
        "resourceType": "Condition",
        "id": "x",
        "code": concept("http://snomed.info/sct", "94260004") | {"text": "liver cyst"},
    },
    _x("Condition", code={"coding": [{"system": ICD10CM, "code": True}]}),
    _x("Condition", code={"coding": [{"system": ICD10CM, "code": 1.5}]}),
    _x("Observation", code={"text": "Sodium"}),
    {"resourceType": "Claim", "id": "x", "code": concept(ICD10CM, "C78.7")},
    {"resourceType": 5, "id": "x"},
    {"id": "x"},
]


@pytest.mark.parametrize("resource", IGNORED)
def test_what_cannot_matter_is_left_alone(resource: Any) -> None:
    assert hits(bundle(resource)) == []
    assert hits(bundle(resource, HIT)) == ["c"]


CLAIM = _x("Claim", text="M\u00fcller")


@pytest.mark.parametrize(
    "body",
    [
        bundle(CLAIM, HIT),
        bundle(CLAIM, {"resourceType": 5}, HIT),
        bundle(bundle(CLAIM, HIT)),
        bundle(_x("Condition", code={"text": "flu"}, note=[{"text": "M\u00fcller"}]), HIT),
        bundle({"resourceType": "OperationOutcome", "issue": [{"diagnostics": "M\u00fcller"}]}, HIT),
    ],
)
def test_what_does_not_matter_is_not_decoded_so_that_its_broken_bytes_cost_nothing(body: Any) -> None:
    raw = orjson.dumps(body).replace("\u00fc".encode(), b"\xfc")
    found = read_source(raw, terminology())
    assert (found.state, found.resources, found.partial) == (SourceState.DATA, (HIT,), False)


def test_an_escaped_code_is_found() -> None:
    raw = orjson.dumps(bundle(HIT)).replace(b"C78.7", b"\\u0043\\u00378.7")
    assert hits(raw) == ["c"]


def test_of_duplicate_keys_the_last_wins() -> None:
    raw = b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Condition","id":"x"'
    raw += b',"code":{"text":"liver mets"}'
    assert hits(raw + b',"code":{"text":"flu"}}}]}') == []
    assert hits(raw + b',"code":{"text":"flu"},"code":{"text":"liver mets"}}}]}') == ["x"]


def told(severity: Any, code: Any) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code}]}


def batch(resource: Any, *, status: Any) -> dict[str, Any]:
    """What a server answers to a batch of one request."""
    entry = {"response": {"status": status}} | ({"resource": resource} if resource else {})
    return {"resourceType": "Bundle", "type": "batch-response", "entry": [entry]}


STATES: list[tuple[Any, SourceRead]] = [
    (None, SourceRead(SourceState.EMPTY)),
    (bundle(), SourceRead(SourceState.EMPTY)),
    ({"resourceType": "Bundle", "total": 0}, SourceRead(SourceState.EMPTY)),
    ({"resourceType": "Bundle", "entry": None}, SourceRead(SourceState.EMPTY)),
    (
        {"resourceType": "Bundle", "entry": [None, {}, {"resource": None}, {"fullUrl": "x"}]},
        SourceRead(SourceState.EMPTY),
    ),
    ({"resourceType": "OperationOutcome", "issue": []}, SourceRead(SourceState.OUTCOME)),
    ({"resourceType": "Encounter"}, SourceRead(SourceState.DATA, entries=1)),
    ({"foo": 1}, SourceRead(SourceState.JUNK)),
    ({"resourceType": 5}, SourceRead(SourceState.JUNK)),
    ([], SourceRead(SourceState.JUNK)),
    ("x", SourceRead(SourceState.JUNK)),
    (3, SourceRead(SourceState.JUNK)),
    (b"", SourceRead(SourceState.JUNK)),
    (b"{", SourceRead(SourceState.JUNK)),
    (b"\xff", SourceRead(SourceState.JUNK)),
    (bundle(total=5), SourceRead(SourceState.EMPTY, partial=True)),
    (bundle(HIT, total=5), SourceRead(SourceState.DATA, (HIT,), partial=True, entries=1)),
    (bundle(HIT, total=1), SourceRead(SourceState.DATA, (HIT,), entries=1)),
    (bundle(HIT, total="many"), SourceRead(SourceState.DATA, (HIT,), entries=1)),
    (
        bundle(HIT, total=5, link=[{"relation": "self", "url": "s"}, {"relation": "next", "url": "n"}]),
        SourceRead(SourceState.DATA, (HIT,), "n", entries=1),
    ),
    *(
        (bundle(HIT, total=1, link=link), SourceRead(SourceState.DATA, (HIT,), partial=True, entries=1))
        for link in ([{"relation": "next"}], [{"relation": "next", "url": ""}], {"relation": "next", "url": 5})
    ),
    (bundle(link=[None, {"relation": "next"}]), SourceRead(SourceState.OUTCOME, partial=True)),
    (bundle(HIT, link=[{"relation": "self"}]), SourceRead(SourceState.DATA, (HIT,), entries=1)),
    (
        bundle({"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}),
        SourceRead(SourceState.OUTCOME, partial=True),
    ),
    (
        bundle({"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]}),
        SourceRead(SourceState.EMPTY),
    ),
    (
        bundle(HIT, {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal"}, None]}),
        SourceRead(SourceState.DATA, (HIT,), partial=True, entries=1),
    ),
    (
        {
            "resourceType": "Bundle",
            "total": 1,
            "entry": [
                {"resource": HIT, "search": {"mode": "match"}},
                {"resource": {"resourceType": "Patient", "id": "1"}, "search": {"mode": "include"}},
            ],
        },
        SourceRead(SourceState.DATA, (HIT, {"resourceType": "Patient", "id": "1"}), entries=2),
    ),
    (bundle(bundle(HIT), bundle(HIT)), SourceRead(SourceState.DATA, (HIT, HIT), entries=2)),
    (bundle(bundle(HIT, total=9)), SourceRead(SourceState.DATA, (HIT,), partial=True, entries=1)),
    ({"resourceType": "Bundle", "entry": {"resource": HIT}}, SourceRead(SourceState.DATA, (HIT,), entries=1)),
    (bundle(told("warning", "suppressed")), SourceRead(SourceState.OUTCOME, partial=True)),
    (bundle(HIT, told("warning", "suppressed")), SourceRead(SourceState.DATA, (HIT,), entries=1)),
    (bundle(told("information", "incomplete"), HIT), SourceRead(SourceState.DATA, (HIT,), partial=True, entries=1)),
    (bundle(told("warning", ["suppressed"])), SourceRead(SourceState.EMPTY)),
    (batch(None, status="500"), SourceRead(SourceState.OUTCOME, partial=True)),
    (batch(None, status="404 Not Found"), SourceRead(SourceState.OUTCOME, partial=True)),
    (batch(None, status=429), SourceRead(SourceState.OUTCOME, partial=True)),
    (batch(None, status="204"), SourceRead(SourceState.EMPTY)),
    (batch(bundle(), status="200 OK"), SourceRead(SourceState.EMPTY)),
]


@pytest.mark.parametrize(("body", "expected"), STATES)
def test_a_source_is_data_empty_outcome_or_junk(body: Any, expected: SourceRead) -> None:
    assert scan(body) == expected


FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}
BESIDE = {"resource": _x("Patient"), "search": {"mode": "include"}}
ODD_LINK = {"link": {"relation": "self", "url": 5}}
"""Makes the envelope one of another shape, which is read as a dictionary."""
COUNTED: list[tuple[Any, int, float | None, bool]] = [
    # body, matches, total, partial
    (bundle(HIT, HIT, total=2), 2, 2, False),
    (bundle(HIT, total=1.5), 1, 1.5, True),
    (bundle(HIT, total=True), 1, None, False),
    (bundle(total=True), 0, None, False),
    (bundle(HIT, total="9"), 1, None, False),
    (bundle(HIT, total=[9]), 1, None, False),
    (bundle(HIT, FAILED, total=1), 1, 1, True),
    (bundle(HIT, {"resourceType": "OperationOutcome", "issue": [{"severity": 5}]}), 1, None, False),
    (bundle(HIT, {"resourceType": "OperationOutcome", "issue": {"severity": "fatal"}}), 1, None, True),
    (bundle(HIT, {"resourceType": "OperationOutcome", "issue": [{}, 5, {"severity": "error"}]}), 1, None, True),
    (bundle(FAILED, {"resourceType": "OperationOutcome"}, HIT), 1, None, True),
    (bundle(HIT, bundle(HIT), total=1), 2, None, False),
    (bundle(HIT, bundle(FAILED), total=1), 1, 1, True),
    (bundle(told("warning", "suppressed")), 0, None, True),
    (bundle(HIT, bundle(told("warning", "suppressed"))), 1, None, True),
    (bundle(HIT, batch(None, status="500")), 1, None, True),
    (bundle(HIT, batch(None, status="204")), 1, None, False),
    (bundle(HIT, batch(HIT, status="500")), 2, None, False),
    ({"resourceType": "Bundle", "entry": [{"resource": HIT}, {"response": {}}]}, 1, None, True),
    ({"resourceType": "Bundle", "entry": [{"resource": HIT}, {"response": {"status": ["2"]}}]}, 1, None, True),
    ({"resourceType": "Bundle", "entry": [{"resource": HIT}, {"response": "200"}]}, 1, None, False),
    ({"resourceType": "Bundle", "entry": [{"resource": HIT}, {"response": None}]}, 1, None, False),
    (bundle(bundle(HIT, total=9), bundle(HIT), HIT), 3, None, True),
    (bundle(bundle(HIT, link=[{"relation": "next", "url": "n"}]), bundle(HIT)), 2, None, True),
    (bundle(bundle(HIT), bundle(), total=9), 1, None, False),
    (bundle(bundle(HIT, total=[])), 1, None, False),
    (bundle(bundle(HIT, **ODD_LINK), _x("Patient", issue=5), total=9), 2, None, False),
    ({"resourceType": "Bundle", "total": 2, "entry": [{"resource": HIT}, BESIDE, BESIDE]}, 1, 2, True),
    ({"resourceType": "Bundle", "total": 2, "entry": [BESIDE, {"resource": 5}, {"resource": HIT}]}, 1, 2, True),
    ({"resourceType": "Bundle", "total": 2, "entry": [BESIDE | {"search": {"mode": "match"}}]}, 1, 2, True),
    (
        {"resourceType": "Bundle", "total": 1, "entry": [{"resource": HIT}, BESIDE | {"search": {"mode": "outcome"}}]},
        1,
        1,
        False,
    ),
]


@pytest.mark.parametrize(("body", "matches", "total", "partial"), COUNTED)
def test_matches_are_counted_against_the_total_in_every_envelope(
    body: dict[str, Any], matches: int, total: float | None, *, partial: bool
) -> None:
    for whole in (body, body | ODD_LINK):
        found = scan(whole)
        assert (found.matches, found.total, found.partial) == (matches, total, partial)
        assert scan(whole | {"link": [{"relation": 5}, {"relation": "next", "url": "n"}]}).next_url == "n"
    read_already = msgspec.json.decode(orjson.dumps(body | {"total": None, "link": None}), type=Scan)
    assert all_of(read_source(read_already, terminology())) == all_of(scan(body | {"total": None}))


@pytest.mark.parametrize("odd", [{}, ODD_LINK])
@pytest.mark.parametrize(("depth", "expected"), [(0, ["c"]), (1, ["c"]), (2, ["c"]), (3, ["c"]), (4, []), (5, [])])
def test_bundles_in_bundles_are_followed_three_deep(depth: int, odd: dict[str, Any], expected: list[str]) -> None:
    body: Any = bundle(HIT, **odd)
    for _ in range(depth):
        body = bundle(body, total=7) | odd
    found = scan(body)
    assert ([one["id"] for one in found.resources], found.entries) == (expected, 1)
    assert found.total is None
    assert not found.partial


@pytest.mark.parametrize("where", [b'"code":{"text":"liver mets"},"x":%s', b'"code":%s', b'"resourceType":%s'])
@pytest.mark.parametrize("odd", [b"1e999", b'"\xff"'], ids=["too large a number", "no UTF-8"])
def test_what_nothing_can_hold_costs_its_resource_alone(where: bytes, odd: bytes) -> None:
    unread = b'{"resource":{"resourceType":"Condition","id":"x",%s}},' % (where % odd)
    found = read_source(json.dumps(bundle(HIT)).encode().replace(b"[", b"[" + unread, 1), terminology())
    assert found == SourceRead(SourceState.DATA, (HIT,), partial=True, entries=2)
    assert found.failed


@pytest.mark.parametrize("depth", [900, 1500, 10_000, 200_000])
def test_deep_nesting_is_survived(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    raw = b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Condition","code":{"text":"liver mets"},"x":'
    found = read_source(raw + deep + b"}}]}", terminology())
    assert found.state in (SourceState.JUNK, SourceState.DATA)
    read_source(deep, terminology())


def _pieces() -> Iterable[Any]:
    yield from (None, True, 7, 1.5, "", "x", [], {}, [None], {"coding": None}, 10**30, "liver mets", "\u00e9")


def _mutated(rng: random.Random, value: Any) -> Any:
    """Replace one place of a JSON value."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(sorted(value))
        if rng.random() < 0.1:
            return {name: member for name, member in value.items() if name != key}
        return value | {key: _mutated(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.85:
        at = rng.randrange(len(value))
        return [*value[:at], _mutated(rng, value[at]), *value[at + 1 :]]
    return rng.choice(list(_pieces()))


@settings(max_examples=300)
@given(st.integers(min_value=0))
def test_mutated_bodies_give_the_same_hits_both_ways(seed: int) -> None:
    rng = random.Random(seed)
    body: Any = bundle(
        HIT,
        {"resourceType": "Condition", "id": "t", "code": {"text": "Lebermetastasen"}},
        observation("o", (LOINC, "89247-1"), {"valueInteger": 1}),
        procedure("p", (CPT, "47130")),
        dose("d", (RXNORM, "4492")),
        {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]},
        total=6,
        link=[{"relation": "self", "url": "s"}],
    )
    for _ in range(rng.randint(1, 4)):
        body = _mutated(rng, body)
    raw = json.dumps(body).encode()
    assert all_of(read_source(raw, terminology())) == all_of(read_decoded(raw, terminology()))


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_survived(raw: bytes) -> None:
    assert read_source(raw, terminology()).resources == ()
