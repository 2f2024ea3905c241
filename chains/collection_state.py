"""What a collection's metadata says besides its fingerprint: that it was never filled to its end, and the gate's
thresholds that were measured on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qdrant_client import models

from chains.collection import Client

# The folder whose first run over the collection has not come to its end; "" once it has.
UNFINISHED = "docent_unfinished"

# The index that a collection was made for, which it may serve under an alias.
GENERATION_OF = "docent_generation_of"

# The fields of `chains.evidence.Thresholds`.
GATE = "docent_gate"


def mark_unfinished(client: Client, name: str, docs: str) -> None:
    """A server merges metadata key by key; none can be taken out, so the end is "" and not an absence."""
    client.update_collection(name, metadata={UNFINISHED: docs})


def unfinished_docs(info: models.CollectionInfo) -> str:
    """What was being read when the first run stopped; "" when it came to its end, or nobody kept books."""
    return str((info.config.metadata or {}).get(UNFINISHED) or "")


def stored_gate(info: models.CollectionInfo) -> Mapping[str, Any] | None:
    """What `docent eval --calibrate` wrote, if it ever did."""
    stored = (info.config.metadata or {}).get(GATE)
    return stored if isinstance(stored, Mapping) else None
