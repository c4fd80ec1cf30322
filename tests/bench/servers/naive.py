"""The naive service: FastAPI with a pydantic body, every prefetched resource validated with fhir.resources."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel

MODELS = {
    kind: get_fhir_model_class(kind)
    for kind in ("Patient", "Condition", "Observation", "Procedure", "ServiceRequest", "MedicationRequest",
                 "MedicationAdministration", "CarePlan", "BodyStructure")
}  # fmt: skip

app = FastAPI()


class HookRequest(BaseModel):
    """A CDS Hooks request."""

    hook: str
    hookInstance: str  # noqa: N815 (the wire's name)
    context: dict[str, Any]
    prefetch: dict[str, Any] = {}


@app.get("/health/ready")
def ready() -> dict[str, str]:
    """Say that the server is up."""
    return {"status": "ok"}


@app.post("/cds-services/{service_id}")
def hook(service_id: str, request: HookRequest) -> dict[str, Any]:
    """Validate everything and answer a constant card."""
    for value in request.prefetch.values():
        for entry in (value or {}).get("entry", []):
            resource = entry["resource"]
            MODELS[resource["resourceType"]].model_validate(resource)
    return {"cards": [{"summary": service_id, "indicator": "info", "source": {"label": "naive"}}]}
