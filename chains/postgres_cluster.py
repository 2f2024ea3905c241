"""The folder of an embedded Postgres: how it is made, who owns it, where its socket is, how its server is run."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from chains.errors import EmbeddedEngineError
from chains.postgres_binaries import ENVIRONMENT, WAYS_OUT, Identity

USER = "docent"
PORT = 5432  # names the socket file only: there is no TCP
SOCKET = f".s.PGSQL.{PORT}"
SOCKET_PATH_LIMIT = 103  # bytes, on macOS; Linux has 107

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
# Three I/O workers bring nothing to a database that fits in memory; the setting came with 18.
SETTINGS_SINCE_18 = {"io_method": "sync"}


def create_cluster(cluster: Path, binaries: Path, identity: Identity) -> None:
    """Run initdb in a temporary folder: what bears the cluster's name is whole and on disk.

    Raises:
        EmbeddedEngineError: initdb refused, with its last words.
    """
    unfinished = cluster.with_name(f"{cluster.name}.tmp")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    give(unfinished, identity.uid)
    options = [
        *("--auth-local=trust", "--auth-host=reject", "--encoding=UTF8", "--no-locale", "--no-instructions"),
        "--wal-segsize=4",  # MB, of 16: conversations are small, and so is the folder, by 12 MB
    ]
    done = subprocess.run(
        [*identity.prefix, str(binaries / "initdb"), f"--username={USER}", *options, f"--pgdata={unfinished}"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    if done.returncode:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise EmbeddedEngineError(f"initdb failed in {cluster.parent}: {done.stderr.strip()[-500:]} {WAYS_OUT}")
    unfinished.rename(cluster)
    _sync(cluster.parent)


def server_command(cluster: Path, binaries: Path, identity: Identity) -> list[str]:
    settings = {**SETTINGS, "unix_socket_directories": str(socket_folder(cluster))}
    if int((cluster / "PG_VERSION").read_text().split(".")[0]) >= 18:
        settings |= SETTINGS_SINCE_18
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [*identity.prefix, str(binaries / "postgres"), "-D", str(cluster), *options]


def socket_folder(cluster: Path) -> Path:
    """The cluster itself; where its path is too long or has a comma, which separates hosts, a folder in /tmp.

    The same for every process that asks, whatever its TMPDIR.
    """
    if len(os.fsencode(cluster / SOCKET)) <= SOCKET_PATH_LIMIT and re.fullmatch(r"[\w/. +~@-]+", str(cluster)):
        return cluster
    return Path("/tmp") / f"docent-{hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]}"


def make_socket_folder(cluster: Path, uid: int) -> None:
    """Anybody can make a folder in /tmp, and `trust` lets in whoever reaches the socket: it must be ours and closed.

    Raises:
        EmbeddedEngineError: the folder's name is taken by somebody else.
    """
    folder = socket_folder(cluster)
    if folder == cluster:
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid not in (os.geteuid(), uid) or status.st_mode != 0o040700:
        raise EmbeddedEngineError(f"{folder} is not a private folder of ours. Remove it, or shorten DATA_DIR's path.")
    give(folder, uid)


def give(folder: Path, uid: int) -> None:
    """Make `uid` the owner of a folder and all that is in it; only root ever has to.

    The folder itself comes last: it says that everything in it is done.
    """
    if folder.stat().st_uid == uid:
        return
    for parent, _, files in os.walk(folder, topdown=False):
        for path in (*(f"{parent}/{name}" for name in files), parent):
            os.lchown(path, uid, -1)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
