"""Clusters to start, stop and break."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from chains.embedded_postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def stopped_cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cluster that was shut down in order, to copy: initdb takes a second."""
    folder = tmp_path_factory.mktemp("stopped")
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    with psycopg.connect(postgres.dsn) as connection:
        connection.execute("CREATE TABLE written (n int)")
    postgres.stop()
    return folder


@pytest.fixture
def data_dir(tmp_path: Path, stopped_cluster: Path) -> Iterator[Path]:
    """A copy of the cluster; removed at once, for pytest would keep 27 MB a test."""
    subprocess.run(["cp", "-a", str(stopped_cluster), str(tmp_path / "data")], check=True)
    yield tmp_path / "data"
    shutil.rmtree(tmp_path / "data", ignore_errors=True)  # a killed owner's server may still be leaving


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any uid can reach; pytest's own is closed to others."""
    folder = Path(f"/tmp/docent-test-{os.getpid()}-{time.monotonic_ns()}")
    folder.mkdir()
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)
