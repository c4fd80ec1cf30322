"""The service and a demo EHR, each in processes of its own, as they run at a site."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from service.demo.addresses import Addresses
from service.demo.folder import DemoFolder
from tests.bench.service import SERVE, answers, running, wait_for, workers_of
from tests.ports import free_port
from tests.soak.mix import ISSUER

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psutil  # type: ignore[import-untyped]  # ships no types


@dataclass(frozen=True)
class Place:
    """Where everything is; `key` signs the tokens of the load."""

    addresses: Addresses
    port: int
    store: Path
    log: Path
    key: ec.EllipticCurvePrivateKey
    service: psutil.Process

    @property
    def base(self) -> str:
        return self.addresses.service

    def memory_bytes(self) -> list[int]:
        """Give the resident memory of each worker."""
        return [worker.memory_info().rss for worker in self.workers()]

    def processor_s(self) -> float:
        """Give the seconds of processor that all workers have used."""
        return sum(sum(worker.cpu_times()[:2]) for worker in self.workers())

    def workers(self) -> list[psutil.Process]:
        """Give the processes that answer: the first one alone, or those that it has spawned."""
        return workers_of(self.service)

    def is_ready(self) -> bool:
        return answers(f"{self.base}/health/ready")


@contextmanager
def place(*, workers: int) -> Iterator[Place]:
    """Start both and stop both.

    Where there is one worker and a second processor, the worker has one for itself and everything else the other.
    """
    apart = workers == 1 and (os.cpu_count() or 1) > 1
    with tempfile.TemporaryDirectory(prefix="crlm-soak-") as name, ExitStack() as stack:
        if apart:
            mine = os.sched_getaffinity(0)
            os.sched_setaffinity(0, {0})
            stack.callback(os.sched_setaffinity, 0, mine)
        folder, port = Path(name), free_port()
        addresses = Addresses(ehr=f"http://127.0.0.1:{free_port()}", service=f"http://127.0.0.1:{port}")
        ehr = [sys.executable, "-m", "tests.soak.ehr", addresses.ehr.rpartition(":")[2], str(port), name]
        stack.enter_context(running(ehr, dict(os.environ), folder / "ehr.log"))
        wait_for(f"{addresses.ehr}/.well-known/jwks.json", folder / "ehr.log")
        key = ec.generate_private_key(ec.SECP384R1())
        _add_client(folder, key)
        environment = {
            **DemoFolder(folder).service_environment(addresses, os.environ),
            "CRLM_LOG_LEVEL": "warning",
        }
        command = [*SERVE, "--port", str(port), "--workers", str(workers)]
        log = folder / "service.log"
        service = stack.enter_context(running(command, environment, log))
        if apart:
            os.sched_setaffinity(service.pid, {1})
        wait_for(f"{addresses.service}/health/ready", log)
        yield Place(addresses, port, folder / "service.sqlite3", log, key, service)


def _add_client(folder: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Let the load in by a client of its own, whose limits are beyond what it will ask."""
    public = {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "kid": "soak", "use": "sig", "alg": "ES384"}
    (folder / "soak.json").write_text(json.dumps({"keys": [public]}), encoding="utf-8")
    with (folder / "clients.toml").open("a", encoding="utf-8") as clients:
        clients.write(
            f'[[client]]\nissuer = "{ISSUER}"\njwks_file = "soak.json"\n'
            "requests_per_minute = 1000000\nconcurrent_requests = 10000\n"
        )
