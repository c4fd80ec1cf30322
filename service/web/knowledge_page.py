"""The knowledge page: pathway, advisories, assumptions, local policy and evidence, from the guideline in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response  # noqa: TC002  FastAPI reads the annotation

from service.web.methods import READ
from service.web.page_templates import page_templates
from service.web.static_files import style_routes
from service.web.unchanging import PAGE_POLICY, Unchanging

if TYPE_CHECKING:
    from fhir_mappings.catalogue import Catalogue
    from service.knowledge.model import Guideline


def knowledge_routes(guideline: Guideline, catalogue: Catalogue) -> APIRouter:
    """Serve the page, rendered once, with its style sheet.

    Cards link to `/knowledge#A12b`: rows, advisories, parameters, statements, resolutions and citations have their
    own id as anchor.
    """
    router = APIRouter()
    html = _render(guideline, catalogue).encode()
    page = Unchanging(html, media_type="text/html", headers=PAGE_POLICY)

    @router.api_route("/knowledge", methods=READ)
    async def knowledge(request: Request) -> Response:
        return page.answer(request)

    style_routes(router, "page.css", "knowledge.css")
    return router


def _render(guideline: Guideline, catalogue: Catalogue) -> str:
    overridden = guideline.policy.parameters.keys()
    return (
        page_templates()
        .get_template("knowledge.html")
        .render(guideline=guideline, facts=catalogue.facts, overridden=overridden)
    )
