from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from service.adapters.clients import parse_clients
from service.errors import SettingsError
from service.settings import Settings
from service.web.smart.parts import app_clients, app_secrets

CLIENT = """
[[client]]
issuer = "{issuer}"
jwks_url = "https://ehr.example.org/jwks"
fhir_origins = ["https://fhir.example.org"]
frame_ancestors = ["https://ehr.example.org"]
[client.smart]
iss = ["{iss}"]
client_id = "crlm"
{more}
"""


def _client(
    more: str = "", *, issuer: str = "https://ehr.example.org", iss: str = "https://fhir.example.org/r4"
) -> str:
    return CLIENT.format(issuer=issuer, iss=iss, more=more)


def test_a_client_with_a_key_file_signs_with_it_and_publishes_it(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "app.pem").write_bytes(pem)
    by_iss, keys = app_clients(parse_clients(_client('private_key_file = "app.pem"'), folder=tmp_path))
    registration = by_iss["https://fhir.example.org/r4"].registration
    assert (registration.key, registration.secret, len(keys)) == (keys[0], None, 1)
    assert by_iss["https://fhir.example.org/r4"].frame_ancestors == ("https://ehr.example.org",)


def test_a_client_with_a_secret_file_reads_it_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    by_iss, keys = app_clients(parse_clients(_client('client_secret_file = "secret"'), folder=tmp_path))
    assert (by_iss["https://fhir.example.org/r4"].registration.secret, keys) == ("s3cret", ())


def test_all_faults_of_the_registrations_are_listed_together(tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("no key")
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "empty.txt").write_text("\n")
    text = (
        _client('private_key_file = "bad.pem"')
        + _client('client_secret_file = "bad.txt"', issuer="https://two.example", iss="https://two.example/r4")
        + _client('client_secret_file = "empty.txt"', issuer="https://no.example", iss="https://no.example/r4")
        + _client(issuer="https://three.example", iss="https://three.example/r4")
        + _client(issuer="https://four.example", iss="https://three.example/r4")
    )
    with pytest.raises(SettingsError) as raised:
        app_clients(parse_clients(text, folder=tmp_path))
    assert raised.value.faults == (
        "CRLM_CLIENTS: https://ehr.example.org, smart: the file holds no private key in PEM form without a password",
        "CRLM_CLIENTS: https://two.example, smart: the file of the key or secret cannot be read",
        "CRLM_CLIENTS: https://no.example, smart: the file of the secret is empty",
        "CRLM_CLIENTS: https://four.example, smart: iss is used by another client",
    )


def test_a_client_without_registration_cannot_launch_the_app(tmp_path: Path) -> None:
    text = _client().split("[client.smart]")[0]
    assert app_clients(parse_clients(text, folder=tmp_path)) == ({}, ())


def test_the_same_key_gives_the_same_context_keys_in_every_process() -> None:
    settings = Settings(auth="off", session_key=("x" * 32, "y" * 32))
    assert app_secrets(settings).context_keys == app_secrets(settings).context_keys
    assert len(app_secrets(settings).context_keys) == 2
    assert app_secrets(settings).local_facts is None


def test_without_a_key_each_process_has_its_own() -> None:
    settings = Settings(auth="off")
    assert app_secrets(settings).context_keys != app_secrets(settings).context_keys
