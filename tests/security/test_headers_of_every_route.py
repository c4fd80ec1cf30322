"""Every route, found in the routers themselves, answers with the headers of a careful server, refusals included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.responses import Response

from service.web.conversation import Conversation
from tests.canary.mark import MARK
from tests.checked_client import CheckedClient
from tests.demo.ehrs import ADDRESSES, make_bench
from tests.hooks.serving import app_of
from tests.review.visits import ORIGIN, charted, opened
from tests.security.routes import Known, header_faults, policy_faults, routes_of

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC = frozenset({
    "/cds-services", "/openapi.json", "/docs", "/docs/{page}", "/knowledge", "/smart/jwks", "/review/static/{name}",
    *(f"/static/{name}.css" for name in ("page", "knowledge", "feedback", "handbook")),
})  # fmt: skip
"""What holds nothing of a patient or a user, so that a cache may keep it. A route that is new is not among them."""
REFUSED = {400, 401, 403, 404, 405, 413, 415}


@pytest.mark.parametrize(("base", "strict"), [("https://cds.example.org", True), ("http://127.0.0.1:1", False)])
@pytest.mark.parametrize("fill", ["start", MARK])
async def test_every_route_of_the_service_answers_with_safe_headers(
    tmp_path: Path, base: str, fill: str, *, strict: bool
) -> None:
    app = app_of(tmp_path, public_base_url=base, auth="off", report_key=None)
    found = sorted(set(routes_of(app.routes)))
    assert {one.path for one in found} >= PUBLIC
    assert {"/cds-services/{service_id}", "/review", "/feedback", "/metrics", "/health/ready"} <= {
        one.path for one in found
    }
    faults = {}
    async with app.router.lifespan_context(app), CheckedClient(app) as client:
        for one in found:
            answer = await client._http.request(  # noqa: SLF001  pages refuse in HTML, which the client would not take
                one.method,
                one.url(fill),
                params={"patient": MARK},
                headers={"x-forwarded-for": MARK, "cookie": f"a={MARK}"},
            )
            found_faults = header_faults(answer, is_public=one.path in PUBLIC, strict_transport=strict)
            if found_faults:
                faults[one] = found_faults
            assert answer.is_success or answer.is_redirect or answer.status_code in REFUSED, one
    assert faults == {}


async def test_a_public_route_is_kept_by_caches_and_nothing_else_is(tmp_path: Path) -> None:
    app = app_of(tmp_path)
    async with CheckedClient(app) as client:
        kept = {
            one.path
            for one in routes_of(app.routes)
            if one.method == "GET" and (await client._http.get(one.url("start"))).headers["cache-control"] != "no-store"  # noqa: SLF001  as above
        }
    assert kept <= PUBLIC


async def test_every_page_of_a_session_has_them_and_may_be_framed_by_its_ehr_alone() -> None:
    harness = charted()
    application = harness.application()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(Conversation(application, strict_transport=True)), base_url=harness.base_url
    ) as browser:
        hidden = await opened(harness, browser)
        reviewed = [one for one in routes_of(application.routes) if one.path.startswith("/review")]
        faults = {}
        for one in sorted(reviewed, key=lambda one: (one.path.endswith("logout"), one)):
            form = {**hidden, "ecog": "1"} if one.method == "POST" else None
            answer = await browser.request(one.method, one.url("x"), headers=ORIGIN, data=form)
            answer.headers["content-security-policy"] = answer.headers["content-security-policy"].replace(
                "frame-ancestors https://ehr.example.org", "frame-ancestors 'none'"
            )
            found = header_faults(answer, is_public=one.path in PUBLIC, strict_transport=True)
            if found:
                faults[one] = found
    assert len(reviewed) > 4
    assert faults == {}


def test_every_route_of_the_demo_ehr_has_them_too() -> None:
    bench = make_bench()
    faults = {}
    found = sorted(set(routes_of(bench.ehr.app.routes)))
    assert len(found) > 20
    for one in found:
        answer = bench.http.request(one.method, one.url("x"))
        said = [
            f"{name}: {answer.headers.get(name)}"
            for name, values in {
                "x-content-type-options": {"nosniff"},
                "referrer-policy": {"no-referrer", "same-origin"},
            }.items()
            if answer.headers.get(name) not in values
        ]
        said += policy_faults(answer.headers.get("content-security-policy", ""), trusted=frozenset({ADDRESSES.service}))
        if said:
            faults[one] = said
    assert faults == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
        {"content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'"},
        {
            "content-security-policy": "default-src 'none'; script-src 'unsafe-inline'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        },
        {
            "content-security-policy": "default-src 'none'; img-src *; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        },
        {"referrer-policy": "unsafe-url"},
        {"x-content-type-options": "maybe"},
        {"cache-control": "public, max-age=300"},
    ],
)
async def test_a_new_route_with_looser_headers_is_noticed(tmp_path: Path, headers: dict[str, str]) -> None:
    app = app_of(tmp_path)

    @app.get("/patients/{patient}")
    async def show(patient: str) -> Response:
        return Response(patient, headers=headers)

    assert Known("GET", "/patients/{patient}") in set(routes_of(app.routes))
    async with CheckedClient(app) as client:
        answer = await client._http.get("/patients/1")  # noqa: SLF001  as above
    assert header_faults(answer, is_public=False, strict_transport=True) != []
