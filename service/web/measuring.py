"""Numbers for Prometheus, taken from what each exchange notes of itself, and the page that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response

from service.adapters.metrics import CONTENT_TYPE
from service.errors import Busy
from service.web.methods import READ

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.adapters.metrics import Metrics
    from service.adapters.store.issued_cards import IssuedCards
    from service.logs import Note


def counting(metrics: Metrics) -> Callable[[Mapping[str, Note], int, float], None]:
    """Give what counts an exchange by its notes, its status and its seconds: of a service or page, or shed unread."""

    def count(notes: Mapping[str, Note], status: int, seconds: float) -> None:
        if "page" in notes:
            metrics.page(str(notes["page"]), status=status, seconds=seconds)
        service = notes.get("service", "other" if notes.get("problem") == Busy.__name__ else None)
        if service is None:
            return
        metrics.call(str(service), status=status, seconds=seconds)
        metrics.cards(str(service), _names(notes.get("topics")))
        metrics.fetched(_names(notes.get("fetched")))
        if "feedback_kept" in notes:
            metrics.feedback_kept()
        if "reason" in notes:
            metrics.token_refused(str(notes["reason"]))

    return count


def _names(value: Note | None) -> list[str]:
    return value if isinstance(value, list) else []


def metrics_routes(metrics: Metrics, issued_cards: IssuedCards) -> APIRouter:
    """Serve `/metrics`; its labels are names of our own."""
    router = APIRouter()

    @router.api_route("/metrics", methods=READ)
    async def show() -> Response:
        metrics.queue(waiting=issued_cards.waiting, dropped=issued_cards.dropped)
        return Response(metrics.render(), headers={"content-type": CONTENT_TYPE})

    return router
