"""All synthetic patients: the stories of the TOML files beside this one, told as FHIR."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from service.demo.patients.build import Builder
from service.demo.patients.noise import add_noise
from service.demo.patients.practice import practice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from service.demo.fhir.record import Resource

_FILES = ("in_situ.toml", "resected.toml", "open.toml")


@dataclass(frozen=True, slots=True)
class Story:
    """One patient: the resources, and the rows of the pathway that the decision is to reach (none: no card)."""

    id: str
    shows: str
    rows: tuple[str, ...]
    resources: tuple[Resource, ...]


def stories(as_of: date) -> list[Story]:
    """Tell every story as of a day; the same day gives the same resources."""
    told = []
    for name in _FILES:
        tables = tomllib.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))
        told += [_tell(table, tables.get("sheet", {}), as_of) for table in tables["patient"]]
    return told


def all_resources(as_of: date) -> list[Resource]:
    """Give everything that the demo EHR starts with."""
    return [*practice(), *(resource for story in stories(as_of) for resource in story.resources)]


def _tell(table: Mapping[str, Any], sheets: Mapping[str, Mapping[str, Any]], as_of: date) -> Story:
    patient = f"demo-{table['id']}"
    builder = Builder(patient, as_of)
    builder.person(table)
    for key, days, *more in table.get("conditions", ()):
        builder.condition(key, days, clinical=more[0] if more else "active")
    for text, days in table.get("text_conditions", ()):
        builder.condition("", days, text=text)
    for key, days in table.get("procedures", ()):
        builder.procedure(key, days)
    for key, days in table.get("planned", ()):
        builder.planned(key, days)
    for course in table.get("cycles", ()):
        builder.cycles(course["drugs"], first=course["first"], count=course["count"])
    for key, value, days in table.get("standard", ()):
        builder.standard(key, value, days)
    _add_sheet(builder, table, sheets)
    for code, value, days, *note in table.get("dated_facts", ()):
        builder.fact(code, value, days, *note)
    add_noise(builder)
    return Story(patient, table["shows"], tuple(table.get("rows", ())), tuple(builder.resources))


def _add_sheet(builder: Builder, table: Mapping[str, Any], sheets: Mapping[str, Mapping[str, Any]]) -> None:
    """Add the MDT's sheet: the facts of the named sheet with the patient's own over them, all of one day."""
    facts = {**sheets.get(table.get("sheet", ""), {}), **table.get("facts", {})}
    for code, value in facts.items():
        if code not in table.get("without", ()):
            builder.fact(code, value, table.get("sheet_days", 9))
