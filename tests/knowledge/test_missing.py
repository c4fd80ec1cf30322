"""Small drawn guidelines: which facts matter is what a walk through all single patients says."""

from __future__ import annotations

from itertools import product
from operator import and_
from random import Random
from typing import TYPE_CHECKING, TypeAlias

import pytest

from fhir_mappings.case import Case, Interval, Known, Narrowed, Unknown
from fhir_mappings.catalogue import load_catalogue
from service.knowledge.completions import completions
from service.knowledge.cubes import bits, truth
from service.knowledge.decide import decide
from service.knowledge.decision import Answer, MissingFact
from service.knowledge.guideline import build_guideline
from tests.cases import case_of
from tests.knowledge.small_guideline import of_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.knowledge.compiled import Compiled
    from service.knowledge.decision import Outcome
    from service.knowledge.formula import Formula
    from service.knowledge.model import Guideline

Patient: TypeAlias = tuple[int, ...]
"""One cell for each fact."""

RANGES = {"ecog": (1, 4), "asa": (2, 5), "metastasis_count": (1, 4), "flr_percent": (30, 33)}


def holds(formula: Formula, patient: Patient) -> bool:
    return truth(formula, patient) is True


def completed(
    guideline: Compiled, case: Case, *, without: int | None = None
) -> Iterator[tuple[Patient, frozenset[int]]]:
    """Give every single patient whom the case may be, with the places that assumptions (but one) fill in them."""
    known = []
    for code, domain in zip(guideline.places, guideline.domains, strict=True):
        match case.facts[code]:
            case Known(value=value):
                known.append(domain.mask_at(value))
            case Narrowed(values=values):
                known.append(domain.mask_within(values) or domain.full)
            case _:
                known.append(domain.full)
    everyone = [tuple(1 << cell for cell in cells) for cells in product(*(list(bits(mask)) for mask in known))]
    ties = [
        tie
        for tie in guideline.ties
        if not all(holds(tie.when, patient) and not patient[tie.place] & tie.then for patient in everyone)
    ]
    absent = {place for code, place in guideline.places.items() if case.facts[code] == Unknown()}
    for patient in everyone:
        if any(holds(tie.when, patient) and not patient[tie.place] & tie.then for tie in ties):
            continue
        applied = [
            rule
            for rule in guideline.assumptions
            if rule.rule != without and rule.place in absent and holds(rule.when, patient)
        ]
        if all(patient[rule.place] & rule.fill for rule in applied):
            yield patient, frozenset(rule.place for rule in applied)


def reached(guideline: Compiled, case: Case, *, without: int | None = None) -> set[str]:
    """Give the rows that some patient reaches."""
    return {
        next(row.id for row in guideline.rows if holds(row.test, patient))
        for patient, _ in completed(guideline, case, without=without)
    }


def deciding(guideline: Compiled, case: Case) -> list[str]:
    """Give the facts whose assumption keeps an outcome away."""
    outcome = {row.id: row.outcome for row in guideline.rows}
    now = {outcome[row] for row in reached(guideline, case)}
    return [
        rule.fact
        for rule in guideline.assumptions
        if not {outcome[row] for row in reached(guideline, case, without=rule.rule)} <= now
    ]


def has_a_say(place: int, guideline: Compiled, case: Case) -> bool:
    """Whether a region that is reached ends somewhere in this fact, or an assumption or tie asks for it."""
    found = completions(case, guideline)
    patients = [patient for patient, _ in completed(guideline, case)]
    rows = [guideline.cubes[number] for number in bits(guideline.row_cubes)]
    touched = [cube for cube in rows if any(all(map(and_, cube, patient)) for patient in patients)]
    return place in found.split or any(found.known[place] & ~cube[place] for cube in touched)


def mattering(guideline: Compiled, case: Case) -> dict[str, dict[int, set[Outcome | None]]]:
    """Give the facts that alone change the outcome of some patient, with what each of their cells can lead to."""
    outcomes = {}
    filled = {}
    for patient, places in completed(guideline, case):
        outcomes[patient] = next(row.outcome for row in guideline.rows if holds(row.test, patient))
        filled[patient] = places
    found: dict[str, dict[int, set[Outcome | None]]] = {}
    for code, place in guideline.places.items():
        if has_a_say(place, guideline, case) and any(
            outcomes[one] != outcomes[two]
            and one[place] != two[place]
            and place not in (loose := filled[one] | filled[two])
            and all(one[other] == two[other] for other in range(len(one)) if other != place and other not in loose)
            for one, two in product(outcomes, repeat=2)
        ):
            found[code] = {}
            for patient, outcome in outcomes.items():
                found[code].setdefault(patient[place], set()).add(outcome)
    return found


def expected(guideline: Compiled, case: Case) -> tuple[MissingFact, ...]:
    ranked = []
    for code, cells in mattering(guideline, case).items():
        groups: dict[tuple[Outcome, ...], int] = {}
        for cell in sorted(cells):
            shown = tuple(sorted(outcome for outcome in cells[cell] if outcome is not None))
            groups[shown] = groups.get(shown, 0) | cell
        label = guideline.domains[guideline.places[code]].label
        answers = tuple(Answer(label(mask), shown) for shown, mask in groups.items())
        settles = all(len(answer.strategies) <= 1 for answer in answers)
        most = max(len(answer.strategies) for answer in answers)
        ranked.append((not settles, most, code, MissingFact(code, settles, answers)))
    return tuple(fact for _, _, _, fact in sorted(ranked, key=lambda entry: entry[:3]))


