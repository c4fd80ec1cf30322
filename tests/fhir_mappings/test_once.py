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
        self.kept: dict[object, Any] = {}


def test_each_question_is_read_once_a_chart_and_by_itself() -> None:
    asked = []

    @once
    def read(reader: Reader, *letters: str) -> tuple[str, ...]:
        asked.append(letters)
        return letters

    first, second = cast("Reader", _Chart()), cast("Reader", _Chart())
    questions = [(), (), ("N",), ("N", "M"), ("N",)]
    found = [*(read(first, *letters) for letters in questions), read(second, "N")]
    assert found == [*questions, ("N",)]
    assert asked == [(), ("N",), ("N", "M"), ("N",)]
