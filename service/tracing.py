"""Traces for OpenTelemetry: spans around the steps of a call, made of names of our own; off unless asked for.

The standard environment asks: `OTEL_TRACES_EXPORTER` (otlp, console, none) or an endpoint
(`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`). The packages are the extra `telemetry`.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, SpanKind, Tracer

Attribute: TypeAlias = "str | int | float | bool | list[str]"

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_EXPORTERS = ("otlp", "console", "none")


class TelemetryError(Exception):
    """The environment asks for traces that cannot be made; the message says why."""


class Tracing:
    """One process's traces; without a provider nothing is made and nothing is imported."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("crlm-cds") if provider else None

    def span(self, name: str, **attributes: Attribute) -> AbstractContextManager[object]:
        """Surround a step; `attributes` are names, counts and ids of our own, never chart contents."""
        return _span(self._tracer, name, attributes) if self._tracer else nullcontext()

    def span_of_request(
        self, name: str, *, parent: str | None, attributes: Callable[[], Mapping[str, Attribute]]
    ) -> AbstractContextManager[object]:
        """Surround a whole exchange under the caller's `traceparent`; `attributes` are asked for at its end."""
        return _request(self._tracer, name, parent, attributes) if self._tracer else nullcontext()

    def close(self) -> None:
        """Send what waits."""
        if self._provider is not None:
            self._provider.shutdown()


NO_TRACING = Tracing()

_current: ContextVar[Tracing] = ContextVar("tracing", default=NO_TRACING)


def begin_tracing(tracing: Tracing) -> None:
    """Let the spans of the current request go to `tracing`."""
    _current.set(tracing)


def span(name: str, **attributes: Attribute) -> AbstractContextManager[object]:
    """Surround a step of the current request; outside a request, and where nothing is traced, nothing happens."""
    return _current.get().span(name, **attributes)


def wanted_exporter(environment: Mapping[str, str]) -> str | None:
    """Give the exporter that the environment names, `None` for none; raise `TelemetryError` where it cannot be had."""
    named = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if not named:
        named = "otlp" if any(environment.get(name, "").strip() for name in _ENDPOINTS) else "none"
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or named == "none":
        return None
    if named not in _EXPORTERS:
        raise TelemetryError(f"OTEL_TRACES_EXPORTER: must be one of {', '.join(_EXPORTERS)}")
    needed = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
    if not all(_is_installed(name) for name in (needed if named == "otlp" else needed[:1])):
        raise TelemetryError(
            "OTEL_TRACES_EXPORTER: the packages are missing: in the repository, pip install '.[telemetry]'"
        )
    return named


def tracing_for(environment: Mapping[str, str]) -> Tracing:
    """Make the traces that the environment asks for; raise `TelemetryError`."""
    exporter = wanted_exporter(environment)
    if exporter is None:
        return NO_TRACING
    return tracing_to(_exporter(exporter), at_once=exporter == "console")


def tracing_to(exporter: SpanExporter, *, at_once: bool) -> Tracing:
    """Make traces for an exporter: in batches from a thread of its own, or each span as it ends."""
    from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource  # noqa: PLC0415  optional
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  the same
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor  # noqa: PLC0415  the same

    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES stand above this name.
    provider = TracerProvider(
        resource=Resource.create({SERVICE_NAME: "crlm-cds"}).merge(OTELResourceDetector().detect())
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter) if at_once else BatchSpanProcessor(exporter))
    return Tracing(provider)


def _exporter(name: str) -> SpanExporter:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415  an optional package

        return ConsoleSpanExporter(out=sys.stdout)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  the same

    return OTLPSpanExporter()


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@contextmanager
def _span(
    tracer: Tracer,
    name: str,
    attributes: Mapping[str, Attribute],
    *,
    kind: SpanKind | None = None,
    context: Context | None = None,
) -> Iterator[Span]:
    from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415  an optional package

    # The SDK would put messages and tracebacks of exceptions into the span.
    with tracer.start_as_current_span(
        name,
        context=context,
        kind=kind or SpanKind.INTERNAL,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except BaseException as fault:  # a step that was cancelled did not succeed either
            span.set_attribute("error.type", type(fault).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise


@contextmanager
def _request(
    tracer: Tracer, name: str, parent: str | None, attributes: Callable[[], Mapping[str, Attribute]]
) -> Iterator[None]:
    from opentelemetry.trace import SpanKind  # noqa: PLC0415  an optional package
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    # Neither tracestate nor baggage is taken over: a caller could write anything there.
    context = TraceContextTextMapPropagator().extract({"traceparent": parent} if parent else {})
    with _span(tracer, name, {}, kind=SpanKind.SERVER, context=context) as span:
        try:
            yield
        finally:
            span.set_attributes(attributes())
