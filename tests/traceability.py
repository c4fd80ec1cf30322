"""Which test proves which duty: read from the `duty` marks. `python -m tests.traceability` renews the page."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.duties import KEPT, NOT_OURS

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parent
PAGE = TESTS / "TRACEABILITY.md"
_HEAD = """\
# Duties of a CDS service and the tests that prove them

Made from the marks of the tests by `python -m tests.traceability`; a test fails where this page is not current or a
duty is without a test. The numbers are those of [duties.py](duties.py).

| duty | what | proven by |
|---|---|---|
"""
_TAIL = """
## Not ours

| duty | why no test |
|---|---|
"""


@dataclass(frozen=True, slots=True, order=True)
class Proof:
    """One marked test: its file, relative to the tests, and its name."""

    path: str
    name: str

    @property
    def claim(self) -> str:
        """The name as words."""
        return self.name.removeprefix("test_").replace("_", " ")


def proofs() -> dict[int, list[Proof]]:
    """Give the tests of each duty that is marked anywhere, in the order of their names."""
    found: dict[int, list[Proof]] = defaultdict(list)
    for file in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                proof = Proof(file.relative_to(TESTS).as_posix(), node.name)
                for number in _duties(node):
                    found[number].append(proof)
    return {number: sorted(proven) for number, proven in sorted(found.items())}


def _duties(test: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[int]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.duty":
            yield from (number.value for number in mark.args if isinstance(number, ast.Constant))  # type: ignore[misc]  # the test of this module checks that they are numbers


def page() -> str:
    """Give the page in Markdown."""
    proven = proofs()
    rows = [
        f"| {number} | {what} | {'<br>'.join(f'[{one.claim}]({one.path})' for one in proven.get(number, []))} |"
        for number, what in KEPT.items()
    ]
    others = [f"| {number} | {why} |" for number, why in NOT_OURS.items()]
    return _HEAD + "\n".join(rows) + "\n" + _TAIL + "\n".join(others) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
