"""Who holds DATA_DIR. The embedded index is opened by one process at a time; the others are told by whom."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from chains.errors import SettingsError

PATIENCE = 0.5  # seconds: a look by `holder()` and the writing of a new holder's name are far shorter


@dataclass(frozen=True)
class Holder:
    """The process that has DATA_DIR: `role` is its command, `url` where it answers, `since` ISO 8601 in UTC."""

    pid: int
    role: str
    url: str | None
    since: str


class DataDirBusy(Exception):
    """Another process holds DATA_DIR: says which one, and what to do."""

    def __init__(self, data_dir: Path, holder: Holder) -> None:
        where = f", answers at {holder.url}" if holder.url else ""
        super().__init__(
            f"{data_dir} is in use by `{holder.role}` (process {holder.pid}, since {holder.since}{where}). "
            "Stop it, or set DATA_DIR to another folder."
        )
        self.holder = holder


class DataDirHolder:
    """Holds `data_dir` for this process: a lock on `docent.lock`, which names the holder in JSON.

    The system releases the lock when the process ends, however it ends; what the file says counts only while it is
    locked.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.absolute()
        self._file = self.data_dir / "docent.lock"
        self._lock: int | None = None
        self._me: Holder | None = None

    def hold(self, role: str, url: str | None = None) -> None:
        """Take the folder, made if absent.

        Raises:
            DataDirBusy: another process has it.
            SettingsError: DATA_DIR is no folder, or cannot be written.
        """
        lock = self._open()
        if not _take(lock):
            os.close(lock)
            raise DataDirBusy(self.data_dir, self._read())
        self._lock = lock
        self._write(lock, Holder(os.getpid(), role, url, datetime.now(UTC).isoformat(timespec="seconds")))

    def set_url(self, url: str) -> None:
        """Say where this process answers, once its port is known."""
        if self._lock is not None and self._me is not None:
            self._write(self._lock, replace(self._me, url=url))

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
        self._lock = self._me = None

    def holder(self) -> Holder | None:
        """The living process that has the folder, this one included; None if nobody has."""
        try:
            lock = os.open(self._file, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError as error:
            raise SettingsError(
                f"DATA_DIR: {self._file} cannot be read. Run Docent as the user that made it."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._read()
        finally:
            os.close(lock)
        return None

    def other(self) -> Holder | None:
        """The living process that has the folder and is not this one."""
        holder = self.holder()
        return None if holder is None or holder.pid == os.getpid() else holder

    def _open(self) -> int:
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self._file, os.O_RDWR | os.O_CREAT, 0o644)
        except (FileExistsError, NotADirectoryError) as error:
            raise SettingsError(
                f"DATA_DIR: {self.data_dir} is not a folder. Name one, or a path to make it at."
            ) from error
        except OSError as error:
            raise SettingsError(
                f"DATA_DIR: {self.data_dir} cannot be written ({error.strerror}). Name a folder of this user's."
            ) from error

    def _write(self, lock: int, me: Holder) -> None:
        text = json.dumps(asdict(me)).encode()
        try:
            os.pwrite(lock, text, 0)
            os.ftruncate(lock, len(text))
        except OSError as error:
            self.release()
            raise SettingsError(f"DATA_DIR: {self._file} cannot be written: {error.strerror}. Make room.") from error
        self._me = me

    def _read(self) -> Holder:
        """What the file says; a moment later, where it still names the dead process before or is half written."""
        holder, deadline = None, time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(ValueError, TypeError):
                holder = Holder(**json.loads(self._file.read_text()))
                if _exists(holder.pid):
                    return holder
            time.sleep(0.02)
        # A process of another container has the lock and a pid that means nothing here.
        return holder or Holder(0, "another process", None, "an unknown time")


@contextlib.contextmanager
def held(data_dir: Path, role: str) -> Iterator[None]:
    """Hold `data_dir` for the body.

    Raises:
        DataDirBusy: another process has it.
    """
    holder = DataDirHolder(data_dir)
    holder.hold(role)
    try:
        yield
    finally:
        holder.release()


def _take(lock: int) -> bool:
    """Lock, or False. A look by `holder()` takes the lock for microseconds, which must not count as a holder."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
