"""What every test may ask for: settings, and a client that checks each answer it gets."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from hypothesis import settings as hypothesis_settings

from service.adapters.store import shown_answers
from service.settings import Settings
from tests.canary.taps import see_event
from tests.canary.watch import WATCH
from tests.checked_client import CheckedClient, FakeAdvisor, small_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, MutableMapping

    from playwright.sync_api import Browser

pytest_plugins = ["tests.canary.plugin"]

# A machine that does other work is slow: how long one example takes says nothing.
hypothesis_settings.register_profile("unhurried", hypothesis_settings(), deadline=None)
hypothesis_settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Let SIGTERM (of `timeout`, of a job that is cancelled) end a run as Ctrl-C does: no server or folder stays."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # `timeout` sends it twice, and the second would end the clearing up
    raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    """Show faults alone, watch the rest, and leave no logging behind that a test has configured."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    structlog.configure(
        processors=[see_event, *structlog.get_config()["processors"]],
        wrapper_class=structlog.make_filtering_bound_logger("debug"),
    )
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a machine that does other work be slow: an answer that is not known in time is given again."""
    monkeypatch.setattr(shown_answers, "_ANSWER_S", 10.0)


@pytest.fixture
def log_lines(_quiet_logs: None) -> Iterator[list[MutableMapping[str, Any]]]:
    """Give what is logged during the test, whatever its level."""
    structlog.reset_defaults()
    with structlog.testing.capture_logs() as lines:
        yield lines
    for line in lines:
        WATCH.look("log event", repr(line))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one file."""
    from tests.demo.browsing import chromium  # noqa: PLC0415  most tests need none

    with chromium() as found:
        yield found


@pytest.fixture
def settings() -> Settings:
    return Settings(auth="off", public_base_url="https://cds.example.org", max_body_bytes=65_536)


@pytest.fixture
def advisor() -> FakeAdvisor:
    return FakeAdvisor()


@pytest.fixture
async def client(settings: Settings, advisor: FakeAdvisor) -> AsyncIterator[CheckedClient]:
    """A client of the application around a fake advisor."""
    app = small_app(settings, advisor=advisor)
    async with CheckedClient(app) as found:
        yield found
