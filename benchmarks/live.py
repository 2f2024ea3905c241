"""What the benchmarks of a running service share: a process on a port of its own, and haproxy before it.

They are run from the repository's root with PYTHONPATH=.:tests, for they start the services of the tests.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
from live_service import ROOT, LiveService, free_port, start

from tests.app.doors import SCRIPTED, SITE

HAPROXY = ROOT / "docs" / "operations" / "haproxy.cfg"
SLOWLY = "How do I deploy a release slowly?"  # its model takes 1.7 s, a word every 25 ms


def start_at(folder: Path, port: int, **settings: str) -> LiveService:
    folder.mkdir(exist_ok=True)
    command = [part.replace("{port}", str(port)) for part in SCRIPTED]
    return replace(start(folder, SITE, command=command, **settings), url=f"http://127.0.0.1:{port}")


@contextmanager
def haproxy(folder: Path, ports: list[int]) -> Iterator[str]:
    """Debian's, with the settings of docs/operations, before services on these ports; its address."""
    if shutil.which("haproxy") is None:
        raise SystemExit("apt-get install haproxy")
    port, lines = free_port(), []
    for line in HAPROXY.read_text().splitlines():
        word = line.split()[0] if line.split() else ""
        if word == "server":
            continue
        line = line.replace("bind :7860", f"bind 127.0.0.1:{port}").replace(" resolvers docker init-addr none", "")
        lines.append(line)
    before, _, after = "\n".join(lines).partition("resolvers docker")
    text = before + after[after.index("frontend") :]
    text += "".join(f"\n    server replica-{number} 127.0.0.1:{port} check" for number, port in enumerate(ports)) + "\n"
    settings = folder / "haproxy.cfg"
    settings.write_text(text)
    with (folder / "haproxy.log").open("w") as log:
        process = subprocess.Popen(["haproxy", "-db", "-f", str(settings)], stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def await_ready(url: str, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if httpx.get(f"{url}/health/ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"{url} did not become ready")


def allow_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def share(values: list[float], part: float) -> float:
    """The value that so many are not above."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)] if values else 0.0
