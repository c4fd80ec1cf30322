"""How an answer looks in a terminal: cards with their details, suggestions and links, or what was wrong."""

from __future__ import annotations

from typing import Any

import orjson
from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

_COLOURS = {"info": "cyan", "warning": "yellow", "critical": "red"}


def show_answer(status: int, body: bytes, *, console: Console | None = None) -> None:
    """Print the answer of a service."""
    console = console or Console()
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        console.print(f"[bold red]{status}[/] no JSON came back")
        return
    if "cards" not in answer:
        _show_problem(status, answer, console)
    elif not answer["cards"]:
        console.print("No card: the service has nothing to say about this chart.")
    else:
        for card in answer["cards"]:
            console.print(_panel(card))


def _show_problem(status: int, outcome: dict[str, Any], console: Console) -> None:
    for issue in outcome.get("issue", [{}]):
        title = issue.get("details", {}).get("text", "the service refused")
        console.print(Text(f"{status} {title}", style="bold red"))
        if "diagnostics" in issue:
            console.print(Text(issue["diagnostics"]))


def _panel(card: dict[str, Any]) -> Panel:
    colour = _COLOURS.get(card["indicator"], "white")
    parts: list[RenderableType] = [Text(card["summary"], style="bold"), Text("")]
    if "detail" in card:
        parts.append(Markdown(card["detail"], hyperlinks=False))
    parts += _list("Suggestions", [_suggestion(suggestion) for suggestion in card.get("suggestions", [])])
    parts += _list("Links", [f"{link['label']}: {link['url']}" for link in card.get("links", [])])
    reasons = [reason["display"] for reason in card.get("overrideReasons", [])]
    parts += _list("Reasons to decide otherwise", ["; ".join(reasons)] if reasons else [])
    return Panel(Group(*parts), title=card["indicator"], subtitle=card["source"]["label"], border_style=colour)


def _suggestion(suggestion: dict[str, Any]) -> str:
    return f"{suggestion['label']}{' (recommended)' if suggestion.get('isRecommended') else ''}"


def _list(title: str, lines: list[str]) -> list[RenderableType]:
    if not lines:
        return []
    return [Text(""), Text(title, style="bold"), *(Text(f"  - {line}") for line in lines)]
