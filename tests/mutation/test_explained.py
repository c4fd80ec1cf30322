"""Entries of SURVIVORS.md name lines that stand."""

from __future__ import annotations

from pathlib import Path

from tests.mutation.explained import explained, gone

_PROJECT = Path(__file__).parents[2]
_READ = """
class Chart:
    def first(self) -> int:
        return min(
            self.days
        )


def last(days: list[int]) -> int:
    return max(days)
"""


def test_each_survivor_names_a_line_that_stands() -> None:
    assert gone(explained(), _PROJECT) == []


def test_a_survivor_is_gone_with_its_line_its_function_or_its_file(tmp_path: Path) -> None:
    (tmp_path / "read.py").write_text(_READ, encoding="utf-8")
    of_two_lines = ("read.py", "Chart.first", "return min( self.days )", "return max( self.days )")
    line = ("read.py", "last", "return min(self.days)", "return max(self.days)")
    function = ("read.py", "first", "return max(days)", "return min(days)")
    file = ("reader.py", "last", "return max(days)", "return min(days)")

    assert gone({of_two_lines, line, function, file}, tmp_path) == [function, line, file]
