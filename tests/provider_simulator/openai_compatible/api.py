"""The wire of OpenAI's chat completions, as Ollama, llama.cpp and vLLM serve it: which path means what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.provider_simulator.call import Answer, Call, Failure, JsonAnswer, Refusal
from tests.provider_simulator.catalogue import OPENAI_CHAT, OPENAI_EMBEDDING
from tests.provider_simulator.faults import Fault
from tests.provider_simulator.keys import Key
from tests.provider_simulator.openai_compatible import errors
from tests.provider_simulator.openai_compatible.chat import answer_chat
from tests.provider_simulator.openai_compatible.embeddings import answer_embed
from tests.provider_simulator.provider import bearer

CREATED = 1_700_000_000
OPERATIONS = {"/v1/chat/completions": "chat", "/v1/embeddings": "embed"}


class OpenAICompatible:
    name = "openai"

    def operation(self, path: str, body: Any) -> str:
        if path.startswith("/v1/models"):
            return "models"
        operation = OPERATIONS.get(path, "other")
        streams = operation == "chat" and isinstance(body, dict) and body.get("stream")
        return "chat_stream" if streams else operation

    def key(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        return bearer(headers)

    def model(self, path: str, body: Any) -> str:
        return str(body.get("model") or "") if isinstance(body, dict) else ""

    def refuse_key(self, call: Call) -> JsonAnswer:
        if not call.key:
            return JsonAnswer(errors.body("You didn't provide an API key."), 401)
        message = f"Incorrect API key provided: {call.key[:8]}***. You can find your API key in your account."
        return JsonAnswer(errors.body(message, code="invalid_api_key"), 401)

    def retired(self, call: Call) -> JsonAnswer:
        return errors.not_served(call.model)

    def error(self, call: Call, failure: Failure) -> JsonAnswer:
        return errors.any_error(call, failure)

    def answer(self, call: Call, key: Key, fault: Fault | None) -> Answer:
        kind = call.operation.removeprefix("openai.").removesuffix("_stream")
        if kind == "models" and call.method == "GET":
            names = [*OPENAI_CHAT, *OPENAI_EMBEDDING]
            data = [
                {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "simulator"} for name in names
            ]
            return JsonAnswer({"object": "list", "data": data})
        if kind in ("other", "models") or call.method != "POST":
            message = f"Invalid URL ({call.method} {call.path})"
            raise Refusal(JsonAnswer(errors.body(message), 404))
        if not isinstance(call.body, dict):
            raise errors.invalid("We could not parse the JSON body of your request.")
        if not call.model:
            raise errors.invalid("you must provide a model parameter", "model")
        if call.model not in (OPENAI_EMBEDDING if kind == "embed" else OPENAI_CHAT):
            raise Refusal(errors.not_served(call.model))
        return answer_embed(call, fault) if kind == "embed" else answer_chat(call, key, fault)
