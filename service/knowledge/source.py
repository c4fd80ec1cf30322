"""Reads the files of one guideline into values; conditions stay texts here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from service.knowledge.decision import Outcome
from service.knowledge.domain import MonthsBetween
from service.knowledge.model import (
    Advisory,
    Alternative,
    AssumptionRule,
    Citation,
    NextStep,
    Parameter,
    Row,
    Statement,
    Tie,
)
from service.knowledge.tables import root_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from fhir_mappings.catalogue import Catalogue
    from service.knowledge.decision import Strength
    from service.knowledge.model import Room
    from service.knowledge.tables import Table

_Read = TypeVar("_Read")


@dataclass(slots=True)
class Source:
    """What the files of a guideline say, before any policy."""

    id: str = ""
    version: str = ""
    title: str = ""
    status: str = ""
    definitions: dict[str, str] = field(default_factory=dict)
    months_between: list[MonthsBetween] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    advisories: list[Advisory] = field(default_factory=list)
    assumptions: list[AssumptionRule] = field(default_factory=list)
    ties: list[Tie] = field(default_factory=list)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    intervals: dict[str, str] = field(default_factory=dict)
    strategies: dict[str, str] = field(default_factory=dict)
    next_steps: dict[str, NextStep] = field(default_factory=dict)
    statements: dict[str, Statement] = field(default_factory=dict)
    resolutions: dict[str, str] = field(default_factory=dict)
    citations: dict[str, Citation] = field(default_factory=dict)


def read_source(texts: Mapping[str, str], catalogue: Catalogue, faults: list[str]) -> Source:
    """Read every file; faults of structure are appended to `faults`, never raised."""
    source = Source()
    for name in sorted(texts):
        table = root_table(texts[name], name, faults)
        _read_head(table, source)
        source.definitions |= _named_texts(table.table("definition"))
        source.intervals |= _named_texts(table.table("interval"))
        source.strategies |= _named_texts(table.table("strategy"))
        source.resolutions |= _named_texts(table.table("resolution"))
        source.rows += [_row(row) for row in table.list_of_tables("row", "id")]
        source.advisories += [_advisory(advisory) for advisory in table.list_of_tables("advisory", "code")]
        source.assumptions += [_assumption(rule) for rule in table.list_of_tables("assumption", "fact")]
        source.ties += [_tie(tie) for tie in table.list_of_tables("tie", "when")]
        for code, inner in table.tables("months_between"):
            source.months_between.append(_closed(inner, MonthsBetween(code, inner.text("first"), inner.text("last"))))
        for code, inner in table.tables("parameter"):
            source.parameters[code] = _parameter(code, inner)
        for code, inner in table.tables("next_step"):
            source.next_steps[code] = _next_step(code, inner)
        for code, inner in table.tables("statement"):
            decides = inner.maybe_flag("decides", default=True)
            statement = Statement(code, inner.text("text"), inner.texts("src", required=True), decides)
            source.statements[code] = _closed(inner, statement)
        for code, inner in table.tables("citation"):
            source.citations[code] = _citation(code, inner)
        table.close()
    source.parameters |= _maximum_ages(catalogue)
    return source


def _closed(table: Table, read: _Read) -> _Read:
    table.close()
    return read


def _read_head(table: Table, source: Source) -> None:
    if "guideline" not in table.keys():  # noqa: SIM118 - not a mapping
        return
    head = table.table("guideline")
    source.id, source.version = head.text("id"), head.text("version")
    source.title, source.status = head.text("title"), head.text("status")
    head.close()


def _named_texts(table: Table) -> dict[str, str]:
    return {name: table.text(name) for name in table.keys()}  # noqa: SIM118 - not a mapping


def _row(table: Table) -> Row:
    alternatives = tuple(_alternative(part) for part in table.list_of_tables("alternatives", "strategy"))
    row = Row(
        id=table.text("id"),
        when=table.text("when"),
        sentence=table.text("sentence"),
        strategy=table.maybe_text("strategy"),
        next_step=table.maybe_text("next_step"),
        strength=cast("Strength", table.one_of("strength", ("conditional", "strong"), "conditional")),
        strong_when=table.maybe_text("strong_when"),
        statements=table.texts("from", required=True),
        citations=table.texts("citations"),
        alternatives=alternatives,
    )
    if (row.strategy is None) != (row.next_step is None):
        table.fault("strategy and next_step come together")
    return _closed(table, row)


def _alternative(table: Table) -> Alternative:
    outcome = Outcome(table.text("strategy"), table.maybe_text("next_step"))
    return _closed(table, Alternative(outcome, table.maybe_text("when")))


def _advisory(table: Table) -> Advisory:
    assumed = table.table("if_assumed") if "if_assumed" in table.keys() else None  # noqa: SIM118 - not a mapping
    advisory = Advisory(
        code=table.text("code"),
        when=table.text("when"),
        sentence=table.text("sentence"),
        statements=table.texts("from", required=True),
        citations=table.texts("citations"),
        assumed=assumed.text("fact") if assumed else None,
        sentence_if_assumed=assumed.text("sentence") if assumed else None,
        facts=table.texts("facts"),
    )
    if assumed:
        assumed.close()
    return _closed(table, advisory)


def _assumption(table: Table) -> AssumptionRule:
    label = table.anything("label")
    if not isinstance(label, bool | int | float | str):
        if label is not None:
            table.fault("label must be a single value")
        label = ""
    rule = AssumptionRule(
        fact=table.text("fact"),
        when=table.maybe_text("when"),
        assume=table.text("assume"),
        label=label,
        sentence=table.text("sentence"),
        printed=table.maybe_flag("printed", default=True),
    )
    return _closed(table, rule)


def _tie(table: Table) -> Tie:
    return _closed(table, Tie(table.text("when"), table.text("then"), table.text("reason")))


def _parameter(name: str, table: Table) -> Parameter:
    months_in = table.maybe_text("months_in")
    value = table.anything("value") if months_in is None else 0
    is_number = table.maybe_flag("number", default=False)
    kind: Literal["boolean", "integer", "number"] = "number" if is_number else "integer"
    if isinstance(value, bool):
        kind = "boolean"
    elif not isinstance(value, int | float):
        table.fault("value must be a number, true or false")
        value = 0
    use = table.one_of("use", ("condition", "mapper", "text"), "condition")
    parameter = Parameter(
        name=name,
        value=value,
        reason=table.text("reason"),
        kind=kind,
        unit=table.maybe_text("unit"),
        minimum=table.number("minimum"),
        maximum=table.number("maximum"),
        use=cast("Literal['condition', 'mapper', 'text']", use),
        months_in=months_in,
        more_days=int(table.number("more_days") or 0),
        not_above=table.maybe_text("not_above"),
    )
    return _closed(table, parameter)


def _next_step(code: str, table: Table) -> NextStep:
    step = NextStep(
        code=code,
        title=table.text("title"),
        sentence=table.text("sentence"),
        liver=cast("Room", table.one_of("liver", ("now", "after-primary", "after-chemotherapy", "not-now"))),
        primary=cast("Room", table.one_of("primary", ("now", "after-liver", "not-now"))),
        interval=table.maybe_text("interval"),
        chemotherapy_months=table.maybe_text("chemotherapy_months"),
    )
    if (step.liver == "after-chemotherapy") != (step.chemotherapy_months is not None):
        table.fault('chemotherapy_months and liver = "after-chemotherapy" come together')
    return _closed(table, step)


def _citation(code: str, table: Table) -> Citation:
    check = cast("Literal['verified', 'general']", table.one_of("check", ("verified", "general")))
    return _closed(table, Citation(code, table.text("text"), check))


def _maximum_ages(catalogue: Catalogue) -> dict[str, Parameter]:
    """Every maximum age of the catalogue is a parameter too, `ecog_maximum_age_days`."""
    return {
        f"{fact.name}_maximum_age_days": Parameter(
            name=f"{fact.name}_maximum_age_days",
            value=fact.maximum_age_days,
            reason=f"case facts: {fact.title} is outdated when older",
            kind="integer",
            unit="d",
            minimum=1,
            maximum=3660,
            use="mapper",
        )
        for fact in catalogue.facts.values()
        if fact.maximum_age_days is not None
    }
