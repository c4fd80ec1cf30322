"""HTML pages of the demo EHR: templates, and the policy that keeps them harmless."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from service.web.page_templates import page_templates

if TYPE_CHECKING:
    from collections.abc import Sequence


class Pages:
    """Renders templates; `app_origin` is the service, the only stranger that a page may frame or lead a form to."""

    def __init__(self, app_origin: str) -> None:
        self._app_origin = app_origin
        self._templates = page_templates(package="service.demo.chart")

    def page(self, template: str, *, status: int = 200, form_targets: Sequence[str] = (), **values: object) -> Response:
        """Answer with a page; `form_targets` are further origins that its forms may end at."""
        return Response(
            self._templates.get_template(template).render(values),
            status_code=status,
            media_type="text/html",
            headers=self._headers(form_targets),
        )

    def _headers(self, form_targets: Sequence[str]) -> dict[str, str]:
        targets = " ".join(dict.fromkeys(("'self'", self._app_origin, *form_targets)))
        policy = {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self'",
            "connect-src": "'self'",
            # An app begins at this origin: the launch and the authorization redirect to it.
            "frame-src": f"'self' {self._app_origin}",
            "form-action": targets,
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        return {
            "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
            "Referrer-Policy": "same-origin",
        }
