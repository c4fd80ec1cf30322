from __future__ import annotations

from ipaddress import ip_address

import pytest

from service.adapters.origins import (
    Origin,
    OriginError,
    is_public,
    is_same_origin,
    may_reach,
    origin_of,
    parse_origin,
)


@pytest.mark.parametrize(
    ("url", "origin", "text"),
    [
        ("https://fhir.example.org/r4?x=1", Origin("https", "fhir.example.org", 443), "https://fhir.example.org"),
        ("HTTPS://FHIR.Example.ORG:443", Origin("https", "fhir.example.org", 443), "https://fhir.example.org"),
        ("https://fhir.example.org.:8443/", Origin("https", "fhir.example.org", 8443), "https://fhir.example.org:8443"),
        ("http://127.0.0.1:80", Origin("http", "127.0.0.1", 80), "http://127.0.0.1"),
        ("http://[::1]:8080/fhir", Origin("http", "::1", 8080), "http://[::1]:8080"),
    ],
)
def test_an_origin_has_one_spelling(url: str, origin: Origin, text: str) -> None:
    assert [origin_of(url), str(origin_of(url))] == [origin, text]


@pytest.mark.parametrize(
    "url",
    [
        "", "fhir.example.org", "/fhir", "//fhir.example.org", "ftp://fhir.example.org", "file:///etc/passwd",
        "https://", "https:///fhir", "https://user@fhir.example.org", "https://user:secret@fhir.example.org",
        "https://@fhir.example.org", "https://fhir.example.org:99999", "https://fhir.example.org:x",
        "https://fhir.example.org\\@evil.example", "https://fhir.example.org evil", "https://fhir.example.org\n",
        "https://[::1", "https://f\u00efhir.example", "https://a;script-src", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_what_has_no_origin_that_may_be_asked_is_refused(url: str) -> None:
    with pytest.raises(OriginError, match=r"^must "):
        origin_of(url)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("HTTPS://a.example.:443/r4", True),
        ("http://a.example", False),
        ("https://a.example:444", False),
        ("https://b.example", False),
        ("nowhere", False),
    ],
)
def test_two_addresses_have_the_same_origin_in_whatever_spelling(other: str, *, expected: bool) -> None:
    assert [is_same_origin("https://a.example", other), is_same_origin(other, "https://a.example/x")] == [expected] * 2


@pytest.mark.parametrize(
    "text", ["https://a.example/r4", "https://a.example?x", "https://a.example#", "https://a.example/?"]
)
def test_a_configured_origin_has_no_path(text: str) -> None:
    with pytest.raises(OriginError):
        parse_origin(text)


def test_a_configured_origin_may_end_in_a_slash() -> None:
    assert parse_origin("https://a.example/") == Origin("https", "a.example", 443)


@pytest.mark.parametrize(
    ("url", "expected"),
    [("http://localhost", True), ("http://127.9.9.9", True), ("http://[::1]", True), ("http://localhost.evil", False)],
)
def test_loopback_is_known_by_name_and_by_address(url: str, expected: bool) -> None:  # noqa: FBT001  a case
    assert origin_of(url).is_loopback is expected


PUBLIC = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"]
PRIVATE = [
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
    "198.18.0.1", "192.0.2.1", "::1", "fc00::1", "fd12:3456::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::", "::7f00:1",
]  # fmt: skip
NEVER = [
    "0.0.0.1", "0.1.2.3", "169.254.169.254", "169.254.1.1", "100.100.100.200", "192.0.0.192", "224.0.0.1",
    "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "fe80::1", "ff02::1", "fd00:ec2::254", "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "::a9fe:a9fe", "::ffff:0.0.0.0", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
]  # fmt: skip


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_may_be_reached(text: str) -> None:
    address = ip_address(text)
    assert [is_public(address), may_reach(address, private=False), may_reach(address, private=True)] == [True] * 3


@pytest.mark.parametrize("text", PRIVATE)
def test_a_private_address_may_be_reached_where_that_is_allowed(text: str) -> None:
    address = ip_address(text)
    assert [is_public(address), may_reach(address, private=False), may_reach(address, private=True)] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("text", NEVER)
def test_metadata_and_neighbours_may_never_be_reached(text: str) -> None:
    assert [may_reach(ip_address(text), private=private) for private in (False, True)] == [False, False]
