"""The watch as a plugin of pytest: a test during which the mark is seen fails, and the run tells what was watched.

Under xdist each worker watches for itself and hands its counts and late sightings to the controller.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.canary.taps import install, look_at_files
from tests.canary.watch import WATCH

if TYPE_CHECKING:
    from collections.abc import Generator

_patch = pytest.MonkeyPatch()
_late: list[str] = []
_looked: Counter[str] = Counter()


class MarkSeenError(Exception):
    """The mark of the tests stood where patient data must not be."""


def _failure(seen: list[str]) -> str:
    return "\n".join(["patient data or a secret (the mark of the tests) was seen in:", *seen])


def pytest_sessionstart(session: pytest.Session) -> None:
    """Open the taps where tests run: not in the controller of xdist."""
    if _runs_tests(session.config):
        factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]  # noqa: SLF001  pytest gives it to fixtures alone
        install(_patch, factory.mktemp("watched-processes"))
        _tap_capture()


def _tap_capture() -> None:
    read = pytest.CaptureFixture.readouterr

    def read_and_look(self: pytest.CaptureFixture[Any]) -> Any:
        found = read(self)
        WATCH.look("stderr", found.err)
        return found

    _patch.setattr(pytest.CaptureFixture, "readouterr", read_and_look)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Know which test runs."""
    WATCH.where = item.nodeid
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Fail the test during which the mark was seen, once everything of it has ended."""
    yield
    for _, section, content in item._report_sections:  # noqa: SLF001  what is printed with a failure
        if section == "stderr":
            WATCH.look("stderr", content)
    if seen := WATCH.take():
        raise MarkSeenError(_failure(seen))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Look at what the whole run has left, and fail it where the mark is seen late."""
    config = session.config
    if _runs_tests(config):
        WATCH.where = "after the last test"
        factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]  # noqa: SLF001  as above
        look_at_files(factory.getbasetemp())
        _patch.undo()
        _late.extend(WATCH.take())
        _looked.update(WATCH.looked)
        if hasattr(config, "workeroutput"):
            config.workeroutput["canary"] = (_late, dict(_looked))
    if _late:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of xdist has seen."""
    late, looked = getattr(node, "workeroutput", {}).get("canary", ([], {}))
    _late.extend(late)
    _looked.update(looked)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how much was looked at, so that a watch that looks at nothing is noticed, and what was seen late."""
    told = ", ".join(f"{number} {what}" for what, number in sorted(_grouped().items()))
    terminalreporter.write_line(f"watched for the mark of patient data: {told}")
    if _late:
        terminalreporter.write_sep("=", "PATIENT DATA OR A SECRET WAS SEEN", red=True)
        terminalreporter.write_line(_failure(_late))


def _grouped() -> Counter[str]:
    grouped: Counter[str] = Counter()
    for what, number in _looked.items():
        grouped[what.partition(" (")[0]] += number
    return grouped


def _runs_tests(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None)
