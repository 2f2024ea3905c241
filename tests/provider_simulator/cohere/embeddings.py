"""/v1/embed and /v2/embed."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from tests.provider_simulator.call import Call, JsonAnswer
from tests.provider_simulator.catalogue import COHERE_EMBEDDING, EmbeddingModel
from tests.provider_simulator.cohere.errors import invalid, refuse_unknown
from tests.provider_simulator.faults import Fault, is_a
from tests.provider_simulator.vectors import embed
from tests.provider_simulator.words import count_tokens, word_set

BATCH = 96
FIELDS = {
    "1": word_set("texts images model input_type embedding_types truncate"),
    "2": word_set("texts images model input_type inputs max_tokens output_dimension embedding_types truncate priority"),
}
TASKS = {"search_query": "query", "search_document": "document", "classification": "", "clustering": ""}
TYPES = ("float", "int8", "uint8", "binary", "ubinary")
CUTS = (None, "NONE", "START", "END")


def answer_embed(call: Call, version: str, fault: Fault | None) -> JsonAnswer:
    """Raises Refusal."""
    model = COHERE_EMBEDDING[call.model]
    body, texts = call.body, call.body.get("texts") or []
    check(version, body, texts, model)
    dimensions = body.get("output_dimension") or model.default
    if is_a(fault, "wrong_dimensions"):
        dimensions = fault.dimensions
    task = TASKS[body["input_type"]]
    vectors = [embed_read(call.model, model, text, task)[:dimensions] for text in texts]
    vectors = [vector / np.linalg.norm(vector) for vector in vectors]
    if is_a(fault, "short_batch"):
        vectors = vectors[:-1]
    types = body.get("embedding_types")
    kind = "embeddings_by_type" if types or version == "2" else "embeddings_floats"
    return JsonAnswer(
        {
            "id": str(uuid4()),
            "texts": texts,
            "embeddings": vectors if kind == "embeddings_floats" else by_type(vectors, types or ["float"]),
            "meta": {
                "api_version": {"version": version},
                "billed_units": {"input_tokens": sum(count_tokens(text) for text in texts)},
            },
            "response_type": kind,
        }
    )


def check(version: str, body: dict[str, Any], texts: list[Any], model: EmbeddingModel) -> None:
    refuse_unknown(body, FIELDS[version])
    if not texts:
        raise invalid("at least one of texts, images or inputs must be specified")
    if len(texts) > BATCH:
        raise invalid(f"total number of texts must be at most {BATCH} - received {len(texts)}")
    if not all(isinstance(text, str) and text for text in texts):
        raise invalid("all elements in texts must be non-empty strings")
    if body.get("input_type") not in TASKS:
        raise invalid("valid input_type must be provided with the provided model")
    if body.get("truncate") not in CUTS:
        raise invalid("truncate must be one of NONE, START, END")
    longest = max(count_tokens(text) for text in texts)
    if body.get("truncate") == "NONE" and longest > model.reads:
        raise invalid(f"too long: text must be at most {model.reads} tokens long - received {longest}")
    if unknown := [kind for kind in body.get("embedding_types") or [] if kind not in TYPES]:
        raise invalid(f"{unknown[0]} is not a valid embedding type")
    wanted = body.get("output_dimension")
    if wanted is not None and wanted not in model.dimensions:
        supported = " ".join(str(size) for size in model.dimensions)
        raise invalid(f"{wanted} is not a valid output_dimension value for this model, [{supported}] is supported")


def embed_read(name: str, model: EmbeddingModel, text: str, task: str) -> NDArray[np.float32]:
    return embed(text[: model.reads * 4], model=name, task=task, dimensions=model.default)


def by_type(vectors: list[NDArray[np.float32]], types: list[str]) -> dict[str, Any]:
    return {kind: [as_type(vector, kind) for vector in vectors] for kind in types}


def as_type(vector: NDArray[np.float32], kind: str) -> NDArray[Any]:
    if kind == "float":
        return np.asarray(vector, dtype=np.float32)
    if kind in ("int8", "uint8"):
        scaled = np.clip(np.round(vector * 512), -128, 127).astype(np.int16)
        return scaled + (128 if kind == "uint8" else 0)
    bits = np.packbits(vector > 0).astype(np.int16)
    return bits - (128 if kind == "binary" else 0)
