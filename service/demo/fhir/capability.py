"""What the endpoint can do: its CapabilityStatement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.demo.fhir.parameters import PARAMETERS, parameters_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SECURITY = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_INTERACTIONS = ("read", "vread", "history-instance", "search-type", "create", "update", "delete")


def capability_statement(*, base_url: str, started: str, oauth: Mapping[str, str]) -> dict[str, Any]:
    """Build the CapabilityStatement; `oauth` maps authorize, token, introspect and revoke to their addresses."""
    return {
        "resourceType": "CapabilityStatement",
        "id": "demo-ehr",
        "url": f"{base_url}/metadata",
        "name": "DemoEhr",
        "title": "Demo EHR of crlm-cds: synthetic patients only",
        "status": "active",
        "date": started,
        "kind": "instance",
        "software": {"name": "crlm-cds demo EHR"},
        "implementation": {"description": "Demo EHR on loopback", "url": base_url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "cors": True,
                    "service": [{"coding": [{"system": _SECURITY, "code": "SMART-on-FHIR"}]}],
                    "extension": [
                        {
                            "url": _OAUTH_URIS,
                            "extension": [{"url": name, "valueUri": address} for name, address in oauth.items()],
                        }
                    ],
                },
                "resource": [_resource(type_) for type_ in PARAMETERS],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
            }
        ],
    }


def _resource(type_: str) -> dict[str, Any]:
    return {
        "type": type_,
        "interaction": [{"code": code} for code in _INTERACTIONS],
        "versioning": "versioned",
        "readHistory": True,
        "updateCreate": False,
        "conditionalCreate": True,
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "searchParam": [
            {"name": name, "type": parameter.kind} for name, parameter in sorted(parameters_of(type_).items())
        ],
    }
