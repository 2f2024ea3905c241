"""One run of the Postgres server, and the thread that it belongs to."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from chains.postgres_binaries import ENVIRONMENT


class Postmaster:
    """A server process that ends with this program, however this program ends.

    Linux sends PR_SET_PDEATHSIG when the *thread* that forked ends, not its process: started from a worker of a
    thread pool, the server would stop with the worker. So each server has a thread of its own, which also reaps it.
    """

    def __init__(self, command: Sequence[str], log_file: Path) -> None:
        self._command = list(command)
        self._log_file = log_file
        self._forked = threading.Event()
        self._error: OSError | None = None
        self._process: subprocess.Popen[bytes] | None = None
        # A daemon: an interpreter that exits without stop() must not wait for the server, but end it by ending.
        self._thread = threading.Thread(target=self._run, name="postmaster", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Fork. The server is not ready yet.

        Raises:
            OSError: the program cannot be run or its log cannot be written.
        """
        self._thread.start()
        self._forked.wait()
        if self._error:
            raise self._error

    def stop(self) -> None:
        """Fast shutdown; where that hangs, an immediate one, which the next start recovers from."""
        for number, patience in ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            if self._process is None or not self.alive:
                return
            self._process.send_signal(number)
            self._thread.join(patience)

    def _run(self) -> None:
        try:
            with self._log_file.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=ENVIRONMENT,
                    start_new_session=True,  # Ctrl-C on the terminal is for us: we then stop the server in order
                )
        except OSError as error:
            self._error = error
        finally:
            self._forked.set()
        if self._process:
            self._process.wait()
