"""The servers under test, each started as its own process on a processor of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
import uuid
import venv
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.bench.load import request_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ISSUER = "http://127.0.0.1/bench"
HEALTHCHAIN = "healthchain==0.16.1"
PATH = "/cds-services/crlm-patient-view"
START_LIMIT_S = 30.0


@dataclass(frozen=True)
class Contestant:
    """How one server is started and asked."""

    name: str
    command: list[str]
    path: str = PATH
    probe: str = "/health/ready"
    environment: dict[str, str] = field(default_factory=dict)
    sign: Callable[[], str] | None = None

    def requests(self, body: bytes, count: int) -> Callable[[], bytes]:
        """Prepare `count` requests (signed one by one where the server asks for it) and give them out in turn."""
        if self.sign is None:
            whole = request_bytes(self.path, body)
            return lambda: whole
        heads = [request_bytes(self.path, body, [f"Authorization: Bearer {self.sign()}"]) for _ in range(count)]
        return heads.pop


def _uvicorn(module: str, port: int, python: str = sys.executable) -> list[str]:
    return [
        python, "-m", "uvicorn", module, "--host", "127.0.0.1", "--port", str(port), "--no-access-log",
        "--log-level", "warning", "--app-dir", str(HERE / "servers"),
    ]  # fmt: skip


def peer_python(cache: Path) -> str:
    """Give the interpreter of HealthChain's own environment, made on first use."""
    home = cache / HEALTHCHAIN.replace("==", "-")
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", HEALTHCHAIN], check=True)
    return str(python)


def contestants(first_port: int, work: Path, cache: Path) -> list[Contestant]:
    """Describe all servers under test; `work` takes their files, `cache` the peer's environment."""
    ours = [str(Path(sys.executable).parent / "crlm-cds"), "serve", "--host", "127.0.0.1", "--workers", "1"]
    quiet = {"CRLM_LOG_LEVEL": "warning"}
    key = ec.generate_private_key(ec.SECP384R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    (work / "jwks.json").write_text(json.dumps({"keys": [{**public, "kid": "bench", "use": "sig", "alg": "ES384"}]}))
    (work / "clients.toml").write_text(f'[[client]]\nissuer = "{ISSUER}"\njwks_file = "{work / "jwks.json"}"\n')
    base = f"http://127.0.0.1:{first_port + 4}"

    def sign() -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": base + PATH, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
        return jwt.encode(claims, key, "ES384", {"kid": "bench", "typ": "JWT"})

    return [
        Contestant("floor", _uvicorn("floor:app", first_port), probe="/"),
        Contestant("naive", _uvicorn("naive:app", first_port + 1)),
        Contestant(
            "HealthChain",
            _uvicorn("peer:app", first_port + 2, peer_python(cache)),
            path="/cds" + PATH,
            probe="/cds/cds-discovery",
        ),
        Contestant(
            "crlm-cds",
            [*ours, "--port", str(first_port + 3)],
            environment={
                **quiet,
                "CRLM_AUTH": "off",
                "CRLM_PUBLIC_BASE_URL": f"http://127.0.0.1:{first_port + 3}",
                "CRLM_DATABASE_URL": f"sqlite:///{work / 'off.sqlite3'}",
            },
        ),
        Contestant(
            "crlm-cds, JWT",
            [*ours, "--port", str(first_port + 4)],
            environment={
                **quiet,
                "CRLM_AUTH": "required",
                "CRLM_CLIENTS": str(work / "clients.toml"),
                "CRLM_PUBLIC_BASE_URL": base,
                "CRLM_DATABASE_URL": f"sqlite:///{work / 'jwt.sqlite3'}",
            },
            sign=sign,
        ),
    ]


@contextmanager
def running(contestant: Contestant, port: int, *, processor: int) -> Iterator[float]:
    """Start a server pinned to one processor, wait until it is ready, and stop it; gives the seconds to readiness."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        contestant.command,
        env={**os.environ, "PYTHONPATH": str(ROOT), **contestant.environment},
        preexec_fn=lambda: os.sched_setaffinity(0, {processor}),  # noqa: PLW1509 (no threads before the start)
    )
    try:
        while not _answers(f"http://127.0.0.1:{port}{contestant.probe}"):
            if process.poll() is not None or time.perf_counter() - begin > START_LIMIT_S:
                raise RuntimeError(f"{contestant.name} did not start")
            time.sleep(0.02)
        yield time.perf_counter() - begin
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status < 500)
    except HTTPError as answer:
        return answer.code < 500
    except (URLError, ConnectionError, TimeoutError):
        return False
