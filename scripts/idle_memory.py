"""How much memory the running service holds, its database included: the proportional set size, in MiB.

Reads DATA_DIR as the service does, and asks the process that holds it. Linux only.
"""

from __future__ import annotations

import sys

import psutil

from chains.data_dir import DataDirHolder
from chains.settings import ChainSettings


def main() -> None:
    holder = DataDirHolder(ChainSettings.load().data_dir).holder()
    if holder is None:
        sys.exit("No service is running on this DATA_DIR.")
    service = psutil.Process(holder.pid)
    total = 0.0
    for process in (service, *service.children(recursive=True)):
        size = process.memory_full_info().pss / 2**20
        total += size
        print(f"{size:7.1f}  {process.name()}")  # noqa: T201 - the command's result
    print(f"{total:7.1f}  together")  # noqa: T201


if __name__ == "__main__":
    main()
