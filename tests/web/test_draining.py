"""A server that ends answers who is on the way, also on a connection that was kept from an earlier call."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

from service.web import draining
from tests.checked_client import FakeAdvisor
from tests.loopback import serving
from tests.web.test_upgrades import CALL, OF_KNOWN_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

ANSWER = b'{"cards":[]}'


def is_listening(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=5).close()
    except OSError:
        return False
    return True


def answer_of(made: socket.socket) -> bytes:
    made.sendall(CALL + OF_KNOWN_LENGTH)
    found = b""
    while not found.endswith(ANSWER) and (read := made.recv(65_536)):
        found += read
    return found


def while_the_server_ends(work: Callable[[socket.socket], None]) -> None:
    """Do some work on a connection that has seen an answer, as soon as the server takes no new ones."""

    def once_it_ends() -> None:
        while is_listening(address):
            pass
        work(made)

    with serving(FakeAdvisor()) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        address = (host, int(port))
        made = socket.create_connection(address, timeout=20)
        assert answer_of(made).endswith(ANSWER)
        thread = threading.Thread(target=once_it_ends)
        thread.start()
    thread.join()
    made.close()


def test_a_call_on_a_kept_connection_is_answered_and_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "_ARRIVING_S", 20.0)
    answers: list[bytes] = []

    def ask_twice(made: socket.socket) -> None:
        answers.extend((answer_of(made), made.recv(1)))

    while_the_server_ends(ask_twice)
    assert [answers[0].count(b"HTTP/1.1 200 OK"), answers[0].count(b"connection: close"), answers[1]] == [1, 1, b""]


def test_a_kept_connection_on_which_nothing_comes_is_closed() -> None:
    answers: list[bytes] = []
    while_the_server_ends(lambda made: answers.append(made.recv(1)))
    assert answers == [b""]
