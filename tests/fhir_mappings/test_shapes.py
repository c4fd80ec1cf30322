"""A shape stands for its resources: whatever fhir.resources says of one it says of all."""

from __future__ import annotations

import random
from typing import Any

import pytest
from fhir.resources.R4B.extension import Extension
from fhir.resources.R4B.narrative import Narrative
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from fhir_mappings import resources, shapes
from fhir_mappings.resources import VALIDATED, _valid, check, warm
from fhir_mappings.shapes import Shapes, shape_of
from tests.cases import examples
from tests.charts import ICD10CM, local, local_chart, standard_chart
from tests.fhir_mappings.reading import LIVER, NOW

WELL_FORMED = [
    resource
    for example in examples()
    for build in (local_chart, standard_chart)
    for found in build(example.facts, as_of=NOW).values()
    for resource in found
]
LEAVES: list[Any] = [
    *("x", "active", "abcdefgh", "2026", "2026-05", "2026-05-04", "2026-02-30", "2026-05-04T10:00:00Z", "1999-12-31"),
    *("2026-05-04T10:00:00", "2026-05-04T10:00:00.123+01:00", "2026-05-04T24:00:00Z", "12345", "1234567890", "0099"),
    *("4492", "1000", "9999", "8-522.91", "5-484.x", "8-52e.1", "5-455"),
    *("94381002 ", "89247-1", "C78.7", "a_b", "a:b", "abc.def-1", "abc/def", "http://loinc.org", "Patient/1", "<5"),
    *("urn:oid:1.2", "two words", "two  words", " lead", "trail ", "", "nan", "inf", "Infinity", "true", "YES", "off"),
    *("a\n", "<div>\n <p>a</p>\n</div>", "\u00b5g/L", "\u00dcbelkeit", "#aB1", "_a", "N", "no", " N", "+inf", "6e5f-3"),
    *(
        "1.25",
        "2.0",
        "4.0.1",
        "007",
        "000",
        "000123",
        "1234-56",
        "8140/3",
        "12%",
        "e",
        "T",
        "2026-05-04T10:00:00.1234567Z",
    ),
    *(
        "1",
        "12",
        "0DTN0ZZ",
        "12ab",
        "0",
        "-1",
        "+3",
        "3.5",
        "1e5",
        "abc d\n",
        "{score}",
        "%",
        "mm[Hg]",
        "\u00e9 accent",
        "A" * 70,
        "12:30:00",
    ),
    *(True, False, 0, 1, -1, 3, 1.5, 0.0, 1.0, 5.0, -2.5, 2**31, 2**40, None, [], {}, [None], ["a"], {"url": "u"}),
    *({"reference": "Patient/1"}, {"text": "x"}, [{"text": "abc"}], [{"url": "http://x", "valueString": "y"}]),
]
NAMES = (
    "id",
    "text",
    "note",
    "extension",
    "status",
    "valueString",
    "valueInteger",
    "valueBoolean",
    "issued",
    "language",
)


def mutated(rng: random.Random, value: Any) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.85:
        if rng.random() < 0.06:
            return {**value, rng.choice(NAMES): rng.choice(LEAVES)}
        name = rng.choice(sorted(value))
        return {**value, name: mutated(rng, value[name])}
    if isinstance(value, list) and value and rng.random() < 0.85:
        at = rng.randrange(len(value))
        return [*value[:at], mutated(rng, value[at]), *value[at + 1 :]]
    return rng.choice(LEAVES)


SEEN: dict[Any, bool] = {}


@settings(max_examples=1500)
@given(st.integers(min_value=0))
def test_resources_of_one_shape_are_accepted_or_refused_together(seed: int) -> None:
    rng = random.Random(seed)
    resource = rng.choice(WELL_FORMED)
    for _ in range(rng.randint(0, 2)):
        resource = mutated(rng, resource)
    if not isinstance(resource, dict) or resource.get("resourceType") not in VALIDATED:
        return
    shape = shape_of(resource, {})
    if shape is not None:
        verdict = _valid(resource["resourceType"], resource)
        assert SEEN.setdefault(shape, verdict) is verdict


def test_a_shape_holds_no_content() -> None:
    shape = shape_of(LIVER, {})
    assert shape is not None
    assert not {"liver", "C78.7", "Patient/1", "2026-05-10", ICD10CM} & set(shape)
    assert shape == shape_of(LIVER | {"id": "other-id", "onsetDateTime": "2025-01-31"}, {})


