"""The shell commands that README and handbook tell, in their order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from service.web.handbook.routes import PAGES, page_text

ROOT = Path(__file__).parents[2]
SOURCES = ("README.md", *PAGES)

_BLOCK = re.compile(r"^```(?:sh|bash|shell|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Told:
    """One command, as a shell reads it: several lines where a quotation goes on."""

    source: str
    text: str


def commands(source: str) -> list[Told]:
    """Give the commands of one page."""
    text = (ROOT / source).read_text(encoding="utf-8") if source == "README.md" else page_text(source)
    return [Told(source, command) for block in _BLOCK.findall(text) for command in _split(block)]


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
