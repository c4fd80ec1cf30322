"""The condition language: infix tests over names, read into a tree whose nodes know their place in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

Operator: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in"]


_MOST_DIGITS = 15
"""What a float still holds exactly; Python refuses to read thousands."""


class ExpressionError(Exception):
    """A condition cannot be read; its message names the position, counted in characters from 1."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"position {position}: {message}")


@dataclass(frozen=True, slots=True)
class Word:
    """A name: a fact, definition, parameter, sign, row or one choice of a fact."""

    text: str
    position: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number without unit; the unit is that of the fact it is compared with."""

    value: int | float
    position: int


@dataclass(frozen=True, slots=True)
class WordSet:
    """Several words or numbers in braces."""

    members: tuple[Word | Number, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One name against a value, a name or a set; a set stands only after `in` and `not in`."""

    left: Word
    operator: Operator
    right: Word | Number | WordSet
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """A test of the chart itself, such as `absent(asa)`."""

    function: str
    argument: Expression
    position: int


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    operand: Expression
    position: int


@dataclass(frozen=True, slots=True)
class All:
    """Terms joined by `and`."""

    terms: tuple[Expression, ...]
    position: int


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Terms joined by `or`."""

    terms: tuple[Expression, ...]
    position: int


Expression: TypeAlias = Word | Comparison | Call | Not | All | AnyOf

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)(?![\w-])|(?P<word>[A-Za-z][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*)"
    r"|(?P<sign>==|!=|<=|>=|<|>|[(){},]))"
)
_RESERVED = {"and", "or", "not", "in"}
_DEPTH = 40
"""Nesting that no honest condition needs; keeps hostile files from exhausting the stack."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["number", "word", "sign", "end"]
    text: str
    position: int


def parse(text: str) -> Expression:
    """Read one condition; raise `ExpressionError` at the first place that cannot be read."""
    return _Reader(list(_tokens(text))).condition()


def words(expression: Expression) -> Iterator[Word]:
    """Give every word that stands where a name may stand (no members of sets, no right-hand sides)."""
    match expression:
        case Word():
            yield expression
        case Comparison(left=left):
            yield left
        case Call(argument=inner) | Not(operand=inner):
            yield from words(inner)
        case All(terms=terms) | AnyOf(terms=terms):
            for term in terms:
                yield from words(term)
        case _:
            assert_never(expression)


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    end = len(text.rstrip())
    while place < end:
        found = _TOKEN.match(text, place)
        if found is None:
            start = place + len(text[place:]) - len(text[place:].lstrip())
            raise ExpressionError(f"unexpected {text[start]!r}", start + 1)
        kind = cast("Literal['number', 'word', 'sign']", found.lastgroup)
        yield _Token(kind, found[kind], found.start(kind) + 1)
        place = found.end()
    yield _Token("end", "the end", end + 1)


class _Reader:
    """Recursive descent over the tokens of one condition."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    def condition(self) -> Expression:
        expression = self._either()
        if self._next.kind != "end":
            raise self._unexpected("the end")
        return expression

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self) -> _Token:
        token = self._next
        self._place += 1
        return token

    def _accept(self, text: str) -> bool:
        found = self._next.text == text
        self._place += found
        return found

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._unexpected(repr(text))

    def _unexpected(self, wanted: str) -> ExpressionError:
        found = self._next.text if self._next.kind == "end" else repr(self._next.text)
        return ExpressionError(f"expected {wanted}, found {found}", self._next.position)

    def _either(self) -> Expression:
        position = self._next.position
        terms = [self._both()]
        while self._accept("or"):
            terms.append(self._both())
        return terms[0] if len(terms) == 1 else AnyOf(tuple(terms), position)

    def _both(self) -> Expression:
        position = self._next.position
        terms = [self._opposite()]
        while self._accept("and"):
            terms.append(self._opposite())
        return terms[0] if len(terms) == 1 else All(tuple(terms), position)

    def _opposite(self) -> Expression:
        position = self._next.position
        self._depth += 1
        if self._depth > _DEPTH:
            raise ExpressionError("nested too deeply", position)
        expression = Not(self._opposite(), position) if self._accept("not") else self._test()
        self._depth -= 1
        return expression

    def _test(self) -> Expression:
        if self._accept("("):
            inner = self._either()
            self._expect(")")
            return inner
        word = self._word()
        if self._accept("("):
            argument = self._either()
            self._expect(")")
            return Call(word.text, argument, word.position)
        operator = self._operator()
        return word if operator is None else Comparison(word, operator, self._value(operator), word.position)

    def _operator(self) -> Operator | None:
        if self._accept("in"):
            return "in"
        if self._accept("not"):
            self._expect("in")
            return "not in"
        if self._next.kind == "sign" and self._next.text in {"==", "!=", "<", "<=", ">", ">="}:
            return cast("Operator", self._take().text)
        return None

    def _value(self, operator: Operator) -> Word | Number | WordSet:
        if self._next.text != "{":
            return self._member()
        if operator not in {"in", "not in"}:
            raise ExpressionError("a set needs in or not in", self._next.position)
        return self._set()

    def _set(self) -> WordSet:
        position = self._take().position
        members = [self._member()]
        while self._accept(","):
            members.append(self._member())
        self._expect("}")
        return WordSet(tuple(members), position)

    def _member(self) -> Word | Number:
        if self._next.kind == "number":
            token = self._take()
            if len(token.text) > _MOST_DIGITS:
                raise ExpressionError(f"a number of more than {_MOST_DIGITS} digits", token.position)
            return Number(float(token.text) if "." in token.text else int(token.text), token.position)
        return self._word()

    def _word(self) -> Word:
        if self._next.kind != "word" or self._next.text in _RESERVED:
            raise self._unexpected("a name")
        token = self._take()
        return Word(token.text, token.position)
