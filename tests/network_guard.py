"""Tests talk to this machine alone: a connection to anywhere else fails, whatever library opens it."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any


def refuse_foreign_hosts(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook; Python raises its `socket.connect` event before the system is asked."""
    if event == "socket.connect" and not _is_here(arguments[1]):
        raise ConnectionRefusedError(f"a test tried to reach {arguments[1]!r}")


def _is_here(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a Unix socket
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return address[0] in ("localhost", socket.gethostname())


def install() -> None:
    sys.addaudithook(refuse_foreign_hosts)
