from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.settings import load_settings
from service.tracing import (
    NO_TRACING,
    TelemetryError,
    Tracing,
    begin_tracing,
    span,
    tracing_for,
    tracing_to,
    wanted_exporter,
)
from service.web.server import build_app
from tests.adapters.servers import Asked, Server, as_json, searchset
from tests.canary.mark import MARK
from tests.checked_client import PATIENT_VIEW, CheckedClient
from tests.hooks.serving import NOW, authorization, chart, clients_file, message, prefetch_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from service.settings import Settings

CANARY = f"{MARK}-1"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Iterator[Tracing]:
    made = tracing_to(exporter, at_once=True)
    yield made
    made.close()
    begin_tracing(NO_TRACING)


def spans(exporter: InMemorySpanExporter) -> dict[str, list[ReadableSpan]]:
    found: dict[str, list[ReadableSpan]] = {}
    for one in exporter.get_finished_spans():
        found.setdefault(one.name, []).append(one)
    return found


async def test_a_call_is_traced_from_the_request_to_the_cards_without_its_patient(
    tmp_path: Path, exporter: InMemorySpanExporter, tracing: Tracing
) -> None:
    resources = chart("V01", patient_id=CANARY)

    def fhir(asked: Asked) -> Any:
        kind = asked.path.split("/")[2]
        return as_json(searchset(*(one for one in resources if one["resourceType"] == kind)))

    with Server(fhir) as server:
        clients = clients_file(
            tmp_path,
            {
                "issuer": server.url,
                "jwks_url": f"{server.url}/jwks",
                "fhir_origins": [server.url],
                "allow_private_addresses": True,
            },
        )
        app = build_app(settings_of(tmp_path, clients), own_process=False, clock=lambda: NOW, tracing=tracing)
        prefetch = {"conditions": prefetch_of(resources)["conditions"]}
        body = message(
            context={"patientId": CANARY, "userId": f"Practitioner/{CANARY}"},
            prefetch=prefetch,
            fhirServer=f"{server.url}/r4",
            fhirAuthorization=authorization(CANARY),
        )
        headers = {
            "content-type": "application/json",
            "traceparent": PARENT,
            "tracestate": f"a={CANARY}",
            "baggage": f"a={CANARY}",
        }
        async with app.router.lifespan_context(app), CheckedClient(app) as client:
            content = json.dumps(body).encode()
            answer = await client.request("POST", PATIENT_VIEW, content=content, headers=headers)
            found = spans(exporter)
    assert answer.status_code == 200
    assert found.keys() >= {"auth", "cards", "decide", "fetch", "fetch key", "read", "request"}
    [request] = found["request"]
    attributes = dict(request.attributes or {})
    assert attributes["http.route"] == "/cds-services/{service_id}"
    assert (attributes["http.response.status_code"], attributes["crlm.cards"]) == (200, 1)
    assert request.context is not None
    assert f"{request.context.trace_id:032x}" == PARENT.split("-")[1]
    assert "observations" in {dict(one.attributes or {})["key"] for one in found["fetch key"]}
    assert CANARY not in "".join(one.to_json() for one in exporter.get_finished_spans())


def settings_of(tmp_path: Path, clients: Path) -> Settings:
    return load_settings(
        {"CRLM_AUTH": "off", "CRLM_CLIENTS": str(clients), "CRLM_DATABASE_URL": f"sqlite:///{tmp_path / 's.sqlite3'}"}
    )


def test_a_fault_is_named_by_its_class_alone(exporter: InMemorySpanExporter, tracing: Tracing) -> None:
    with pytest.raises(ValueError, match=CANARY), tracing.span("read"):
        raise ValueError(CANARY)
    [found] = exporter.get_finished_spans()
    assert (dict(found.attributes or {}), found.status.is_ok) == ({"error.type": "ValueError"}, False)
    assert CANARY not in found.to_json()


def test_where_nothing_is_traced_a_span_is_nothing() -> None:
    with span("read", key="conditions"):
        pass
    NO_TRACING.close()


@pytest.mark.parametrize(
    ("environment", "exporter_name"),
    [
        ({}, None),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, None),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
    ],
)
def test_the_standard_environment_says_where_traces_go(environment: dict[str, str], exporter_name: str | None) -> None:
    assert wanted_exporter(environment) == exporter_name


def test_an_exporter_that_we_do_not_have_is_refused() -> None:
    with pytest.raises(TelemetryError, match="OTEL_TRACES_EXPORTER: must be one of otlp, console, none"):
        wanted_exporter({"OTEL_TRACES_EXPORTER": "zipkin"})


def test_without_the_packages_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.tracing.find_spec", lambda _: None)
    with pytest.raises(TelemetryError, match=r"pip install '\.\[telemetry\]'"):
        wanted_exporter({"OTEL_TRACES_EXPORTER": "otlp"})


def test_the_console_shows_spans_under_the_name_of_the_service(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=trial")
    tracing = tracing_for({"OTEL_TRACES_EXPORTER": "console"})
    with tracing.span("read"):
        pass
    tracing.close()
    shown = json.loads(capsys.readouterr().out)
    attributes = shown["resource"]["attributes"]
    assert (shown["name"], attributes["service.name"], attributes["deployment.environment"]) == (
        "read",
        "crlm-cds",
        "trial",
    )
