"""From what an HTTP client or an SDK raises to our failures, for providers without a translation of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from chains.errors import DocentError
from chains.resilience.failures import (
    BadKey,
    BadPayload,
    ModelRetired,
    NetworkFailure,
    ProviderDown,
    ProviderError,
    ProviderTimeout,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
)

Translate = Callable[[Exception], ProviderError]

LONGEST_WAIT = 86_400.0  # seconds; no provider closes us out for more than a day
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError)  # what parsers raise over a malformed answer
_OF_STATUS: dict[int, type[ProviderError]] = {
    200: BadPayload,  # an SDK's way of saying that it could not read a good answer
    401: BadKey,
    402: QuotaExhausted,
    403: BadKey,
    404: ModelRetired,
    408: ProviderTimeout,
    409: ProviderDown,
    410: ModelRetired,
    425: ProviderDown,
    429: RateLimited,
    498: BadKey,  # Cohere's "invalid token"
    499: NetworkFailure,  # "client closed the request", by which Cohere also means its own gateway
}


@contextmanager
def translated(translate: Translate) -> Iterator[None]:
    """Let only failures of ours out; errors for the reader pass as they are."""
    try:
        yield
    except (ProviderError, DocentError):
        raise
    except Exception as error:
        raise translate(error) from error


def translate_error(error: Exception) -> ProviderError:
    """By status, then by kind, of the error or of what caused it. The detail names types and numbers only."""
    for known in _with_causes(error):
        if status := status_of(known):
            return from_status(status, retry_after=retry_after_of(headers_of(known)))
        if isinstance(known, TimeoutError | httpx.TimeoutException):
            return ProviderTimeout(type(known).__name__)
        if isinstance(known, httpx.TransportError | ConnectionError):
            return NetworkFailure(type(known).__name__)
    if isinstance(error, _UNREADABLE):
        return BadPayload(type(error).__name__)
    return NetworkFailure(type(error).__name__) if isinstance(error, OSError) else ProviderError(type(error).__name__)


def from_status(status: int, detail: str = "", *, retry_after: float | None = None) -> ProviderError:
    """The failure that an HTTP status stands for. Any other 4xx is a refusal, any 5xx the provider's own trouble."""
    default = ProviderDown if status >= 500 else RequestRefused
    failure = _OF_STATUS.get(status, default)
    return failure(f"status {status}" + (f", {detail}" if detail else ""), retry_after=retry_after)


def status_of(error: BaseException) -> int | None:
    """The HTTP status, where SDKs keep it: `status_code` (Cohere, OpenAI, Qdrant), `code` (Google), the response's."""
    response = getattr(error, "response", None)
    for holder, name in ((error, "status_code"), (error, "code"), (response, "status_code")):
        status = getattr(holder, name, None)
        if isinstance(status, int) and 100 <= status < 600:
            return status
    return None


def headers_of(error: BaseException) -> Mapping[str, Any]:
    holders = (error, getattr(error, "response", None))
    found = (getattr(holder, "headers", None) for holder in holders)
    return next((headers for headers in found if isinstance(headers, Mapping)), {})


def retry_after_of(headers: Mapping[str, Any]) -> float | None:
    """Seconds of `Retry-After`, which is a number or a date; None where it is absent or neither."""
    value = next((value for name, value in headers.items() if str(name).lower() == "retry-after"), None)
    if value is None:
        return None
    return as_seconds(value) if as_seconds(value) is not None else _until(str(value))


def as_seconds(value: object) -> float | None:
    """A wait in seconds, from 0 to a day; also of Google's durations, as `17s` and `0.5s`."""
    try:
        seconds = float(str(value).strip().removesuffix("s"))
    except ValueError:
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT) if math.isfinite(seconds) else None


def _until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return as_seconds((aware - datetime.now(UTC)).total_seconds())


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it: LangChain's wrappers drop the status that their cause has."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__
