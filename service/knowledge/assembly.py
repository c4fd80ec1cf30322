"""Puts a guideline together: resolves every condition, checks every reference, compiles the result."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fhir_mappings.catalogue import FactDefinition
from service.knowledge.binding import Names
from service.knowledge.compiled import Bound, compile_guideline, describe, overlapping
from service.knowledge.decision import Outcome
from service.knowledge.domain import ChoiceTest, NumberTest
from service.knowledge.expression import ExpressionError
from service.knowledge.formula import GapTest, leaves
from service.knowledge.model import Guideline
from service.knowledge.phrases import counted
from service.knowledge.policy import GuidelineError, in_force
from service.knowledge.references import PLACEHOLDER, reference_faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_mappings.catalogue import Catalogue
    from service.knowledge.binding import Reach
    from service.knowledge.decision import Label
    from service.knowledge.formula import Formula
    from service.knowledge.model import Advisory, AssumptionRule, Parameter, ParameterValue, Policy
    from service.knowledge.source import Source


def assemble(source: Source, catalogue: Catalogue, policy: Policy) -> Guideline:
    """Check and compile; raise `GuidelineError` with every fault."""
    assembly = _Assembly(source, catalogue, in_force(source, policy))
    bound = assembly.bound(policy)
    faults = [*assembly.faults, *reference_faults(source, catalogue, assembly.names)]
    if faults:
        raise GuidelineError(faults)
    compiled = compile_guideline(bound)
    faults = [f"no row takes: {describe(compiled, cube)}" for cube in compiled.uncovered]
    faults += [f"assumption {fact}: two of it may apply to one patient" for fact in overlapping(compiled)]
    if faults:
        raise GuidelineError(faults)
    values = {name: parameter.value for name, parameter in assembly.parameters.items()}
    intervals = {name: _filled(text, values) for name, text in source.intervals.items()}
    return Guideline(
        id=source.id,
        version=source.version,
        title=source.title,
        status=source.status,
        policy=policy,
        definitions=source.definitions,
        rows=tuple(source.rows),
        advisories=tuple(_worded(advisory, values) for advisory in source.advisories),
        assumptions=tuple(assembly.rules),
        parameters=assembly.parameters,
        strategies=source.strategies,
        next_steps={
            code: replace(
                step,
                title=_filled(step.title, values),
                interval=intervals[step.interval] if step.interval else None,
            )
            for code, step in source.next_steps.items()
        },
        statements=source.statements,
        resolutions={code: _filled(text, values) for code, text in source.resolutions.items()},
        citations=source.citations,
        compiled=compiled,
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
        bound = Bound(
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
            used=frozenset(),
        )
        used = frozenset(self.names.used)
        for name in source.definitions:
            if name not in bound.timing:
                self._bind(f"definition {name}", name)
        return replace(bound, used=used)

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
        whole = self.names.facts[rule.fact.replace("-", "_")].kind == "integer"
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


def _worded(advisory: Advisory, values: Mapping[str, ParameterValue]) -> Advisory:
    """Put the numbers of the policy into the sentences of an advisory."""
    assumed = advisory.sentence_if_assumed
    return replace(
        advisory,
        sentence=_filled(advisory.sentence, values),
        sentence_if_assumed=None if assumed is None else _filled(assumed, values),
    )


_COUNTED = re.compile(PLACEHOLDER.pattern + r" (month|week|day|two-weekly cycle)s\b")


def _filled(text: str, values: Mapping[str, ParameterValue]) -> str:
    text = _COUNTED.sub(lambda found: counted(values[found[1]], found[2]), text)
    return PLACEHOLDER.sub(lambda found: f"{values[found[1]]:g}", text)


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
