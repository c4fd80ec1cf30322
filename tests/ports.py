"""Ports for servers that start in a process of their own, which a listening socket cannot be handed to."""

from __future__ import annotations

import os
import random
import socket
from itertools import count, islice

_FIRST, _LAST = 10_100, 15_999
"""Above 10080, which browsers refuse to open (Fetch standard, bad ports)."""
_STEP = 10
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_TURNS = count(random.SystemRandom().randrange(_LAST))


def free_port(together: int = 1) -> int:
    """Give the first of `together` free ports on the loopback, at most 10, which no other worker of this run is given.

    They lie below those which systems hand out: no outgoing connection can take one before the server is up.
    """
    blocks = range(_FIRST + int(_WORKER.removeprefix("gw")) * _STEP, _LAST, _WORKERS * _STEP)
    for turn in islice(_TURNS, len(blocks)):
        port = blocks[turn % len(blocks)]
        if all(map(_is_free, range(port, port + together))):
            return port
    raise OSError("no port is free")


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
