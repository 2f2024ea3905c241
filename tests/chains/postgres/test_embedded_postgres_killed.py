"""The embedded Postgres after kill -9 of its owner and of itself, and over what that leaves behind."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from postgres_processes import STAY, first_line, is_root, query, start_process, wait_until

from chains.embedded_postgres import EmbeddedPostgres
from chains.postgres_leftovers import server_processes


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_owner_killed_leaves_no_server(data_dir: Path) -> None:
    owner = start_process(data_dir, STAY)
    pid = int(first_line(owner))
    cluster = EmbeddedPostgres(data_dir).cluster
    assert pid in server_processes(cluster)
    owner.kill()
    owner.wait()
    assert wait_until(lambda: not server_processes(cluster))
    assert not (cluster / "postmaster.pid").exists()


def test_server_killed_under_writes_comes_back_with_every_acknowledged_commit(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    dsn = postgres.start()
    acknowledged = 0

    def write() -> None:
        nonlocal acknowledged
        with psycopg.connect(dsn, autocommit=True) as connection:
            while True:
                connection.execute("INSERT INTO written VALUES (%s)", (acknowledged,))
                acknowledged += 1

    def write_until_broken() -> None:
        with pytest.raises(psycopg.OperationalError):
            write()

    writer = threading.Thread(target=write_until_broken)
    writer.start()
    assert wait_until(lambda: acknowledged > 200)
    assert not postgres.ensure_running()
    assert postgres.pid
    os.kill(postgres.pid, signal.SIGKILL)
    writer.join(10)
    try:
        assert wait_until(lambda: not postgres.alive())
        assert postgres.ensure_running()
        assert postgres.dsn == dsn
        rows = query(postgres, "SELECT count(*) FROM written")
        assert rows in (acknowledged, acknowledged + 1)  # the last one may be written and not acknowledged
    finally:
        postgres.stop()


def test_backend_that_outlived_its_postmaster_is_ended_first(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    postgres.start()
    assert postgres.pid
    with psycopg.connect(postgres.dsn) as connection:
        backend = connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)  # does not notice that its postmaster dies
        os.kill(postgres.pid, signal.SIGKILL)
        assert wait_until(lambda: not postgres.alive())
        assert backend in server_processes(postgres.cluster)
        threading.Timer(0.5, os.kill, (backend, signal.SIGCONT)).start()
        assert postgres.ensure_running()
    try:
        assert backend not in server_processes(postgres.cluster)
    finally:
        postgres.stop()


@pytest.fixture
def strangers(data_dir: Path) -> Iterator[dict[str, int]]:
    """Two pids that Postgres, asking by kill(pid, 0), takes for its own: a living program's, and that of a zombie.

    The zombie's parent does not reap it, as in a container without an init.
    """
    uid = (data_dir / "postgres").stat().st_uid  # another user's pid would not count for Postgres
    command = ["sh", "-c", "sleep 0.1 & echo $!; exec sleep 60"]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, user=uid if is_root else None)
    zombie = int(first_line(parent))
    assert wait_until(lambda: ") Z " in Path(f"/proc/{zombie}/stat").read_text())
    yield {"zombie": zombie, "recycled": parent.pid}
    parent.kill()
    parent.wait()


@pytest.mark.parametrize("lock", ["postmaster.pid", ".s.PGSQL.5432.lock"])
@pytest.mark.parametrize("holds", ["recycled", "zombie", "truncated", "empty"])
def test_start_over_a_stale_pid_file(data_dir: Path, strangers: dict[str, int], lock: str, holds: str) -> None:
    whole = f"{strangers.get(holds)}\n{data_dir}/postgres\n1\n5432\n{data_dir}/postgres\n\n  1 2\nready   \n"
    (data_dir / "postgres" / lock).write_text({"truncated": "99999999999999", "empty": ""}.get(holds, whole))
    postgres = EmbeddedPostgres(data_dir)
    postgres.start()
    try:
        assert query(postgres, "SELECT count(*) FROM written") == 0
    finally:
        postgres.stop()
