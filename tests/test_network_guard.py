"""The guard that keeps tests from reaching a real provider."""

from __future__ import annotations

import socket

import pytest


def test_connection_to_another_host_fails() -> None:
    with socket.socket() as outside, pytest.raises(ConnectionRefusedError, match="a test tried to reach"):
        outside.connect(("192.0.2.1", 443))  # TEST-NET-1: nobody's


def test_connection_to_this_machine_is_tried() -> None:
    with socket.socket() as listener, socket.socket() as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client.connect(listener.getsockname())
