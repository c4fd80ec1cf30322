"""The condition language read once more, from its description alone: shares nothing with the reader of the service."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Member: TypeAlias = str | int | float


@dataclass(frozen=True)
class Name:
    """A definition, a switch of the policy or a yes-or-no fact."""

    text: str


@dataclass(frozen=True)
class Comparison:
    """A name against one member, or (after `in` and `not in`) against a set or a group of the chart."""

    left: str
    operator: str
    members: tuple[Member, ...]
    group: str = ""
    """`signs` or `gaps`."""


@dataclass(frozen=True)
class Call:
    """A test of the chart itself: `absent(fact)`, `recorded(test)`."""

    function: str
    argument: Node


@dataclass(frozen=True)
class Not:
    operand: Node


@dataclass(frozen=True)
class Joined:
    """Terms joined by `and` or by `or`."""

    word: str
    terms: tuple[Node, ...]


Node: TypeAlias = Name | Comparison | Call | Not | Joined

_TOKENS = re.compile(r"[A-Za-z_][\w-]*|\d+\.\d+|\d+|[=!<>]=|[<>(){},]|\S")
_COMPARED = {"==", "!=", "<", "<=", ">", ">="}


def read(text: str) -> Node:
    """Read one condition; raise `ValueError` where it is none."""
    tokens = _TOKENS.findall(text)
    node, left = _joined(tokens, "or")
    if left:
        raise ValueError(f"{text!r}: what is {left[0]!r} doing here")
    return node


def written(node: Node) -> str:
    """Write a condition so that it reads as the same again."""
    match node:
        case Name(text=text):
            return text
        case Comparison(left=left, operator=operator, group=group) if group:
            return f"{left} {operator} {group}"
        case Comparison(left=left, operator=operator, members=members):
            listed = ", ".join(map(str, members))
            return f"{left} {operator} " + (f"{{{listed}}}" if operator in {"in", "not in"} else listed)
        case Call(function=function, argument=argument):
            return f"{function}({written(argument)})"
        case Not(operand=operand):
            return f"not {_inside(operand)}"
        case Joined(word=word, terms=terms):
            return f" {word} ".join(_inside(term) for term in terms)


def _inside(node: Node) -> str:
    return f"({written(node)})" if isinstance(node, Joined) else written(node)


def atoms(node: Node) -> Iterator[Name | Comparison | Call]:
    """Give every test, in reading order."""
    match node:
        case Not(operand=operand):
            yield from atoms(operand)
        case Joined(terms=terms):
            for term in terms:
                yield from atoms(term)
        case _:
            yield node


def _joined(tokens: list[str], word: str) -> tuple[Node, list[str]]:
    terms = []
    while True:
        term, tokens = _joined(tokens, "and") if word == "or" else _single(tokens)
        terms.append(term)
        if tokens[:1] != [word]:
            return (terms[0] if len(terms) == 1 else Joined(word, tuple(terms))), tokens
        tokens = tokens[1:]


def _single(tokens: list[str]) -> tuple[Node, list[str]]:  # noqa: PLR0911 - one a form of the language
    match tokens:
        case ["not", *rest]:
            node, rest = _single(rest)
            return Not(node), rest
        case ["(", *rest]:
            node, rest = _joined(rest, "or")
            return node, _after(")", rest)
        case [str(function), "(", *rest]:
            node, rest = _joined(rest, "or")
            return Call(function, node), _after(")", rest)
        case [str(left), "in", *rest]:
            return _membership(left, "in", rest)
        case [str(left), "not", "in", *rest]:
            return _membership(left, "not in", rest)
        case [str(left), str(operator), str(member), *rest] if operator in _COMPARED:
            return Comparison(left, operator, (_member(member),)), rest
        case [str(name), *rest]:
            return Name(name), rest
        case _:
            raise ValueError("a condition ends too early")


def _membership(left: str, operator: str, tokens: list[str]) -> tuple[Node, list[str]]:
    if tokens[0] != "{":
        return Comparison(left, operator, (), tokens[0]), tokens[1:]
    end = tokens.index("}")
    members = tuple(_member(word) for word in tokens[1:end:2])
    return Comparison(left, operator, members), tokens[end + 1 :]


def _member(token: str) -> Member:
    return float(token) if "." in token else int(token) if token.isdigit() else token


def _after(token: str, tokens: list[str]) -> list[str]:
    if tokens[:1] != [token]:
        raise ValueError(f"{token!r} is missing")
    return tokens[1:]
