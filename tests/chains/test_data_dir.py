"""Who holds DATA_DIR: with real processes and real locks."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chains.data_dir import DataDirBusy, DataDirHolder
from chains.errors import SettingsError

HOLD = """
import sys, time
from pathlib import Path
from chains.data_dir import DataDirHolder
holder = DataDirHolder(Path(sys.argv[1]))
holder.hold("docent serve")
holder.set_url("http://127.0.0.1:7860")
print("held", flush=True)
time.sleep(60)
"""


def start_holder(data_dir: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(data_dir)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_holder_of_a_free_folder_is_none(tmp_path: Path) -> None:
    assert DataDirHolder(tmp_path / "absent").holder() is None
    holder = DataDirHolder(tmp_path)
    holder.hold("docent serve")
    holder.release()
    assert holder.holder() is None


def test_hold_makes_a_private_folder(tmp_path: Path) -> None:
    DataDirHolder(tmp_path / "a" / "b").hold("docent serve")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_hold_refuses_while_another_process_has_it(tmp_path: Path) -> None:
    process = start_holder(tmp_path)
    try:
        with pytest.raises(DataDirBusy) as busy:
            DataDirHolder(tmp_path).hold("docent ingest")
        said = str(busy.value)
        for word in (str(tmp_path), "docent serve", str(process.pid), "http://127.0.0.1:7860", "Stop it", "DATA_DIR"):
            assert word in said
        assert busy.value.holder == DataDirHolder(tmp_path).holder()
        assert busy.value.holder.pid == process.pid
    finally:
        process.kill()
        process.wait()


def test_holder_killed_leaves_the_folder_free(tmp_path: Path) -> None:
    process = start_holder(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    mine = DataDirHolder(tmp_path)
    assert mine.holder() is None
    mine.hold("docent ingest")
    seen = DataDirHolder(tmp_path).holder()
    assert seen
    assert (seen.pid, seen.role, seen.url) == (os.getpid(), "docent ingest", None)


def test_hold_in_one_process_excludes_a_second_holder(tmp_path: Path) -> None:
    first = DataDirHolder(tmp_path)
    first.hold("docent serve")
    with pytest.raises(DataDirBusy):
        DataDirHolder(tmp_path).hold("docent serve")
    first.release()
    DataDirHolder(tmp_path).hold("docent serve")


def test_set_url_is_seen_by_others_and_may_be_shorter(tmp_path: Path) -> None:
    holder = DataDirHolder(tmp_path)
    holder.hold("docent serve", "http://a-long-host-name.example:7860")
    holder.set_url("http://b:1")
    seen = DataDirHolder(tmp_path).holder()
    assert seen
    assert seen.url == "http://b:1"


def test_holder_is_named_as_unknown_where_the_file_is_unreadable_json(tmp_path: Path) -> None:
    holder = DataDirHolder(tmp_path)
    holder.hold("docent serve")
    (tmp_path / "docent.lock").write_text('{"pid": 1')
    seen = DataDirHolder(tmp_path).holder()
    assert seen
    assert seen.role == "another process"


def test_looking_for_the_holder_never_refuses_the_next_one(tmp_path: Path) -> None:
    look = (
        "import sys; from pathlib import Path; from chains.data_dir import DataDirHolder\n"
        "h = DataDirHolder(Path(sys.argv[1])); print('looking', flush=True)\n"
        "while True: h.holder()"
    )
    holder = DataDirHolder(tmp_path)
    holder.hold("docent serve")
    holder.release()
    process = subprocess.Popen([sys.executable, "-c", look, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        process.stdout.readline()
        for _ in range(20):
            holder.hold("docent serve")
            holder.release()
    finally:
        process.kill()
        process.wait()


def test_hold_of_something_that_is_no_folder_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(SettingsError, match=r"DATA_DIR: .* is not a folder"):
            DataDirHolder(path).hold("docent serve")
        assert DataDirHolder(path).holder() is None


def test_hold_of_a_folder_that_cannot_be_written_names_the_variable(tmp_path: Path) -> None:
    closed = Path("/proc/docent") if os.geteuid() == 0 else tmp_path / "closed" / "data"
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(SettingsError, match=r"DATA_DIR: .* cannot be written"):
        DataDirHolder(closed).hold("docent serve")
