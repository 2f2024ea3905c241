"""Retrieval sets in BEIR's layout, and a temporary index of one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from chains.collection import Bm25Sparse, Fingerprint, create_collection, vector_store
from chains.edge import AsyncEdgeClient, EdgeClient
from chains.errors import EvaluationError
from chains.providers import PinnedEmbeddings
from chains.retriever import HybridRetriever

COLLECTION = "evaluation"
BATCH = 64

Progress = Callable[[int, int], None]  # documents indexed so far, and in all


@dataclass(frozen=True)
class BeirSet:
    """`documents` and `queries` by id; `relevant`: for each query that is judged, grades by document id."""

    documents: dict[str, dict[str, Any]]
    queries: dict[str, str]
    relevant: dict[str, dict[str, int]]


def is_beir(path: Path) -> bool:
    return (path / "corpus.jsonl").is_file()


def load_beir(folder: Path) -> BeirSet:
    """Read corpus.jsonl, queries.jsonl and qrels.tsv, or qrels/test.tsv as BEIR itself ships it.

    Raises:
        EvaluationError: a file is absent, or not what its name says.
    """
    try:
        documents = {row["_id"]: row for row in _rows(folder / "corpus.jsonl")}
        queries = {row["_id"]: row["text"] for row in _rows(folder / "queries.jsonl")}
        return BeirSet(documents, queries, _relevant(folder))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{folder} is not a BEIR folder: {error}") from error


@asynccontextmanager
async def indexed(
    beir: BeirSet, embeddings: PinnedEmbeddings, *, k: int, on_progress: Progress | None = None
) -> AsyncIterator[HybridRetriever]:
    """A retriever over the whole documents as chunks, each under its title; the index goes when the block ends."""
    sparse = Bm25Sparse()
    made_of = Fingerprint(embeddings.identity, embeddings.dimensions, embeddings.prefix, sparse.identity, "none")
    with TemporaryDirectory(prefix="docent-eval-") as folder:
        edge = EdgeClient(Path(folder))
        client = AsyncEdgeClient(edge)
        await client.open()
        try:
            await asyncio.to_thread(_fill, edge, beir, embeddings, made_of, on_progress)
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
    on_progress: Progress | None,
) -> None:
    create_collection(client, COLLECTION, made_of)
    store = vector_store(client, COLLECTION, embeddings)
    done = 0
    for batch in _batches(list(beir.documents.items())):
        store.add_texts(
            [f"{document.get('title', '')}\n\n{document['text']}" for _, document in batch],
            [{"page": name, "heading": document.get("title", ""), "chunk_id": name} for name, document in batch],
            ids=[point_id(name) for name, _ in batch],
        )
        done += len(batch)
        if on_progress:
            on_progress(done, len(beir.documents))


def _batches(items: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _relevant(folder: Path) -> dict[str, dict[str, int]]:
    path = folder / "qrels.tsv"
    lines = (path if path.exists() else folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()
    relevant: dict[str, dict[str, int]] = {}
    for line in lines[1:]:
        query, document, grade = line.split("\t")
        relevant.setdefault(query, {})[document] = int(grade)
    return relevant
