"""What a killed owner or a killed postmaster leaves behind, and how it is cleared. Only for the lock's holder."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from chains.errors import EmbeddedEngineError

# A fast shutdown writes a checkpoint, which can take long; a quit takes milliseconds. Seconds since the start.
ESCALATION = ((0.0, signal.SIGINT), (60.0, signal.SIGQUIT), (70.0, signal.SIGKILL))
GIVE_UP = 80.0


def end_leftovers(cluster: Path) -> None:
    """Stop every server process that still works on `cluster`.

    A postmaster is asked to shut down. Backends that outlived theirs would write beside the next server: they quit.

    Raises:
        EmbeddedEngineError: they do not end, or belong to somebody else.
    """
    started, steps = time.monotonic(), list(ESCALATION)
    while living := server_processes(cluster):
        waited = time.monotonic() - started
        if waited > GIVE_UP:
            raise EmbeddedEngineError(f"Old Postgres processes {sorted(living)} do not end. Stop them, then try again.")
        if steps and waited >= steps[0][0]:
            _signal(living, cluster, steps.pop(0)[1])
        time.sleep(0.02)


def _signal(living: set[int], cluster: Path, number: signal.Signals) -> None:
    postmaster = read_pid(cluster / "postmaster.pid")
    if postmaster in living:
        living = {postmaster}
    elif number is signal.SIGINT:  # to a backend without a postmaster SIGINT only cancels its query
        number = signal.SIGQUIT
    for pid in living:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        except PermissionError as error:
            raise EmbeddedEngineError(
                f"A Postgres server of another user (process {pid}) works on {cluster}. "
                "Stop it, or set another DATA_DIR."
            ) from error


def remove_stale_lock(path: Path) -> None:
    """Remove a pid file that Postgres would take for a running server's, though none works on the cluster.

    Its pid is a zombie that nobody reaps, or was given to another program; or a crash cut the file short. A file
    with a dead pid stays: Postgres clears it after checking that nobody is attached to its shared memory.
    """
    if not path.exists():
        return
    pid = read_pid(path)
    if pid is None or _exists(pid):
        path.unlink()


def read_pid(path: Path) -> int | None:
    """The pid in a file's first line; None for no file and for a file cut short."""
    try:
        lines = path.read_text(errors="replace").splitlines()
        pid = abs(int(lines[0]))  # negative: written by initdb or by a single-user server
    except (FileNotFoundError, ValueError, IndexError):
        return None
    # Postgres writes five lines at once, so a shorter file was cut. A pid fits 31 bits.
    return pid if len(lines) >= 5 and 0 < pid < 2**31 else None


def server_processes(cluster: Path) -> set[int]:
    """The living Postgres processes of `cluster`: it is the working directory of all of them, and of no zombie."""
    if Path("/proc/self").exists():
        return {pid for pid in _pids() if _works_on(pid, cluster)}
    pid = read_pid(cluster / "postmaster.pid")  # macOS: no /proc
    return {pid} if pid is not None and _program(pid).endswith("postgres") else set()


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _works_on(pid: int, cluster: Path) -> bool:
    try:
        if Path(f"/proc/{pid}/comm").read_text().strip() != "postgres":
            return False
        return Path(f"/proc/{pid}/cwd").samefile(cluster)
    except OSError:  # gone meanwhile, a zombie, or not ours to look at
        return False


def _program(pid: int) -> str:
    return subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
