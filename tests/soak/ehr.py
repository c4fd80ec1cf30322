"""The demo EHR alone, as a process: `python -m tests.soak.ehr EHR-PORT SERVICE-PORT FOLDER`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import uvicorn

from service.demo.addresses import Addresses
from service.demo.ehr import app_client, create_ehr
from service.demo.fhir.record import Record
from service.demo.folder import DemoFolder
from service.demo.patients.load import all_resources


def now() -> datetime:
    return datetime.now(UTC)


def main(port: int, service_port: int, folder: Path) -> None:
    """Write the service's configuration into `folder`, then serve."""
    addresses = Addresses(ehr=f"http://127.0.0.1:{port}", service=f"http://127.0.0.1:{service_port}")
    files = DemoFolder(folder)
    jwks = files.write_app_key()
    files.write_clients(addresses)
    record = Record(":memory:", base_url=addresses.fhir, clock=now)
    record.load(all_resources(now().date()))
    http = httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=100))
    ehr = create_ehr(addresses, record=record, clients=(app_client(addresses, jwks),), clock=now, http=http)
    uvicorn.run(ehr.app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
