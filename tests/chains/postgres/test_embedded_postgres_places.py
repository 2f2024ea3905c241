"""The embedded Postgres as other users, below unusual paths, and where it cannot run at all."""

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from postgres_processes import (
    LEAVE,
    OWNER,
    REPOSITORY,
    first_line,
    is_root,
    query,
    start_process,
    wrapped_binaries,
)

from chains.embedded_postgres import EmbeddedPostgres
from chains.errors import EmbeddedEngineError
from chains.postgres_binaries import find_binaries
from chains.postgres_cluster import give, socket_folder


@pytest.mark.parametrize("name", ["long" * 30, "comma,and'quote", "اردو space"])
def test_start_below_an_unusual_path(stopped_cluster: Path, tmp_path: Path, name: str) -> None:
    data_dir = tmp_path / name
    subprocess.run(["cp", "-a", str(stopped_cluster), str(data_dir)], check=True)
    postgres = EmbeddedPostgres(data_dir)
    postgres.start()
    sockets = socket_folder(postgres.cluster)
    try:
        assert query(postgres, "SELECT 1") == 1
        assert sockets.stat().st_mode & 0o777 == 0o700
        other = start_process(data_dir, LEAVE)
        assert first_line(other) == "attached"
        other.wait()
    finally:
        postgres.stop()
        if sockets != postgres.cluster:
            sockets.rmdir()


def test_start_refuses_a_socket_folder_that_others_can_enter(stopped_cluster: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 30)
    subprocess.run(["cp", "-a", str(stopped_cluster), str(data_dir)], check=True)
    postgres = EmbeddedPostgres(data_dir)
    sockets = socket_folder(postgres.cluster)
    sockets.mkdir()
    sockets.chmod(0o777)
    try:
        with pytest.raises(EmbeddedEngineError, match=str(sockets)):
            postgres.start()
    finally:
        sockets.rmdir()


def start_as(uid: int, data_dir: Path) -> str:
    """What a process of another user says of its start; skips where no interpreter is open to that user."""
    stranger = {"user": uid, "group": uid, "extra_groups": [], "cwd": REPOSITORY, "capture_output": True, "text": True}
    environment = {"PYTHONPATH": sysconfig.get_path("purelib")}
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        with contextlib.suppress(OSError):
            command = [python, "-c", OWNER + LEAVE, str(data_dir)]
            done = subprocess.run(command, env=environment, **stranger)  # type: ignore[call-overload]
            if "ModuleNotFoundError" not in done.stderr:
                return str(done.stdout.strip() or done.stderr.strip().splitlines()[-1])
    pytest.skip("the programs of these tests are closed to other users")


@pytest.mark.skipif(not is_root, reason="only root becomes somebody else")
def test_start_as_an_ordinary_user_whom_root_then_follows(open_folder: Path) -> None:
    data_dir = open_folder / "data"
    assert start_as(1000, data_dir).isdigit()
    assert (data_dir / "postgres").stat().st_uid == 1000
    postgres = EmbeddedPostgres(data_dir)
    postgres.start()
    postgres.stop()
    assert {path.lstat().st_uid for path in (data_dir / "postgres").rglob("*")} == {1000}
    assert start_as(1000, data_dir).isdigit()


@pytest.mark.skipif(not is_root, reason="only root becomes somebody else")
def test_start_as_a_user_without_a_passwd_entry_works_or_says_why(open_folder: Path) -> None:
    said = start_as(54321, open_folder / "data")
    assert said.isdigit() or ("passwd" in said and "DATABASE_URL" in said)


@pytest.mark.skipif(not is_root, reason="Postgres refuses root only")
@pytest.mark.parametrize("owner", [0, 65534])
def test_start_as_root_with_programs_and_data_that_only_root_can_reach(data_dir: Path, owner: int) -> None:
    package = find_binaries(None).parents[1]
    closed = data_dir.parent / "closed"
    closed.mkdir(mode=0o700)
    for part in (f"{package.name}/pginstall18", f"{package.name}.libs"):
        shutil.copytree(package.parent / part, closed / part, copy_function=link_or_copy, symlinks=True)
    give(data_dir / "postgres", owner)
    data_dir.chmod(0o700)
    postgres = EmbeddedPostgres(data_dir, closed / package.name / "pginstall18" / "bin")
    try:
        postgres.start()
        assert query(postgres, "SELECT 1") == 1
    finally:
        postgres.stop()


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def test_start_without_programs_names_both_ways_out(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedEngineError) as error:
        EmbeddedPostgres(tmp_path / "data", tmp_path).start()
    assert "initdb and postgres" in str(error.value)
    assert "DATABASE_URL" in str(error.value)
    assert "EMBEDDED_PG_BIN" in str(error.value)


def test_start_that_fails_gives_the_last_words_and_the_lock_back(data_dir: Path, tmp_path: Path) -> None:
    broken = wrapped_binaries(tmp_path / "broken", "echo the disk is on fire >&2; exit 1")
    with pytest.raises(EmbeddedEngineError, match=r"the disk is on fire.*DATABASE_URL.*EMBEDDED_PG_BIN"):
        EmbeddedPostgres(data_dir, broken).start()
    postgres = EmbeddedPostgres(data_dir)
    postgres.start()
    assert postgres.owned
    postgres.stop()


def test_start_in_something_that_is_no_folder_names_the_ways_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedEngineError, match=r"DATABASE_URL.*EMBEDDED_PG_BIN"):
        EmbeddedPostgres(tmp_path / "file").start()


@pytest.mark.skipif(not is_root, reason="only root mounts a small disk")
def test_start_on_a_full_disk_says_so_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size=8m tmpfs {tmp_path}"
    start = f"exec {sys.executable} -c '{OWNER}' {tmp_path}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"{mount} || exit 77; {start}; ls {tmp_path}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    if done.returncode in (1, 77) and "EmbeddedEngineError" not in done.stderr:
        pytest.skip("this machine lets nobody mount")
    assert "No space left on device" in done.stderr
    assert "DATABASE_URL" in done.stderr
