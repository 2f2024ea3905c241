"""`python -m tests.provider_simulator [--port N]`: prints its address, then serves until it is stopped."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from threading import Thread

import uvicorn

from tests.provider_simulator.server import ProviderSimulator

KEEP_ALIVE = 75  # seconds; shorter than the clients' idle time would look like a fault that nobody asked for
BACKLOG = 2_048


def main() -> None:
    parser = argparse.ArgumentParser(prog="provider_simulator", description="Simulated Gemini, Cohere and OpenAI.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8099, help="0 takes a free one")
    parser.add_argument("--attached", action="store_true", help="stop when the standard input ends")
    asked = parser.parse_args()
    listening = socket.create_server((asked.host, asked.port), backlog=BACKLOG)
    sys.stdout.write(f"http://{asked.host}:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    if asked.attached:
        Thread(target=leave_at_end_of_input, daemon=True).start()
    # Cuts and resets are what it is for; uvicorn would log each as an error.
    config = uvicorn.Config(ProviderSimulator(), log_level="critical", timeout_keep_alive=KEEP_ALIVE, lifespan="off")
    uvicorn.Server(config).run(sockets=[listening])


def leave_at_end_of_input() -> None:
    """Whoever started this process is gone, by whatever end: no stream has a reader any more."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
