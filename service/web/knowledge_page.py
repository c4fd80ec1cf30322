"""The knowledge page: pathway, advisories, assumptions, local policy and evidence, from the guideline in force."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from service.web.static_files import style_routes

if TYPE_CHECKING:
    from fhir_mappings.catalogue import Catalogue
    from service.knowledge.model import Guideline

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def knowledge_routes(guideline: Guideline, catalogue: Catalogue) -> APIRouter:
    """Serve the page, rendered once, with its style sheet.

    Cards link to `/knowledge#A12b`: rows, advisories, parameters, statements, resolutions and citations have their
    own id as anchor.
    """
    router = APIRouter()
    html = _render(guideline, catalogue).encode()
    etag = f'"{hashlib.sha256(html).hexdigest()[:32]}"'
    headers = {"content-security-policy": _POLICY, "cache-control": "public, max-age=300", "etag": etag}

    @router.get("/knowledge")
    async def knowledge(request: Request) -> Response:
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(html, media_type="text/html", headers=headers)

    style_routes(router, "page.css", "knowledge.css")
    return router


def _render(guideline: Guideline, catalogue: Catalogue) -> str:
    environment = Environment(
        loader=PackageLoader("service.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    overridden = guideline.policy.parameters.keys()
    return environment.get_template("knowledge.html").render(
        guideline=guideline, facts=catalogue.facts, overridden=overridden
    )
