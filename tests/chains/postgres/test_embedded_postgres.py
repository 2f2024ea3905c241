"""The embedded Postgres: started, shared, stopped. Real servers and processes."""

import os
import threading
import time
from pathlib import Path

import pytest
from postgres_processes import LEAVE, SLOW, STAY, first_line, query, start_process, wait_until, wrapped_binaries

from chains.embedded_postgres import EmbeddedPostgres
from chains.errors import EmbeddedEngineError
from chains.postgres_cluster import socket_folder
from chains.postgres_leftovers import server_processes


def test_cold_start_makes_a_durable_server_without_tcp(tmp_path: Path) -> None:
    (tmp_path / "postgres.tmp" / "half").mkdir(parents=True)  # of a first start that was killed
    postgres = EmbeddedPostgres(tmp_path)
    dsn = postgres.start()
    try:
        settings = ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "data_checksums")
        assert [query(postgres, f"SHOW {name}") for name in settings] == ["on", "on", "on", "", "on"]
        assert postgres.cluster.stat().st_mode & 0o777 == 0o700
        assert socket_folder(postgres.cluster) == postgres.cluster
        assert not (tmp_path / "postgres.tmp").exists()
        assert postgres.start() == dsn
    finally:
        postgres.stop()
    assert not (postgres.cluster / "postmaster.pid").exists()


def test_warm_start_keeps_what_was_written(data_dir: Path) -> None:
    for expected in (0, 1):
        postgres = EmbeddedPostgres(data_dir)
        postgres.start()
        assert query(postgres, "SELECT count(*) FROM written") == expected
        query(postgres, "INSERT INTO written VALUES (1) RETURNING n")
        postgres.stop()
        assert server_processes(postgres.cluster) == set()


def test_processes_that_start_together_share_one_server(tmp_path: Path) -> None:
    together = [start_process(tmp_path, STAY) for _ in range(3)]
    said = [first_line(process) for process in together]
    for process in together:
        process.kill()
        process.wait()
    assert said.count("attached") == 2


def test_second_process_attaches_and_leaves_the_server_running(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    postgres.start()
    try:
        other = start_process(data_dir, LEAVE)
        assert first_line(other) == "attached"
        assert other.wait(10) == 0
        assert query(postgres, "SELECT 1") == 1
    finally:
        postgres.stop()


def test_attached_process_takes_over_when_the_owner_ends(data_dir: Path) -> None:
    owner = start_process(data_dir, STAY)
    first_line(owner)
    postgres = EmbeddedPostgres(data_dir)
    dsn = postgres.start()
    assert not postgres.owned
    assert not postgres.ensure_running()
    owner.kill()
    owner.wait()
    assert wait_until(lambda: not postgres.alive())
    assert postgres.ensure_running()
    try:
        assert (postgres.owned, postgres.dsn) == (True, dsn)
        assert query(postgres, "SELECT 1") == 1
    finally:
        postgres.stop()


def test_server_outlives_the_thread_that_started_it(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    worker = threading.Thread(target=postgres.start)
    worker.start()
    worker.join()
    try:
        pid = postgres.pid
        time.sleep(0.3)
        assert postgres.alive()
        assert postgres.pid == pid
        assert query(postgres, "SELECT 1") == 1
    finally:
        postgres.stop()


def test_ensure_running_after_stop_starts_nothing(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    postgres.start()
    postgres.stop()
    assert not postgres.ensure_running()
    assert not postgres.alive()


@pytest.mark.slow
def test_start_waits_for_a_slow_server(data_dir: Path, tmp_path: Path) -> None:
    """Eleven seconds: longer than the ten after which pg_ctl's wrappers call a recovery failed."""
    slow = EmbeddedPostgres(data_dir, wrapped_binaries(tmp_path / "slow", SLOW))
    slow.start()
    slow.stop()


def test_stop_ends_a_start_that_is_under_way(data_dir: Path, tmp_path: Path) -> None:
    slow = EmbeddedPostgres(data_dir, wrapped_binaries(tmp_path / "slow", SLOW))
    refused: list[str] = []

    def start() -> None:
        with pytest.raises(EmbeddedEngineError) as error:
            slow.start()
        refused.append(str(error.value))

    worker = threading.Thread(target=start)
    worker.start()
    assert wait_until(lambda: slow.pid is not None)
    started = time.monotonic()
    slow.stop()
    worker.join()
    assert time.monotonic() - started < 5
    assert "stopped while it was starting" in refused[0]


def test_server_sees_nothing_of_our_environment(data_dir: Path) -> None:
    surroundings = {**os.environ, "PGPORT": "6543", "PGDATA": "/nowhere", "COHERE_API_KEY": "not-for-postgres"}
    owner = start_process(data_dir, STAY, env=surroundings)
    pid = first_line(owner)
    try:
        assert pid.isdigit()
        assert b"not-for-postgres" not in Path(f"/proc/{pid}/environ").read_bytes()
    finally:
        owner.kill()
        owner.wait()
