"""What many facts ask for is read once a chart, and for each question by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from fhir_mappings.read.once import once

if TYPE_CHECKING:
    from typing import Any

    from fhir_mappings.read.reader import Reader


class _Chart:
    """Stands in for the reader of a chart."""

    def __init__(self) -> None:
        self.kept: dict[tuple[object, ...], Any] = {}


def test_each_question_is_read_once_a_chart_however_it_is_asked() -> None:
    asked = []

    @once
    def read(reader: Reader, letter: str = "T", *, also: str = "") -> tuple[str, ...]:
        asked.append((letter, also))
        return (letter + also,)

    first, second = cast("Reader", _Chart()), cast("Reader", _Chart())
    found = [read(first), read(first), read(first, "N"), read(first, also="M"), read(first, also="R"), read(second)]
    assert found == [("T",), ("T",), ("N",), ("TM",), ("TR",), ("T",)]
    assert asked == [("T", ""), ("N", ""), ("T", "M"), ("T", "R"), ("T", "")]
