"""How an answer looks in a terminal: cards with their details, suggestions and links, or what was wrong."""

from __future__ import annotations

import msgspec
from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

from fhir_mappings.loose_json import MISFITS

_COLOURS = {"info": "cyan", "warning": "yellow", "critical": "red"}
_SUCCESS = 200


class _Source(msgspec.Struct):
    label: str


class _Suggestion(msgspec.Struct, rename="camel"):
    label: str
    is_recommended: bool = False


class _Link(msgspec.Struct):
    label: str
    url: str


class _Reason(msgspec.Struct):
    display: str


class _Card(msgspec.Struct, rename="camel"):
    summary: str
    indicator: str
    source: _Source
    detail: str = ""
    suggestions: tuple[_Suggestion, ...] = ()
    links: tuple[_Link, ...] = ()
    override_reasons: tuple[_Reason, ...] = ()


class _Details(msgspec.Struct, frozen=True):
    text: str = "the service refused"


class _Issue(msgspec.Struct, frozen=True):
    details: _Details = _Details()
    diagnostics: str = ""


class _Answer(msgspec.Struct):
    cards: tuple[_Card, ...] | None = None
    issue: tuple[_Issue, ...] = (_Issue(),)


def show_answer(status: int, body: bytes, *, console: Console | None = None) -> bool:
    """Print the answer of a service, and say whether it was one."""
    console = console or Console()
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except MISFITS:
        answer = None
    if answer is None or (answer.cards is None and status == _SUCCESS):
        console.print(f"[bold red]{status}[/] no answer of a CDS Hooks service came back")
        return False
    if answer.cards is None:
        _show_problem(status, answer.issue, console)
    elif not answer.cards:
        console.print("No card: the service has nothing to say about this chart.")
    else:
        for card in answer.cards:
            console.print(_panel(card))
    return True


def _show_problem(status: int, issues: tuple[_Issue, ...], console: Console) -> None:
    for issue in issues:
        console.print(Text(f"{status} {issue.details.text}", style="bold red"))
        if issue.diagnostics:
            console.print(Text(issue.diagnostics))


def _panel(card: _Card) -> Panel:
    colour = _COLOURS.get(card.indicator, "white")
    parts: list[RenderableType] = [Text(card.summary, style="bold"), Text("")]
    if card.detail:
        parts.append(Markdown(card.detail, hyperlinks=False))
    parts += _list("Suggestions", [_suggestion(suggestion) for suggestion in card.suggestions])
    parts += _list("Links", [f"{link.label}: {link.url}" for link in card.links])
    reasons = [reason.display for reason in card.override_reasons]
    parts += _list("Reasons to decide otherwise", ["; ".join(reasons)] if reasons else [])
    return Panel(Group(*parts), title=card.indicator, subtitle=card.source.label, border_style=colour)


def _suggestion(suggestion: _Suggestion) -> str:
    return f"{suggestion.label}{' (recommended)' if suggestion.is_recommended else ''}"


def _list(title: str, lines: list[str]) -> list[RenderableType]:
    if not lines:
        return []
    return [Text(""), Text(title, style="bold"), *(Text(f"  - {line}") for line in lines)]
