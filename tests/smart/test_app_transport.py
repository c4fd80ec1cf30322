import httpx
import pytest

from service.adapters.app_transport import GuardedTransport, destinations_for_app
from service.adapters.outbound import Outbound, OutboundError, Refused


async def test_a_token_never_goes_beyond_the_origins_of_its_ehr() -> None:
    outbound = Outbound()
    allowed = destinations_for_app(["https://fhir.example.org/r4", "not a url"], allow_private_addresses=False)
    transport = GuardedTransport(outbound, allowed)
    for url in (
        "https://stranger.example/r4/Patient/1",
        "https://fhir.example.org.stranger.example/r4",
        "http://fhir.example.org/r4",
        "https://fhir.example.org:8443/r4",
        "https://fhir.example.org@stranger.example/r4",
    ):
        with pytest.raises(Refused):
            await transport.send(httpx.Request("GET", url, headers={"Authorization": "Bearer secret"}))
    await outbound.aclose()


async def test_an_ehr_on_this_machine_is_reached_only_where_that_is_allowed() -> None:
    outbound = Outbound()
    closed = destinations_for_app(["http://127.0.0.1:9/fhir"], allow_private_addresses=False)
    with pytest.raises(OutboundError):
        await GuardedTransport(outbound, closed).send(httpx.Request("GET", "http://127.0.0.1:9/fhir/metadata"))
    await outbound.aclose()
