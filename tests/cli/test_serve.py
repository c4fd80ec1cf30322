from __future__ import annotations

from dataclasses import replace

import pytest

from service.commands.serve import SETTINGS_TABLE, announce, local_url
from service.settings import Settings, describe_settings

OFF = Settings(auth="off")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),  # noqa: S104  what is asked for
        ("::1", "http://[::1]:8080"),
        ("cds.example.org", "http://cds.example.org:8080"),
    ],
)
def test_the_printed_url_can_be_opened_on_this_machine(host: str, url: str) -> None:
    assert local_url(host, 8080) == url


def test_running_without_authentication_is_said_loudly(capsys: pytest.CaptureFixture[str]) -> None:
    announce(OFF, "http://127.0.0.1:8080")
    text = capsys.readouterr().err
    assert "AUTHENTICATION IS OFF" in text
    assert "beyond this machine" not in text
    assert "http://127.0.0.1:8080/cds-services" in text


def test_listening_beyond_this_machine_without_authentication_is_said_too(capsys: pytest.CaptureFixture[str]) -> None:
    announce(OFF, "http://10.0.0.7:8080")
    assert "beyond this machine" in capsys.readouterr().err


def test_with_authentication_there_is_no_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    announce(replace(OFF, auth="required"), "http://127.0.0.1:8080")
    assert capsys.readouterr().err.count("\n") == 1


def test_the_help_of_serve_names_every_setting() -> None:
    assert all(f"`{line.variable}`" in SETTINGS_TABLE for line in describe_settings())
