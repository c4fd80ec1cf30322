"""Restarts under load, on both kinds of store: every call has an answer, and every card is kept."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.adapters.store.replicas import Load, check, replica
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable


def under_load(load: Load, restart: Callable[[], None]) -> None:
    with load.running():
        load.wait()
        restart()
        load.wait()


def test_workers_are_renewed_one_by_one_without_a_lost_call(store_url: str) -> None:
    port = free_port()
    load = Load([port])
    with replica(store_url, port, workers=2) as server:

        def renew() -> None:
            server.process.send_signal(signal.SIGHUP)
            server.wait(started=4, ended=2)

        under_load(load, renew)
    check(load, store_url)


def test_replicas_are_renewed_one_after_the_other_without_a_lost_call(store_url: str) -> None:
    ports = [free_port(), free_port()]
    load = Load(ports)
    with ExitStack() as replicas:
        old = [replicas.enter_context(replica(store_url, port)) for port in ports]
        with load.running():
            for ending, port in zip(old, ports, strict=True):
                load.wait()
                ending.stop()
                load.wait()
                replicas.enter_context(replica(store_url, port))
            load.wait()
    check(load, store_url)
