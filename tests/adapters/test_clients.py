from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from service.adapters.clients import Client, SmartRegistration, load_clients, parse_clients
from service.adapters.origins import Origin
from service.adapters.outbound import Destinations
from service.errors import SettingsError
from tests.adapters.tokens import EC_KEY, KEYS, jwk

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
LEAST = '[[client]]\nissuer = "https://ehr.example.org"\njwks_url = "https://ehr.example.org/jwks"\n'


def faults(text: str, folder: Path = ROOT) -> Sequence[str]:
    with pytest.raises(SettingsError) as raised:
        parse_clients(text, folder=folder)
    return raised.value.faults


def test_what_is_left_out_has_its_default() -> None:
    clients = parse_clients(LEAST, folder=ROOT)
    assert list(clients) == [Client(issuer="https://ehr.example.org", jwks_url="https://ehr.example.org/jwks")]
    assert clients.warnings == ()


def test_every_key_is_read(tmp_path: Path) -> None:
    (tmp_path / "ehr.json").write_bytes(KEYS)
    (tmp_path / "secret").write_text("s3cret")
    text = """
[[client]]
issuer = "https://ehr.example.org"
jwks_file = "ehr.json"
algorithms = ["RS384", "PS384"]
max_lifetime_s = 900
tenants = ["north", "south"]
services = ["crlm-order-sign"]
fhir_origins = ["https://fhir.example.org", "http://10.1.2.3:8080"]
allow_private_addresses = true
frame_ancestors = ["https://ehr.example.org"]
silent = true
requests_per_minute = 60
concurrent_requests = 2
[client.smart]
iss = ["https://fhir.example.org/r4"]
client_id = "crlm"
client_secret_file = "secret"
"""
    clients = parse_clients(text, folder=tmp_path)
    origins = frozenset({Origin("https", "fhir.example.org", 443), Origin("http", "10.1.2.3", 8080)})
    assert list(clients) == [
        Client(
            issuer="https://ehr.example.org",
            jwks_file=tmp_path / "ehr.json",
            algorithms=("RS384", "PS384"),
            max_lifetime_s=900,
            tenants=frozenset({"north", "south"}),
            services=frozenset({"crlm-order-sign"}),
            fhir_origins=origins,
            allow_private_addresses=True,
            frame_ancestors=("https://ehr.example.org",),
            silent=True,
            requests_per_minute=60,
            concurrent_requests=2,
            smart=SmartRegistration(("https://fhir.example.org/r4",), "crlm", tmp_path / "secret"),
        )
    ]
    client = clients.by_issuer["https://ehr.example.org"]
    assert [client.may_call("crlm-order-sign"), client.may_call("crlm-patient-view")] == [True, False]
    assert clients.all_destinations == (Destinations(origins, allow_private_addresses=True),)
    assert [clients.get(None), clients.get("https://other"), clients.get(client.issuer)] == [None, None, client]


def test_the_example_that_ships_is_sound_and_warns_of_the_sandbox_and_the_trial() -> None:
    clients = load_clients(ROOT / "docker" / "clients.example.toml")
    assert [client.issuer for client in clients] == [
        "https://epic.hospital.example/interconnect/api/FHIR/R4",
        "https://cds-hooks.cerner.com",
        "https://sandbox.cds-hooks.org",
        "http://127.0.0.1:9000",
    ]
    assert clients.warnings == (
        "https://sandbox.cds-hooks.org: its private key is published, so anyone can call as this client: trials only",
        "http://127.0.0.1:9000: an issuer on this machine, as the demo uses it: trials only",
        "http://127.0.0.1:9000: allow_private_addresses opens networks behind the firewall to this client's requests",
    )


def test_an_issuer_need_not_be_a_url() -> None:
    clients = parse_clients('[[client]]\nissuer = "urn:ehr"\njwks_url = "https://a.example/jwks"', folder=ROOT)
    assert [list(clients.by_issuer), clients.warnings] == [["urn:ehr"], ()]


def test_an_origin_that_can_never_be_asked_is_warned_of() -> None:
    clients = parse_clients(LEAST + 'fhir_origins = ["http://localhost:8080"]', folder=ROOT)
    assert clients.warnings == (
        "https://ehr.example.org: http://localhost:8080 is never asked without allow_private_addresses",
    )