def condition(random: Random, facts: list[str]) -> str:
    tests = [
        f"{random.choice(('', 'not '))}{fact} {random.choice(('<', '<=', '>', '>=', '=='))} "
        f"{random.randint(*RANGES[fact])}"
        for fact in random.choices(facts, k=random.randint(1, 3))
    ]
    return f" {random.choice(('and', 'or'))} ".join(tests)


def drawn(random: Random) -> Guideline:
    """Draw rows that end with one for everybody, at most one tie, and assumptions of one or several values."""
    facts = random.sample(sorted(RANGES), 4)
    rows = [(condition(random, facts), random.choice(("mdt", "staged", ""))) for _ in range(random.randint(1, 4))]
    rows.append(("ecog >= 0", random.choice(("mdt", "staged", ""))))
    text = ""
    if random.random() < 0.6:
        then = f"{facts[1]} {random.choice(('<', '>='))} {sum(RANGES[facts[1]]) // 2}"
        text += f'[[tie]]\nwhen = "{condition(random, facts[:1])}"\nthen = "{then}"\nreason = "."\n'
    for fact in facts[2:]:
        if random.random() < 0.6:
            when = f'when = "{condition(random, facts[:2])}"\n' if random.random() < 0.7 else ""
            assumed = (
                f"{fact} {random.choice(('<', '==', '>='))} {random.randint(RANGES[fact][0] + 1, RANGES[fact][1])}"
            )
            text += f'[[assumption]]\nfact = "{fact.replace("_", "-")}"\n{when}assume = "{assumed}"\nsentence = "."\n'
    return build_guideline({"1": of_rows(*rows, extra=text)}, load_catalogue())


def drawn_case(random: Random) -> Case:
    facts: dict[str, int | Interval] = {}
    for fact, (low, high) in RANGES.items():
        kind = random.random()
        if kind < 0.25:
            facts[fact.replace("_", "-")] = random.randint(low, high)
        elif kind < 0.45:
            start = random.randint(low, high)
            facts[fact.replace("_", "-")] = Interval(start, random.randint(start, high))
    return case_of(facts)


@pytest.mark.parametrize("number", range(10))
def test_what_is_missing_or_assumed_is_what_single_patients_say(number: int, seed: int) -> None:
    random = Random(f"{seed} {number}")
    for _ in range(25):
        guideline = drawn(random)
        for _ in range(6):
            case = drawn_case(random)
            found = decide(case, guideline)
            assert found.missing == expected(guideline.compiled, case), (guideline.rows, case.facts)
            assert [assumption.fact for assumption in found.assumptions] == deciding(guideline.compiled, case)
            assert set(found.rows) == {
                row.id for row in guideline.rows if row.strategy and row.id in reached(guideline.compiled, case)
            }


def test_what_is_assumed_is_not_missing_though_its_values_differ() -> None:
    rows = (("ecog > 2 or asa > 2", "mdt"), ("asa > 1", "staged"), ("asa > 0", "mdt"))
    rule = '[[assumption]]\nfact = "asa"\nassume = "asa <= 2"\nsentence = "."\n'
    guideline = build_guideline({"1": of_rows(*rows, extra=rule)}, load_catalogue())
    found = decide(case_of({"ecog": 0}), guideline)
    assert ([outcome.strategy for outcome in found.outcomes], found.missing) == (["mdt", "staged"], ())


def test_a_tie_keeps_a_fact_that_decides_nothing_alone_from_being_missing() -> None:
    rows = (("ecog >= 3 or asa >= 3", "mdt"), ("ecog >= 0", "staged"))
    tie = '[[tie]]\nwhen = "ecog >= 3"\nthen = "asa >= 3"\nreason = "."\n'
    found = decide(case_of(), build_guideline({"1": of_rows(*rows, extra=tie)}, load_catalogue()))
    assert [fact.fact for fact in found.missing] == ["asa"]


@pytest.mark.parametrize(
    ("row", "tie", "assumed", "facts"),
    [
        (
            "asa < 3",
            None,
            ("asa", "metastasis_count != 1 or ecog <= 2", "asa < 5"),
            {"ecog": 2},
        ),
        (
            "flr_percent <= 32",
            ("asa > 3", "metastasis_count < 2"),
            ("flr-percent", "asa <= 5", "flr_percent < 33"),
            {"metastasis-count": 2},
        ),
        (
            "metastasis_count >= 2 and asa < 5",
            ("flr_percent <= 33", "asa < 3"),
            ("metastasis-count", "ecog >= 0", "metastasis_count < 3"),
            {"ecog": 3, "flr-percent": Interval(30, 33)},
        ),
    ],
)
def test_an_assumption_of_several_values_leaves_the_definition_as_it_is(
    row: str, tie: tuple[str, str] | None, assumed: tuple[str, str, str], facts: dict[str, int | Interval]
) -> None:
    fact, when, fill = assumed
    extra = f'[[assumption]]\nfact = "{fact}"\nwhen = "{when}"\nassume = "{fill}"\nsentence = "."\n'
    if tie is not None:
        extra += f'[[tie]]\nwhen = "{tie[0]}"\nthen = "{tie[1]}"\nreason = "."\n'
    guideline = build_guideline({"1": of_rows((row, "mdt"), ("ecog >= 0", ""), extra=extra)}, load_catalogue())
    case = case_of(facts)
    assert decide(case, guideline).missing == expected(guideline.compiled, case)
