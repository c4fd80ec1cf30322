"""Tables of TOML are read key by key: what stands there, what is missing, what has another kind, what nobody asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from service.knowledge.tables import Table, root_table

if TYPE_CHECKING:
    from collections.abc import Callable

Ask = tuple[str, "Callable[[Table], Any]"]

TEXT: Ask = ("text", lambda table: table.text("k"))
MAYBE_TEXT: Ask = ("maybe_text", lambda table: table.maybe_text("k"))
FLAG: Ask = ("maybe_flag, else true", lambda table: table.maybe_flag("k", default=True))
NO_FLAG: Ask = ("maybe_flag, else false", lambda table: table.maybe_flag("k", default=False))
NUMBER: Ask = ("number", lambda table: table.number("k"))
TEXTS: Ask = ("texts", lambda table: table.texts("k"))
REQUIRED: Ask = ("texts that must be there", lambda table: table.texts("k", required=True))
ONE: Ask = ("one_of", lambda table: table.one_of("k", ("a", "b")))
ONE_OR: Ask = ("one_of, else b", lambda table: table.one_of("k", ("a", "b"), "b"))
ANYTHING: Ask = ("anything", lambda table: table.anything("k"))

ASKED: list[tuple[Ask, str, Any, list[str]]] = [
    # what is asked, what stands there, what is given, the faults
    (TEXT, 'k = "v"', "v", []),
    (TEXT, 'k = ""', "", []),
    (TEXT, "", "", ["f: k is missing"]),
    (TEXT, "k = 3", "", ["f: k must be a text"]),
    (MAYBE_TEXT, 'k = "v"', "v", []),
    (MAYBE_TEXT, "", None, []),
    (MAYBE_TEXT, "k = ['v']", None, ["f: k must be a text"]),
    (FLAG, "k = false", False, []),
    (FLAG, "", True, []),
    (FLAG, "k = 0", True, ["f: k must be true or false"]),
    (NO_FLAG, "k = true", True, []),
    (NO_FLAG, "", False, []),
    (NO_FLAG, "k = 'true'", False, ["f: k must be true or false"]),
    (NUMBER, "k = 3", 3, []),
    (NUMBER, "k = 0", 0, []),
    (NUMBER, "k = 2.5", 2.5, []),
    (NUMBER, "", None, []),
    (NUMBER, "k = true", None, ["f: k must be a number"]),
    (NUMBER, "k = '3'", None, ["f: k must be a number"]),
    (TEXTS, "k = ['a', 'b']", ("a", "b"), []),
    (TEXTS, "k = []", (), []),
    (TEXTS, "", (), []),
    (TEXTS, "k = 'a'", (), ["f: k must be a list of texts"]),
    (TEXTS, "k = ['a', 1]", (), ["f: k must be a list of texts"]),
    (REQUIRED, "k = []", (), []),
    (REQUIRED, "", (), ["f: k is missing"]),
    (REQUIRED, "k = 'a'", (), ["f: k must be a list of texts"]),
    (ONE, "k = 'b'", "b", []),
    (ONE, "k = 'c'", "a", ["f: k must be one of a, b"]),
    (ONE, "", "a", ["f: k is missing"]),
    (ONE, "k = 3", "a", ["f: k must be a text"]),
    (ONE_OR, "k = 'a'", "a", []),
    (ONE_OR, "", "b", []),
    (ONE_OR, "k = 'c'", "a", ["f: k must be one of a, b"]),
    (ANYTHING, "k = [1]", [1], []),
    (ANYTHING, "", None, []),
]


@pytest.mark.parametrize(
    ("ask", "text", "given", "faults"), ASKED, ids=[f"{ask[0]} of {text or 'nothing'}" for ask, text, *_ in ASKED]
)
def test_a_key_is_given_as_it_stands_or_as_nothing_beside_a_fault(
    ask: Ask, text: str, given: Any, faults: list[str]
) -> None:
    noted: list[str] = []
    table = root_table(text, "f", noted)
    found = ask[1](table)
    table.close()
    assert (found, type(found), noted) == (given, type(given), faults)


def test_what_nobody_asked_for_is_a_fault_by_its_name() -> None:
    faults: list[str] = []
    table = root_table("b = 1\na = 2\nc = 3", "f", faults)
    assert (table.anything("c"), table.keys()) == (3, ["b", "a"])
    table.close()
    assert faults == ["f: unknown key 'a'", "f: unknown key 'b'"]


def test_tables_inside_are_named_by_their_place() -> None:
    faults: list[str] = []
    table = root_table("[a]\nk = 1\n[a.b]\nk = 1\n[c]\nx = 3\n[c.y]\nk = 1", "f", faults)
    inner = table.table("a")
    named = [("", Table("", {"a": {"b": 1}}, faults).table("a")), ("", inner), ("", inner.table("b"))]
    named += [("", table.table("none")), *table.tables("c"), *table.tables("d")]
    assert [(name, one.where, one.keys()) for name, one in named] == [
        ("", "a", ["b"]),
        ("", "f.a", ["k"]),
        ("", "f.a.b", ["k"]),
        ("", "f.none", []),
        ("x", "c x", []),
        ("y", "c y", ["k"]),
    ]
    table.close()
    assert faults == ["c x: must be a table"]


@pytest.mark.parametrize(
    ("text", "found", "faults"),
    [
        ("", [], []),
        ("row = []", [], []),
        ("row = 3", [], ["f: row must be a list of tables"]),
        ("[row]\nid = 'A'", [], ["f: row must be a list of tables"]),
        ("[[row]]\nid = 'A'\n[[row]]\nid = 'B'", [("row A", ["id"]), ("row B", ["id"])], []),
        ("[[row]]\nid = 3\n[[row]]\nk = 1", [("row 1", ["id"]), ("row 2", ["k"])], []),
        ("row = [3, { id = 'A' }, 'B']", [("row 1", []), ("row A", ["id"]), ("row 3", [])], ["row 1", "row 3"]),
    ],
)
def test_tables_of_a_list_are_named_by_a_key_else_by_their_number(
    text: str, found: list[tuple[str, list[str]]], faults: list[str]
) -> None:
    noted: list[str] = []
    table = root_table(text, "f", noted)
    given = [(one.where, one.keys()) for one in table.list_of_tables("row", "id")]
    table.close()
    expected = [fault if ":" in fault else f"{fault}: must be a table" for fault in faults]
    assert (given, noted) == (found, expected)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = ", "f: Invalid value (at end of document)"),
        ("a = " + "[" * 5000, "f: "),
        ("a = " + "1" * 5000, "f: Exceeds the limit (4300 digits)"),
    ],
)
def test_a_text_that_is_no_toml_is_one_fault_and_an_empty_table(text: str, fault: str) -> None:
    faults: list[str] = []
    table = root_table(text, "f", faults)
    assert (table.where, table.keys(), len(faults)) == ("f", [], 1)
    assert faults[0].startswith(fault)
    table.fault("more")
    assert faults[1:] == ["f: more"]
