"""Debian's PostgreSQL with TLS, and its PgBouncer: what the embedded server is not, on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from live_service import free_port
from psycopg.pq import PGconn, Ping

from chains.postgres_binaries import Identity, choose_identity, find_binaries
from chains.postgres_cluster import create_cluster, server_command, socket_folder
from chains.postmaster import Postmaster

PASSWORD = "p@ss/word #1"
ESCAPED = "p%40ss%2Fword%20%231"
STARTS_WITHIN = 30.0  # seconds, on a busy machine
RULES = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
BOUNCER = """
[databases]
* = host={host} port={port} user=docent
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
ignore_startup_parameters = extra_float_digits
"""


@dataclass(frozen=True)
class TlsServer:
    """Speaks TLS only. `certificate` signs itself, for the name localhost."""

    port: int
    certificate: Path

    def url(self, parameters: str, password: str = ESCAPED, host: str = "localhost") -> str:
        return f"postgresql://docent:{password}@{host}:{self.port}/postgres?{parameters}"


@contextmanager
def tls_server(folder: Path) -> Iterator[TlsServer]:
    """Skips where Debian's server is absent: the embedded one is built without TLS."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not folders:
        pytest.skip("apt-get install postgresql pgbouncer")
    identity = choose_identity(folders[-1], None)
    cluster, port = folder / "postgres", free_port()
    create_cluster(cluster, folders[-1], identity)
    certificate = make_certificate(cluster, identity)
    (cluster / "pg_hba.conf").write_text(RULES)
    options = {"listen_addresses": "127.0.0.1", "port": str(port), "ssl": "on"}
    command = server_command(cluster, folders[-1], identity)
    command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    with running(command, folder / "postgres.log", port):
        with psycopg.connect(host=str(socket_folder(cluster)), port=port, user="docent", dbname="postgres") as admin:
            admin.execute(psycopg.sql.SQL("ALTER ROLE docent PASSWORD {}").format(PASSWORD))
        yield TlsServer(port, certificate)


def make_certificate(folder: Path, identity: Identity) -> Path:
    """server.crt and server.key, which only the server may read."""
    certificate, key = folder / "server.crt", folder / "server.key"
    request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *request, *names, *files], check=True, capture_output=True)
    key.chmod(0o600)
    for path in (certificate, key):
        os.chown(path, identity.uid, -1)
    return certificate


@contextmanager
def bouncer(folder: Path, dsn: str) -> Iterator[str]:
    """PgBouncer in transaction mode with four sessions of an embedded server; the address of its port."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is None:
        pytest.skip("apt-get install postgresql pgbouncer")
    parameters, port = parse_qs(urlsplit(dsn).query), free_port()
    settings = folder / "pgbouncer.ini"
    settings.write_text(BOUNCER.format(host=parameters["host"][0], port=parameters["port"][0], listen=port))
    identity = choose_identity(find_binaries(None), None)
    with running([*identity.prefix, program, str(settings)], folder / "pgbouncer.log", port):
        yield f"postgresql://docent@127.0.0.1:{port}"


@contextmanager
def running(command: list[str], log: Path, port: int) -> Iterator[None]:
    """The server lets clients in."""
    server = Postmaster(command, log)
    server.start()
    try:
        deadline = time.monotonic() + STARTS_WITHIN
        while Ping(PGconn.ping(f"host=127.0.0.1 port={port} connect_timeout=5".encode())) is not Ping.OK:
            assert server.alive, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        server.stop()
