"""When Python collects its garbage: seldom, and never through what stays for as long as the process."""

from __future__ import annotations

import gc

# Objects made and not freed until the youngest are looked through; then how many such rounds until the next older ones
# are. Python's own 700 means three rounds for each token of 200 answers.
THRESHOLDS = (20_000, 10, 10)


def spare_what_is_loaded() -> None:
    """Take what was imported out of later collections, unseen: there is no garbage in it, and to look takes 0.2 s."""
    gc.freeze()


def spare_what_stays() -> None:
    """Take everything that is alive out of later collections.

    Imports and engines are about a million objects; looking through them stops the event loop, and so every answer,
    for 250 to 450 ms on 2 shared cores, every few seconds under load (`python -m benchmarks.open_streams`).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
