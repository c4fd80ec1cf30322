"""JSON whose texts were cut in the middle of a character, as programs do that count in UTF-16."""

from __future__ import annotations

import re

_LONE = re.compile(
    rb"""\\u(?<!\\\\u)  # an escape; behind another backslash it is most often the text of one
    [dD](?:
        [89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])
        |(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD])[c-fC-F][0-9a-fA-F]{2}
    )""",
    re.VERBOSE,
)
_MOST = 10_000
"""More of them are no accident, and would take their time."""


def whole_characters(json: bytes) -> bytes:
    """Replace each escape of half a character, which no decoder takes, by the one of U+FFFD."""
    mended, count = _LONE.subn(rb"\\ufffd", json, _MOST)
    return mended if count < _MOST else json
