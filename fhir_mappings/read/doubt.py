"""Words that deny, doubt or bound a category of TNM in a text, or leave it between two; in the languages of charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

_DOUBT = (
    r"(?:suspect\w*|suspicio\w+|susp\.|(?:un)?likely|(?:(?:peu|poco|pouco) )?(?:im)?prob\w+|possibl\w+|question\w+"
    r"|doubtful|dubious|equivocal|indeterminate|uncertain|unclear|borderline|presum\w+|concern\w*|ddx?|r/o|rule out"
    r"|(?:to|cannot) exclude|v\.\s?a\.|verdacht|v(?:er)?d\.(?:\s?a\.)?|fraglich\w*|(?:un)?wahrscheinlich\w*"
    r"|m\u00f6glich\w*|vermutlich\w*|evtl\.|eventuell\w*|am ehesten|z\.\s?a\.|zum ausschluss|unklar\w*|unsicher\w*"
    r"|zweifelhaft\w*|douteu\w+|\u00e9ventuel\w*|sospech\w+|dudos\w+|sospett\w+|dubbi\w+|possibil\w+|suspeit\w+"
    r"|poss\u00edve\w+|(?:im)?prov\u00e1ve\w+|verdenking|mogelijk\w*|(?:on)?waarschijnlijk\w*|twijfel\w*)(?!\w)"
)
_BOUND = r"(?:at least|mindestens|mind\.|min\.|au moins|minstens|at most|h\u00f6chstens|max\.|maximal|up to)"
_DENIAL = r"(?:no|not|non|nicht|kein\w*|ohne|without|pas|sans|geen|niet|zonder|sin|senza|sem|n\u00e3o)"
_OF = r"(?:\s+(?:of|for|auf|a|de|di))?"
_EXCLUDED = r"(?:excluded|ruled out|ausgeschlossen|exclu|excluid\w|esclus\w|uitgesloten)\b"
DENIED = (
    rf"(?:(?P<denied>\b{_DENIAL}\s+"
    r"(?:(?:de|(?:evidence|signs?) of|(?:hinweis|anhalt) (?:auf|f\u00fcr))\s+)?)"
    rf"|(?P<doubted>(?:\?|[<>]=?|[\u2264\u2265]|\b{_DOUBT}{_OF}:?|\b{_BOUND})\s*))?"
)
"""What stands before a category that a text denies, doubts or bounds."""
_NOT_AFFIRMED = ("denied", "doubted", "open", "excluded")


def opened(other: str) -> str:
    """Give the pattern of what stands behind a category that a text excludes, doubts or leaves between two.

    `other` is that of one which it may be in its place: "pN1/pN2".
    """
    not_excluded = rf"\s+(?:\w+\s)?(?:{_DENIAL}\s(?:be\s)?|cannot be ){_EXCLUDED}"
    doubt = rf"[\s,:(\u2013-]+{_DOUBT}(?!\W*[yramucp]{{0,4}}[TNMR]\s?[0-4])"
    between = r"\s+(?:or|oder|ou|of|to|bis|vs\.?)\s+[cpyTNR]*[0-4](?![0-9])"
    either = rf"\s?/\s?[yramucp]{{0,4}}{other}(?![0-9])"
    left_open = rf"(?P<open>[-\u2013/][0-9]|\s*\(?\?|{not_excluded}|{doubt}|{between}|{either})"
    return rf"(?:{left_open}|(?P<excluded>\s+{_EXCLUDED}|:?\s(?:no|nein|non)\s*\Z))?"


def affirmed(pattern: re.Pattern[str], text: str) -> Iterable[re.Match[str]]:
    """Give what a pattern finds in a text that neither denies nor doubts it."""
    return (found for found in pattern.finditer(text) if not any(found.group(*_NOT_AFFIRMED)))
