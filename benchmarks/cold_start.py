"""From the process's start to its first answers: python -m benchmarks.cold_start [ROUNDS]

Each round starts `docent serve` over docs/ in a folder of its own, twice: with nothing there, and with the index made.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from app.settings import Settings

ROOT = Path(__file__).parents[1]
ROUNDS = 3
POLL = 0.01  # seconds
PATIENCE = 180.0
QUESTION = "How do I deploy to a Space?"
COLUMNS = ("live", "starting", "healthy", "turn")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    measured: dict[str, list[dict[str, float]]] = {"first start": [], "later start": []}
    for _ in range(rounds):
        with TemporaryDirectory() as folder:
            for name in measured:
                measured[name].append(_start(Path(folder)))
    machine = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    print(f"seconds from the process's start, median of {rounds}; {machine}")  # noqa: T201
    print(f"{'':12}" + "".join(f"{column:>10}" for column in (*COLUMNS, "CPU")))  # noqa: T201
    for name, runs in measured.items():
        figures = [median(run[column] for run in runs) for column in (*COLUMNS, "cpu")]
        print(f"{name:12}" + "".join(f"{figure:10.2f}" for figure in figures))  # noqa: T201


def _start(folder: Path) -> dict[str, float]:
    """`live`, `starting` and `healthy`: when health first said so; `turn`: a turn sent at once has its answer."""
    port = _free_port()
    own = {"DATA_DIR": str(folder / "data"), "DOCS": str(ROOT / "docs"), "LOG_FORMAT": "json", "PYTHONPATH": str(ROOT)}
    environment = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields} | own
    began = time.perf_counter()
    command = [sys.executable, "-m", "app", "serve", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            return _measure(client, began, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _measure(client: httpx.Client, began: float, pid: int) -> dict[str, float]:
    times = {"live": _wait(client, "/health/live", "ok", began)}
    times["cpu"] = _processor_time(pid)
    times["starting"] = _wait(client, "/api/health", "starting", began)
    reply = client.post("/api/chat", json={"question": QUESTION}, headers={"Accept": "application/json"})
    while reply.status_code == 503:  # the first start indexes for longer than a turn waits
        time.sleep(float(reply.headers["retry-after"]))
        reply = client.post("/api/chat", json={"question": QUESTION}, headers={"Accept": "application/json"})
    reply.raise_for_status()
    times["turn"] = time.perf_counter() - began
    times["healthy"] = _wait(client, "/api/health", "healthy", began)
    return times


def _wait(client: httpx.Client, path: str, status: str, began: float) -> float:
    while time.perf_counter() - began < PATIENCE:
        try:
            said: dict[str, Any] = client.get(path).json()
        except (httpx.TransportError, json.JSONDecodeError):
            said = {}
        if said.get("status") == status:
            return time.perf_counter() - began
        time.sleep(POLL)
    raise SystemExit(f"{path} never said {status}")


def _processor_time(pid: int) -> float:
    """Seconds of CPU that the process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
