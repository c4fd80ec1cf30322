"""Regions of the case space as cubes: for each fact a set of cells; first-match rows become disjoint cubes.

The cubes of everything that a decision asks (rows, advisories) are numbered, and for each fact and set of cells one
whole number holds, bit by bit, which cubes it touches. What a set of completions reaches is then one `&` a fact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from service.knowledge.formula import Conjunction, Disjunction, Literal, RowTest, rewritten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from service.knowledge.formula import Formula, Leaf

Cube: TypeAlias = tuple[int, ...]
"""A mask of cells for each fact."""


def truth(formula: Formula, cube: Sequence[int]) -> bool | Literal:
    """Evaluate on a whole cube: true or false everywhere in it, or the first test that is open."""
    match formula:
        case bool():
            return formula
        case Literal(place=place, mask=mask):
            inside = cube[place] & mask
            return inside == cube[place] if inside in (0, cube[place]) else formula
        case Conjunction(terms=terms):
            return _first_open(terms, cube, stop=False)
        case Disjunction(terms=terms):
            return _first_open(terms, cube, stop=True)
        case _:
            raise TypeError("only tests of cells can be evaluated")


def _first_open(terms: tuple[Formula, ...], cube: Sequence[int], *, stop: bool) -> bool | Literal:
    open_test: Literal | None = None
    for term in terms:
        found = truth(term, cube)
        if found is stop:
            return stop
        if open_test is None and not isinstance(found, bool):
            open_test = found
    return (not stop) if open_test is None else open_test


def halves(cube: Cube, test: Literal) -> tuple[Cube, Cube]:
    """Split a cube where `test` holds and where it does not."""
    place, mask = test.place, test.mask
    before, cells, after = cube[:place], cube[place], cube[place + 1 :]
    return (*before, cells & mask, *after), (*before, cells & ~mask, *after)


def first_match(tests: Sequence[Formula], whole: Cube) -> list[list[Cube]]:
    """Give for each test the disjoint cubes in which it is the first that holds; the last entry is what none takes."""
    found: list[list[Cube]] = [[] for _ in range(len(tests) + 1)]
    todo = [(whole, 0)]
    while todo:
        cube, index = todo.pop()
        while index < len(tests):
            answer = truth(tests[index], cube)
            if answer is True:
                break
            if answer is not False:
                todo += [(half, index) for half in halves(cube, answer)]
                break
            index += 1
        else:
            answer = True
        if answer is True:
            found[index].append(cube)
    return [merged(cubes) for cubes in found]


def where(formula: Formula, cube: Cube, *, holds: bool) -> Iterator[Cube]:
    """Give disjoint cubes that cover where `formula` holds, or where it does not."""
    todo = [cube]
    while todo:
        part = todo.pop()
        answer = truth(formula, part)
        if answer is holds:
            yield part
        elif not isinstance(answer, bool):
            todo += halves(part, answer)


def merged(cubes: Iterable[Cube]) -> list[Cube]:
    """Join disjoint cubes that differ in one fact only, until none are left."""
    current = list(cubes)
    changed = True
    while changed and current:
        changed = False
        for place in range(len(current[0])):
            groups: dict[Cube, int] = {}
            for cube in current:
                rest = (*cube[:place], *cube[place + 1 :])
                groups[rest] = groups.get(rest, 0) | cube[place]
            if len(groups) < len(current):
                changed = True
                current = [(*rest[:place], mask, *rest[place:]) for rest, mask in groups.items()]
    return current


def on_row(formula: Formula, row: str) -> Formula:
    """Replace the tests of the row by their truth."""

    def leaf(test: Leaf) -> Formula:
        return row in test.rows if isinstance(test, RowTest) else test

    return rewritten(formula, leaf)


class Index:
    """Numbered cubes; `touching[place][mask]` are those with a cell of `mask`, `holding` those with all of them."""

    def __init__(self, cubes: Sequence[Cube], sizes: Sequence[int]) -> None:
        self.everything = (1 << len(cubes)) - 1
        self.touching: list[list[int]] = []
        self.holding: list[list[int]] = []
        for place, size in enumerate(sizes):
            cells = [0] * size
            for number, cube in enumerate(cubes):
                for cell in range(size):
                    if cube[place] >> cell & 1:
                        cells[cell] |= 1 << number
            touching, holding = [0], [self.everything]
            for mask in range(1, 1 << size):
                rest, cell = mask & (mask - 1), (mask & -mask).bit_length() - 1
                touching.append(touching[rest] | cells[cell])
                holding.append(holding[rest] & cells[cell])
            self.touching.append(touching)
            self.holding.append(holding)


def bits(number: int) -> Iterator[int]:
    """Give the numbers of the bits that are set, lowest first."""
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low
