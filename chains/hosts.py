"""Addresses, and which hosts are on the public internet: to those nothing goes in plain text."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

# Names that no public resolver answers: RFC 6761, RFC 6762 and RFC 8375, and those that clouds and routers give inside.
INSIDE = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def split_url(url: str) -> SplitResult | None:
    """None for what is no URL, such as brackets that hold no address: readers' pages come from their browsers."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def is_public(host: str) -> bool:
    """False for loopback, private and link-local addresses, names without a dot, and names that only exist inside."""
    try:
        return ip_address(host.strip("[]")).is_global
    except ValueError:
        name = host.rstrip(".").lower()
        return "." in name and not name.endswith(INSIDE)
