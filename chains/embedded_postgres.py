"""A Postgres server under DATA_DIR, run as a child of this process: the default where no DATABASE_URL is set."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from psycopg.pq import PGconn, Ping

from chains.errors import EmbeddedEngineError
from chains.postgres_binaries import WAYS_OUT, choose_identity, find_binaries
from chains.postgres_cluster import (
    PORT,
    SOCKET,
    USER,
    create_cluster,
    give,
    make_socket_folder,
    server_command,
    socket_folder,
)
from chains.postgres_leftovers import end_leftovers, remove_stale_lock
from chains.postmaster import Postmaster

log = logging.getLogger(__name__)

PATIENCE = 600.0  # seconds: recovery after a crash replays up to max_wal_size, on slow disks for minutes


class EmbeddedPostgres:
    """One server for one `data_dir`: the process that has the lock runs it, others use it.

    Every method blocks: call it from a worker thread. The server outlives that thread, not this process.
    `binaries` is EMBEDDED_PG_BIN.
    """

    def __init__(self, data_dir: Path, binaries: Path | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self._binaries = binaries
        self._mutex = threading.Lock()
        self._stopping = threading.Event()
        self._lock: int | None = None
        self._postmaster: Postmaster | None = None

    @property
    def cluster(self) -> Path:
        return self.data_dir.resolve() / "postgres"

    @property
    def log_file(self) -> Path:
        """What the server says since its last start; the run before it is in `postgres.log.1`."""
        return self.data_dir / "postgres.log"

    @property
    def dsn(self) -> str:
        """psycopg's. The same before and after a restart, in every process."""
        return f"postgresql://{USER}@/postgres?host={quote(str(socket_folder(self.cluster)), safe='')}&port={PORT}"

    @property
    def owned(self) -> bool:
        """Whether this process runs the server, rather than using another's."""
        return self._lock is not None

    @property
    def pid(self) -> int | None:
        """The server's process, where this process runs it."""
        return self._postmaster.pid if self._postmaster else None

    def start(self) -> str:
        """Run the server, or find another process's, and return its DSN once it answers.

        Waits for a recovery after a crash, for as long as ten minutes.

        Raises:
            EmbeddedEngineError: there is no way to run it here; says what to do.
        """
        with self._mutex:
            self._stopping.clear()
            if self._postmaster is None or not self._postmaster.alive:
                self._start()
        return self.dsn

    def stop(self) -> None:
        """Shut the server down if this process runs it. Ends a `start()` that is under way in another thread."""
        self._stopping.set()
        with self._mutex:
            self._release()

    def alive(self) -> bool:
        """Whether there is a server: microseconds where this process runs it, one connection where another does."""
        if self._postmaster is not None:
            return self._postmaster.alive
        return self._answers()

    def ensure_running(self) -> bool:
        """Bring back a server that died, whoever ran it; True if that was needed. After `stop()` it does nothing.

        Raises:
            EmbeddedEngineError: as `start()`.
        """
        with self._mutex:
            if self._stopping.is_set() or self.alive():
                return False
            log.warning("The embedded Postgres is gone; starting it again")
            self._start()
            return True

    def _start(self) -> None:
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._own_or_attach():
                self._run()
        except OSError as error:
            self._release()
            raise EmbeddedEngineError(f"No embedded Postgres in {self.data_dir}: {error}. {WAYS_OUT}") from error
        except BaseException:
            self._release()
            raise

    def _own_or_attach(self) -> bool:
        """True with the lock; False when another process has it and its server answers."""
        if self._lock is not None:
            return True
        # Read-only is enough for flock, and also works on a file that root made. Not inherited by the server.
        lock = os.open(self.data_dir / "postgres.lock", os.O_RDONLY | os.O_CREAT, 0o644)
        try:
            for _ in self._tries("Another process has its lock, but it does not answer."):
                if _take(lock):
                    self._lock = lock
                    return True
                if self._answers():
                    return False
        finally:
            if self._lock is None:
                os.close(lock)
        return False

    def _run(self) -> None:
        cluster, binaries = self.cluster, find_binaries(self._binaries)
        identity = choose_identity(binaries, cluster.stat().st_uid if cluster.exists() else None)
        if not (cluster / "PG_VERSION").exists():
            create_cluster(cluster, binaries, identity)
        end_leftovers(cluster)
        give(cluster, identity.uid)
        make_socket_folder(cluster, identity.uid)
        remove_stale_lock(cluster / "postmaster.pid")
        remove_stale_lock(socket_folder(cluster) / f"{SOCKET}.lock")
        if self.log_file.exists():
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        self._postmaster = Postmaster(server_command(cluster, binaries, identity), self.log_file)
        self._postmaster.start()
        self._await_answer(self._postmaster)

    def _await_answer(self, postmaster: Postmaster) -> None:
        for _ in self._tries("It does not answer."):
            if not postmaster.alive:
                said = self.log_file.read_text(errors="replace").strip()[-500:]
                raise EmbeddedEngineError(f"The embedded Postgres did not start: {said} {WAYS_OUT}")
            if self._answers():
                return

    def _answers(self) -> bool:
        """Accepts connections; not while it recovers or shuts down."""
        return Ping(PGconn.ping(f"{self.dsn}&connect_timeout=10".encode())) is Ping.OK

    def _tries(self, failure: str) -> Iterator[None]:
        """Every 10 ms at first, every second in the end, until `PATIENCE` is over or `stop()` is called."""
        started, pause, report = time.monotonic(), 0.01, 10.0
        while (waited := time.monotonic() - started) < PATIENCE:
            yield
            if self._stopping.wait(pause):
                raise EmbeddedEngineError("The embedded Postgres was stopped while it was starting.")
            pause = min(pause * 1.1, 1.0)
            if waited > report:
                log.info("Still waiting for the embedded Postgres after %.0f s; it may be recovering", waited)
                report *= 2
        raise EmbeddedEngineError(f"The embedded Postgres was waited for {PATIENCE:.0f} s. {failure} {WAYS_OUT}")

    def _release(self) -> None:
        if self._postmaster is not None:
            self._postmaster.stop()
            self._postmaster = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
