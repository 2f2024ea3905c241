"""Google's errors: a status by name, and details that say which quota and how long to wait."""

from __future__ import annotations

from typing import Any

from tests.provider_simulator.call import Call, Failure, JsonAnswer, Quota, Refusal
from tests.provider_simulator.catalogue import GEMINI_WITHDRAWN

STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
MESSAGES = {
    401: "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential.",
    403: "Your API key was reported as leaked. Please use another API key.",
    500: "An internal error has occurred. Please retry or report in "
    "https://developers.generativeai.google/guide/troubleshooting",
    503: "The model is overloaded. Please try again later.",
    504: "Deadline expired before operation could complete.",
}
INVALID_KEY = "API key not valid. Please pass a valid API key."
RATE_LIMITS = "https://ai.google.dev/gemini-api/docs/rate-limits"
RPC = "type.googleapis.com/google.rpc"
CHAT_QUOTA = ("generativelanguage.googleapis.com/generate_content_free_tier_requests", "GenerateRequests")
EMBED_QUOTA = ("generativelanguage.googleapis.com/embed_content_free_tier_requests", "EmbedContentRequests")
QUOTA_IDS: dict[Quota, list[str]] = {
    "minute": ["PerMinutePerProjectPerModel-FreeTier"],
    "day": ["PerDayPerProjectPerModel-FreeTier"],
    "zero": ["PerDayPerProjectPerModel-FreeTier", "PerMinutePerProjectPerModel-FreeTier"],
}
LIMITS: dict[Quota, int] = {"minute": 10, "day": 250, "zero": 0}
USUAL_WAIT = 17  # seconds, when the fault does not say


def error(status: int, message: str, details: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"code": status, "message": message, "status": STATUS.get(status, "UNKNOWN")}
    return {"error": body | ({"details": details} if details else {})}


def refusal(status: int, message: str, details: list[dict[str, Any]] | None = None) -> Refusal:
    return Refusal(JsonAnswer(error(status, message, details), status))


def invalid(message: str) -> Refusal:
    return refusal(400, message)


def invalid_key() -> JsonAnswer:
    reason = {
        "@type": f"{RPC}.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }
    localized = {"@type": f"{RPC}.LocalizedMessage", "locale": "en-US", "message": INVALID_KEY}
    return JsonAnswer(error(400, INVALID_KEY, [reason, localized]), 400)


def missing_key() -> JsonAnswer:
    message = (
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
        "form of API consumer identity to call this API."
    )
    return JsonAnswer(error(403, message), 403)


def not_served(model: str, verb: str) -> JsonAnswer:
    """What is said of a model that was shut down or never was."""
    message = (
        f"models/{model} is not found for API version v1beta, or is not supported for {verb}. "
        "Call ListModels to see the list of available models and their supported methods."
    )
    if model in GEMINI_WITHDRAWN:
        message = (
            f"This model models/{model} is no longer available to new users. "
            "Please update your code to use a newer model for the latest features and improvements."
        )
    return JsonAnswer(error(404, message), 404)


def any_error(call: Call, failure: Failure) -> JsonAnswer:
    """A wait is told in the details of a 429, as RetryInfo; other statuses have the header."""
    if failure.status == 429:
        return exceeded(call, failure)
    text = failure.message or MESSAGES.get(failure.status, f"Request failed with status {failure.status}.")
    return JsonAnswer(error(failure.status, text), failure.status, failure.retry_header)


def exceeded(call: Call, failure: Failure) -> JsonAnswer:
    """Google tells seconds to wait for a spent day, too, and for a quota of zero."""
    quota = failure.quota or "minute"
    wait = USUAL_WAIT if failure.retry_after is None else failure.retry_after
    metric, _ = quota_of(call)
    line = f"* Quota exceeded for metric: {metric}, limit: {LIMITS[quota]}, model: {call.model}\n"
    text = (
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        f"error, head to: {RATE_LIMITS}. To monitor your current usage, head to: https://ai.dev/rate-limit. \n"
        f"{line * len(QUOTA_IDS[quota])}Please retry in {wait:g}s."
    )
    return JsonAnswer(error(429, failure.message or text, details_of(call, quota, wait)), 429)


def quota_of(call: Call) -> tuple[str, str]:
    """The metric that is counted, and how the names of its quotas begin."""
    return EMBED_QUOTA if call.operation.endswith("embed") else CHAT_QUOTA


def details_of(call: Call, quota: Quota, wait: float) -> list[dict[str, Any]]:
    metric, name = quota_of(call)
    common = {"quotaMetric": metric, "quotaDimensions": {"model": call.model, "location": "global"}}
    value = {"quotaValue": str(LIMITS[quota])} if LIMITS[quota] else {}
    help_links = [{"description": "Learn more about Gemini API quotas", "url": RATE_LIMITS}]
    violations = [{"quotaId": f"{name}{span}", **common, **value} for span in QUOTA_IDS[quota]]
    return [
        {"@type": f"{RPC}.Help", "links": help_links},
        {"@type": f"{RPC}.QuotaFailure", "violations": violations},
        {"@type": f"{RPC}.RetryInfo", "retryDelay": f"{wait:g}s"},
    ]
