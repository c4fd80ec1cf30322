"""What apps discover: SMART configuration and OpenID configuration."""

from __future__ import annotations

from typing import Any

from service.demo.smart.clients import ASSERTION_ALGORITHMS
from service.demo.smart.keys import ALGORITHM
from service.demo.smart.scopes import PLAIN

CAPABILITIES = (
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-ehr-patient",
    "context-standalone-patient",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)


def oauth_addresses(smart_url: str) -> dict[str, str]:
    """Give the addresses of the authorization server by their names in the CapabilityStatement."""
    return {
        "authorize": f"{smart_url}/authorize",
        "token": f"{smart_url}/token",
        "introspect": f"{smart_url}/introspect",
        "revoke": f"{smart_url}/revoke",
    }


def smart_configuration(*, smart_url: str, jwks_url: str) -> dict[str, Any]:
    """Build `.well-known/smart-configuration` (SMART App Launch 2.x); OpenID's has the same fields."""
    methods = ["client_secret_basic", "private_key_jwt"]
    return {
        "issuer": smart_url,
        "jwks_uri": jwks_url,
        "authorization_endpoint": f"{smart_url}/authorize",
        "token_endpoint": f"{smart_url}/token",
        "introspection_endpoint": f"{smart_url}/introspect",
        "revocation_endpoint": f"{smart_url}/revoke",
        "end_session_endpoint": f"{smart_url}/logout",
        "grant_types_supported": ["authorization_code"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "subject_types_supported": ["public"],
        "scopes_supported": [*sorted(PLAIN), "patient/*.rs", "patient/*.cruds", "user/*.rs", "user/*.cruds"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "capabilities": list(CAPABILITIES),
    }
