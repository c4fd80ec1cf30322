"""The knowledge page: pathway, advisories, assumptions, local policy and evidence, from the guideline in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response  # noqa: TC002  FastAPI reads the annotation

from service.knowledge.guideline import load_guideline
from service.knowledge.phrases import assumed, counted, sentence
from service.web.methods import READ
from service.web.page_templates import page_templates
from service.web.static_files import style_routes
from service.web.unchanging import PAGE_POLICY, Unchanging

if TYPE_CHECKING:
    from fhir_mappings.catalogue import Catalogue
    from service.knowledge.model import Guideline, Parameter


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
    return (
        page_templates()
        .get_template("knowledge.html")
        .render(
            guideline=guideline,
            facts=catalogue.facts,
            overridden=guideline.policy.parameters.keys(),
            shipped=load_guideline().parameters,
            assumed=lambda rule: sentence(assumed(catalogue[rule.fact], rule.label)),
            in_words=_in_words,
        )
    )


_COUNTED = {"mo": "month", "wk": "week", "d": "day"}


def _in_words(parameter: Parameter) -> str:
    """Write the value of a parameter with its unit as a card does: `12 months`, `30 %`, `yes`."""
    value, unit = parameter.value, parameter.unit or ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit in _COUNTED:
        return counted(value, _COUNTED[unit])
    return f"{value:g}" if not unit or unit.startswith("{") else f"{value:g} {unit}"
