"""A built image, run without an engine: its files, its user and its command, with a root that nobody can write to."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

STORE = Path(os.environ.get("STORE", "/var/tmp/docent-image"))
BUILDAH = ["buildah", "--root", f"{STORE}/storage", "--runroot", f"{STORE}/run"]

# Everything is bound read-only but what a platform makes writable; a container engine does the same to `--read-only`.
ENTER = """
mount --bind {root} {root}
{remount}
mount --bind {data} {root}{data_dir}
mount -t tmpfs tmpfs {root}/tmp
mount -t tmpfs tmpfs {root}/dev/shm
mount -t proc proc {root}/proc
mount --bind /dev/null {root}/dev/null
mount --bind /dev/urandom {root}/dev/urandom
cd {root}
exec chroot --userspec=1000:1000 {root} /usr/bin/env -i {environment} /bin/sh -c {command}
"""
READ_ONLY = "mount -o remount,ro,bind {root}"


def _buildah(*arguments: str) -> str:
    return subprocess.run([*BUILDAH, *arguments], check=True, capture_output=True, text=True).stdout.strip()


class Image:
    """A built image, mounted for the length of a test."""

    def __init__(self, root: Path, config: dict[str, Any]) -> None:
        self.root = root
        self.config = config
        self.environment = dict(pair.split("=", 1) for pair in config.get("Env") or [])

    @property
    def megabytes(self) -> int:
        """Of all files, as they lie on a disk."""
        out = subprocess.run(["du", "-sxm", str(self.root)], check=True, capture_output=True, text=True).stdout
        return int(out.split()[0])

    def start(self, data: Path, command: str | None = None, *, read_only: bool = True, **settings: str) -> Running:
        """The image's command as its user, in `data` for DATA_DIR."""
        os.chown(data, 1000, 1000)
        data_dir = self.environment.get("DATA_DIR", "/home/user/app/.docent")
        (self.root / data_dir.lstrip("/")).mkdir(exist_ok=True)
        for name in ("dev/null", "dev/urandom"):
            (self.root / name).touch()
        (self.root / "dev/shm").mkdir(exist_ok=True)
        environment = {"LOG_FORMAT": "json", **self.environment, **settings}
        script = ENTER.format(
            root=self.root,
            remount=READ_ONLY.format(root=self.root) if read_only else "",
            data=data,
            data_dir=data_dir,
            environment=" ".join(shlex.quote(f"{name}={value}") for name, value in environment.items()),
            command=shlex.quote(f"cd {self.config['WorkingDir']} && exec {command or shlex.join(self.config['Cmd'])}"),
        )
        return Running(script, data)


class Running:
    """The container's process; its output is kept."""

    def __init__(self, script: str, data: Path) -> None:
        self._asked = False
        self.log = data.parent / f"{data.name}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script], stdout=output, stderr=output
            )

    def output(self) -> str:
        self.process.wait(timeout=120)
        return self.log.read_text()

    def ask_to_end(self) -> None:
        """As a platform does, once: a second signal would end it at once."""
        if not self._asked and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self._asked = True

    def terminate(self) -> int:
        """The same; the exit code."""
        self.ask_to_end()
        return self.process.wait(timeout=40)


def healthy(url: str, running: Running) -> dict[str, Any]:
    """The first healthy report."""
    deadline = time.monotonic() + 300  # on a machine that does other things, too; five when idle
    report: dict[str, Any] = {}
    while time.monotonic() < deadline and running.process.poll() is None:
        report = _report(url)
        if report.get("status") == "healthy":
            return report
        time.sleep(0.2)
    raise AssertionError(f"{report}\n{running.log.read_text()[-3000:]}")


def _report(url: str) -> dict[str, Any]:
    try:
        report: dict[str, Any] = httpx.get(f"{url}/api/health", timeout=10).json()
    except httpx.TransportError:
        return {}
    return report


@contextmanager
def mounted(tag: str) -> Iterator[Image]:
    name = _buildah("from", "--pull-never", tag)
    try:
        root = Path(_buildah("mount", name))
        yield Image(root, json.loads(_buildah("inspect", "--type", "image", tag))["Docker"]["config"])
    finally:
        _buildah("rm", name)
