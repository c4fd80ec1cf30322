"""Puts a guideline together: resolves every condition, checks every reference, compiles the result."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fhir_mappings.catalogue import FactDefinition
from service.knowledge.binding import Names
from service.knowledge.compiled import Bound, compile_guideline
from service.knowledge.decision import Outcome
from service.knowledge.domain import ChoiceTest, NumberTest
from service.knowledge.expression import ExpressionError
from service.knowledge.formula import GapTest, leaves
from service.knowledge.model import Guideline
from service.knowledge.policy import GuidelineError, in_force

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.catalogue import Catalogue
    from service.knowledge.binding import Reach
    from service.knowledge.decision import Label
    from service.knowledge.formula import Formula
    from service.knowledge.model import AssumptionRule, Parameter, Policy
    from service.knowledge.source import Source


def assemble(source: Source, catalogue: Catalogue, policy: Policy) -> Guideline:
    """Check and compile; raise `GuidelineError` with every fault."""
    assembly = _Assembly(source, catalogue, in_force(source, policy))
    bound = assembly.bound(policy)
    assembly.check_references()
    if assembly.faults:
        raise GuidelineError(assembly.faults)
    intervals = assembly.intervals()
    return Guideline(
        id=source.id,
        version=source.version,
        title=source.title,
        status=source.status,
        policy=policy,
        definitions=source.definitions,
        rows=tuple(source.rows),
        advisories=tuple(source.advisories),
        assumptions=tuple(assembly.rules),
        ties=tuple(source.ties),
        months_between=tuple(source.months_between),
        parameters=assembly.parameters,
        strategies=source.strategies,
        next_steps={
            code: replace(step, interval=intervals.get(step.interval or ""))
            for code, step in source.next_steps.items()
        },
        intervals=intervals,
        statements=source.statements,
        resolutions=source.resolutions,
        citations=source.citations,
        compiled=compile_guideline(bound),
    )


@dataclass(slots=True)
class _Assembly:
    source: Source
    catalogue: Catalogue
    parameters: Mapping[str, Parameter]
    faults: list[str] = field(default_factory=list)
    rules: list[AssumptionRule] = field(default_factory=list)
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        derived = [
            FactDefinition(code=between.fact, title=between.fact, question="", kind="integer", reader="", minimum=0)
            for between in self.source.months_between
        ]
        self.names = Names(
            facts={fact.name: fact for fact in (*self.catalogue.facts.values(), *derived)},
            parameters={name: parameter.value for name, parameter in self.parameters.items()},
            definitions=self.source.definitions,
            rows={row.id: row.next_step for row in self.source.rows},
        )

    def bound(self, policy: Policy) -> Bound:
        source = self.source
        for name in source.definitions:
            self._bind(f"definition {name}", name)
        return Bound(
            facts=self.names.facts,
            rows=[
                (row.id, self._bind(f"row {row.id}", row.when), _outcome(row.strategy, row.next_step))
                for row in source.rows
            ],
            advisories=[self._advisory(advisory.code, advisory.when) for advisory in source.advisories],
            alternatives={
                alternative.when: self._bind(f"row {row.id}, alternatives", alternative.when)
                for row in source.rows
                for alternative in row.alternatives
                if alternative.when is not None
            },
            strong={row.id: self._strong(row.id, row.strong_when) for row in source.rows if row.strong_when},
            timing={
                name: self._bind(f"definition {name}", name)
                for name in ("synchronous", "metachronous")
                if name in source.definitions
            },
            assumptions=[self._assumption(rule, policy) for rule in source.assumptions],
            ties=self._ties(),
            months_between=tuple(source.months_between),
        )

    def _bind(self, where: str, text: str, reach: Reach = "facts") -> Formula:
        try:
            return self.names.bind(text, reach)
        except ExpressionError as fault:
            self.faults.append(f"{where}: {fault}")
            return False

    def _advisory(self, code: str, text: str) -> Formula:
        found = self._bind(f"advisory {code}", text, "rows")
        gaps = [isinstance(leaf, GapTest) for leaf in leaves(found)]
        if any(gaps) and not all(gaps):
            self.faults.append(f"advisory {code}: gaps and facts cannot be tested in one condition")
        return found

    def _strong(self, row_id: str, text: str) -> Formula:
        self._bind(f"row {row_id}, strong_when", text)
        return self._bind(f"row {row_id}, strong_when", f"row != {row_id} or ({text})", "rows")

    def _assumption(self, rule: AssumptionRule, policy: Policy) -> tuple[str, Formula, Formula]:
        where = f"assumption {rule.fact}"
        when = True if rule.when is None else self._bind(where, rule.when, "chart")
        assume = self._bind(f"{where}, assume", rule.assume)
        assumable = {other.fact for other in self.source.assumptions}
        for fact in sorted(_facts(when) & assumable):
            self.faults.append(f"{where}: its condition reads {fact}, which is itself assumed")
        if not isinstance(assume, ChoiceTest | NumberTest) or assume.fact != rule.fact:
            self.faults.append(f"{where}: assume must be one test of {rule.fact}")
            return rule.fact, when, assume
        whole = self.catalogue[rule.fact].kind == "integer" if rule.fact in self.catalogue.facts else False
        label = rule.label if rule.label != "" else _label(assume, whole=whole)
        if label is None:
            self.faults.append(f"{where}: an assumption of several values needs a label")
        enabled = rule.fact not in policy.assumptions_off
        self.rules.append(replace(rule, label=label if label is not None else "", enabled=enabled))
        return rule.fact, when if enabled else False, assume

    def _ties(self) -> list[tuple[Formula, Formula]]:
        found: list[tuple[Formula, Formula]] = []
        taken: set[str] = set()
        assumable = {rule.fact for rule in self.source.assumptions}
        for tie in self.source.ties:
            where = f"tie {tie.when!r}"
            when, then = self._bind(where, tie.when, "chart"), self._bind(f"{where}, then", tie.then)
            if not isinstance(then, ChoiceTest | NumberTest):
                self.faults.append(f"{where}: then must be one test of one fact")
                continue
            facts = _facts(when) | {then.fact}
            for fact in sorted(facts & taken):
                self.faults.append(f"{where}: {fact} is tied already")
            for fact in sorted(_facts(when) & assumable):
                self.faults.append(f"{where}: its condition reads {fact}, which is itself assumed")
            taken |= facts
            found.append((when, then))
        return found

    def check_references(self) -> None:
        source = self.source
        for key in ("id", "version", "title", "status"):
            if not getattr(source, key):
                self.faults.append(f"guideline: {key} is missing")
        if not source.rows:
            self.faults.append("guideline: there are no rows")
        self._unique("row", [row.id for row in source.rows])
        self._unique("advisory", [advisory.code for advisory in source.advisories])
        for name in source.definitions:
            if name in self.names.facts or name in self.names.parameters:
                self.faults.append(f"definition {name}: the name is taken by a fact or a parameter")
        for row in source.rows:
            where = f"row {row.id}"
            outcomes = [Outcome(row.strategy, row.next_step)] if row.strategy else []
            for outcome in (*outcomes, *(alternative.outcome for alternative in row.alternatives)):
                self._known(where, "strategy", outcome.strategy, source.strategies)
                if outcome.next_step:
                    self._known(where, "next step", outcome.next_step, source.next_steps)
            if row.strategy and not row.statements:
                self.faults.append(f"{where}: a recommendation names at least one statement")
            self._evidence(where, row.statements, row.citations)
        for advisory in source.advisories:
            self._evidence(f"advisory {advisory.code}", advisory.statements, advisory.citations)
            if advisory.assumed is not None:
                assumed = {rule.fact for rule in source.assumptions}
                self._known(f"advisory {advisory.code}", "assumption", advisory.assumed, assumed)
        for step in source.next_steps.values():
            if step.interval:
                self._known(f"next step {step.code}", "interval", step.interval, source.intervals)
        for between in source.months_between:
            for date in (between.first, between.last):
                if date not in self.catalogue.facts or self.catalogue[date].kind != "date":
                    self.faults.append(f"months_between {between.fact}: {date!r} is no date of the catalogue")
        for name, text in source.intervals.items():
            for parameter in re.findall(r"{([^}]*)}", text):
                self._known(f"interval {name}", "parameter", parameter, self.parameters)

    def intervals(self) -> dict[str, str]:
        """Fill the parameters into the texts of the intervals."""
        values = {name: parameter.value for name, parameter in self.parameters.items()}
        return {name: text.format_map(values) for name, text in self.source.intervals.items()}

    def _unique(self, what: str, names: list[str]) -> None:
        self.faults += [f"{what} {name}: there are two of it" for name in sorted(set(names)) if names.count(name) > 1]

    def _known(self, where: str, what: str, name: str, known: Iterable[str]) -> None:
        if name not in known:
            self.faults.append(f"{where}: unknown {what} {name!r}")

    def _evidence(self, where: str, statements: Iterable[str], citations: Iterable[str]) -> None:
        for name in statements:
            self._known(where, "statement", name, self.source.statements.keys() | self.source.resolutions.keys())
        for name in citations:
            self._known(where, "citation", name, self.source.citations)


def _outcome(strategy: str | None, next_step: str | None) -> Outcome | None:
    return None if strategy is None else Outcome(strategy, next_step)


def _facts(formula: Formula) -> set[str]:
    return {leaf.fact for leaf in leaves(formula) if isinstance(leaf, ChoiceTest | NumberTest)}


def _label(assume: ChoiceTest | NumberTest, *, whole: bool) -> Label | None:
    """Name what is assumed as cards do: `r0`, `0`, `> 30`; whole numbers below 4 are `<= 3`."""
    if isinstance(assume, ChoiceTest):
        return next(iter(assume.values)) if len(assume.values) == 1 else None
    number = assume.number
    match assume.operator:
        case "==":
            return number
        case "<" if whole:
            return f"<= {number - 1:g}"
        case ">=" if whole:
            return f"> {number - 1:g}"
        case operator:
            return f"{operator} {number:g}"
