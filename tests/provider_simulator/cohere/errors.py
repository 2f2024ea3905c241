"""Cohere's errors: an id and a sentence."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.provider_simulator.call import Call, Failure, JsonAnswer, Quota, Refusal
from tests.provider_simulator.catalogue import COHERE_REMOVED

TRIAL = (
    "You are using a Trial key, which is limited to {limit}. You can continue to use the Trial key for free or upgrade "
    "to a Production key with higher rate limits at 'https://dashboard.cohere.com/api-keys'. Contact us on "
    "'https://discord.gg/XW44jPfYJu' or email us at support@cohere.com with any questions"
)
LIMITS: dict[Quota, str] = {
    "minute": "20 API calls / minute",
    "day": "1000 API calls / month",
    "zero": "0 API calls / month",
}
SPENT_HEADERS = {"x-trial-endpoint-call-limit": "20", "x-trial-endpoint-call-remaining": "0"}
MESSAGES = {
    400: "invalid request",
    401: "invalid api token",
    403: "your api key does not have access to this resource",
    498: "your request was blocked: invalid token",
    499: "request cancelled",
    500: "internal server error",
    501: "not implemented",
    503: "service unavailable",
    504: "gateway timeout",
}


def body(message: str) -> dict[str, Any]:
    return {"id": str(uuid4()), "message": message}


def refusal(status: int, message: str) -> Refusal:
    return Refusal(JsonAnswer(body(message), status))


def invalid(message: str) -> Refusal:
    return refusal(400, f"invalid request: {message}")


def not_served(model: str) -> JsonAnswer:
    removed = COHERE_REMOVED.get(model)
    message = (
        f"model '{model}' not found, make sure the correct model ID was used and that you have access to the model."
    )
    if removed:
        message = (
            f"model '{model}' was removed on {removed}. "
            "See https://docs.cohere.com/docs/models#command for a list of models you can use instead."
        )
    return JsonAnswer(body(message), 404)


def any_error(call: Call, failure: Failure) -> JsonAnswer:
    status = failure.status
    if status == 429:
        text = failure.message or TRIAL.format(limit=LIMITS[failure.quota or "minute"])
        return JsonAnswer(body(text), status, {**failure.retry_header, **SPENT_HEADERS})
    text = failure.message or MESSAGES.get(status, f"request failed with status {status}")
    return JsonAnswer(body(text), status, failure.retry_header)


def refuse_unknown(given: dict[str, Any], known: frozenset[str]) -> None:
    for name in given.keys() - known:
        raise refusal(422, f"unknown field: parameter '{name}' is not a valid field")
