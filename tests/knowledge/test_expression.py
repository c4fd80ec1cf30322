"""The condition language reads what it should and names the place of what it cannot read."""

from __future__ import annotations

import pytest

from service.knowledge.expression import (
    All,
    AnyOf,
    Call,
    Comparison,
    Expression,
    ExpressionError,
    Not,
    Number,
    Word,
    WordSet,
    parse,
    words,
)


def test_and_binds_closer_than_or_and_not_closest() -> None:
    assert parse("a or not b and c") == AnyOf((Word("a", 1), All((Not(Word("b", 10), 6), Word("c", 16)), 6)), 1)


def test_parentheses_group() -> None:
    assert parse("(a or b) and c") == All((AnyOf((Word("a", 2), Word("b", 7)), 2), Word("c", 14)), 1)


@pytest.mark.parametrize("operator", ["==", "!=", "<", "<=", ">", ">="])
def test_comparisons_take_numbers_and_words(operator: str) -> None:
    position = 4 + len(operator)
    assert parse(f"n {operator} 30") == Comparison(Word("n", 1), operator, Number(30, position), 1)  # type: ignore[arg-type]
    assert parse(f"n {operator} limit") == Comparison(Word("n", 1), operator, Word("limit", position), 1)  # type: ignore[arg-type]


def test_numbers_may_have_decimals() -> None:
    assert parse("n > 2.5") == Comparison(Word("n", 1), ">", Number(2.5, 5), 1)


def test_numbers_may_have_fifteen_digits() -> None:
    assert parse("n > 123456789012345") == Comparison(Word("n", 1), ">", Number(123456789012345, 5), 1)


def test_sets_hold_words_with_hyphens() -> None:
    assert parse("site in {rectum-mid, rectum-low}") == Comparison(
        Word("site", 1), "in", WordSet((Word("rectum-mid", 10), Word("rectum-low", 22)), 9), 1
    )
    assert parse("row not in {A12}") == Comparison(Word("row", 1), "not in", WordSet((Word("A12", 13),), 12), 1)


def test_calls_take_a_condition() -> None:
    assert parse("absent(asa)") == Call("absent", Word("asa", 8), 1)


def test_words_are_the_names_on_the_left() -> None:
    names = [word.text for word in words(parse("a and not (b == x or recorded(c in {y})) and d > 3"))]
    assert names == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "position 1: expected a name, found the end"),
        ("a and", "position 6: expected a name, found the end"),
        ("a b", "position 3: expected the end, found 'b'"),
        ("(a", "position 3: expected ')', found the end"),
        ("a = b", "position 3: unexpected '='"),
        ("a ; b", "position 3: unexpected ';'"),
        ("a in {", "position 7: expected a name, found the end"),
        ("a in {x y}", "position 9: expected '}', found 'y'"),
        ("a not b", "position 7: expected 'in', found 'b'"),
        ("and a", "position 1: expected a name, found 'and'"),
        ("3 < a", "position 1: expected a name, found '3'"),
        ("a == 3x", "position 6: unexpected '3'"),
        ("n == 1234567890123456", "position 6: a number of more than 15 digits"),
        ("absent(asa", "position 11: expected ')', found the end"),
        ("__import__", "position 1: unexpected '_'"),
        ("a == 'x'", 'position 6: unexpected "\'"'),
        ("a.b", "position 2: unexpected '.'"),
        ("(" * 100 + "a" + ")" * 100, "position 41: nested too deeply"),
        ("not " * 100 + "a", "position 161: nested too deeply"),
        ("(a and " * 100 + "a" + ")" * 100, "position 275: nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert str(caught.value) == message


def nots(count: int, start: int) -> Expression:
    word = Word("a", start + 4 * count)
    return Not(nots(count - 1, start + 4), start) if count else word


def test_the_deepest_condition_may_stand_beside_others_as_deep() -> None:
    deepest = "not " * 39 + "a"
    assert parse(f"{deepest} and {deepest} and {deepest}") == All((nots(39, 1), nots(39, 163), nots(39, 325)), 1)