def test_all_faults_of_a_file_are_listed_together(tmp_path: Path) -> None:
    text = """
verion = 1
[[client]]
issuer = ""
jwks_url = "http://ehr.example.org/jwks"
algorithms = ["HS256"]
max_lifetime_s = 0
tenants = "north"
services = ["crlm-biopsy"]
fhir_origins = ["https://user:pass-word@fhir.example.org", "https://fhir.example.org/r4", "http://fhir.example.org"]
allow_private_addresses = "no"
frame_ancestors = ["*"]
silent = 1
colour = "blue"
[client.smart]
iss = []
client_secret_file = "none"
colour = "red"
[[client]]
issuer = "https://b.example"
smart = 7
[[client]]
issuer = "https://b.example"
jwks_file = "none.json"
[[client]]
issuer = "https://c.example"
jwks_file = "LONG"
""".replace("LONG", "x" * 300)
    first, second, third, fourth = (f"CRLM_CLIENTS: client {number}" for number in (1, 2, 3, 4))
    algorithms = "ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512, EdDSA"
    assert sorted(faults(text, tmp_path)) == sorted([
        "CRLM_CLIENTS: unknown key 'verion'",
        f"{first}: allow_private_addresses must be true or false",
        f"{first}: jwks_url 'http://ehr.example.org' must be https",
        f"{first}: issuer must be a string that is not empty",
        f"{first}: algorithms may name only {algorithms}",
        f"{first}: max_lifetime_s must be a whole number from 1 to 86400",
        f"{first}: tenants must be a list of strings",
        f"{first}: services may name only crlm-patient-view, crlm-order-select, crlm-order-sign",
        f"{first}: fhir_origins entry 1 must not name a user",
        f"{first}: fhir_origins entry 2 must be scheme, host and port alone, without a path",
        f"{first}: fhir_origins 'http://fhir.example.org' must be https",
        f"{first}: frame_ancestors entry 1 must be an absolute URL with a host",
        f"{first}: silent must be true or false",
        f"{first}: colour is no key of this table",
        f"{first}, smart: iss must name at least one FHIR base URL",
        f"{first}, smart: client_id is missing",
        f"{first}, smart: client_secret_file must be the path of a file",
        f"{first}, smart: colour is no key of this table",
        f"{second}: jwks_url or jwks_file is needed",
        f"{second}: smart must be a table",
        f"{third}: jwks_file must be the path of a file",
        f"{third}: issuer is used by an earlier client",
        f"{fourth}: jwks_file must be the path of a file",
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "CRLM_CLIENTS: no [[client]] is configured"),
        ("client = 7", "CRLM_CLIENTS: clients are tables headed [[client]]"),
        ("client = [7]", "CRLM_CLIENTS: clients are tables headed [[client]]"),
        (LEAST + "algorithms = []", "CRLM_CLIENTS: client 1: algorithms must not be empty"),
        (LEAST + "issuer = 'x'", "CRLM_CLIENTS: no TOML: Cannot overwrite a value (at end of document)"),
    ],
)
def test_a_file_without_sound_clients_is_a_fault(text: str, expected: str) -> None:
    assert faults(text) == (expected,)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (b"no JSON", "is no key set: no JSON"),
        (b'{"keys": 7}', "is no key set: 'keys' must be a list of at most 100 keys"),
        (b'{"keys": []}', "holds no usable public key"),
        (json.dumps({"keys": [jwk(EC_KEY, "x", d="private")]}).encode(), "holds no usable public key"),
    ],
)
def test_a_key_file_without_usable_keys_is_a_fault(tmp_path: Path, keys: bytes, message: str) -> None:
    (tmp_path / "keys.json").write_bytes(keys)
    text = '[[client]]\nissuer = "https://a.example"\njwks_file = "keys.json"'
    assert faults(text, tmp_path) == (f"CRLM_CLIENTS: client 1: jwks_file {message}",)


def test_an_issuer_that_is_missing_is_not_one_that_is_used_twice() -> None:
    keyless = '[[client]]\njwks_url = "https://ehr.example.org/jwks"\n'
    assert faults(2 * keyless) == (
        "CRLM_CLIENTS: client 1: issuer is missing",
        "CRLM_CLIENTS: client 2: issuer is missing",
    )


def test_an_id_that_no_token_could_hold_exactly_is_a_fault() -> None:
    smart = '[client.smart]\niss = ["https://f.example"]\nclient_id = "crlm\\n"'
    assert faults(LEAST.replace('.org"', '.org "', 1) + smart) == (
        "CRLM_CLIENTS: client 1: issuer must not begin or end with a space",
        "CRLM_CLIENTS: client 1, smart: client_id must not begin or end with a space",
    )


def test_the_mark_that_windows_writes_before_a_text_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "clients.toml").write_text(LEAST, encoding="utf-8-sig")
    assert list(load_clients(tmp_path / "clients.toml").by_issuer) == ["https://ehr.example.org"]


def test_secret_and_key_of_the_app_exclude_each_other(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    smart = (
        '[client.smart]\niss = ["https://f.example"]\nclient_id = "c"\nclient_secret_file = "x"\nprivate_key_file = "x"'
    )
    assert faults(LEAST + smart, tmp_path) == (
        "CRLM_CLIENTS: client 1, smart: client_secret_file and private_key_file exclude each other",
    )


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"\xff")
    for path in (tmp_path / "none.toml", tmp_path / "latin.toml"):
        with pytest.raises(SettingsError, match=r"^CRLM_CLIENTS: the file cannot be read as UTF-8$"):
            load_clients(path)
