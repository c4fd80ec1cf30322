"""Where the service may connect: origins compared as parsed parts, addresses by what they reach."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = IPv4Address | IPv6Address

_HOST = re.compile(r"[a-z0-9_.\-]+|[0-9a-f:.]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}

# RFC 6052 and 8215 (NAT64), 3056 (6to4), 4291 (IPv4-compatible): IPv6 addresses that reach the IPv4 address inside.
_EMBEDDINGS = (
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
    (IPv6Network("::/96"), 0),
)
# Nobody's FHIR server: instance metadata and link-local neighbours stay closed to trials too.
_NEVER = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("169.254.0.0/16"),
    IPv4Network("224.0.0.0/4"),
    IPv4Network("240.0.0.0/4"),
    IPv4Network("100.100.100.200/32"),
    IPv4Network("192.0.0.192/32"),
    IPv6Network("::/128"),
    IPv6Network("fe80::/10"),
    IPv6Network("ff00::/8"),
    IPv6Network("fd00:ec2::254/128"),
    IPv6Network("2001::/32"),
)


class OriginError(ValueError):
    """A URL has no origin that may be configured or asked; the message is a fixed phrase."""


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Scheme, host and port of a URL, in the one spelling that is compared."""

    scheme: Literal["http", "https"]
    host: str
    port: int

    def __str__(self) -> str:
        """Give the origin as a URL, without the default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}")

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine."""
        return is_this_machine(self.host)


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine by name or by literal address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_loopback(url: str) -> bool:
    """Whether the host of `url` is this machine."""
    try:
        return is_this_machine(urlsplit(url).hostname or "")
    except ValueError:
        return False


def origin_of(url: str) -> Origin:
    """Give the origin of an absolute http or https URL; raise `OriginError` where it has none that may be asked."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise OriginError("must be printable ASCII without spaces or backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise OriginError("must be an absolute URL") from None
    if "@" in parts.netloc:
        raise OriginError("must not name a user")
    host = (parts.hostname or "").removesuffix(".")
    if not _HOST.fullmatch(host):
        raise OriginError("must be an absolute URL with a host")
    match parts.scheme:
        case "https" | "http" as scheme:
            return Origin(scheme, host, _DEFAULT_PORTS[scheme] if port is None else port)
        case _:
            raise OriginError("must be an https URL")


def is_same_origin(url: str, other: str) -> bool:
    """Whether two URLs have the same origin; one that has none shares it with nobody."""
    try:
        return origin_of(url) == origin_of(other)
    except OriginError:
        return False


def parse_origin(text: str) -> Origin:
    """Read a configured origin: a URL with neither path, query nor fragment."""
    origin = origin_of(text)
    parts = urlsplit(text)
    if parts.path not in {"", "/"} or parts.query or parts.fragment or text.endswith(("?", "#")):
        raise OriginError("must be scheme, host and port alone, without a path")
    return origin


def may_reach(address: Address, *, private: bool) -> bool:
    """Whether a connection to `address` is allowed; `private` opens loopback and private networks, never metadata."""
    reached = _reached(address)
    if any(reached.version == network.version and reached in network for network in _NEVER):
        return False
    return is_public(reached) or private


def is_public(address: Address) -> bool:
    """Whether `address` is one of the public internet."""
    reached = _reached(address)
    return reached.is_global and not reached.is_multicast and not reached.is_reserved


def _reached(address: Address) -> Address:
    """Give the address that packets end at: the IPv4 address inside a mapped or translated IPv6 one."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    for network, shift in _EMBEDDINGS:
        if address in network and int(address) > 1:
            return IPv4Address(int(address) >> shift & 0xFFFFFFFF)
    return address
