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
from uuid import NAMESPACE_URL, UUID, uuid5

from qdrant_client import models

from chains.collection import Bm25Sparse, Fingerprint, create_collection, vector_store
from chains.edge import AsyncEdgeClient, EdgeClient
from chains.errors import EvaluationError
from chains.evaluation.questions import Question, read_history, split_told
from chains.language import main_language
from chains.providers import PinnedEmbeddings
from chains.retriever import HybridRetriever

COLLECTION = "evaluation"
BATCH = 64
LOOKED_AT = 200  # documents, to tell their language

Progress = Callable[[int, int], None]  # documents indexed so far, and in all


@dataclass(frozen=True)
class BeirSet:
    """`documents` and `queries` by id; `relevant`: for each query that is judged, grades by document id.

    `questions` has of each query that is judged, or said to be unanswerable, its history and its answers, too.
    """

    documents: dict[str, dict[str, Any]]
    queries: dict[str, str]
    relevant: dict[str, dict[str, int]]
    questions: dict[str, Question]

    def others_than(self, name: str) -> models.Filter | None:
        """All documents but those that answer the query; None: none does."""
        gold: list[int | str | UUID] = [point_id(document) for document in self.relevant.get(name, {})]
        return models.Filter(must_not=[models.HasIdCondition(has_id=gold)]) if gold else None


def is_beir(path: Path) -> bool:
    return (path / "corpus.jsonl").is_file()


def load_beir(folder: Path) -> BeirSet:
    """Read corpus.jsonl, queries.jsonl and qrels.tsv, or qrels/test.tsv as BEIR itself ships it.

    Raises:
        EvaluationError: a file is absent, or not what its name says.
    """
    try:
        documents = {row["_id"]: row for row in _rows(folder / "corpus.jsonl")}
        questions = {row["_id"]: _question(row) for row in _rows(folder / "queries.jsonl")}
        queries = {name: question.query for name, question in questions.items()}
        relevant = _relevant(folder)
        asked = {name: each for name, each in questions.items() if name in relevant or each.unanswerable}
        return BeirSet(documents, queries, relevant, asked)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{folder} is not a BEIR folder: {error}") from error


@asynccontextmanager
async def indexed(
    beir: BeirSet, embeddings: PinnedEmbeddings, *, k: int, on_progress: Progress | None = None
) -> AsyncIterator[HybridRetriever]:
    """A retriever over the whole documents as chunks, each under its title; the index goes when the block ends."""
    language, _ = main_language([document["text"] for document in islice(beir.documents.values(), LOOKED_AT)])
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
            [f"{document.get('title', '')}\n\n{document['text']}" for _, document in batch],
            [_facts(name, document) for name, document in batch],
            ids=[point_id(name) for name, _ in batch],
        )
        done += len(batch)
        if on_progress:
            on_progress(done, len(beir.documents))


def _facts(name: str, document: dict[str, Any]) -> dict[str, Any]:
    return {"page": name, "heading": document.get("title", ""), "chunk_id": name, "url": f"/{name}"}


def _batches(items: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _question(row: dict[str, Any]) -> Question:
    """BEIR itself has the text alone; history, answers and what is unanswerable stand beside it or in `metadata`."""
    facts = (row.get("metadata") or {}) | row
    text, told = split_told(row["text"])
    return Question(
        text=text,
        answers=tuple(facts.get("answers") or ()),
        history=read_history(facts.get("history")) or told,
        unanswerable=bool(facts.get("unanswerable")) or facts.get("answerable") is False,
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _relevant(folder: Path) -> dict[str, dict[str, int]]:
    path = folder / "qrels.tsv"
    lines = (path if path.exists() else folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()
    relevant: dict[str, dict[str, int]] = {}
    for line in lines[1:]:
        query, document, grade = line.split("\t")
        if int(grade) > 0:
            relevant.setdefault(query, {})[document] = int(grade)
    return relevant
