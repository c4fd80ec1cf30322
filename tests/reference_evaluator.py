"""A second evaluator, written from the table of the requirements alone: slow, plain, one completion at a time.

It shares nothing with the product but the types of a case. Every fact ranges over representative values on both sides
of every threshold; completions are enumerated, and pairs of them compared as the requirements word it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

from fhir_mappings.case import Case, Gap, Interval, Known, Narrowed, Sign, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Completion = dict[str, Any]
Answer = tuple[str, str] | None

COLON = ("caecum", "ascending-colon", "hepatic-flexure", "transverse-colon", "splenic-flexure", "descending-colon",
         "sigmoid-colon", "colon-unspecified", "rectosigmoid")  # fmt: skip
RECTUM = ("rectum-high", "rectum-mid", "rectum-low", "rectum-unspecified")
SEGMENTAL = ("right-hemicolectomy", "left-hemicolectomy", "transverse-colectomy",
             "sigmoid-or-high-anterior-resection")  # fmt: skip
MAJOR = ("low-anterior-resection", "abdominoperineal-resection", "total-colectomy", "proctocolectomy", "hartmann")


@dataclass(frozen=True)
class Settings:
    """The local policy, as far as the pathway reads it."""

    prefer_simultaneous: bool = True
    nodules: int = 3
    simultaneous_nodules: int = 3
    diameter: float = 30
    remnant: float = 30
    remnant_cirrhosis: float = 40
    short_interval: int = 12
    ecog_poor: int = 2
    ecog_unfit: int = 3
    asa_unfit: int = 4
    long_chemotherapy: int = 6
    off: frozenset[str] = frozenset()


def around(*thresholds: float) -> list[float]:
    """Give values below, at and above each threshold."""
    return sorted({value for t in thresholds for value in (t - 0.5, t, t + 0.5)})


def whole(*thresholds: int, low: int) -> list[int]:
    return sorted({value for t in thresholds for value in (t - 1, t, t + 1) if value >= low} | {low})


def domains(settings: Settings) -> dict[str, list[Any]]:
    """Every fact that the table reads; those that conditions of assumptions read come before what is assumed."""
    s = settings
    return {
        "metastases-detected": ["at-staging", "intraoperative", "follow-up"],
        "primary-symptoms": ["none", "minor", "obstruction", "perforation", "bleeding"],
        "primary-site": [*COLON, *RECTUM],
        "hepatectomy-extent": ["minor", "major"],
        "primary-in-situ": [True, False],
        "liver-state": ["untreated", "treated", "recurrence"],
        "ecog": list(range(6)),
        "asa": list(range(1, 7)),
        "impending-complication": [True, False],
        "colorectal-operation": [*SEGMENTAL, *MAJOR],
        "colorectal-multivisceral": [True, False],
        "rectal-radiotherapy": ["not-indicated", "indicated", "ongoing", "completed"],
        "primary-pathology": ["favourable", "unfavourable-perforated", "unfavourable-nodal"],
        "primary-margin": ["r0", "r1", "r2"],
        "months-primary-to-metastases": whole(2, s.short_interval, low=0),
        "metastasis-count": whole(s.nodules, s.simultaneous_nodules, low=1),
        "largest-metastasis": around(s.diameter),
        "metastases-accessible": [True, False],
        "r0-achievable": [True, False],
        "flr-percent": around(s.remnant, s.remnant_cirrhosis),
        "extrahepatic-disease": ["none", "resectable", "unresectable"],
        "chemotherapy-cycles": whole(1, s.long_chemotherapy, low=0),
        "chemotherapy-response": ["complete-response", "partial-response", "stable-disease", "progressive-disease"],
        "liver-centre-discussed": ["agreed", "not-yet", "refused"],
        "liver-mri-done": [True, False],
        "liver-condition": ["normal", "steatosis", "post-chemotherapy", "sinusoidal-injury", "cirrhosis"],
        "adjuvant-status": ["none", "ongoing", "completed"],
        "months-since-adjuvant": [0, 11, 12, 30],
        "msi": ["stable", "msi-high"],
    }


ADVISORY_ONLY = {"liver-mri-done", "liver-condition", "adjuvant-status", "months-since-adjuvant", "msi"}


def derived(c: Completion, s: Settings) -> dict[str, bool]:
    symptoms, detected = c["primary-symptoms"], c["metastases-detected"]
    treated = c["chemotherapy-cycles"] >= 1
    progressed = c["chemotherapy-response"] == "progressive-disease"
    rectal = c["primary-site"] in RECTUM and c["rectal-radiotherapy"] in ("indicated", "ongoing")
    fits = (
        c["metastasis-count"] <= s.simultaneous_nodules
        and c["largest-metastasis"] <= s.diameter
        and c["metastases-accessible"]
        and c["hepatectomy-extent"] == "minor"
        and c["colorectal-operation"] not in MAJOR
        and not c["colorectal-multivisceral"]
        and c["ecog"] < s.ecog_poor
        and not rectal
    )
    return {
        "complicated": symptoms in ("obstruction", "perforation", "bleeding"),
        "resectable": c["r0-achievable"] and c["flr-percent"] > s.remnant,
        "synchronous": detected in ("at-staging", "intraoperative"),
        "metachronous": detected == "follow-up",
        "unfit": c["ecog"] >= s.ecog_unfit or c["asa"] >= s.asa_unfit,
        "treated": treated,
        "progressive": treated and progressed,
        "responded": treated and not progressed,
        "unfavourable": c["primary-pathology"] != "favourable",
        "rectal": rectal,
        "but_for_refusal": fits,
        "eligible": fits and c["liver-centre-discussed"] != "refused",
        "short": c["months-primary-to-metastases"] < s.short_interval,
    }


def fire(c: Completion, d: dict[str, bool], s: Settings) -> tuple[str, Answer]:  # noqa: C901, PLR0911, PLR0912
    """Walk the table of section 4 from the top."""
    in_situ, symptoms, liver = c["primary-in-situ"], c["primary-symptoms"], c["liver-state"]
    elsewhere, impending = c["extrahepatic-disease"], c["impending-complication"]
    not_now = not d["resectable"] or elsewhere != "none" or d["progressive"]
    if liver == "treated" and not in_situ:
        return "T0", None
    if liver == "treated" and in_situ:
        return "T1", ("liver-first", "primary-resection-next")
    if liver == "recurrence":
        return "T2", ("mdt", "recurrence-outside-the-summary")
    if in_situ and c["metastases-detected"] == "intraoperative":
        return "A1", ("staged", "refer-hpb-after-recovery")
    if in_situ and d["complicated"]:
        if d["unfit"]:
            return "A2u", ("staged", "relief-then-mdt")
        if not_now:
            return "A2", ("staged", "systemic-after-relief")
        if symptoms == "perforation":
            return "A2b", ("staged", "chemotherapy-then-restage-3-months")
        return "A2c", ("staged", "liver-about-2-months-after-recovery")
    if in_situ and impending and (d["unfit"] or not_now):
        return "A2d", ("mdt", "secure-primary-before-systemic")
    if d["unfit"]:
        return "G1", ("mdt", "no-elective-surgery")
    if elsewhere == "resectable":
        return "G2", ("mdt", "multi-site-disease")
    if elsewhere == "unresectable":
        return "G2b", ("systemic-first", "reassess-resectability")
    if not d["resectable"]:
        return "G3", ("systemic-first", "reassess-resectability")
    if d["progressive"]:
        return "A7", ("mdt", "second-line")
    if in_situ and impending:
        return "A6", ("staged", "liver-about-2-months-after-recovery")
    if not in_situ and d["synchronous"] and c["primary-margin"] in ("r1", "r2"):
        return "B1", ("mdt", "incomplete-resection-of-primary")
    if not in_situ and d["synchronous"] and d["responded"]:
        return "B0", ("staged", "resect-now-no-more-chemotherapy")
    if not in_situ and d["metachronous"] and d["responded"]:
        return "B0m", ("metachronous", "resect-now-no-more-chemotherapy")
    if not in_situ and d["synchronous"] and d["unfavourable"]:
        return "B2", ("staged", "chemotherapy-then-restage-3-months")
    if d["synchronous"] and c["metastasis-count"] > s.nodules and not d["treated"]:
        return "A9", ("systemic-first", "chemotherapy-then-reassess")
    if in_situ and d["eligible"] and s.prefer_simultaneous:
        return "A10", ("simultaneous", "liver-centre-discussion")
    if in_situ and symptoms == "none" and d["rectal"]:
        return "A12", ("liver-first", "liver-surgery-in-radiotherapy-interval")
    if in_situ and symptoms == "none" and d["responded"]:
        return "A12b", ("liver-first", "resect-now-no-more-chemotherapy")
    if in_situ and symptoms == "none":
        return "A12c", ("liver-first", "liver-resection-or-ablation-then-primary")
    if in_situ and symptoms == "minor":
        return "A13", ("staged", "liver-about-2-months-after-recovery")
    if d["synchronous"]:
        return "B3", ("staged", "liver-before-chemotherapy")
    if d["short"]:
        return "B6", ("metachronous", "chemotherapy-before-resection")
    if d["unfavourable"]:
        return "B8", ("metachronous", "perioperative-folfox-3-3")
    return "B7", ("metachronous", "upfront-hepatectomy")


def advise(c: Completion, d: dict[str, bool], row: str, step: str, s: Settings) -> set[str]:
    """List the advisories of section 5 that hold for one complete patient."""
    in_situ, untreated = c["primary-in-situ"], c["liver-state"] == "untreated"
    failed = c["adjuvant-status"] == "ongoing" or (
        c["adjuvant-status"] == "completed" and c["months-since-adjuvant"] < 12
    )
    operation_is_major = c["colorectal-operation"] in MAJOR or c["colorectal-multivisceral"]
    remnant = c["flr-percent"]
    holds = {
        "no-simultaneous-major-liver": in_situ and untreated and c["hepatectomy-extent"] == "major",
        "no-simultaneous-major-colorectal": in_situ and untreated and operation_is_major,
        "no-simultaneous-poor-performance": in_situ and untreated and c["ecog"] >= s.ecog_poor,
        "discuss-liver-centre": row == "A10" or (row in ("A12", "A12b", "A12c", "A13") and d["but_for_refusal"]),
        "neoadjuvant-chemotherapy": d["synchronous"]
        and in_situ
        and not d["treated"]
        and row in ("A6", "A10", "A12", "A12c", "A13"),
        "no-biopsy": untreated and (c["metastases-detected"] == "intraoperative" or (in_situ and d["complicated"])),
        "no-prophylactic-primary-resection": row in ("G2b", "G3")
        and in_situ
        and c["primary-symptoms"] == "none"
        and not c["impending-complication"],
        "stop-chemotherapy-resect-now": step == "resect-now-no-more-chemotherapy",
        "long-chemotherapy": c["chemotherapy-cycles"] > s.long_chemotherapy,
        "nodules-over-3": d["synchronous"] and c["metastasis-count"] > s.nodules,
        "no-modern-liver-imaging": d["synchronous"] and not c["liver-mri-done"],
        "remnant-too-small": remnant <= s.remnant,
        "remnant-small-for-this-liver": c["liver-condition"] == "cirrhosis"
        and s.remnant < remnant <= s.remnant_cirrhosis,
        "short-disease-free-interval": d["metachronous"] and d["short"],
        "adjuvant-failure-within-12-months": failed,
        "adjuvant-6-months-oxaliplatin": row == "B7" and not failed,
        "unfavourable-pathology": row in ("A2b", "B2", "B8"),
        "restage-3-months": row in ("A2b", "B2"),
        "extrahepatic-disease": c["extrahepatic-disease"] != "none",
        "msi-high": c["msi"] == "msi-high",
    }
    return {code for code, true in holds.items() if true}


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
        end, found = self.case.value("adjuvant-end-date"), self.case.value("liver-metastasis-date")
        if not isinstance(end, date) or not isinstance(found, date):
            return []
        months = 0
        while _later(end, months + 1) <= (found.year, found.month, found.day):
            months += 1
        return [months]


def _later(day: date, months: int) -> tuple[int, int, int]:
    years, month = divmod(day.month - 1 + months, 12)
    return day.year + years, month + 1, day.day


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
            good_nodes and shown(Sign.PATHOLOGICAL_NODES) and not shown(Sign.PERFORATION),
            Rule(
                "primary-pathology",
                "favourable",
                lambda c: c["primary-symptoms"] != "perforation",
                lambda v: v == "favourable",
            ),
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
            shown(Sign.PROCEDURES_COMPLETE) and not shown(Sign.LIVER_TREATED),
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
        Tied(
            ("metastases-detected", "months-primary-to-metastases"),
            lambda c: c["metastases-detected"] == "follow-up" or c["months-primary-to-metastases"] < 2,
        ),
        Tied(("chemotherapy-cycles",), lambda c: not stated or c["chemotherapy-cycles"] >= 1),
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
