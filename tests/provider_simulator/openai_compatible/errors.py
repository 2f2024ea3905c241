"""Errors in the form that OpenAI gave the wire, and that Ollama, llama.cpp and vLLM repeat."""

from __future__ import annotations

from typing import Any

from tests.provider_simulator.call import Call, Failure, JsonAnswer, Refusal

USUAL_WAIT = 20  # seconds, when the fault does not say
TYPES = {401: "invalid_request_error", 429: "requests", 500: "server_error", 503: "server_error"}
MESSAGES = {
    500: "The server had an error while processing your request. Sorry about that!",
    503: "The engine is currently overloaded, please try again later",
}
SPENT = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
)


def body(
    message: str, kind: str = "invalid_request_error", code: str | None = None, param: str | None = None
) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def invalid(message: str, param: str | None = None) -> Refusal:
    return Refusal(JsonAnswer(body(message, param=param), 400))


def not_served(model: str) -> JsonAnswer:
    message = f"The model `{model}` does not exist or you do not have access to it."
    return JsonAnswer(body(message, code="model_not_found"), 404)


def any_error(call: Call, failure: Failure) -> JsonAnswer:
    status, message, headers = failure.status, failure.message, failure.retry_header
    if status == 429 and failure.quota in ("day", "zero"):
        return JsonAnswer(body(message or SPENT, "insufficient_quota", "insufficient_quota"), 429, headers)
    if status == 429:
        wait = USUAL_WAIT if failure.retry_after is None else failure.retry_after
        text = (
            f"Rate limit reached for {call.model} on requests per min (RPM): Limit 3, Used 3, Requested 1. "
            f"Please try again in {wait:g}s."
        )
        return JsonAnswer(body(message or text, "requests", "rate_limit_exceeded"), 429, headers)
    text = MESSAGES.get(status, f"Request failed with status {status}.")
    return JsonAnswer(body(message or text, TYPES.get(status, "invalid_request_error")), status, headers)
