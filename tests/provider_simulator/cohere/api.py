"""The Cohere API: which path means what. Version 1 of chat is not served: its clients do not call it any more."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Any

from tests.provider_simulator.call import Answer, Call, Failure, JsonAnswer, Refusal
from tests.provider_simulator.catalogue import COHERE_CHAT, COHERE_EMBEDDING, COHERE_RERANK
from tests.provider_simulator.cohere import errors
from tests.provider_simulator.cohere.chat import answer_chat
from tests.provider_simulator.cohere.embeddings import answer_embed
from tests.provider_simulator.cohere.rerank import answer_rerank
from tests.provider_simulator.faults import Fault
from tests.provider_simulator.keys import Key
from tests.provider_simulator.provider import bearer

OPERATIONS = {
    "/v2/chat": "chat",
    "/v1/embed": "embed",
    "/v2/embed": "embed",
    "/v1/rerank": "rerank",
    "/v2/rerank": "rerank",
    "/v1/tokenize": "tokenize",
}
ENDPOINTS: dict[str, Mapping[str, Any]] = {"chat": COHERE_CHAT, "embed": COHERE_EMBEDDING, "rerank": COHERE_RERANK}
CONTEXT_LENGTH = 256_000


class Cohere:
    name = "cohere"

    def operation(self, path: str, body: Any) -> str:
        if path.startswith("/v1/models"):
            return "models"
        operation = OPERATIONS.get(path, "other")
        streams = operation == "chat" and isinstance(body, dict) and body.get("stream")
        return "chat_stream" if streams else operation

    def key(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        return bearer(headers)

    def model(self, path: str, body: Any) -> str:
        if path.startswith("/v1/models/"):
            return path.removeprefix("/v1/models/")
        return str(body.get("model") or "") if isinstance(body, dict) else ""

    def refuse_key(self, call: Call) -> JsonAnswer:
        return JsonAnswer(errors.body("invalid api token" if call.key else "no api key supplied"), 401)

    def retired(self, call: Call) -> JsonAnswer:
        return errors.not_served(call.model)

    def error(self, call: Call, failure: Failure) -> JsonAnswer:
        return errors.any_error(call, failure)

    def answer(self, call: Call, key: Key, fault: Fault | None) -> Answer:
        kind = call.operation.removeprefix("cohere.").removesuffix("_stream")
        if kind == "models" and call.method == "GET":
            return answer_models(call)
        if kind in ("other", "models") or call.method != "POST":
            raise errors.refusal(404, f"{call.method} {call.path} not found")
        if not isinstance(call.body, dict):
            raise errors.invalid("the body is not a JSON object")
        if kind == "tokenize":
            return answer_tokenize(call)
        if not call.model:
            raise errors.invalid("model is required")
        if call.model not in ENDPOINTS[kind]:
            raise Refusal(errors.not_served(call.model))
        match kind:
            case "embed":
                return answer_embed(call, call.path[2], fault)
            case "rerank":
                return answer_rerank(call, call.path[2], fault)
        return answer_chat(call, key, fault)


def answer_models(call: Call) -> JsonAnswer:
    models = [described(name, endpoint) for endpoint, names in ENDPOINTS.items() for name in names]
    if call.model:
        found = [model for model in models if model["name"] == call.model]
        if not found:
            raise Refusal(errors.not_served(call.model))
        return JsonAnswer(found[0])
    endpoint = call.query.get("endpoint")
    chosen = [model for model in models if endpoint in (None, *model["endpoints"])]
    return JsonAnswer({"models": chosen[:1] if call.query.get("default_only") == "true" else chosen})


def described(name: str, endpoint: str) -> dict[str, Any]:
    return {
        "name": name,
        "endpoints": [endpoint],
        "default_endpoints": [endpoint],
        "finetuned": False,
        "context_length": CONTEXT_LENGTH,
    }


def answer_tokenize(call: Call) -> JsonAnswer:
    parts = re.findall(r"\w+|\W", call.body.get("text") or "")
    tokens = [zlib.crc32(part.encode()) % 250_000 for part in parts]
    return JsonAnswer({"tokens": tokens, "token_strings": parts, "meta": {"api_version": {"version": "1"}}})
