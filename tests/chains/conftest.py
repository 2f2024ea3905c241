"""Search engines for the tests of the chain. To hold another one (a server) to the contract, add it to ENGINES."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import small_book
from qdrant_client import QdrantClient
from qdrant_sample import fill

from chains.collection import Client
from chains.edge import AsyncEdgeClient, EdgeClient
from chains.providers.local_embeddings import LocalEmbeddings
from chains.retriever import HybridRetriever
from tests.qdrant_server import QdrantServer


@contextmanager
def edge_client(directory: Path) -> Iterator[EdgeClient]:
    client = EdgeClient(directory)
    client.open()
    yield client
    client.close()


@contextmanager
def local_client(_: Path) -> Iterator[QdrantClient]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Payload indexes have no effect")
        yield QdrantClient(":memory:")


@contextmanager
def remote_client(directory: Path) -> Iterator[QdrantClient]:
    """The client over HTTP, as in production, with a server that is as strict as Qdrant Cloud."""
    with QdrantServer(directory) as server:
        client = QdrantClient(server.url, check_compatibility=False, timeout=10)
        yield client
        client.close()


ENGINES = {"edge": edge_client, "local": local_client, "remote": remote_client}


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[EdgeClient]:
    """An open, empty, embedded Qdrant."""
    with edge_client(tmp_path / "qdrant") as client:
        yield client


@pytest.fixture(params=ENGINES)
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    with ENGINES[request.param](tmp_path / "qdrant") as client:
        yield client


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Filled with the sample; tests only read it."""
    with ENGINES[request.param](tmp_path_factory.mktemp("qdrant")) as client:
        fill(client)
        yield client


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The second opinion: the Qdrant client's own local mode, filled with the same sample."""
    with local_client(tmp_path_factory.mktemp("oracle")) as client:
        fill(client)
        yield client


@pytest.fixture(scope="session")
def embeddings() -> Iterator[LocalEmbeddings]:
    """The real local model; loaded by the first text."""
    embeddings = LocalEmbeddings()
    yield embeddings
    embeddings.close()


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory, embeddings: LocalEmbeddings) -> Iterator[EdgeClient]:
    """The small book, indexed; tests only read it."""
    with edge_client(tmp_path_factory.mktemp("book")) as client:
        small_book.fill(client, embeddings)
        yield client


@pytest.fixture
def retriever(book: EdgeClient, embeddings: LocalEmbeddings) -> HybridRetriever:
    """The product's retriever over the small book, with nothing cached."""
    return HybridRetriever(
        client=AsyncEdgeClient(book),
        collection=small_book.NAME,
        embeddings=embeddings,
        fingerprint=small_book.fingerprint(embeddings),
    )
