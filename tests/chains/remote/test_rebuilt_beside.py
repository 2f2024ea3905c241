"""Another process makes the index anew, again and again, while this one searches it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from qdrant_client import AsyncQdrantClient, QdrantClient

from chains.ingest import fingerprint_of, ingest, options_of, target_of
from chains.ingest.options import IngestOptions
from chains.neighbours import Neighbours
from chains.retriever import HybridRetriever
from chains.settings import ChainSettings
from tests.chains.ingest.hashed import HashedEmbeddings

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PAGES = 8
WORDS = ("vinegar", "wax", "sand", "ash")
EMBEDDINGS = HashedEmbeddings()


def write_book(docs: Path, word: str) -> None:
    docs.mkdir(exist_ok=True)
    for number in range(PAGES):
        parts = [f"## Part {part}\n\nThe loom is cleaned with {word}. " + "And more. " * 60 for part in range(3)]
        (docs / f"page-{number}.md").write_text(f"# Loom {number}\n\n" + "\n\n".join(parts))


async def words_found(retriever: HybridRetriever) -> set[str]:
    """In the passages and what stands around them; there are always some."""
    found = await Neighbours(retriever)(await retriever.ainvoke("How is the loom cleaned?"))
    assert len(found) >= 3
    return {word for passage in found for word in ("soap", *WORDS) if word in passage.page_content}


async def test_searches_see_one_whole_index_each(
    settings: ChainSettings, client: QdrantClient, aclient: AsyncQdrantClient, tmp_path: Path
) -> None:
    """Of four rebuilds within seconds: what is searched is removed by the second one after it."""
    docs = tmp_path / "docs"
    write_book(docs, "soap")
    target = target_of(str(docs), settings, client, EMBEDDINGS)
    ingest(str(docs), target, options_of(settings))
    retriever = HybridRetriever(
        client=aclient,
        collection=settings.qdrant_collection,
        embeddings=EMBEDDINGS,
        fingerprint=fingerprint_of(EMBEDDINGS),
    )
    seen = [await words_found(retriever)]
    for word in WORDS:
        write_book(docs, word)
        rebuilding = asyncio.create_task(asyncio.to_thread(ingest, str(docs), target, IngestOptions(rebuild=True)))
        while not rebuilding.done():
            seen.append(await words_found(retriever))
        assert (await rebuilding).added == PAGES
    assert all(len(words) == 1 for words in seen), seen
    await retriever.look()
    assert await words_found(retriever) == {WORDS[-1]}
