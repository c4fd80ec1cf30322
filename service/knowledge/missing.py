"""Which unknown facts matter, and what each of their values would leave open.

A fact matters when two completions that differ in it alone give different outcomes. What an assumption fills in one
of the two follows the other facts and is no difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.knowledge.cubes import bits
from service.knowledge.decision import Answer, MissingFact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.knowledge.compiled import Compiled
    from service.knowledge.completions import Box, Completions
    from service.knowledge.decision import Outcome


def missing_facts(found: Completions, compiled: Compiled) -> tuple[MissingFact, ...]:
    """Rank the facts that matter: settling ones first, then by the strategies that a value can leave, then by code."""
    row_hits = found.hits & compiled.row_cubes
    first = (row_hits & -row_hits).bit_length() - 1
    if not row_hits & compiled.other_outcome[first]:
        return ()
    ranked: list[tuple[bool, int, str, MissingFact]] = []
    for code, place in compiled.places.items():
        cells = found.known[place]
        if not cells & (cells - 1):
            continue
        if place not in found.split and not row_hits & ~compiled.index.holding[place][cells]:
            continue
        if any(_differs(place, pair, found, compiled) for pair in _pairs(place, found)):
            fact = MissingFact(code, *_answers(place, found, compiled))
            most = max(len(answer.strategies) for answer in fact.answers)
            ranked.append((not fact.settles, most, code, fact))
    return tuple(entry[-1] for entry in sorted(ranked, key=lambda entry: entry[:3]))


def _pairs(place: int, found: Completions) -> Iterator[tuple[Box, Box]]:
    """Give each box with itself, then the boxes that differ in this fact alone, where no assumption fills it."""
    boxes = [box for box in found.boxes if not box.filled >> place & 1]
    for box in boxes:
        yield box, box
    if place in found.split:
        others = [other for other in found.split if other != place]
        for number, box in enumerate(boxes):
            for earlier in boxes[:number]:
                if all(box.cells[other] & earlier.cells[other] for other in others):
                    yield box, earlier


def _differs(place: int, pair: tuple[Box, Box], found: Completions, compiled: Compiled) -> bool:
    """Whether two completions, one in each box, differ in this fact alone and give different outcomes."""
    one, two = pair
    touching, holding = compiled.index.touching, compiled.index.holding
    loose = one.filled | two.filled
    # A cube that holds all cells of the loose facts gives both completions the same row.
    suspects = compiled.row_cubes & ~holding[place][one.cells[place] | two.cells[place]]
    for filled in bits(loose):
        suspects |= compiled.row_cubes & ~holding[filled][one.cells[filled] | two.cells[filled]]
    suspects &= one.hits
    if not suspects:
        return False
    shared = [left & right for left, right in zip(one.cells, two.cells, strict=True)]
    opposite = two.hits
    for fact in found.moving:
        if fact != place and not loose >> fact & 1:
            suspects &= touching[fact][shared[fact]]
            opposite &= touching[fact][shared[fact]]
    strict = [fact for fact in range(len(shared)) if fact != place and not loose >> fact & 1]
    for number in bits(suspects):
        cube = compiled.cubes[number]
        mine = cube[place] & one.cells[place]
        others = opposite & compiled.other_outcome[number]
        others &= touching[place][two.cells[place] if mine & (mine - 1) else two.cells[place] & ~mine]
        for fact in strict:
            if not others:
                break
            others &= touching[fact][cube[fact] & shared[fact]]
        if others:
            return True
    return False


def _answers(place: int, found: Completions, compiled: Compiled) -> tuple[bool, tuple[Answer, ...]]:
    """Group the values of a fact by the outcomes that they leave; say whether each leaves one strategy at most."""
    touching = compiled.index.touching[place]
    groups: dict[tuple[Outcome, ...], int] = {}
    for cell in bits(found.known[place]):
        mask = 1 << cell
        if place in found.moving:
            hits = 0
            for box in found.boxes:
                if box.cells[place] & mask:
                    hits |= box.hits
        else:
            hits = found.hits if found.boxes[0].cells[place] & mask else 0
        if hits:
            outcomes = reachable_outcomes(hits & touching[mask], compiled)
            groups[outcomes] = groups.get(outcomes, 0) | mask
    label = compiled.domains[place].label
    answers = tuple(Answer(label(mask), outcomes) for outcomes, mask in groups.items())
    return all(len(answer.strategies) <= 1 for answer in answers), answers


def reachable_outcomes(hits: int, compiled: Compiled) -> tuple[Outcome, ...]:
    """Give the outcomes of the rows whose cubes are hit, sorted, without "no card"."""
    return tuple([outcome for outcome, cubes in compiled.outcomes if cubes & hits])
