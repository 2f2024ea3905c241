"""What a collection is: its two vectors, its payload's keys and indexes, and the fingerprint of how it was made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self, cast

from langchain_core.embeddings import Embeddings
from langchain_qdrant import QdrantVectorStore, RetrievalMode
from qdrant_client import AsyncQdrantClient, QdrantClient, models

from chains.edge import AsyncEdgeClient, EdgeClient
from chains.edge_bm25 import Bm25Sparse
from chains.errors import FingerprintMismatch, SearchFault

__all__ = [
    "CONTENT",
    "DENSE",
    "INDEXED",
    "METADATA",
    "ORDINAL",
    "SPARSE",
    "Bm25Sparse",
    "Fingerprint",
    "check_fingerprint",
    "create_collection",
    "ensure_indexes",
    "fetch_fingerprint",
    "fingerprint_of",
    "read_fingerprint",
    "vector_store",
]

DENSE = "dense"
SPARSE = "bm25"
CONTENT = "page_content"
METADATA = "metadata"

# Qdrant Cloud refuses to filter, and to delete by filter, on a key without an index.
ORDINAL = "metadata.ordinal"
INDEXED = {
    "metadata.page": models.PayloadSchemaType.KEYWORD,
    "metadata.page_url": models.PayloadSchemaType.KEYWORD,
    "metadata.page_hash": models.PayloadSchemaType.KEYWORD,
    "metadata.version": models.PayloadSchemaType.KEYWORD,
    "metadata.language": models.PayloadSchemaType.KEYWORD,
    ORDINAL: models.PayloadSchemaType.INTEGER,
}

# Where the fingerprint lies in the collection's metadata.
OWNER = "docent"

Client = QdrantClient | EdgeClient
AsyncClient = AsyncQdrantClient | AsyncEdgeClient


@dataclass(frozen=True)
class Fingerprint:
    """Everything that decides a collection's vectors. Vectors of two fingerprints cannot be compared."""

    embedding: str
    dimensions: int
    prefix: str
    bm25: str
    chunker: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Keys of a later version are left aside; a missing one reads as unknown and so matches nothing."""
        unknown: dict[str, Any] = {"dimensions": 0}
        return cls(**{field.name: stored.get(field.name, unknown.get(field.name, "unknown")) for field in fields(cls)})

    @property
    def digest(self) -> str:
        """12 hexadecimal digits, the same in every process: for names and cache keys."""
        text = "\n".join(f"{name}={value}" for name, value in self.as_dict().items())
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def create_collection(
    client: Client, name: str, fingerprint: Fingerprint, facts: Mapping[str, Any] | None = None
) -> None:
    """An empty collection with its indexes, which must exist before the first point (later ones miss the graph).

    `facts` go into its metadata beside the fingerprint.

    Raises:
        SearchFault: the server is too old to keep a fingerprint; nothing is left behind.
    """
    client.create_collection(
        name,
        vectors_config={DENSE: models.VectorParams(size=fingerprint.dimensions, distance=models.Distance.COSINE)},
        sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        metadata={OWNER: fingerprint.as_dict(), **(facts or {})},
    )
    if read_fingerprint(client, name) is None:
        client.delete_collection(name)
        raise SearchFault("This Qdrant keeps no metadata of a collection. Upgrade it to version 1.16 or newer.")
    ensure_indexes(client, name)


def ensure_indexes(client: Client, name: str) -> None:
    """Make those payload indexes that the collection lacks: one of an earlier version, say."""
    present = client.get_collection(name).payload_schema
    for field, schema in INDEXED.items():
        if field not in present:
            client.create_payload_index(name, field, field_schema=schema)


def read_fingerprint(client: Client, name: str) -> Fingerprint | None:
    """None: the collection was not made by Docent. `name` may be an alias; a missing one raises the client's error."""
    return fingerprint_of(client.get_collection(name))


async def fetch_fingerprint(client: AsyncClient, name: str) -> Fingerprint | None:
    """`read_fingerprint` for the clients that serve."""
    return fingerprint_of(await client.get_collection(name))


def fingerprint_of(info: models.CollectionInfo) -> Fingerprint | None:
    """From a collection's description that is at hand already."""
    stored = (info.config.metadata or {}).get(OWNER)
    return None if stored is None else Fingerprint.from_dict(stored)


def check_fingerprint(name: str, stored: Fingerprint | None, expected: Fingerprint) -> None:
    """
    Raises:
        FingerprintMismatch: searching `name` with what `expected` describes would give wrong answers.
    """
    if stored == expected:
        return
    raise FingerprintMismatch(
        f"Collection {name!r} {_difference(stored, expected)}.",
        "Run `docent ingest PATH --rebuild`, which makes a new collection beside it and then lets it take the place, "
        "or go back to the settings that it was made with.",
    )


def _difference(stored: Fingerprint | None, expected: Fingerprint) -> str:
    if stored is None:
        return "was not made by Docent"
    old, new = stored.as_dict(), expected.as_dict()
    changed = [f"{field} {old[field]!r} (configured: {new[field]!r})" for field in old if old[field] != new[field]]
    return f"was made with {', '.join(changed)}"


def vector_store(
    client: Client, name: str, embeddings: Embeddings, sparse: Bm25Sparse | None = None
) -> QdrantVectorStore:
    """For indexing and notebooks; hybrid. It does not look at the collection before the first call.

    Its own validation would embed a dummy text at every start; `check_fingerprint` says more.
    """
    return QdrantVectorStore(
        client=cast(QdrantClient, client),  # EdgeClient has every method that the store calls
        collection_name=name,
        embedding=embeddings,
        sparse_embedding=sparse or Bm25Sparse(),
        retrieval_mode=RetrievalMode.HYBRID,
        vector_name=DENSE,
        sparse_vector_name=SPARSE,
        content_payload_key=CONTENT,
        metadata_payload_key=METADATA,
        validate_collection_config=False,
    )
