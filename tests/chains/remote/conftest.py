"""A Qdrant server as strict as the cloud's, and the product's clients for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import small_book
from qdrant_client import AsyncQdrantClient, QdrantClient

from chains.providers.local_embeddings import LocalEmbeddings
from chains.remote_qdrant import async_remote_client, place_of, remote_client
from chains.retriever import HybridRetriever
from chains.settings import ChainSettings
from tests.qdrant_server import QdrantServer

KEY = "a-key-of-this-cluster"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[QdrantServer]:
    with QdrantServer(tmp_path / "cluster", api_key=KEY) as server:
        yield server


@pytest.fixture
def settings(server: QdrantServer) -> ChainSettings:
    return ChainSettings(qdrant_url=server.url, qdrant_api_key=KEY, qdrant_collection=small_book.NAME)


@pytest.fixture
def client(settings: ChainSettings) -> Iterator[QdrantClient]:
    """For writing."""
    client = remote_client(settings)
    yield client
    client.close()


@pytest.fixture
async def aclient(settings: ChainSettings) -> AsyncIterator[AsyncQdrantClient]:
    """For serving."""
    client = async_remote_client(settings)
    yield client
    await client.close()


@pytest.fixture
def remote(aclient: AsyncQdrantClient, settings: ChainSettings, embeddings: LocalEmbeddings) -> HybridRetriever:
    """The product's retriever over HTTP; whether there is a book to search is up to the test."""
    return HybridRetriever(
        client=aclient,
        collection=small_book.NAME,
        embeddings=embeddings,
        fingerprint=small_book.fingerprint(embeddings),
        place=place_of(settings),
    )


@pytest.fixture
def filled(server: QdrantServer, client: QdrantClient, embeddings: LocalEmbeddings) -> QdrantServer:
    """The small book, written by langchain-qdrant's vector store over HTTP."""
    small_book.fill(client, embeddings)
    server.calls.clear()
    return server
