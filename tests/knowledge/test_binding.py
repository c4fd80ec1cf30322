"""Conditions are resolved against names: negation reaches each test, sets and numbers mean what they say."""

from __future__ import annotations

import pytest

from fhir_mappings.catalogue import FactDefinition
from service.knowledge.binding import Names
from service.knowledge.domain import ChoiceTest, NumberTest
from service.knowledge.expression import ExpressionError
from service.knowledge.formula import Conjunction, Disjunction, Formula, RowTest


def fact(name: str, kind: str, *choices: str) -> FactDefinition:
    return FactDefinition(code=name, title="", question="", kind=kind, reader="", choices=choices)  # type: ignore[arg-type]


FACTS = {
    "n": fact("n", "number"),
    "m": fact("m", "integer"),
    "site": fact("site", "choice", "left", "right", "both"),
    "done": fact("done", "boolean"),
    "said": fact("said", "choice", "true", "false"),
}


def names() -> Names:
    definitions = {"far": "n > 3", "never": "not always", "always": "flag"}
    rows = {"A": "wait", "B": "cut", "C": "wait"}
    return Names(facts=FACTS, parameters={"flag": True, "limit": 3}, definitions=definitions, rows=rows)


def number(operator: str, value: float, of: str = "n") -> NumberTest:
    return NumberTest(of, operator, value)  # type: ignore[arg-type]


def choice(of: str, *values: str) -> ChoiceTest:
    return ChoiceTest(of, frozenset(values))


DONE, NOT_DONE = (ChoiceTest("done", frozenset({answer})) for answer in (True, False))


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("n > limit and m < 2", Conjunction((number(">", 3), number("<", 2, "m")))),
        ("not (n > limit and m < 2)", Disjunction((number("<=", 3), number(">=", 2, "m")))),
        ("n > limit or m < 2", Disjunction((number(">", 3), number("<", 2, "m")))),
        ("not (n > limit or m < 2)", Conjunction((number("<=", 3), number(">=", 2, "m")))),
        ("not not n > 1", number(">", 1)),
        ("n in {1, 2}", Disjunction((number("==", 1), number("==", 2)))),
        ("n not in {1, 2}", Conjunction((number("!=", 1), number("!=", 2)))),
        ("not (n in {1, limit})", Conjunction((number("!=", 1), number("!=", 3)))),
        ("not (n not in {1, 2})", Disjunction((number("==", 1), number("==", 2)))),
        ("n != 1", number("!=", 1)),
        ("site == left", choice("site", "left")),
        ("site != left", choice("site", "right", "both")),
        ("not (site != left)", choice("site", "left")),
        ("site in {left, both}", choice("site", "left", "both")),
        ("site not in {left, both}", choice("site", "right")),
        ("not (site not in {left, both})", choice("site", "left", "both")),
        ("done", DONE),
        ("not done", NOT_DONE),
        ("done == false", NOT_DONE),
        ("done != false", DONE),
        ("said == true", choice("said", "true")),
        ("far", number(">", 3)),
        ("not far", number("<=", 3)),
        ("always", True),
        ("not always", False),
        ("never", False),
        ("not never", True),
        ("not flag", False),
    ],
)
def test_a_condition_of_facts_is_bound(text: str, bound: Formula) -> None:
    assert names().bind(text) == bound


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("row == A", {"A"}),
        ("row != A", {"B", "C"}),
        ("row in {A, B}", {"A", "B"}),
        ("row not in {A, B}", {"C"}),
        ("not (row != A)", {"A"}),
        ("not (row not in {A, B})", {"A", "B"}),
        ("next_step == wait", {"A", "C"}),
        ("next_step != wait", {"B"}),
        ("not next_step == wait", {"B"}),
    ],
)
def test_a_condition_of_rows_is_bound(text: str, rows: set[str]) -> None:
    assert names().bind(text, "rows") == RowTest(frozenset(rows))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("site in left", "position 9: in and not in need a set"),
        ("site not in left", "position 13: in and not in need a set"),
        ("n not in 3", "position 10: in and not in need a set"),
        ("done == maybe", "position 9: 'maybe' is no value of done"),
        ("site == true", "position 9: 'true' is no value of site"),
        ("site == 3", "position 9: '3' is no value of site"),
        ("n == flag", "position 6: parameter flag is no number"),
        ("site < left", "position 1: < orders numbers, site is none"),
        ("row == A", "position 1: row can only be read by advisories"),
        ("absent(n)", "position 1: absent(…) belongs to assumptions and ties"),
    ],
)
def test_what_cannot_be_bound_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        names().bind(text)
    assert str(caught.value) == message
