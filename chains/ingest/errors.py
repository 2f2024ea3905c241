"""What stops an ingest. The messages are for the author of the docs and say what to do."""

from __future__ import annotations


class IngestError(Exception):
    """Nothing was changed in the collection, unless the message says so."""


class IndexBusy(IngestError):
    """Another run writes to the same index: names it, and since when."""
