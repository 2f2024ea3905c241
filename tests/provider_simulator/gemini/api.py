"""The Gemini Developer API: which path means what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.provider_simulator.call import Answer, Call, Failure, JsonAnswer, Refusal
from tests.provider_simulator.catalogue import GEMINI_ALIASES, GEMINI_CHAT, GEMINI_EMBEDDING
from tests.provider_simulator.faults import Fault
from tests.provider_simulator.gemini import errors
from tests.provider_simulator.gemini.chat import answer_chat
from tests.provider_simulator.gemini.embeddings import answer_embed
from tests.provider_simulator.gemini.requests import text_of
from tests.provider_simulator.keys import Key
from tests.provider_simulator.words import count_tokens

MODELS = re.compile(r"^/v1(?:beta)?/models(?:/(?P<model>[^/:]+))?(?::(?P<verb>\w+))?$")
OPERATIONS = {
    "generateContent": "chat",
    "streamGenerateContent": "chat_stream",
    "batchEmbedContents": "embed",
    "embedContent": "embed",
    "countTokens": "count",
}
CHAT_METHODS = ["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"]
EMBED_METHODS = ["embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent"]


class Gemini:
    name = "gemini"

    def operation(self, path: str, body: Any) -> str:
        found = MODELS.match(path)
        if not found:
            return "other"
        return OPERATIONS.get(found["verb"], "other") if found["verb"] else "models"

    def key(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        return headers.get("x-goog-api-key") or query.get("key", "")

    def model(self, path: str, body: Any) -> str:
        found = MODELS.match(path)
        return (found["model"] or "") if found else ""

    def refuse_key(self, call: Call) -> JsonAnswer:
        return errors.invalid_key() if call.key else errors.missing_key()

    def retired(self, call: Call) -> JsonAnswer:
        return errors.not_served(call.model, verb_of(call))

    def error(self, call: Call, failure: Failure) -> JsonAnswer:
        return errors.any_error(call, failure)

    def answer(self, call: Call, key: Key, fault: Fault | None) -> Answer:
        kind = call.operation.removeprefix("gemini.")
        if kind == "models" and call.method == "GET":
            return JsonAnswer(listed(call.model) if call.model else {"models": every_model()})
        if kind in ("other", "models") or call.method != "POST":
            raise errors.refusal(404, "Requested entity was not found.")
        served: Mapping[str, Any] = GEMINI_EMBEDDING if kind == "embed" else GEMINI_CHAT | GEMINI_ALIASES
        if call.model not in served and not (kind == "count" and call.model in GEMINI_EMBEDDING):
            raise Refusal(errors.not_served(call.model, verb_of(call)))
        if not isinstance(call.body, dict):
            raise errors.invalid("Invalid JSON payload received. Unexpected end of string.")
        match kind:
            case "embed":
                return answer_embed(call, verb_of(call), fault)
            case "count":
                return answer_count(call)
        if kind == "chat_stream" and call.query.get("alt") != "sse":
            raise errors.invalid("This simulator streams as server-sent events only: say ?alt=sse")
        return answer_chat(call, key, fault)


def verb_of(call: Call) -> str:
    found = MODELS.match(call.path)
    return (found["verb"] or "") if found else ""


def answer_count(call: Call) -> JsonAnswer:
    request = call.body.get("generateContentRequest") or call.body
    contents = [*(request.get("contents") or []), request.get("systemInstruction") or {}]
    tokens = sum(count_tokens(text_of(content)) for content in contents)
    return JsonAnswer({"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]})


def every_model() -> list[dict[str, Any]]:
    chat = [described(name, model.reads, model.writes, CHAT_METHODS) for name, model in GEMINI_CHAT.items()]
    return chat + [described(name, model.reads, 1, EMBED_METHODS) for name, model in GEMINI_EMBEDDING.items()]


def listed(name: str) -> dict[str, Any]:
    found = [model for model in every_model() if model["name"] == f"models/{name}"]
    if not found:
        raise Refusal(errors.not_served(name, "getModel"))
    return found[0]


def described(name: str, reads: int, writes: int, methods: list[str]) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": reads,
        "outputTokenLimit": writes,
        "supportedGenerationMethods": methods,
    }
