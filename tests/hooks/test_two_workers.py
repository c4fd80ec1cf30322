"""Two worker processes behind one port: what one has believed, the other does not believe again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from service.samples.patient_view import sample_request
from tests.adapters.tokens import EC_KEY, ISSUER, SERVICE, jwk, key_set, token
from tests.hooks.serving import clients_file
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATH = f"/cds-services/{SERVICE}"
CALLS = 40


@contextmanager
def two_workers(folder: Path) -> Iterator[str]:
    """Run `crlm-cds serve --workers 2` with required authentication and give its URL."""
    (folder / "keys.json").write_bytes(key_set(jwk(EC_KEY, "ec")))
    port = free_port()
    environment = {
        **os.environ,
        "CRLM_CLIENTS": str(clients_file(folder, {"issuer": ISSUER, "jwks_file": "keys.json"})),
        "CRLM_DATABASE_URL": f"sqlite:///{folder / 'store.sqlite3'}",
    }
    command = [sys.executable, "-c", "from service.cli import main; main()", "serve", "--port", str(port)]
    with subprocess.Popen([*command, "--workers", "2"], env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            # Connecting is tried again after 0, 0.5, 1, 2, 4 s and so on: a busy machine may need a minute to start it.
            with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=30) as client:
                assert client.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with two_workers(tmp_path_factory.mktemp("workers")) as found:
        yield found


def fresh_token(url: str) -> str:
    now = int(datetime.now(UTC).timestamp())
    claims = {"aud": url + PATH, "iat": now, "exp": now + 300, "jti": str(uuid4())}
    return token(claims=claims, header={"jku": ...})


def statuses(url: str, tokens: list[str]) -> list[int]:
    """Post with each token at once, each on a connection of its own, so that both workers are met."""
    body = sample_request(datetime.now(UTC).date())

    def post(text: str) -> int:
        headers = {"authorization": f"Bearer {text}", "content-type": "application/json", "connection": "close"}
        return httpx.post(url + PATH, content=body, headers=headers, timeout=30, trust_env=False).status_code

    with ThreadPoolExecutor(8) as threads:
        return sorted(threads.map(post, tokens))


@pytest.mark.duty(78)
def test_one_token_is_believed_once_by_all_workers_together(url: str) -> None:
    assert statuses(url, [fresh_token(url)] * CALLS) == [200] + [401] * (CALLS - 1)


def test_tokens_of_their_own_are_all_believed(url: str) -> None:
    assert statuses(url, [fresh_token(url) for _ in range(CALLS)]) == [200] * CALLS
