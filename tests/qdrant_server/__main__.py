"""`python -m tests.qdrant_server --port N`: the server for hand use, until it is interrupted."""

from __future__ import annotations

import argparse
import signal
import tempfile
from pathlib import Path

from tests.qdrant_server import QdrantServer


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.qdrant_server", description=__doc__)
    arguments.add_argument("--port", type=int, default=6333, help="0 takes a free one")
    arguments.add_argument("--api-key", help="requests without it get 401")
    arguments.add_argument(
        "--directory", type=Path, help="where the collections are kept; forgotten at the end if absent"
    )
    arguments.add_argument("--lax", action="store_true", help="accept filters on keys without an index")
    given = arguments.parse_args()
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # in every thread, or `sigwait` would not be asked
    with tempfile.TemporaryDirectory() as forgotten:
        directory = given.directory or Path(forgotten)
        with QdrantServer(directory, api_key=given.api_key, strict=not given.lax, port=given.port) as server:
            print(f"Qdrant answers at {server.url}", flush=True)  # noqa: T201
            signal.sigwait(ends)


if __name__ == "__main__":
    main()
