"""A guideline of two rows and a catalogue of seven facts, for tests of what may be wrong with a guideline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.catalogue import Catalogue, FactDefinition
from service.knowledge.guideline import build_guideline
from service.knowledge.policy import GuidelineError

if TYPE_CHECKING:
    from service.knowledge.model import Guideline, Policy

SMALL = """
[guideline]
id = "small"
version = "1"
title = "Small"
status = "Tried in tests only."
[definition]
unfit = "ecog >= ecog_unfit"
[parameter.ecog_unfit]
value = 3
minimum = 0
maximum = 5
reason = "R9"
[[row]]
id = "A"
when = "unfit"
strategy = "mdt"
next_step = "talk"
sentence = "Unfit."
from = ["S1"]
[[row]]
id = "B"
when = "not unfit"
strategy = "staged"
next_step = "talk"
sentence = "Fit."
from = ["S1"]
[[advisory]]
code = "old"
when = "outdated in gaps"
sentence = "Too old."
from = []
[strategy]
mdt = "MDT"
staged = "Staged"
[next_step.talk]
title = "talk"
sentence = "Talk."
liver = "now"
primary = "now"
[statement.S1]
text = "Fitness matters."
src = ["1"]
"""

_HEAD, _TAIL = SMALL[: SMALL.index("[definition]")], SMALL[SMALL.index("[strategy]") :]


def of_rows(*rows: tuple[str, str], extra: str = "") -> str:
    """Write a guideline of conditions with a strategy each ("" gives no card), and of what stands in `extra`."""
    return (
        _HEAD
        + "".join(
            f'[[row]]\nid = "R{number}"\nwhen = "{when}"\nsentence = "."\nfrom = ["S1"]\n'
            + (f'strategy = "{strategy}"\nnext_step = "talk"\n' if strategy else "")
            for number, (when, strategy) in enumerate(rows)
        )
        + extra
        + _TAIL
    )


FACTS = Catalogue(
    {
        "ecog": FactDefinition("ecog", "ECOG", "?", "integer", "r", minimum=0, maximum=5),
        "asa": FactDefinition("asa", "ASA", "?", "integer", "r", minimum=1, maximum=6, maximum_age_days=90),
        "score": FactDefinition("score", "score", "?", "number", "r"),
        "msi": FactDefinition("msi", "MSI", "?", "choice", "r", choices=("stable", "msi-high")),
        "ras": FactDefinition("ras", "RAS", "?", "choice", "r", choices=("wild-type", "mutated")),
        "began": FactDefinition("began", "began", "?", "date", "r"),
        "ended": FactDefinition("ended", "ended", "?", "date", "r"),
    }
)


def built(*texts: str, policy: Policy | None = None) -> Guideline:
    """Build a guideline of the facts of this file."""
    named = {f"{number}.toml": text for number, text in enumerate(texts)}
    return build_guideline(named, FACTS, policy)


def faults_of(*texts: str) -> list[str]:
    """Give the faults of a guideline of the facts of this file."""
    try:
        built(*texts)
    except GuidelineError as fault:
        return list(fault.faults)
    return []
