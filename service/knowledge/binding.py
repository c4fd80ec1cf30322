"""Resolves the names of conditions: facts, definitions, parameters, rows, signs; checks kinds and choices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, assert_never, cast

from fhir_mappings.case import Gap, Sign
from service.knowledge import expression as syntax
from service.knowledge.domain import ChoiceTest, NumberTest
from service.knowledge.expression import ExpressionError, parse
from service.knowledge.formula import (
    AbsentTest,
    Conjunction,
    Disjunction,
    Formula,
    GapTest,
    Leaf,
    RecordedTest,
    RowTest,
    SignTest,
    StatedTest,
    conjunction,
    disjunction,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.catalogue import FactDefinition
    from service.knowledge.domain import NumberOperator
    from service.knowledge.model import ParameterValue

Reach = Literal["facts", "chart", "rows"]
"""What a condition may read beside facts: nothing; the chart's signs; the row that fires and the gaps."""


@dataclass(slots=True)
class Names:
    """All names that conditions may use; `used` collects those that some condition did use."""

    facts: Mapping[str, FactDefinition]
    parameters: Mapping[str, ParameterValue]
    definitions: Mapping[str, str]
    rows: Mapping[str, str | None]
    """The next step of each row."""
    used: set[str] = field(default_factory=set)
    _resolved: dict[str, Formula] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def bind(self, text: str, reach: Reach = "facts") -> Formula:
        """Resolve one condition; raise `ExpressionError` where it cannot be read."""
        return _Binder(self, reach).bind(parse(text), wanted=True)

    def definition(self, word: syntax.Word) -> Formula:
        """Resolve a definition once; a definition that needs itself is refused."""
        name = word.text
        if name not in self._resolved:
            if name in self._open:
                raise ExpressionError(f"definition {name} needs itself", word.position)
            self._open.append(name)
            try:
                self._resolved[name] = self.bind(self.definitions[name])
            except ExpressionError as fault:
                raise ExpressionError(f"in definition {name}: {fault}", word.position) from fault
            finally:
                self._open.pop()
        self.used.add(name)
        return self._resolved[name]


