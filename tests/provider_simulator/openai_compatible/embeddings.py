"""/v1/embeddings."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.provider_simulator.call import Call, JsonAnswer
from tests.provider_simulator.catalogue import OPENAI_EMBEDDING
from tests.provider_simulator.faults import Fault, is_a
from tests.provider_simulator.openai_compatible.errors import invalid
from tests.provider_simulator.vectors import embed
from tests.provider_simulator.words import count_tokens

BATCH = 2_048


def answer_embed(call: Call, fault: Fault | None) -> JsonAnswer:
    """Raises Refusal."""
    model = OPENAI_EMBEDDING[call.model]
    texts = read_texts(call.body.get("input"))
    if max(count_tokens(text) for text in texts) > model.reads:
        raise invalid(f"This model's maximum context length is {model.reads} tokens.", "input")
    dimensions = call.body.get("dimensions") or model.default
    if dimensions not in model.dimensions:
        raise invalid(
            f"Invalid value for 'dimensions' = {dimensions}. Must be less than or equal to {model.default}.",
            "dimensions",
        )
    if is_a(fault, "wrong_dimensions"):
        dimensions = fault.dimensions
    vectors = [embed(text, model=call.model, task="", dimensions=model.default)[:dimensions] for text in texts]
    in_base64 = call.body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": encoded(vector / np.linalg.norm(vector), in_base64)}
        for index, vector in enumerate(vectors[:-1] if is_a(fault, "short_batch") else vectors)
    ]
    tokens = sum(count_tokens(text) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return JsonAnswer({"object": "list", "data": data, "model": call.model, "usage": usage})


def read_texts(given: Any) -> list[str]:
    """Lists of token numbers, which OpenAI itself takes, are refused, as servers of one's own refuse them."""
    texts = [given] if isinstance(given, str) else given or []
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise invalid("'input' must be a non-empty string or a list of non-empty strings", "input")
    if len(texts) > BATCH:
        raise invalid(f"'input' is too long: at most {BATCH} items, got {len(texts)}", "input")
    return texts


def encoded(vector: NDArray[np.float32], in_base64: bool) -> str | NDArray[np.float32]:
    single = vector.astype(np.float32)
    return b64encode(single.tobytes()).decode() if in_base64 else single
