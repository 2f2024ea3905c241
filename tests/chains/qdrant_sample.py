"""A small collection for tests: 120 chunks on 12 pages, with vectors that never tie."""

from __future__ import annotations

import random
import uuid
from typing import Any

from qdrant_client import models
from qdrant_client.qdrant_remote import QdrantRemote

from chains.collection import DENSE, SPARSE, Bm25Sparse, Client, Fingerprint, create_collection

NAME = "kb_v1"
DIMENSIONS = 16
FINGERPRINT = Fingerprint("test/random", DIMENSIONS, "", Bm25Sparse().identity, "none")
WORDS = ["install", "robot", "arm", "camera", "sensor", "network", "driver", "package", "kernel", "restart", "token"]


def vector(seed: int) -> list[float]:
    numbers = random.Random(seed)
    return [numbers.gauss(0, 1) for _ in range(DIMENSIONS)]


def sparse(text: str) -> models.SparseVector:
    weights = Bm25Sparse().embed_query(text)
    return models.SparseVector(indices=weights.indices, values=weights.values)


def point(number: int) -> models.PointStruct:
    words = random.Random(number)
    text = " ".join(words.choices(WORDS, k=words.randint(5, 25)))
    metadata: dict[str, Any] = {
        "page": f"guide/page-{number % 12}.md",
        "version": "next" if number % 3 else "1.0",
        "ordinal": number // 12,
        "hidden": number % 6 == 0,
        "tags": [f"tag{number % 4}", f"tag{number % 5}"],
        "made": f"2026-01-{number % 28 + 1:02d}T12:00:00Z",
        "sections": [{"level": number % 3, "shown": True}, {"level": number % 7, "shown": False}],
    }
    if number % 4 == 0:
        metadata["note"] = None
    weights = Bm25Sparse().embed_documents([text])[0]
    return models.PointStruct(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, str(number))),
        vector={
            DENSE: vector(number),
            SPARSE: models.SparseVector(indices=weights.indices, values=weights.values),
        },
        payload={"page_content": text, "metadata": metadata},
    )


POINTS = [point(number) for number in range(120)]


# What the tests filter by besides the keys that Docent indexes: a strict server wants an index for each.
FILTERED = {
    "page_content": "text",
    "reviewed": "bool",
    "metadata.hidden": "bool",
    "metadata.made": "datetime",
    "metadata.note": "keyword",
    "metadata.ordinal": "integer",
    "metadata.sections[].level": "integer",
    "metadata.sections[].shown": "bool",
    "metadata.tags": "keyword",
}


def fill(client: Client, name: str = NAME) -> None:
    create_collection(client, name, FINGERPRINT)
    if is_remote(client):
        for key, schema in FILTERED.items():
            client.create_payload_index(name, key, field_schema=schema)
    client.upsert(name, points=POINTS)


def field(key: str, **condition: Any) -> models.FieldCondition:
    return models.FieldCondition(key=f"metadata.{key}", **condition)


def is_remote(client: Client) -> bool:
    return isinstance(getattr(client, "_client", None), QdrantRemote)


def on_page(number: int) -> models.Filter:
    return models.Filter(must=[field("page", match=models.MatchValue(value=f"guide/page-{number}.md"))])
