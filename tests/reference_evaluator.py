"""A second evaluator, written from the requirements alone: slow, plain, one completion at a time.

It shares nothing with the product but the types of a case. Every fact ranges over representative values on both sides
of every threshold; completions are enumerated, and pairs of them compared as the requirements word it.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

from fhir_mappings.case import Case, Gap, Interval, Known, Narrowed, Sign, Unknown
from tests.reference_table import ADVISORY_ONLY, COLON, RECTUM, SEGMENTAL, Settings, advise, derived, domains, fire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.reference_table import Answer, Completion

__all__ = ["Chart", "Settings", "Verdict", "endings", "evaluate"]


@dataclass(frozen=True)
class Rule:
    """An assumption: when it applies to one completion, and which values it leaves."""

    fact: str
    label: Any
    applies: Callable[[Completion], bool]
    accepts: Callable[[Any], bool]
    printed: bool = True


@dataclass
class Chart:
    """What the case says, seen with plain questions."""

    case: Case
    settings: Settings
    facts: dict[str, Any] = field(default_factory=dict)

    def absent(self, fact: str) -> bool:
        found = self.case.facts[fact]
        return isinstance(found, Unknown) and found.gap is Gap.ABSENT

    def gap(self, fact: str) -> Gap | None:
        found = self.case.facts[fact]
        return found.gap if isinstance(found, Unknown) else None

    def may_be(self, fact: str, value: str) -> bool:
        found = self.case.facts[fact]
        if isinstance(found, Known):
            return found.value == value
        if isinstance(found, Unknown):
            return value in found.contested or found.gap in (Gap.UNREADABLE, Gap.NOT_RETRIEVED)
        return isinstance(found, Narrowed) and isinstance(found.values, frozenset) and value in found.values

    def recorded_within(self, fact: str, values: set[str]) -> bool:
        found = self.case.facts[fact]
        if isinstance(found, Known):
            return found.value in values
        return isinstance(found, Narrowed) and isinstance(found.values, frozenset) and found.values <= values

    def sign(self, sign: Sign) -> bool:
        return sign in self.case.signs

    def possible(self, fact: str, values: list[Any]) -> list[Any]:
        if fact == "months-since-adjuvant":
            return self._months_since_adjuvant() or values
        found = self.case.facts[fact]
        if isinstance(found, Known):
            return [found.value]
        if isinstance(found, Narrowed):
            kept = [value for value in values if _inside(value, found.values)]
            return kept or values
        return values

    def _months_since_adjuvant(self) -> list[int]:
        ends, founds = (_bounds(self.case.value(code)) for code in ("adjuvant-end-date", "liver-metastasis-date"))
        if not ends or not founds:
            return []
        return list(range(_months(ends[1], founds[0]), _months(ends[0], founds[1]) + 1))


def _bounds(value: Any) -> tuple[date, date] | None:
    """Give the first and the last day that a date of any precision may mean."""
    if isinstance(value, date):
        return value, value
    if not isinstance(value, str):
        return None
    if "/" in value:
        start, stop = value.split("/")
        return date.fromisoformat(start), date.fromisoformat(stop)
    year, _, month = value.partition("-")
    first, last = int(month or 1), int(month or 12)
    return date(int(year), first, 1), date(int(year), last, monthrange(int(year), last)[1])


def _months(end: date, found: date) -> int:
    months = 0
    while _later(end, months + 1) <= (found.year, found.month, found.day):
        months += 1
    return months


def _later(day: date, months: int) -> tuple[int, int, int]:
    years, month = divmod(day.month - 1 + months, 12)
    return day.year + years, month + 1, min(day.day, monthrange(day.year + years, month + 1)[1])


def _inside(value: Any, values: Any) -> bool:
    if not isinstance(values, Interval):
        return value in values
    above = values.low is None or value > values.low or (values.low_included and value == values.low)
    below = values.high is None or value < values.high or (values.high_included and value == values.high)
    return above and below


def always(_: Completion) -> bool:
    return True


def rules(chart: Chart) -> list[Rule]:
    """Give the assumptions of section 4 that this chart allows."""
    s, shown = chart.settings, chart.sign
    good_nodes = chart.recorded_within("primary-n", {"N0", "N1", "N1a", "N1b", "N1c"})
    fresh = shown(Sign.PROCEDURES_COMPLETE) and shown(Sign.RECENT_DIAGNOSIS)
    untouched = not shown(Sign.PRIMARY_RESECTED) and not shown(Sign.RESECTION_HINTED)
    everything: list[tuple[bool, Rule]] = [
        (True, Rule("asa", f"<= {s.asa_unfit - 1}", always, lambda v: v < s.asa_unfit)),
        (
            not shown(Sign.METASTASIS_ELSEWHERE),
            Rule("extrahepatic-disease", "none", always, lambda v: v == "none"),
        ),
        (
            True,
            Rule(
                "impending-complication",
                False,  # noqa: FBT003 - the label
                lambda c: c["primary-symptoms"] in ("none", "minor"),
                lambda v: v is False,
            ),
        ),
        (
            not chart.may_be("primary-t", "T4b"),
            Rule("colorectal-multivisceral", False, always, lambda v: v is False),  # noqa: FBT003
        ),
        (
            True,
            Rule("colorectal-operation", "segmental", lambda c: c["primary-site"] in COLON, lambda v: v in SEGMENTAL),
        ),
        (
            True,
            Rule(
                "colorectal-operation",
                "low-anterior-resection",
                lambda c: c["primary-site"] in ("rectum-mid", "rectum-low"),
                lambda v: v == "low-anterior-resection",
            ),
        ),
        (
            not chart.may_be("liver-condition", "cirrhosis"),
            Rule(
                "flr-percent",
                f"> {s.remnant:g}",
                lambda c: c["hepatectomy-extent"] == "minor",
                lambda v: v > s.remnant,
            ),
        ),
        (True, Rule("liver-centre-discussed", "not-yet", always, lambda v: v == "not-yet")),
        (
            chart.absent("chemotherapy-response") and not shown(Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS),
            Rule("chemotherapy-cycles", 0, always, lambda v: v == 0),
        ),
        (True, Rule("primary-margin", "r0", always, lambda v: v == "r0")),
        (
            good_nodes
            and shown(Sign.PATHOLOGICAL_NODES)
            and not shown(Sign.PERFORATION)
            and not chart.may_be("primary-symptoms", "perforation"),
            Rule("primary-pathology", "favourable", always, lambda v: v == "favourable"),
        ),
        (
            True,
            Rule(
                "rectal-radiotherapy",
                "not-indicated",
                lambda c: c["primary-site"] not in RECTUM,
                lambda v: v == "not-indicated",
            ),
        ),
        (True, Rule("adjuvant-status", "none", always, lambda v: v == "none")),
        (
            shown(Sign.PROCEDURES_COMPLETE) and not (shown(Sign.LIVER_TREATED) or shown(Sign.LIVER_OPERATION_IN_DOUBT)),
            Rule("liver-state", "untreated", always, lambda v: v == "untreated", printed=False),
        ),
        (
            fresh and untouched,
            Rule(
                "primary-in-situ",
                True,  # noqa: FBT003 - the label
                lambda c: c["metastases-detected"] == "at-staging",
                lambda v: v is True,
            ),
        ),
    ]
    return [rule for allowed, rule in everything if allowed and chart.absent(rule.fact) and rule.fact not in s.off]


@dataclass(frozen=True)
class Tied:
    """Facts that come from one another."""

    facts: tuple[str, ...]
    possible: Callable[[Completion], bool]


def ties(chart: Chart) -> list[Tied]:
    response = chart.case.facts["chemotherapy-response"]
    stated = not isinstance(response, Unknown) or response.gap in (Gap.OUTDATED, Gap.CONFLICTING)
    return [
        Tied(
            ("primary-symptoms", "primary-pathology"),
            lambda c: c["primary-symptoms"] != "perforation" or c["primary-pathology"] == "unfavourable-perforated",
        ),
        *_dated(chart),
        Tied(("chemotherapy-cycles",), lambda c: not stated or c["chemotherapy-cycles"] >= 1),
    ]


def _dated(chart: Chart) -> list[Tied]:
    """Detection and interval come from dates: 30 days of staging, and a resection up to 90 days before the diagnosis.

    Whoever enters an earlier resection, or another detection, contradicts this.
    """
    if chart.sign(Sign.DATES_CONTRADICTED):
        return []
    return [
        Tied(
            ("metastases-detected", "months-primary-to-metastases"),
            lambda c: c["metastases-detected"] == "follow-up" or c["months-primary-to-metastases"] < 5,
        )
    ]


@dataclass(frozen=True)
class Ending:
    """One completion, what assumptions filled in it, and where it ends."""

    completion: Completion
    filled: frozenset[str]
    answer: Answer
    advisories: frozenset[str]


def endings(chart: Chart, dropped: Rule | None = None) -> list[Ending]:
    """Enumerate every completion."""
    settings = chart.settings
    values = {fact: chart.possible(fact, given) for fact, given in domains(settings).items()}
    kept = [tied for tied in ties(chart) if _can_hold(tied, values)]
    active = [rule for rule in rules(chart) if rule is not dropped and not _same(rule, dropped)]
    found = []
    for completion, filled in _complete({}, frozenset(), values, kept, active):
        d = derived(completion, settings)
        row, answer = fire(completion, d, settings)
        advisories = advise(completion, d, row, answer[1] if answer else "", settings)
        found.append(Ending(completion, filled, answer, frozenset(advisories)))
    return found


def _same(rule: Rule, dropped: Rule | None) -> bool:
    return dropped is not None and (rule.fact, rule.label) == (dropped.fact, dropped.label)


def _can_hold(tied: Tied, values: dict[str, list[Any]]) -> bool:
    """Whether some possible patient keeps the tie; else the chart contradicts it and it is void."""
    partial: list[Completion] = [{}]
    for fact in tied.facts:
        partial = [{**c, fact: value} for c in partial for value in values[fact]]
    return any(tied.possible(c) for c in partial)


def _complete(
    chosen: Completion,
    filled: frozenset[str],
    values: dict[str, list[Any]],
    kept: list[Tied],
    active: list[Rule],
) -> Iterator[tuple[Completion, frozenset[str]]]:
    fact = next((name for name in values if name not in chosen), None)
    if fact is None:
        yield dict(chosen), filled
        return
    applying = [rule for rule in active if rule.fact == fact and rule.applies(chosen)]
    for value in values[fact]:
        if not all(rule.accepts(value) for rule in applying):
            continue
        chosen[fact] = value
        decided = [tied for tied in kept if fact in tied.facts and all(name in chosen for name in tied.facts)]
        if all(tied.possible(chosen) for tied in decided):
            now = filled | {fact} if applying else filled
            yield from _complete(chosen, now, values, kept, active)
        del chosen[fact]


@dataclass(frozen=True)
class Verdict:
    """What the requirements say about one case.

    `answers` has for each missing fact the sets of outcomes that one of its values leaves.
    """

    outcomes: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, bool], ...]
    answers: frozenset[tuple[str, tuple[tuple[str, str], ...]]]
    assumptions: frozenset[tuple[str, Any]]
    advisories: frozenset[str]


def evaluate(case: Case, settings: Settings | None = None) -> Verdict:
    """Answer one case by enumeration."""
    chart = Chart(case, settings or Settings())
    found = endings(chart)
    answers = {ending.answer for ending in found}
    advisories = frozenset.intersection(*(ending.advisories for ending in found))
    printed = set()
    for rule in rules(chart):
        if rule.printed:
            without = endings(chart, rule)
            fewer = frozenset.intersection(*(ending.advisories for ending in without))
            if {ending.answer for ending in without} != answers or fewer != advisories:
                printed.add((rule.fact, rule.label))
    gaps = {chart.gap(fact) for fact in domains(chart.settings).keys() - ADVISORY_ONLY}
    of_gaps = {code for code, gap in (("conflicting-data", Gap.CONFLICTING), ("outdated-data", Gap.OUTDATED))
               if gap in gaps}  # fmt: skip
    missing = _missing(chart, found)
    return Verdict(
        outcomes=tuple(sorted(answer for answer in answers if answer)),
        missing=missing,
        answers=frozenset(left for fact, _ in missing for left in _left_open(fact, found)),
        assumptions=frozenset(printed),
        advisories=advisories | of_gaps,
    )


def _missing(chart: Chart, found: list[Ending]) -> tuple[tuple[str, bool], ...]:
    ranked = []
    for fact in domains(chart.settings).keys() - ADVISORY_ONLY:
        if not isinstance(chart.case.facts[fact], Known) and _matters(fact, found):
            leaves: dict[Any, set[str]] = defaultdict(set)
            for ending in found:
                if ending.answer:
                    leaves[ending.completion[fact]].add(ending.answer[0])
            most = max(map(len, leaves.values()))
            ranked.append((most > 1, most, fact))
    return tuple((fact, not open_) for open_, _, fact in sorted(ranked))


def _left_open(fact: str, found: list[Ending]) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    for value in {ending.completion[fact] for ending in found}:
        answers = {ending.answer for ending in found if ending.completion[fact] == value}
        yield fact, tuple(sorted(answer for answer in answers if answer))


def _matters(fact: str, found: list[Ending]) -> bool:
    groups: dict[frozenset[str], list[Ending]] = defaultdict(list)
    for ending in found:
        if fact not in ending.filled:
            groups[ending.filled].append(ending)
    return any(_differ(fact, one, two, groups) for one, two in combinations_with_replacement(groups, 2))


def _differ(fact: str, one: frozenset[str], two: frozenset[str], groups: dict[frozenset[str], list[Ending]]) -> bool:
    free = one | two | {fact}

    def rest(ending: Ending) -> tuple[Any, ...]:
        return tuple(value for name, value in ending.completion.items() if name not in free)

    by_rest: dict[tuple[Any, ...], set[tuple[Any, Answer]]] = defaultdict(set)
    for ending in groups[two]:
        by_rest[rest(ending)].add((ending.completion[fact], ending.answer))
    return any(
        value != ending.completion[fact] and answer != ending.answer
        for ending in groups[one]
        for value, answer in by_rest.get(rest(ending), ())
    )
