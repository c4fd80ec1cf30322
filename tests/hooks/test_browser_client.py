"""A client in a real browser that speaks as the CDS Hooks Sandbox does, from another origin than the service's."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.charts import local_chart
from tests.demo.browsing import watched
from tests.hooks.serving import app_of, clients_file, examples, prefetch_of
from tests.loopback import running_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

PAGE = Path(__file__).parent / "browser_client.html"
ISSUER = "https://sandbox.cds-hooks.org"


class _Page(BaseHTTPRequestHandler):
    """Serves the client's one page; its key set is made by the page itself, as its private key is."""

    def do_GET(self) -> None:
        body = PAGE.read_bytes() if self.path == "/" else b""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:  # its default writes to the terminal
        return


@pytest.fixture
def origin() -> Iterator[str]:
    """The client's own origin: another port is another origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Client:
    """The page, with the public half of the key that it signs with."""

    page: Any
    key_set: dict[str, Any]

    def does(self, step: str, *arguments: Any) -> Any:
        """Run one step of the page's script and give what it returns."""
        return self.page.evaluate("([step, given]) => window.client[step](...given)", [step, list(arguments)])


def request_of(facts: dict[str, Any]) -> dict[str, Any]:
    charted = local_chart(facts, as_of=datetime.now(UTC), patient_id="p1")
    return prefetch_of([one for of_type in charted.values() for one in of_type])


@pytest.mark.duty(62, 67, 80)
def test_a_browser_discovers_calls_shows_links_and_gives_feedback(
    tmp_path: Path, origin: str, browser: Browser
) -> None:
    with watched(browser, origin) as seen:
        seen.page.goto("/")
        client = Client(seen.page, seen.page.evaluate("() => window.client.makeKey()"))
        (tmp_path / "keys.json").write_text(json.dumps(client.key_set), encoding="utf-8")
        clients = clients_file(tmp_path, {"issuer": ISSUER, "jwks_file": "keys.json"})

        def app(base: str) -> Any:
            return app_of(
                tmp_path, auth="required", public_base_url=base, clients=clients, clock=lambda: datetime.now(UTC)
            )

        with running_at(app) as base:
            discovery = f"{base}/cds-services"
            services = client.does("discover", discovery)
            assert [service["id"] for service in services] == [
                "crlm-patient-view",
                "crlm-order-select",
                "crlm-order-sign",
            ]
            body = {
                "hookInstance": "e8f339f2-f25d-4fb3-801d-af12a39c2519",
                "hook": "patient-view",
                "context": {"patientId": "p1", "userId": "Practitioner/COREPRACTITIONER1"},
                "prefetch": request_of(examples()["V01"]),
            }
            url = f"{discovery}/crlm-patient-view"
            answer = client.does("call", url, body)
            [card] = answer["body"]["cards"]
            assert (answer["status"], card["source"]["topic"]["code"]) == (200, "liver-first")
            # What CORS hides from a page is not there: these were exposed.
            assert [len(answer["headers"][name]) > 0 for name in ("x-request-id", "server-timing")] == [True, True]
            expect(seen.page.get_by_role("heading", level=2)).to_have_text(card["summary"])
            smart = seen.page.get_by_role("link", name="Review and complete the case")
            expect(smart).to_have_attribute("href", f"{base}/smart/launch?iss=https%3A%2F%2Ffhir.example.org&launch=l1")
            accepted = client.does("accept", url, card)
            overridden = client.does("override", url, card)
            assert (accepted["status"], overridden["status"]) == (200, 200)
            replayed = client.does("callTwice", url, body)
            assert [found["status"] for found in replayed] == [200, 401]
            assert replayed[1]["headers"]["www-authenticate"] == "Bearer"
            assert replayed[1]["body"]["resourceType"] == "OperationOutcome"
        # The browser itself notes the refusal that the last step provokes.
        assert seen.errors == ["Failed to load resource: the server responded with a status of 401 (Unauthorized)"]
        seen.errors.clear()
    with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as store:
        kept = store.execute("SELECT card, outcome, issuer FROM feedback ORDER BY id").fetchall()
    assert kept == [(card["uuid"], "accepted", ISSUER), (card["uuid"], "overridden", ISSUER)]
