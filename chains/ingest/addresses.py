"""Which hosts may be asked: the public ones, and those that the author named.

A name is looked up once and the connection goes to the very address that was judged, so that no second answer of the
name server can lead into the network that this program runs in.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import httpcore

Resolve = Callable[[str, int], list[str]]

_NAT64 = IPv6Network("64:ff9b::/96")


class Forbidden(Exception):
    """An address that lies in a private network, or is none that may be fetched."""


def origin_of(address: str) -> str:
    """Scheme, host and port.

    Raises:
        Forbidden: it is not http or https, has no host, or carries a password.
    """
    try:
        parts = urlsplit(address)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        raise Forbidden(f"{address[:200]!r} is not an address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise Forbidden(f"{address[:200]!r} is not a plain http(s) address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def join(address: str, said: str) -> str:
    """Where a link on `address` leads, without its anchor; to nowhere if it is malformed."""
    try:
        return urldefrag(urljoin(address, said.strip()))[0]
    except ValueError:
        return f"invalid:{said}"


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, by the system."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def is_open(address: str) -> bool:
    """Whether an IP address is one of the public internet, also behind those that carry another in them."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(each.is_global and not each.is_multicast for each in (parsed, *_carried(parsed)))


def _carried(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    if isinstance(address, IPv4Address):
        return []
    teredo = address.teredo[1] if address.teredo else None
    translated = IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
    return [each for each in (address.ipv4_mapped, address.sixtofour, teredo, translated) if each is not None]


class GuardedBackend(httpcore.SyncBackend):
    """Opens connections to public addresses, and to the `trusted` origins wherever they lie."""

    def __init__(self, trusted: Iterable[str], lookup: Resolve = resolve) -> None:
        super().__init__()
        self._trusted = {(urlsplit(origin).hostname, urlsplit(origin).port) for origin in trusted}
        self._resolve = lookup

    def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore.NetworkStream:
        """
        Raises:
            Forbidden: every address of the host is private.
            httpcore.ConnectError: it has none, or does not answer.
        """
        try:
            found = self._resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"{host}: {error}") from error
        if (host.strip("[]"), port) not in self._trusted:
            found = [address for address in found if is_open(address)]
        if not found:
            raise Forbidden(f"{host} lies in a private network")
        *others, last = found
        for address in others:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return super().connect_tcp(address, port, *args, **options)
        return super().connect_tcp(last, port, *args, **options)
