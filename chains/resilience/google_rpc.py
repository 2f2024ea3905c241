"""What the error bodies of Google's APIs say: which limit was reached, and when to come back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chains.resilience.failures import BadKey, ProviderError, QuotaExhausted, RateLimited
from chains.resilience.translation import as_seconds, from_status

_NO_QUOTA = re.compile(r"\blimit: 0\b")
_LONG_QUOTA = re.compile(r"Per(Day|Week|Month)")
_BAD_KEY = ("API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED")


def from_google(status: int, body: object, *, retry_after: float | None = None) -> ProviderError:
    """The failure that a google.rpc.Status body describes: `{"error": {code, message, status, details}}` or its inside.

    A quota of a day (`quotaId` with `PerDay`), or one of 0, is not worth asking again; a minute's is. `retry_after`,
    of the headers, gives way to RetryInfo. A bad key comes as 400.
    """
    error = _error_of(body)
    details = list(_details_of(error))
    told = _retry_delay(details)
    wait = retry_after if told is None else told
    if any(detail.get("reason") in _BAD_KEY for detail in details):
        return BadKey(f"status {status}")
    if status != 429:
        return from_status(status, str(error.get("status", "")), retry_after=wait)
    quotas = [quota for detail in details for quota in detail.get("violations", []) if isinstance(quota, Mapping)]
    names = sorted({str(quota.get("quotaId", "")) for quota in quotas} - {""})
    if _NO_QUOTA.search(str(error.get("message", ""))) or any(str(quota.get("quotaValue")) == "0" for quota in quotas):
        return QuotaExhausted(f"this key has no quota for the model: {', '.join(names)}")
    failure = QuotaExhausted if any(map(_LONG_QUOTA.search, names)) else RateLimited
    return failure(", ".join(names) or "status 429", retry_after=wait)


def _error_of(body: object) -> Mapping[str, Any]:
    inside = body.get("error", body) if isinstance(body, Mapping) else {}
    return inside if isinstance(inside, Mapping) else {}


def _details_of(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    details = error.get("details")
    return (detail for detail in details if isinstance(detail, Mapping)) if isinstance(details, list) else iter(())


def _retry_delay(details: list[Mapping[str, Any]]) -> float | None:
    return next((as_seconds(detail["retryDelay"]) for detail in details if "retryDelay" in detail), None)
