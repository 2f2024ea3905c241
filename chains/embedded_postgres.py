"""A Postgres server under DATA_DIR, run as a child of this process: the default where no DATABASE_URL is set."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg

from chains.errors import EmbeddedEngineError
from chains.postgres_binaries import ENVIRONMENT, WAYS_OUT, Identity, choose_identity, find_binaries
from chains.postgres_leftovers import end_leftovers, remove_stale_lock
from chains.postmaster import Postmaster

log = logging.getLogger(__name__)

USER = "docent"
PORT = 5432  # names the socket file only: there is no TCP
SOCKET = f".s.PGSQL.{PORT}"
SOCKET_PATH_LIMIT = 103  # bytes of a socket's path on macOS; Linux has 107
PATIENCE = 600.0  # seconds: recovery after a crash replays up to max_wal_size, on slow disks for minutes

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "40",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "huge_pages": "off",
    "wal_level": "minimal",  # no replica will ever follow: less to write,
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",  # and one process less
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Readers' words stay out of the log: neither failing statements nor the rows that they name.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# Three I/O workers of 1.5 MB each bring nothing to a database that fits in memory; the setting came with 18.
SETTINGS_SINCE_18 = {"io_method": "sync"}


class EmbeddedPostgres:
    """One server for one `data_dir`: the process that has the lock runs it, others use it.

    Everything blocks: call it from a thread. `start()` and `ensure_running()` may be called from any thread, the
    server outlives it. `binaries` is EMBEDDED_PG_BIN.
    """

    def __init__(self, data_dir: Path, binaries: Path | None = None) -> None:
        self.data_dir = data_dir
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
        return self.data_dir.resolve() / "postgres.log"

    @property
    def sockets(self) -> Path:
        """The folder of the socket: the cluster, unless its path is too long or has a comma, which separates hosts."""
        cluster = self.cluster
        if len(os.fsencode(cluster / SOCKET)) <= SOCKET_PATH_LIMIT and re.fullmatch(r"[\w/. +~@-]+", str(cluster)):
            return cluster
        return Path("/tmp") / f"docent-{hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]}"

    @property
    def dsn(self) -> str:
        """psycopg's. The same before and after a restart."""
        return f"postgresql://{USER}@/postgres?host={quote(str(self.sockets), safe='')}&port={PORT}"

    @property
    def owned(self) -> bool:
        """Whether this process runs the server, rather than using another's."""
        return self._lock is not None

    def start(self) -> str:
        """Run the server, or find another process's, and return its DSN once it answers.

        Waits for a recovery after a crash as long as it takes, up to `PATIENCE`.

        Raises:
            EmbeddedEngineError: there is no way to run it here; says what to do.
        """
        with self._mutex:
            self._stopping.clear()
            if not self.alive():
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
            raise EmbeddedEngineError(f"The embedded Postgres cannot use {self.data_dir}: {error}. {WAYS_OUT}") from error
        except BaseException:
            self._release()
            raise

    def _own_or_attach(self) -> bool:
        """True with the lock; False when another process has it and its server answers."""
        if self._lock is not None:
            return True
        lock = os.open(self.data_dir / "postgres.lock", os.O_RDONLY | os.O_CREAT, 0o644)
        try:
            for _ in self._tries("Another process has started it, but it does not answer."):
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if self._answers():
                        break
                else:
                    self._lock, lock = lock, -1
                    return True
            return False
        finally:
            if lock >= 0:
                os.close(lock)

    def _run(self) -> None:
        binaries = find_binaries(self._binaries)
        identity = choose_identity(binaries, self.cluster.stat().st_uid if self.cluster.exists() else None)
        if not (self.cluster / "PG_VERSION").exists():
            self._initialise(binaries, identity)
        _give(self.cluster, identity.uid)
        self._make_socket_folder(identity.uid)
        end_leftovers(self.cluster)
        remove_stale_lock(self.cluster / "postmaster.pid")
        remove_stale_lock(self.sockets / f"{SOCKET}.lock")
        if self.log_file.exists():
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        self._postmaster = Postmaster(self._command(binaries, identity), self.log_file)
        self._postmaster.start()
        for _ in self._tries("It does not answer."):
            if not self._postmaster.alive:
                raise EmbeddedEngineError(f"The embedded Postgres did not start: {self._last_words()} {WAYS_OUT}")
            if self._answers():
                return

    def _initialise(self, binaries: Path, identity: Identity) -> None:
        """Make the cluster in a temporary folder: what bears its name is whole and on disk."""
        unfinished = self.cluster.with_name("postgres.tmp")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        _give(unfinished, identity.uid)
        options = f"--username={USER} --auth-local=trust --auth-host=reject --encoding=UTF8 --no-locale --no-instructions"
        done = subprocess.run(
            [*identity.prefix, str(binaries / "initdb"), *options.split(), "--pgdata", str(unfinished)],
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
        )
        if done.returncode:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise EmbeddedEngineError(f"initdb failed in {self.data_dir}: {done.stderr.strip()[-500:]} {WAYS_OUT}")
        unfinished.rename(self.cluster)
        _sync(self.cluster.parent)

    def _command(self, binaries: Path, identity: Identity) -> list[str]:
        settings = {**SETTINGS, "unix_socket_directories": str(self.sockets)}
        if int((self.cluster / "PG_VERSION").read_text().split(".")[0]) >= 18:
            settings |= SETTINGS_SINCE_18
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [*identity.prefix, str(binaries / "postgres"), "-D", str(self.cluster), *options]

    def _make_socket_folder(self, uid: int) -> None:
        if self.sockets == self.cluster:
            return
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        status = self.sockets.lstat()
        if status.st_uid not in (os.geteuid(), uid) or status.st_mode != 0o040700:
            raise EmbeddedEngineError(f"{self.sockets} belongs to somebody else. Remove it, or shorten DATA_DIR's path.")
        _give(self.sockets, uid)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn, connect_timeout=10).close()
        except psycopg.OperationalError:
            return False
        return True

    def _tries(self, failure: str) -> Iterator[None]:
        """Now and then, for as long as it makes sense to try."""
        started, pause, next_word = time.monotonic(), 0.01, 10.0
        while (waited := time.monotonic() - started) < PATIENCE:
            yield
            if self._stopping.wait(pause):
                raise EmbeddedEngineError("The embedded Postgres was stopped while it was starting.")
            pause = min(pause * 1.2, 1.0)
            if waited > next_word:
                log.info("Still waiting for the embedded Postgres after %.0f s: it may be recovering", waited)
                next_word *= 2
        raise EmbeddedEngineError(f"The embedded Postgres was waited for {PATIENCE:.0f} s. {failure} {WAYS_OUT}")

    def _last_words(self) -> str:
        return self.log_file.read_text(errors="replace").strip()[-500:] or "it said nothing."

    def _release(self) -> None:
        if self._postmaster is not None:
            self._postmaster.stop()
            self._postmaster = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _give(folder: Path, uid: int) -> None:
    """Make `uid` the owner of a folder and all that is in it. Only root ever needs to."""
    if folder.stat().st_uid == uid:
        return
    for parent, _, files in os.walk(folder):
        for path in (parent, *(f"{parent}/{name}" for name in files)):
            os.lchown(path, uid, -1)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
