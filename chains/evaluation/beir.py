"""A temporary index of a retrieval set in BEIR's layout."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from qdrant_client import models

from chains.collection import Bm25Sparse, Fingerprint, create_collection, vector_store
from chains.edge import AsyncEdgeClient, EdgeClient
from chains.evaluation.beir_files import BeirSet, Text
from chains.language import main_language
from chains.providers import PinnedEmbeddings
from chains.retriever import HybridRetriever

COLLECTION = "evaluation"
BATCH = 64
LOOKED_AT = 200  # documents, to tell their language

Progress = Callable[[int, int], None]  # documents indexed so far, and in all


def all_but(gold: Iterable[str]) -> models.Filter | None:
    """All documents but these; None: there are none of these."""
    ids: list[int | str | UUID] = [point_id(document) for document in gold]
    return models.Filter(must_not=[models.HasIdCondition(has_id=ids)]) if ids else None


@asynccontextmanager
async def indexed(
    beir: BeirSet, embeddings: PinnedEmbeddings, *, k: int, on_progress: Progress | None = None
) -> AsyncIterator[HybridRetriever]:
    """A retriever over the whole documents as chunks, each under its title; the index goes when the block ends."""
    language, _ = main_language([document.text for document in islice(beir.documents.values(), LOOKED_AT)])
    sparse = Bm25Sparse.of_language(language or "en")
    made_of = Fingerprint(embeddings.identity, embeddings.dimensions, embeddings.prefix, sparse.identity, "none")
    with TemporaryDirectory(prefix="docent-eval-") as folder:
        edge = EdgeClient(Path(folder))
        client = AsyncEdgeClient(edge)
        await client.open()
        try:
            await asyncio.to_thread(_fill, edge, beir, embeddings, made_of, sparse, on_progress)
            yield HybridRetriever(
                client=client, collection=COLLECTION, embeddings=embeddings, sparse=sparse, fingerprint=made_of, k=k
            )
        finally:
            await client.close()


def point_id(document: str) -> str:
    return str(uuid5(NAMESPACE_URL, document))


def _fill(
    client: EdgeClient,
    beir: BeirSet,
    embeddings: PinnedEmbeddings,
    made_of: Fingerprint,
    sparse: Bm25Sparse,
    on_progress: Progress | None,
) -> None:
    create_collection(client, COLLECTION, made_of)
    store = vector_store(client, COLLECTION, embeddings, sparse)
    done = 0
    for batch in _batches(list(beir.documents.items())):
        store.add_texts(
            [f"{document.title}\n\n{document.text}" for _, document in batch],
            [_facts(name, document) for name, document in batch],
            ids=[point_id(name) for name, _ in batch],
        )
        done += len(batch)
        if on_progress:
            on_progress(done, len(beir.documents))


def _facts(name: str, document: Text) -> dict[str, Any]:
    return {"page": name, "heading": document.title, "chunk_id": name, "url": f"/{name}"}


def _batches(items: Sequence[tuple[str, Text]]) -> Iterator[list[tuple[str, Text]]]:
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH)):
        yield batch
