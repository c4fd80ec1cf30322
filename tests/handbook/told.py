"""The shell commands that README and handbook tell, in their order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from service.web.handbook.routes import PAGES, page_text

ROOT = Path(__file__).parents[2]
SOURCES = ("README.md", *PAGES)

_BLOCK = re.compile(r"^```(?:sh|bash|shell|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROGRAM = re.compile(r"^```python\n(# (\w+\.py)\n.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Told:
    """One command, as a shell reads it: several lines where a quotation goes on."""

    source: str
    text: str


def commands(source: str) -> list[Told]:
    """Give the commands of one page."""
    return [Told(source, command) for block in _BLOCK.findall(_text(source)) for command in _split(block)]


def programs(source: str) -> list[tuple[str, str]]:
    """Give the names and the texts of the Python programs that the reader of one page is to keep."""
    return [(name, program) for program, name in _PROGRAM.findall(_text(source))]


def _text(source: str) -> str:
    return (ROOT / source).read_text(encoding="utf-8") if source == "README.md" else page_text(source)


def _split(block: str) -> list[str]:
    """Cut a block where a line ends outside of quotation marks and without a backslash."""
    found: list[str] = []
    is_open = False
    for line in block.splitlines():
        if is_open:
            found[-1] += f"\n{line}"
        elif line.strip():
            found.append(line)
        is_open = bool(found) and _goes_on(found[-1])
    return found


def _goes_on(text: str) -> bool:
    quote = ""
    for position, letter in enumerate(text):
        if letter in "\"'" and not (position and text[position - 1] == "\\"):
            quote = "" if letter == quote else quote or letter
    return bool(quote) or text.endswith("\\")
