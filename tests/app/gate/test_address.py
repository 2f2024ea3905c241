"""Whose address a request counts for: what a client writes into a header itself is never used."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.gate.address import UNKNOWN, client_address

PEER = "203.0.113.7"


def scope(*forwarded: str, client: tuple[str, int] | None = (PEER, 50_000)) -> dict[str, Any]:
    return {"client": client, "headers": [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]}


def test_without_known_proxies_the_header_is_not_read() -> None:
    assert client_address(scope("1.2.3.4"), 0) == PEER


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        (["9.9.9.9"], 1, "9.9.9.9"),
        (["1.1.1.1, 9.9.9.9"], 1, "9.9.9.9"),
        (["1.1.1.1", "9.9.9.9"], 1, "9.9.9.9"),
        (["1.1.1.1, 9.9.9.9, 10.0.0.2"], 2, "9.9.9.9"),
        (["1.1.1.1, 2.2.2.2", "9.9.9.9, 10.0.0.2"], 2, "9.9.9.9"),
        (["9.9.9.9"], 2, "9.9.9.9"),
        ([], 1, PEER),
        ([""], 1, PEER),
        (["nonsense"], 1, PEER),
        (["1.1.1.1, nonsense"], 1, PEER),
        (["1.1.1.1, unknown, 10.0.0.2"], 2, "10.0.0.2"),
        (["9.9.9.9:4711"], 1, "9.9.9.9"),
        ([' "[2001:db8::5]:4711" '], 1, "2001:db8::"),
    ],
)
def test_address_is_the_one_that_the_outermost_known_proxy_saw(
    forwarded: list[str], proxies: int, address: str
) -> None:
    assert client_address(scope(*forwarded), proxies) == address


@given(st.lists(st.text(alphabet=st.characters(max_codepoint=255), max_size=30), max_size=4), st.ip_addresses(v=4))
def test_forged_entries_change_nothing(forged: list[str], seen: IPv4Address) -> None:
    """Behind one proxy, which adds the address that it saw, as a header of its own or to the client's."""
    own = [text.replace("\n", " ").replace("\r", " ") for text in forged]
    assert client_address(scope(*own, str(seen)), 1) == str(seen)
    assert client_address(scope(", ".join([*own, str(seen)])), 1) == str(seen)


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_subscriber_of_ipv6_is_one_whatever_address_he_takes(address: Any, interface: int) -> None:
    other = ip_network((address, 64), strict=False)[interface]
    assume(address.ipv4_mapped is None and other.ipv4_mapped is None)
    assert client_address(scope(str(address)), 1) == client_address(scope(str(other)), 1)


@pytest.mark.parametrize(
    ("written", "address"),
    [("::ffff:9.9.9.9", "9.9.9.9"), ("fe80::1%eth0", "fe80::"), ("2001:DB8:0:0:1::1", "2001:db8::")],
)
def test_one_address_has_one_key(written: str, address: str) -> None:
    assert client_address(scope(written), 1) == address


@pytest.mark.parametrize("client", [None, ("1.2.3.4", 0), ("", 0), ("/run/docent.sock", 1)])
def test_what_cannot_be_known_shares_one_limit(client: tuple[str, int] | None) -> None:
    assert client_address(scope(client=client), 0) == UNKNOWN
