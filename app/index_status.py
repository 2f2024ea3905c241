"""What an index is made of, for its author, and the client that writes to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.settings import Settings
from chains.collection import AsyncClient, Client, fingerprint_of
from chains.collection_generations import fetch_generations
from chains.collection_state import unfinished_docs
from chains.edge import EdgeClient
from chains.errors import RetrievalUnavailable
from chains.remote_qdrant import CLIENT_ERRORS, explained, remote_client


async def index_status(client: AsyncClient, name: str) -> dict[str, Any]:
    """The configured name, the collections behind it, and how the active one was made.

    Raises:
        RetrievalUnavailable: the index does not answer.
    """
    try:
        found = await fetch_generations(client, name)
        active = found.active or name
        if not await client.collection_exists(active):
            return {"collection": name, "active": None, "previous": found.previous, "vectors": 0, "made_with": None}
        info = await client.get_collection(active)
    except CLIENT_ERRORS as error:
        raise RetrievalUnavailable from error
    made = fingerprint_of(info)
    return {
        "collection": name,
        "active": active,
        "previous": found.previous,
        "vectors": info.points_count or 0,
        "made_with": made.as_dict() if made else None,
        "unfinished": bool(unfinished_docs(info)),
    }


@contextmanager
def writing_client(settings: Settings, edge: EdgeClient | None) -> Iterator[Client]:
    """The embedded engine that is open here, or a client of the server's for this run."""
    if edge is not None:
        yield edge
        return
    client = remote_client(settings)
    try:
        with explained(client, settings):
            yield client
    finally:
        client.close()
