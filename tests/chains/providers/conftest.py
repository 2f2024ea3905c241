"""The local embedding model, loaded once per test process."""

from collections.abc import Iterator

import pytest

from chains.providers.local_embeddings import LocalEmbeddings


@pytest.fixture(scope="session")
def local() -> Iterator[LocalEmbeddings]:
    embeddings = LocalEmbeddings()
    embeddings.open()
    yield embeddings
    embeddings.close()
