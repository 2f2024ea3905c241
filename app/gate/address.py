"""The address that a request came from, behind known proxies, as the key of a limit."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.types import Scope

UNKNOWN = "unknown"  # a Unix socket, or a proxy that the server believed and we do not: all of these share one limit
IPV6_SUBSCRIBER = 64  # bits of an IPv6 address that one subscriber has; the rest is theirs to change at will


def client_address(scope: Scope, proxies: int) -> str:
    """An IPv4 address, or the network of an IPv6 one.

    Each known proxy adds the address that it saw to the end of `X-Forwarded-For`, so with n of them the n-th from
    the right is the client; what stands before it was sent by the client itself. What is no address is passed over
    for the next one to the right, and at last for the peer.
    """
    if proxies:
        seen = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        hops = b",".join(seen).decode("latin-1").split(",")[-proxies:]
        for hop in hops:
            if (address := grouped(hop)) is not None:
                return address
    host, port = scope.get("client") or (None, 0)
    if host is None or not port:  # uvicorn gives port 0 to what it took from a header that anybody can send
        return UNKNOWN
    return grouped(host) or UNKNOWN


@lru_cache(maxsize=10_000)
def grouped(text: str) -> str | None:
    """None for what is no address. A port is left out, `::ffff:1.2.3.4` is 1.2.3.4."""
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address, IPV6_SUBSCRIBER), strict=False).network_address)
    return str(address)
