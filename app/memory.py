"""Whether memory runs out: the container's, if it has a limit, else the machine's."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

SCARCE_FROM = 0.85  # share of the limit; the last part is for the turns that run
READING_LIFE = 0.5  # seconds that a reading serves; one costs about 100 µs
CGROUP = Path("/sys/fs/cgroup")
MACHINE = Path("/proc/meminfo")

Reading = Callable[[], float]  # the share in use, 0 to 1


class MemoryWatch:
    """Reads at most twice a second, and only when somebody asks."""

    def __init__(self, read: Reading | None = None, share: float = SCARCE_FROM, life: float = READING_LIFE) -> None:
        self._read, self._share, self._life = read or share_in_use, share, life
        self._until = 0.0
        self._scarce = False

    @property
    def scarce(self) -> bool:
        """New turns and sockets are better refused than everything killed."""
        now = time.monotonic()
        if now >= self._until:
            self._until = now + self._life
            self._scarce = self._read() >= self._share
        return self._scarce


def share_in_use(cgroup: Path = CGROUP, machine: Path = MACHINE) -> float:
    """Of the tighter limit, the container's or the machine's; 0 where neither can be read, as outside Linux.

    Page cache that the kernel may drop is not in use: `inactive_file` of a container, MemAvailable of a machine.
    """
    return max(_share_of_container(cgroup), _share_of_machine(machine))


def _share_of_container(cgroup: Path) -> float:
    second = cgroup / "memory.max"
    names = ("memory.max", "memory.current", "memory.stat", "inactive_file")
    if not second.exists():  # version 1, or the root of a machine's tree, which has no limit
        cgroup = cgroup / "memory"
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat", "total_inactive_file")
    limit, usage, statistics, cache = names
    try:
        most, used = (cgroup / limit).read_text().strip(), int((cgroup / usage).read_text())
        lines = dict(line.split() for line in (cgroup / statistics).read_text().splitlines())
    except (OSError, ValueError):
        return 0.0
    if most == "max" or int(most) <= 0:
        return 0.0
    return max(0, used - int(lines.get(cache, 0))) / int(most)


def _share_of_machine(machine: Path) -> float:
    try:
        lines = dict(line.split(":") for line in machine.read_text().splitlines())
        total, available = (int(lines[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        return 0.0
    return 1 - available / total
