"""Foreign errors in our words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from json import JSONDecodeError
from typing import Any

import httpx
import pytest

from chains.resilience import ProviderError, as_seconds, from_google, from_status, retry_after_of, translate_error

CANARY = "sk-SECRET-LEAK-CANARY"
REQUEST = httpx.Request("POST", f"https://provider.example/v1?key={CANARY}")


class SdkError(Exception):
    """As Cohere's and OpenAI's: status and headers as attributes, the provider's words in the text."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"headers: {headers}, body: invalid key {CANARY}")
        self.status_code, self.headers = status, headers


class WrapperError(Exception):
    """As GoogleGenerativeAIError of embeddings: what it wraps has the status."""


def raised(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SdkError(400), "refused"),
        (SdkError(401), "bad_key"),
        (SdkError(403), "bad_key"),
        (SdkError(404), "retired_model"),
        (SdkError(429), "rate_limited"),
        (SdkError(500), "upstream"),
        (SdkError(503), "upstream"),
        (SdkError(504), "upstream"),
        (SdkError(200), "bad_payload"),
        (raised(WrapperError("..."), SdkError(403)), "bad_key"),
        (httpx.ReadTimeout("", request=REQUEST), "timeout"),
        (TimeoutError(), "timeout"),
        (httpx.ConnectError(CANARY, request=REQUEST), "network"),
        (httpx.RemoteProtocolError(CANARY, request=REQUEST), "network"),
        (raised(WrapperError(), httpx.ReadTimeout("", request=REQUEST)), "timeout"),
        (ConnectionResetError(), "network"),
        (OSError("no such host"), "network"),
        (JSONDecodeError(CANARY, CANARY, 0), "bad_payload"),
        (AttributeError("billed_units"), "bad_payload"),
        (RuntimeError(CANARY), "unknown"),
    ],
    ids=repr,
)
def test_error_has_its_kind_and_none_of_the_providers_words(error: Exception, kind: str) -> None:
    failure = translate_error(error)
    assert failure.kind == kind
    assert CANARY not in str(failure)


def test_http_status_error_is_read_from_its_response() -> None:
    response = httpx.Response(429, headers={"retry-after": "7"}, request=REQUEST)
    failure = translate_error(httpx.HTTPStatusError("too many", request=REQUEST, response=response))
    assert (failure.kind, failure.retry_after) == ("rate_limited", 7)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("3", 3), ("0.5", 0.5), ("-1", 0), ("1e9", 86_400), ("soon", None), ("nan", None), ("inf", None), ("", None)],
)
def test_retry_after_is_seconds_within_a_day(value: str, seconds: float | None) -> None:
    assert retry_after_of({"Retry-After": value}) == seconds


def test_retry_after_may_be_a_date() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry_after_of({"retry-after": in_a_minute}) == pytest.approx(60, abs=3)
    assert retry_after_of({}) is None


def test_durations_of_google_are_seconds() -> None:
    assert as_seconds("17s") == 17
    assert as_seconds("0.25s") == 0.25


def body(message: str = "You exceeded your current quota.", delay: str = "17s", **violation: str) -> dict[str, Any]:
    details: list[dict[str, Any]] = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
    ]
    return {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details}}


def test_quota_of_a_minute_is_a_rate_limit() -> None:
    failure = from_google(429, body(quotaId="GenerateRequestsPerMinutePerProjectPerModel-FreeTier", quotaValue="15"))
    assert (failure.kind, failure.retry_after, failure.retryable) == ("rate_limited", 17, True)


def test_quota_of_a_day_is_not_asked_again() -> None:
    failure = from_google(429, body(quotaId="GenerateRequestsPerDayPerProjectPerModel-FreeTier", quotaValue="250"))
    assert (failure.kind, failure.retryable) == ("quota", False)
    assert "GenerateRequestsPerDay" in failure.detail


@pytest.mark.parametrize(
    "said",
    [
        body("Quota exceeded for metric: generate_content_free_tier_requests, limit: 0, model: gemini-x"),
        body(quotaId="GenerateRequestsPerMinutePerProjectPerModel-FreeTier", quotaValue="0"),
    ],
    ids=["message", "value"],
)
def test_quota_of_nothing_is_not_asked_again(said: dict[str, Any]) -> None:
    failure = from_google(429, said)
    assert failure.kind == "quota"
    assert failure.pause == 3_600  # a minute's delay says nothing of a quota that does not exist


def test_bad_key_of_google_comes_as_400() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    failure = from_google(400, {"error": {"code": 400, "message": f"key {CANARY}", "details": details}})
    assert failure.kind == "bad_key"
    assert failure.misconfigured
    assert CANARY not in str(failure)


@pytest.mark.parametrize("said", [None, "<html>", {}, {"error": "no"}, {"error": {"details": "no"}}], ids=str)
def test_body_that_is_none_of_googles_leaves_the_status(said: object) -> None:
    assert from_google(429, said, retry_after=3).retry_after == 3
    assert from_google(503, said).kind == "upstream"
    assert from_google(404, said).kind == "retired_model"


def test_status_names_itself_for_the_author() -> None:
    failure: ProviderError = from_status(404, "model gemini-2.0-flash")
    assert str(failure) == "retired_model: status 404, model gemini-2.0-flash"
    assert failure.health == "retired_model"