@pytest.mark.parametrize(
    "changed",
    [
        {"onsetDateTime": "2026-02-30"},
        {"onsetDateTime": "2026-05-10T10:00:00"},
        {"onsetDateTime": ""},
        {"id": " true"},
        {"note": [{"text": "x", "authorString": "a\u00a0b"}]},
        {"onsetAge": {"value": 10**12}},
        {"onsetAge": {"value": None}},
        {"extension": [{"url": "u", "valueAttachment": {"data": "abc"}}]},
    ],
)
def test_formats_that_are_not_told_apart_have_no_shape(changed: dict[str, Any]) -> None:
    assert shape_of(LIVER | changed, {}) is None


ALIKE: list[list[Any]] = [
    ["C78.7", "active", "a", "0DTN0ZZ", "12ab", "6e5f-3", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "5-484.x"],
    [
        "http://loinc.org",
        "Patient/1",
        "a_b",
        "two words",
        "line\nbreak",
        "2026-05-04: seen",
        "\u00b5g/L",
        "\u00e9",
        "#1",
        "%",
        "{score}",
        "8140/3",
    ],
    ["two  words", "<div>\n <p>1</p>\n</div>"],
    [" lead", "trail ", "a\n", "\ttwo  words"],
    ["2026", "1999", "4492", "1000", "9999"],
    ["2026-05", "1999-12"],
    ["2026-05-04", "2024-02-29"],
    ["2026-05-04T10:00:00Z", "2026-05-04T23:59:59+13:59", "1999-12-31T00:00:00-11:00"],
    ["2026-05-04T10:00:00.123456Z", "2024-02-29T10:00:00.1+01:00", "2024-02-29T10:00:00.1234567Z"],
    ["12", "9", "999"],
    ["12345", "123456789"],
    ["1234567890", "2099999999"],
    ["3000000000", "123456789012345678"],
    ["007", "01", "000123"],
    ["1.25", "0.5", "999.000001"],
    ["4.0.1", "24.12.2026"],
    ["89247-1", "12-3"],
    ["8-522.91", "5-455", "8-52e.1"],
    ["N", "N"],
    ["true", "true"],
    ["1", "1"],
    [1, 1],
    [0, 0],
    [2, 7, 2**31 - 1],
    [-1, -7, 1 - 2**31],
    [1.0, 1.0],
    [0.0, 0.0],
    [2.0, 7.0],
    [2.5, 0.1],
    [-2.0, -7.0],
    [-2.5, -0.1],
    [True, True],
    [False, False],
    [{}, {}],
    [[], []],
    [["a"], ["b"]],
    [["a", "a"], ["b", "c"]],
    [[["a"]], [["b"]]],
    [{"a": "b"}, {"a": "c"}],
    [{"b": "b"}, {"b": "c"}],
    [{"resourceType": "Condition"}, {"resourceType": "Condition"}],
    [{"resourceType": "Procedure"}, {"resourceType": "Procedure"}],
    [[{"a": 2}], [{"a": 3}]],
]
UNTOLD: list[Any] = [
    *(
        "",
        " ",
        "0099",
        "00",
        "-1",
        "+1",
        "1.0",
        "2.50",
        "02.5",
        "1e5",
        "6e",
        "1_000",
        "12,5",
        "12:30:00",
        "1 2",
        "a\u00a0b",
    ),
    *(
        " true",
        "+inf",
        "-NaN",
        "1\n",
        " N ",
        "2026-02-30",
        "2026-13",
        "2026-05-32",
        "2026-02-30T10:00:00Z",
        "2026-05-04 T",
    ),
    *("2026-05-04T10:00:00", "2026-05-04T24:00:00Z", "a\x00", "A" * 256, 2**31, -(2**31), 2.0**31, -(2.0**31), None),
    *("20\u0662\u0664", "1\u0662", "12\u066345", "123456789\u0660", "8924\u0667-1"),
    *("00-1", "000-8", "0-766", "2100000000", "2147483648"),
    *("2026-05-04T1\u0660:00:00Z", "2026-05-04T10:00:00.\u0660Z", "8-5\u06622.91"),
    *(float("nan"), float("inf"), [None], ["a", ""], [["1.0"]], {"data": "abc"}, [{"hash": 1}], {"a": {"b": None}}),
]


def test_values_have_one_shape_exactly_where_validation_cannot_tell_them_apart() -> None:
    formats: dict[str, str] = {}
    found = [{shape_of({"x": value}, known) for value in alike} for alike in ALIKE for known in ({}, formats, formats)]
    assert [len(shapes) for shapes in found] == [1] * len(found)
    assert found[::3] == found[1::3] == found[2::3]
    assert None not in set().union(*found)
    assert len(set().union(*found)) == len(ALIKE)


