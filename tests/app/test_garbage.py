"""What lives as long as the service is not looked through again and again."""

from __future__ import annotations

import subprocess
import sys

SPARED = """
import gc
from app.garbage import THRESHOLDS, spare_what_is_loaded, spare_what_stays
spare_what_is_loaded()
assert gc.get_freeze_count() > 1000
loaded = gc.get_freeze_count()
lasting = [[] for _ in range(1000)]
spare_what_stays()
assert gc.get_freeze_count() > loaded + 999 and gc.get_threshold() == THRESHOLDS, gc.get_freeze_count()
ring = []; ring.append(ring); del ring
assert gc.collect() >= 1
"""


def test_what_stays_is_spared_and_later_garbage_is_not() -> None:
    """In a process of its own: a frozen collector would be this one's for good."""
    subprocess.run([sys.executable, "-c", SPARED], check=True)
