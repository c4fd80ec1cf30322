"""A guideline of two rows, for tests of what may be wrong with one."""

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
