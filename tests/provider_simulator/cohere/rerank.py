"""/v2/rerank and /v1/rerank."""

from __future__ import annotations

import math
from typing import Any
from uuid import uuid4

from tests.provider_simulator.call import Call, JsonAnswer
from tests.provider_simulator.cohere.errors import invalid, refuse_unknown
from tests.provider_simulator.drafting import overlaps
from tests.provider_simulator.faults import Fault, is_a
from tests.provider_simulator.words import word_set

FIELDS = {
    "1": word_set("model query documents top_n rank_fields return_documents max_chunks_per_doc"),
    "2": word_set("model query documents top_n max_tokens_per_doc priority"),
}
MOST_DOCUMENTS = 10_000
DOCUMENTS_PER_UNIT = 100
STEEPNESS, MIDDLE = 8, 0.35  # of the curve from overlap to score; half of the words score .77, none .06


def answer_rerank(call: Call, version: str, fault: Fault | None) -> JsonAnswer:
    """Scores between 0 and 1, the best first. Raises Refusal."""
    body = call.body
    check(version, body)
    texts = [document if isinstance(document, str) else str(document.get("text", "")) for document in body["documents"]]
    scores = [round(1 / (1 + math.exp(-STEEPNESS * (share - MIDDLE))), 7) for share in overlaps(body["query"], texts)]
    order = sorted(range(len(texts)), key=lambda index: -scores[index])[: body.get("top_n") or len(texts)]
    results = [{"index": index, "relevance_score": scores[index]} for index in order]
    if is_a(fault, "bad_index"):
        results[0]["index"] = len(texts) + 5
    units = {"search_units": math.ceil(len(texts) / DOCUMENTS_PER_UNIT)}
    meta = {"api_version": {"version": version}, "billed_units": units}
    return JsonAnswer({"id": str(uuid4()), "results": results, "meta": meta})


def check(version: str, body: dict[str, Any]) -> None:
    refuse_unknown(body, FIELDS[version])
    documents = body.get("documents")
    if not documents:
        raise invalid("list of documents must not be empty")
    if version == "2" and not all(isinstance(document, str) for document in documents):
        raise invalid("documents must be a list of strings")
    if len(documents) > MOST_DOCUMENTS:
        raise invalid(f"too many documents: at most {MOST_DOCUMENTS}, received {len(documents)}")
    if not body.get("query"):
        raise invalid("query must not be empty")
    if body.get("top_n") is not None and body["top_n"] < 1:
        raise invalid("top_n must be greater than or equal to 1")
