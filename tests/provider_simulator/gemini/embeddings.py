"""batchEmbedContents and embedContent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.provider_simulator.call import Call, JsonAnswer
from tests.provider_simulator.catalogue import GEMINI_EMBEDDING, EmbeddingModel
from tests.provider_simulator.faults import Fault, is_a
from tests.provider_simulator.gemini.errors import invalid
from tests.provider_simulator.gemini.requests import text_of
from tests.provider_simulator.vectors import embed

BATCH = 100
TASKS = {
    "RETRIEVAL_QUERY": "query",
    "RETRIEVAL_DOCUMENT": "document",
    "QUESTION_ANSWERING": "query",
    "CODE_RETRIEVAL_QUERY": "query",
    "FACT_VERIFICATION": "query",
    "SEMANTIC_SIMILARITY": "",
    "CLASSIFICATION": "",
    "CLUSTERING": "",
    "TASK_TYPE_UNSPECIFIED": "",
}
# How gemini-embedding-2, which does not read the task type, is told of the task.
QUERY = re.compile(r"^task: [\w ]+ \| query: ")
DOCUMENT = re.compile(r"^title: .*? \| text: ")


def answer_embed(call: Call, verb: str, fault: Fault | None) -> JsonAnswer:
    """Raises Refusal."""
    model = GEMINI_EMBEDDING[call.model]
    if verb == "embedContent":
        return JsonAnswer({"embedding": {"values": vector_of(call.model, model, call.body, "", fault)}})
    requests = call.body.get("requests") or []
    check_batch(call, requests)
    vectors = [
        {"values": vector_of(call.model, model, request, f"requests[{number}]", fault)}
        for number, request in enumerate(requests)
    ]
    return JsonAnswer({"embeddings": vectors[:-1] if is_a(fault, "short_batch") else vectors})


def check_batch(call: Call, requests: list[Mapping[str, Any]]) -> None:
    if not requests:
        raise invalid("* BatchEmbedContentsRequest.requests: requests is not specified\n")
    if len(requests) > BATCH:
        raise invalid("* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n")
    for number, request in enumerate(requests):
        if request.get("model") != f"models/{call.model}":
            raise invalid(
                f"* BatchEmbedContentsRequest.requests[{number}].model: model must match the model in the URL\n"
            )


def vector_of(
    name: str, model: EmbeddingModel, request: Mapping[str, Any], place: str, fault: Fault | None
) -> NDArray[np.float32]:
    text = text_of(request.get("content") or {})
    if not text:
        raise invalid(f"* EmbedContentRequest.content: content is empty ({place})\n")
    task = request.get("taskType", "TASK_TYPE_UNSPECIFIED")
    if task not in TASKS:
        raise invalid(f"Invalid value at '{place}.task_type' (type.googleapis.com/TaskType), \"{task}\"")
    dimensions = request.get("outputDimensionality") or model.default
    if dimensions not in model.dimensions:
        raise invalid(f"* EmbedContentRequest.output_dimensionality: must be in [1, {model.default}]\n")
    purpose = TASKS[task] if model.reads_task else prefixed_task(text)
    content = text if model.reads_task else DOCUMENT.sub("", QUERY.sub("", text))
    return cut(embed_read(name, model, content, purpose), model, wrong(fault) or dimensions)


def embed_read(name: str, model: EmbeddingModel, text: str, purpose: str) -> NDArray[np.float32]:
    """The whole vector; a text that is longer than the model reads is cut without a word, as Google does."""
    return embed(text[: model.reads * 4], model=name, task=purpose, dimensions=model.default)


def cut(vector: NDArray[np.float32], model: EmbeddingModel, dimensions: int) -> NDArray[np.float32]:
    short = vector[:dimensions]
    if not model.cut_normalised:
        return np.ascontiguousarray(short)
    return np.asarray(short / np.linalg.norm(short), dtype=np.float32)


def prefixed_task(text: str) -> str:
    if QUERY.match(text):
        return "query"
    return "document" if DOCUMENT.match(text) else ""


def wrong(fault: Fault | None) -> int | None:
    return fault.dimensions if is_a(fault, "wrong_dimensions") else None
