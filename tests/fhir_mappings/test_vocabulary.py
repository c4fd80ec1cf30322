"""Systems and documents become vocabulary: every spelling, sets by enumeration, pattern and expansion, each fault."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.terminology import CodeSystem, TerminologyError, build_terminology, parse_systems

SYSTEMS = """
[plain]
url = "http://plain.example"
also = ["http://edition.example/sid-plain"]
[dotted]
url = "http://dotted.example/Codes"
dotted = true
also = ["1.2.3", "http://www.other.example/"]
editions = ["edition.example/sid-", "dotted.example/version/"]
[undotted]
url = "http://undotted.example"
dotted = false
[hgnc]
url = "http://hgnc.example"
"""


def test_a_table_of_systems_gives_each_spelling_its_key() -> None:
    systems = parse_systems(SYSTEMS)
    assert systems.urls == {
        "plain": "http://plain.example",
        "dotted": "http://dotted.example/Codes",
        "undotted": "http://undotted.example",
        "hgnc": "http://hgnc.example",
    }
    assert systems.dotted == {"dotted"}
    spellings = {
        "http://dotted.example/Codes": "dotted",
        "HTTPS://WWW.DOTTED.EXAMPLE/codes//": "dotted",
        "dotted.example/codes|2024|b": "dotted",
        " urn:oid:1.2.3 ": "dotted",
        "http://other.example": "dotted",
        "plain.example": "plain",
        "edition.example/sid-plain/": "plain",
        "http://plain.example/x": None,
        "ftp://plain.example": None,
        "https://edition.example/SID-fr|2024": "dotted",
        "http://edition.example/sid": None,
        "dotted.example/version/9/8": "dotted",
        "http://dotted.example/versions": None,
        "": None,
        "|": None,
    }
    assert {spelled: systems.key(spelled) for spelled in spellings} == spellings


@pytest.mark.parametrize(
    ("key", "code", "expected"),
    [
        ("dotted", " c78.7 ", "C78.7"),
        ("dotted", "C787", "C78.7"),
        ("dotted", "c 78.70", "C78.70"),
        ("dotted", "C20", "C20"),
        ("dotted", "C2", "C2"),
        ("dotted", "C20.", "C20"),
        *(("dotted", f"C78.7{mark}", "C78.7") for mark in "+*!\u2020-"),
        ("plain", " c78.7+ ", "C78.7+"),
        ("plain", "HGNC:1", "HGNC:1"),
        ("hgnc", "hgnc:6407", "6407"),
        ("hgnc", "6407", "6407"),
    ],
)
def test_a_code_is_written_as_value_sets_write_it(key: str, code: str, expected: str) -> None:
    assert parse_systems(SYSTEMS).code(key, code) == expected


def _set(name: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return f"{name}.json", {"resourceType": "ValueSet", "url": f"http://x.example/ValueSet/{name}"} | more


def _including(system: str, *codes: str, **more: Any) -> dict[str, Any]:
    return {"compose": {"include": [{"system": system, "concept": [{"code": code} for code in codes]} | more]}}


def _naming(system: str, *designations: dict[str, Any]) -> dict[str, Any]:
    member = {"code": "x", "designation": [*designations]}
    return {"compose": {"include": [{"system": system, "concept": [member]}]}}


def _filtering(value: str, of: str = "code", by: str = "regex") -> dict[str, Any]:
    rule = {"property": of, "op": by, "value": value}
    return _including("http://dotted.example/Codes", filter=[rule])


OWN = {
    "resourceType": "CodeSystem",
    "url": "http://x.example/CodeSystem/own",
    "concept": [{"code": "one", "display": "The first"}, {"code": "two"}],
}


def test_documents_become_sets_of_codes_patterns_and_own_systems() -> None:
    plain, dotted, own = "http://plain.example", "http://dotted.example/Codes", "http://x.example/CodeSystem/own"
    contains = [
        {"system": plain, "code": "x", "contains": [{"system": plain, "code": "y"}]},
        {"system": plain, "code": "z", "abstract": True, "contains": [{"contains": [{"system": plain, "code": "w"}]}]},
    ]
    built = build_terminology(
        parse_systems(SYSTEMS),
        [
            _set("a", **_including(plain, "x", "v")),
            _set("b", expansion={"contains": contains}),
            _set("c", **_filtering("C1[89].*")),
            _set("d", **_filtering("C18.*")),
            _set("e", **_filtering("C18.*", of="display"), expansion={}),
            _set("f", **_filtering("C18.*", by="is-a"), expansion={}),
            _set("g", **_including(own, "one")),
            _set("h", **_including(dotted, "c787", "C19")),
            _set("i"),
            ("own.json", OWN),
        ],
    )
    expected: dict[tuple[str, str], set[str]] = {
        (plain, "x"): {"a", "b"},
        (plain, "X"): {"a", "b"},
        (plain, "v"): {"a"},
        (plain, "y"): {"b"},
        (plain, "z"): set(),
        (plain, "w"): {"b"},
        (dotted, "C18.7"): {"c", "d"},
        (dotted, "c187"): {"c", "d"},
        (dotted, "C19"): {"c", "h"},
        (dotted, "XC18.7"): set(),
        (dotted, "C78.7"): {"h"},
        (own, "one"): {"own:one", "g"},
        ("x.example/CodeSystem/OWN/", " ONE "): {"own:one", "g"},
        (own, "two"): {"own:two"},
        (own, "three"): set(),
        ("own", "one"): set(),
    }
    assert {at: built.sets(*at) for at in expected} == expected
    assert {at: built.sets(*at) for at in reversed(expected)} == expected
    assert built.set_ids == set("abcdefghi")
    assert built.code_systems == {"own": CodeSystem(own, {"one": "The first", "two": "two"})}
    assert {name: built.members[name] for name in "bcghi"} == {
        "b": (("plain", "x"), ("plain", "y"), ("plain", "w")),
        "c": (),
        "g": (("own", "one"),),
        "h": (("dotted", "c787"), ("dotted", "C19")),
        "i": (),
    }
    assert [built.reads(system) for system in (plain, own, "http://y.example", "", None)] == [True] * 2 + [False] * 3


def test_a_designation_names_the_sets_that_it_is_in_in_letters_and_digits() -> None:
    plain, said = "http://plain.example", {"value": "All self-care, 50%"}
    built = build_terminology(
        parse_systems(SYSTEMS), [_set(name, **_naming(plain, said)) for name in "ab"] + [_set("c", **_naming(plain))]
    )
    texts = ("all selfcare 50", "All self-care, 50%", "all selfcare", "", "x" * 600)
    assert [built.named(text) for text in texts] == [{"a", "b"}, {"a", "b"}, set(), set(), set()]


def test_every_fault_of_documents_is_named_with_its_file() -> None:
    with pytest.raises(TerminologyError) as caught:
        build_terminology(
            parse_systems(SYSTEMS),
            [
                ("no-url.json", {"resourceType": "ValueSet"}),
                _set("nowhere", **_including("http://y.example", "x")),
                _set(
                    "bare", compose={"include": [{"concept": [{"code": "x"}]}]}, expansion={"contains": [{"code": "y"}]}
                ),
                _set("twice", **_filtering("[")),
                _set("named", **_naming("http://plain.example", {"value": 1})),
            ],
        )
    assert str(caught.value).splitlines() == [
        "no-url.json: is neither a ValueSet with url nor a CodeSystem",
        "nowhere.json: system 'http://y.example' is not in systems.toml",
        "bare.json: system '' is not in systems.toml",
        "bare.json: system '' is not in systems.toml",
        "twice.json: regex '[': unterminated character set at position 0",
        "named.json: compose or expansion is not of FHIR's shape",
    ]