@dataclass(frozen=True, slots=True)
class _Binder:
    names: Names
    reach: Reach

    def bind(self, expression: syntax.Expression, *, wanted: bool) -> Formula:
        match expression:
            case syntax.Not(operand=operand):
                return self.bind(operand, wanted=not wanted)
            case syntax.All(terms=terms):
                parts = tuple(self.bind(term, wanted=wanted) for term in terms)
                return conjunction(parts) if wanted else disjunction(parts)
            case syntax.AnyOf(terms=terms):
                parts = tuple(self.bind(term, wanted=wanted) for term in terms)
                return disjunction(parts) if wanted else conjunction(parts)
            case syntax.Word():
                return self._word(expression, wanted=wanted)
            case syntax.Call():
                return self._call(expression, wanted=wanted)
            case syntax.Comparison():
                return self._comparison(expression, wanted=wanted)
            case _:
                assert_never(expression)

    def _word(self, word: syntax.Word, *, wanted: bool) -> Formula:
        if word.text in self.names.definitions:
            found = self.names.definition(word)
            return found if wanted else self.opposite(found)
        if word.text in self.names.parameters:
            value = self._parameter(word)
            if not isinstance(value, bool):
                raise ExpressionError(f"parameter {word.text} is a number and needs a comparison", word.position)
            return value is wanted
        fact = self._fact(word)
        if fact.kind != "boolean":
            raise ExpressionError(f"fact {word.text} is no yes-or-no fact and needs a comparison", word.position)
        return ChoiceTest(fact.code, frozenset({wanted}))

    def _call(self, call: syntax.Call, *, wanted: bool) -> Formula:
        if self.reach != "chart":
            raise ExpressionError(f"{call.function}(…) belongs to assumptions and ties", call.position)
        if call.function in {"absent", "stated"}:
            if not isinstance(call.argument, syntax.Word):
                raise ExpressionError(f"{call.function}(…) takes one fact", call.position)
            fact = self._fact(call.argument).code
            return AbsentTest(fact, wanted) if call.function == "absent" else StatedTest(fact, wanted)
        if call.function in {"recorded", "suspected"}:
            test = self.bind(call.argument, wanted=True)
            if not isinstance(test, ChoiceTest):
                raise ExpressionError(f"{call.function}(…) takes one test of a choice", call.position)
            return RecordedTest(test, call.function == "recorded", wanted)
        raise ExpressionError(f"unknown test {call.function!r}", call.position)

    def _comparison(self, test: syntax.Comparison, *, wanted: bool) -> Formula:
        if isinstance(test.right, syntax.Word) and test.right.text in {"signs", "gaps"}:
            return self._chart(test, wanted=wanted)
        if test.left.text in {"row", "next_step"}:
            return self._row(test, wanted=wanted)
        fact = self._fact(test.left)
        if fact.kind in {"integer", "number"}:
            return self._number(fact.code, test, wanted=wanted)
        if fact.kind == "date":
            raise ExpressionError(f"fact {test.left.text} is a date and cannot be compared", test.position)
        chosen = frozenset(self._choice(fact, word) for word in self._members(test))
        if test.operator in {"!=", "not in"}:
            wanted = not wanted
        return ChoiceTest(fact.code, chosen if wanted else self._choices(fact) - chosen)

    def _chart(self, test: syntax.Comparison, *, wanted: bool) -> Formula:
        group = cast("syntax.Word", test.right).text
        allowed: dict[str, Iterable[Sign | Gap]] = {"signs": Sign, "gaps": Gap}
        if self.reach != {"signs": "chart", "gaps": "rows"}[group]:
            raise ExpressionError(f"{group} cannot be read here", test.right.position)
        if test.operator not in {"in", "not in"}:
            raise ExpressionError(f"{group} is a set: use in or not in", test.position)
        found = next((member for member in allowed[group] if member.value == test.left.text), None)
        if found is None:
            raise ExpressionError(f"{test.left.text!r} is none of the {group}", test.left.position)
        wanted = wanted == (test.operator == "in")
        return SignTest(found, wanted) if isinstance(found, Sign) else GapTest(found, wanted)

    def _row(self, test: syntax.Comparison, *, wanted: bool) -> Formula:
        if self.reach != "rows":
            raise ExpressionError(f"{test.left.text} can only be read by advisories", test.position)
        rows = self.names.rows
        chosen: set[str] = set()
        for word in self._members(test):
            name = word.text if isinstance(word, syntax.Word) else str(word.value)
            found = {row for row, step in rows.items() if name == (row if test.left.text == "row" else step)}
            if not found:
                raise ExpressionError(f"unknown {test.left.text} {name!r}", word.position)
            chosen |= found
        if test.operator in {"!=", "not in"}:
            wanted = not wanted
        return RowTest(frozenset(chosen if wanted else rows.keys() - chosen))

    def _number(self, code: str, test: syntax.Comparison, *, wanted: bool) -> Formula:
        if test.operator in {"in", "not in"}:
            wanted = wanted == (test.operator == "in")
            tests = [NumberTest(code, "==", self._constant(member)) for member in self._members(test)]
        else:
            operator, constant = cast("NumberOperator", test.operator), cast("syntax.Word | syntax.Number", test.right)
            tests = [NumberTest(code, operator, self._constant(constant))]
        terms: tuple[Formula, ...] = tuple(found if wanted else found.opposite() for found in tests)
        return disjunction(terms) if wanted else conjunction(terms)

    def _members(self, test: syntax.Comparison) -> tuple[syntax.Word | syntax.Number, ...]:
        """Give what a fact or row may equal: the members of a set, or a single value."""
        if isinstance(test.right, syntax.WordSet):
            return test.right.members
        if test.operator in {"in", "not in"}:
            raise ExpressionError("in and not in need a set", test.right.position)
        if test.operator not in {"==", "!="}:
            raise ExpressionError(f"{test.operator} orders numbers, {test.left.text} is none", test.position)
        return (test.right,)

    def _constant(self, member: syntax.Word | syntax.Number) -> float:
        if isinstance(member, syntax.Number):
            return member.value
        value = self._parameter(member)
        if isinstance(value, bool):
            raise ExpressionError(f"parameter {member.text} is no number", member.position)
        return value

    def _parameter(self, word: syntax.Word) -> ParameterValue:
        if word.text not in self.names.parameters:
            raise ExpressionError(f"unknown parameter {word.text!r}", word.position)
        self.names.used.add(word.text)
        return self.names.parameters[word.text]

    def _fact(self, word: syntax.Word) -> FactDefinition:
        found = self.names.facts.get(word.text)
        if found is None:
            raise ExpressionError(f"unknown name {word.text!r}", word.position)
        self.names.used.add(word.text)
        return found

    @staticmethod
    def _choices(fact: FactDefinition) -> frozenset[str | bool]:
        return frozenset({True, False}) if fact.kind == "boolean" else frozenset(fact.choices)

    def _choice(self, fact: FactDefinition, member: syntax.Word | syntax.Number) -> str | bool:
        text = member.text if isinstance(member, syntax.Word) else str(member.value)
        value: str | bool = {"true": True, "false": False}.get(text, text) if fact.kind == "boolean" else text
        if value not in self._choices(fact):
            raise ExpressionError(f"{text!r} is no value of {fact.code}", member.position)
        return value

    def opposite(self, formula: Formula) -> Formula:
        """Negate a resolved definition (definitions hold tests of facts only)."""
        match formula:
            case bool():
                return not formula
            case Conjunction(terms=terms):
                return disjunction(tuple(self.opposite(term) for term in terms))
            case Disjunction(terms=terms):
                return conjunction(tuple(self.opposite(term) for term in terms))
            case NumberTest():
                return formula.opposite()
            case _:
                test = cast("ChoiceTest", cast("Leaf", formula))
                fact = self.names.facts[test.fact.replace("-", "_")]
                return ChoiceTest(test.fact, self._choices(fact) - test.values)
