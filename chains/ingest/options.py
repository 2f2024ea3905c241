"""What one run is asked to do, besides what the settings say."""

from __future__ import annotations

from dataclasses import dataclass, field

from chains.ingest.editions import Selection
from chains.ingest.site import Overrides

__all__ = ["IngestOptions", "Overrides", "Selection"]


@dataclass(frozen=True)
class IngestOptions:
    """`dry_run` says what would be done; `rebuild` makes a new collection beside the old one and lets it take its
    place; `delete_most` deletes even when fewer than half of the indexed pages were found again. `delay` is in seconds,
    between two requests to a website. `trusted`: an address inside a private network is meant, for a person at a
    terminal named it."""

    selection: Selection = field(default_factory=Selection)
    overrides: Overrides = field(default_factory=Overrides)
    dry_run: bool = False
    rebuild: bool = False
    delete_most: bool = False
    delay: float = 0.25
    trusted: bool = True
