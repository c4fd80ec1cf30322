"""The running demo: the service in a process of its own, the demo EHR in this one, both on loopback."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess  # the service runs as a process of its own  # nosec B404
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import uvicorn

from service.demo.addresses import Addresses
from service.demo.ehr import app_client, create_ehr
from service.demo.fhir.record import Record
from service.demo.patients.load import all_resources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from starlette.applications import Starlette

    from service.demo.folder import DemoFolder

HOST = "127.0.0.1"
_SERVICE_STARTS_WITHIN_S = 180
_ENDS_WITHIN_S = 5
_START = "import sys; sys.argv[0] = 'crlm-cds'; from service.cli import main; main()"


class DemoError(Exception):
    """The demo cannot run; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo: where it stands, where its files are, and whom to tell that it is ready."""

    port: int
    folder: DemoFolder
    ready: Callable[[str, int], None]
    """Called with the one URL and the number of patients."""

    @property
    def addresses(self) -> Addresses:
        """The EHR is at the port, the service at the next one."""
        return Addresses(ehr=f"http://{HOST}:{self.port}", service=f"http://{HOST}:{self.port + 1}")

    def run(self) -> None:
        """Run until Ctrl-C; raise `DemoError` where it cannot start."""
        with _listening(self.port) as listener:
            _check_free(self.port + 1)
            jwks = self.folder.write_app_key()
            self.folder.write_clients(self.addresses)
            record = self._record()
            http = httpx.AsyncClient(trust_env=False)
            ehr = create_ehr(
                self.addresses, record=record, clients=(app_client(self.addresses, jwks),), clock=_now, http=http
            )
            with self._service() as service:
                asyncio.run(self._serve(ehr.app, listener, service, patients=len(record.all("Patient"))))

    def _record(self) -> Record:
        record = Record(str(self.folder.record), base_url=self.addresses.fhir, clock=_now)
        if record.is_empty:
            record.load(all_resources(_now().date()))
        return record

    @contextmanager
    def _service(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-c", _START, "serve", "--host", HOST, "--port", str(self.port + 1)]
        environment = self.folder.service_environment(self.addresses, os.environ)
        with self.folder.log.open("wb") as log:
            service = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603  our own command  # nosec B603
            try:
                yield service
            finally:
                service.terminate()
                try:
                    service.wait(_ENDS_WITHIN_S)
                except subprocess.TimeoutExpired:
                    service.kill()
                    service.wait()

    async def _serve(
        self, app: Starlette, listener: socket.socket, service: subprocess.Popen[bytes], *, patients: int
    ) -> None:
        server = _Server(
            uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=_ENDS_WITHIN_S)
        )
        for number in ended_by():
            signal.signal(number, lambda *_: server.stop())
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            if await self._becomes_ready(service, server):
                self.ready(self.addresses.ehr, patients)
                while not serving.done() and service.poll() is None:
                    await asyncio.wait([serving], timeout=0.5)
            if not server.should_exit:
                raise DemoError(f"The service has ended or does not become ready. It said:\n{self._last_words()}")
        finally:
            server.stop()
            await serving

    async def _becomes_ready(self, service: subprocess.Popen[bytes], server: _Server) -> bool:
        async with httpx.AsyncClient(trust_env=False) as client:
            for _ in range(_SERVICE_STARTS_WITHIN_S * 10):
                if service.poll() is not None or server.should_exit:
                    return False
                try:
                    answer = await client.get(f"{self.addresses.service}/health/ready")
                except httpx.TransportError:
                    answer = None
                if answer is not None and answer.is_success and server.started:
                    return True
                await asyncio.sleep(0.1)
        return False

    def _last_words(self) -> str:
        return "\n".join(self.folder.log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])


def ended_by() -> list[signal.Signals]:
    """Give the signals of Ctrl-C, of `kill` and of a terminal that is closed, which `nohup` takes away."""
    closed = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *closed]


class _Server(uvicorn.Server):
    """A server that leaves the signals to the demo: the service ends with it."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # uvicorn's is a generator
        return nullcontext()

    def stop(self) -> None:
        self.should_exit = True


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as fault:
            raise DemoError(f"Port {port} is in use. Choose another: crlm-cds demo --port 8100") from fault
        yield listener


def _check_free(port: int) -> None:
    with _listening(port):
        pass


def _now() -> datetime:
    return datetime.now(UTC)
