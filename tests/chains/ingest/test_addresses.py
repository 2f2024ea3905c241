"""Which addresses are public."""

from __future__ import annotations

import pytest

from chains.ingest.addresses import Forbidden, is_open, origin_of


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_open(address: str) -> None:
    assert is_open(address)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
     "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1", "not an address"],
)  # fmt: skip
def test_private_addresses_are_closed(address: str) -> None:
    assert not is_open(address)


@pytest.mark.parametrize(
    ("address", "origin"),
    [("https://X.org/a", "https://x.org:443"), ("http://x.org:8080", "http://x.org:8080"), ("http://[::1]/", "http://[::1]:80")],
)  # fmt: skip
def test_origin_has_its_port(address: str, origin: str) -> None:
    assert origin_of(address) == origin


@pytest.mark.parametrize("address", ["ftp://x.org", "https://", "https://a:b@x.org/", "http://x:99999/", "//x.org"])
def test_odd_addresses_are_refused(address: str) -> None:
    with pytest.raises(Forbidden):
        origin_of(address)