@pytest.mark.parametrize("value", UNTOLD)
def test_values_that_validation_may_look_into_have_no_shape(value: Any) -> None:
    formats: dict[str, str] = {}
    assert [shape_of({"x": value}, formats), shape_of({"y": "a", "x": value}, formats)] == [None, None]


PRIMITIVES = (
    *("Boolean", "Canonical", "Code", "Date", "DateTime", "Decimal", "Id", "Instant", "Integer", "Markdown"),
    *("PositiveInt", "String", "Time", "UnsignedInt", "Uri"),
)
ALMOST = st.one_of(
    st.text("0123456789eETtZz:-+._, aN#/\n", max_size=24),
    st.tuples(
        st.sampled_from(["2026", "2026-05", "2026-05-04", "2026-05-04T10:00:00Z", "12.5", "inf"]),
        st.text("UTCGMZz:/[]+-0aM \n", max_size=8),
    ).map("".join),
)
TAKEN: dict[str, tuple[bool, ...]] = {}


def is_taken(found: dict[str, Any], model: type[BaseModel] = Extension) -> bool:
    try:
        model.model_validate(found)
    except ValidationError:
        return False
    return True


@settings(max_examples=1500)
@given(st.one_of(st.from_regex(shapes._FORMATS, fullmatch=True), ALMOST, st.text(max_size=12)))  # noqa: SLF001
def test_strings_of_one_format_are_taken_or_refused_together_by_every_primitive_type(text: str) -> None:
    shape = shape_of({"x": text}, {})
    if shape is None:
        return
    by_type = tuple(is_taken({"url": "u", f"value{primitive}": text}) for primitive in PRIMITIVES)
    as_narrative = is_taken({"status": "generated", "div": text}, Narrative)
    assert TAKEN.setdefault(shape[2], (*by_type, as_narrative)) == (*by_type, as_narrative)


def test_digits_of_other_scripts_are_refused_whatever_was_accepted_before() -> None:
    """What was read of one chart must make no difference to the next."""
    arabic = {"onsetDateTime": "20\u0662\u0664"}
    verdicts = [check(LIVER | dated, {}).refused for dated in (arabic, {"onsetDateTime": "2024"}, arabic)]
    assert verdicts == ["not valid FHIR R4", None, "not valid FHIR R4"]


@pytest.mark.parametrize(("sound", "unsound"), [("1217123003", "12171230030"), ("1000000000", "2147483648")])
def test_a_number_that_no_integer_holds_is_refused_whatever_was_accepted_before(sound: str, unsound: str) -> None:
    verdicts = [
        check(local("ecog", 1, on="2026-06-01") | {"valueInteger": number}, {}).refused for number in (sound, unsound)
    ]
    assert verdicts == [None, "not valid FHIR R4"]


def test_an_invalid_resource_is_refused_each_time() -> None:
    broken = local("ecog", 1, on="2026-06-01") | {"foo": "bar"}
    good = local("ecog", 1, on="2026-06-01")
    verdicts = [check(one, {}).body is not None for one in (broken, good, broken, good)]
    assert verdicts == [False, True, False, True]


def test_remembered_shapes_are_bounded_and_of_one_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "_MOST", 2)
    remembered = Shapes()
    for number in range(3):
        remembered.add("R4", (str(number),))
    assert [remembered.has("R4", (str(number),)) for number in range(3)] == [False, False, True]
    assert (remembered.has("R5", ("2",)), remembered.has("R4", None)) == (False, False)


@pytest.mark.parametrize(
    "sent",
    [
        LIVER | {"code": {"coding": LIVER["code"]["coding"][0]}},
        LIVER | {"note": None},
        {"resourceType": "Procedure", "id": "p", "status": "completed", "subject": {"reference": "Patient/1"}}
        | {"code": {"text": "a"}, "occurrenceDateTime": "2026-05-04"},
    ],
    ids=["lone object", "null", "R5"],
)
def test_what_was_repaired_or_is_of_r5_is_validated_once_as_well(
    sent: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    validated: list[str] = []

    def valid(kind: str, body: Any, release: str = "R4B.") -> bool:
        validated.append(release)
        return _valid(kind, body, release)

    monkeypatch.setattr(resources, "_SHAPES", Shapes())
    monkeypatch.setattr(resources, "_valid", valid)
    first, times = check(sent, {}), len(validated)
    again = check(sent, {})
    assert first.body is not None
    assert (again, validated[times:].count("R4B."), validated[times:].count("")) == (first, times - 1, 0)


def test_the_models_can_be_loaded_ahead() -> None:
    warm()
    assert check(LIVER, {}).body == LIVER
