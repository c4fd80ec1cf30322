"""What a card rests on: statements, local policy, papers, the version of the knowledge, and the review notice."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from service.knowledge.explanation import ChartText, say
from service.knowledge.phrases import sentence

if TYPE_CHECKING:
    from service.knowledge.explanation import Line
    from service.knowledge.model import Citation, Guideline
    from service.knowledge.reading import Reading

_PAPERS_SHOWN = 3
_CHANGES_SHOWN = 4


def sources_of(reading: Reading) -> tuple[Line, ...]:
    """Give the closing lines of a card."""
    decision, guideline = reading.decision, reading.guideline
    lines = []
    statements = tuple(found for found in decision.statements if found in guideline.statements)
    local = tuple(found for found in decision.statements if found in guideline.resolutions)
    named = []
    if statements:
        refs = sorted({ref for found in statements for ref in guideline.statements[found].src})
        tail = f" (summary ref {', '.join(refs)})" if refs else ""
        named.append(f"Statements {', '.join(statements)}{tail}")
    if local:
        named.append(f"local policy {', '.join(local)}")
    if named:
        lines.append(say("statement", sentence(" · ".join(named))))
    papers = [guideline.citations[found] for found in decision.citations if found in guideline.citations]
    if papers:
        # Citations have semicolons of their own.
        shown = " · ".join(_paper(paper) for paper in papers[:_PAPERS_SHOWN])
        more = f" · {len(papers) - _PAPERS_SHOWN} more" if len(papers) > _PAPERS_SHOWN else ""
        lines.append(say("citation", f"Papers: {shown}{more}"))
    return (*lines, *_policy(guideline), _notice(guideline))


@cache
def _paper(paper: Citation) -> str:
    """Name a paper without its identifiers, which stand on the knowledge page."""
    named = re.split(r"[.,]? (?:doi|PMID) ?|\. PMC", paper.text)[0]
    return named if paper.check == "verified" else f"{named} (general knowledge)"


def _policy(guideline: Guideline) -> tuple[Line, ...]:
    policy = guideline.policy
    changes = [f"{name.replace('_', ' ')} = {_setting(value)}" for name, value in sorted(policy.parameters.items())]
    changes += [f"{fact.replace('-', ' ')} is asked, not assumed" for fact in sorted(policy.assumptions_off)]
    if not changes:
        return ()
    more = f"; {len(changes) - _CHANGES_SHOWN} more" if len(changes) > _CHANGES_SHOWN else ""
    return (say("policy", "Local policy of this site: ", "; ".join(changes[:_CHANGES_SHOWN]) + more),)


def _setting(value: float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}"


def _notice(guideline: Guideline) -> Line:
    return say(
        "notice",
        "Decision support for clinicians; the source summary has not yet been reviewed by humans (S30). ",
        f"{guideline.id} {guideline.version}, policy: ",
        ChartText(guideline.policy.name),
    )
