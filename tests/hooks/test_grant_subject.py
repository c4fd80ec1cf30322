"""The subject of a grant is held against the id under which the EHR knows the service, where a site configures that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.adapters.tokens import token
from tests.hooks.serving import authorization, chart, message, prefetch_of, served
from tests.hooks.test_tokens_over_http import post, settings

if TYPE_CHECKING:
    from pathlib import Path

FHIR = "https://fhir.example.org"
OTHER = {**authorization("t"), "subject": "another-service"}
FAULT = {
    "severity": "error",
    "code": "invalid",
    "details": {"text": "The request is not a valid CDS Hooks request"},
    "diagnostics": "fhirAuthorization.subject is not the id under which the EHR knows this service",
    "expression": ["fhirAuthorization.subject"],
}


def call(grant: dict[str, Any] | None) -> dict[str, Any]:
    return message(prefetch=prefetch_of(chart("V01")), fhirServer=FHIR if grant else None, fhirAuthorization=grant)


@pytest.mark.duty(82)
async def test_a_grant_for_another_service_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path, **settings(tmp_path, fhir_client_id="crlm")) as client:
        answer = await post(client, token(), body=call(OTHER))
    assert (answer.status_code, answer.json()["issue"]) == (400, [FAULT])


@pytest.mark.duty(82)
@pytest.mark.parametrize("grant", [authorization("t"), None])
async def test_our_own_grant_and_no_grant_pass(tmp_path: Path, grant: dict[str, Any] | None) -> None:
    async with served(tmp_path, **settings(tmp_path, fhir_client_id="crlm")) as client:
        assert (await post(client, token(), body=call(grant))).status_code == 200


@pytest.mark.duty(82)
async def test_a_site_may_have_it_noted_instead(tmp_path: Path, log_lines: list[Any]) -> None:
    known = settings(tmp_path, fhir_client_id="crlm", refuse_other_subjects=False)
    async with served(tmp_path, **known) as client:
        assert (await post(client, token(), body=call(OTHER))).status_code == 200
    [line] = [one for one in log_lines if one.get("method") == "POST"]
    assert line["grant_subject"] == "other"
    assert "another-service" not in str(log_lines)


@pytest.mark.duty(82)
async def test_without_a_configured_id_nothing_is_compared(tmp_path: Path, log_lines: list[Any]) -> None:
    async with served(tmp_path, **settings(tmp_path)) as client:
        assert (await post(client, token(), body=call(OTHER))).status_code == 200
    assert "grant_subject" not in str(log_lines)
