"""What can go wrong with a provider, in our words: whether to ask again, when, and what it says about the provider."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

RATE_PAUSE = 2.0  # seconds that a provider is left alone after a 429 that names no time
MISCONFIGURED_PAUSE = 300.0  # seconds between probes of what only its owner can put right: a key, a model's name
QUOTA_PAUSE = 3_600.0  # seconds between probes of a used-up quota whose provider names no time
QUOTA_PAUSE_LEAST = 60.0  # seconds; a shorter time belongs to the minute's limit, which is told with the day's


class Operation(StrEnum):
    """What a provider is asked for. Each has a breaker of its own: embedding may work while chat does not."""

    CHAT = "chat"
    EMBED = "embed"
    RETRIEVE = "retrieve"
    RERANK = "rerank"


class ProviderError(Exception):
    """A provider failed a call. Never for the reader: `Attempts` turns it into a DocentError.

    `detail` is for the author, in the log and in health: names, numbers and our own words. Never a provider's free
    text, which may quote the key or the question.

    Attributes:
        kind: one word for logs and metrics.
        retryable: the same call to the same provider may succeed soon.
        counts: a run of these opens the breaker.
        lasting: one of these opens it at once.
        misconfigured: only the owner of the service can put it right.
        health: what health says of the provider while its breaker is open for this.
        retry_after: seconds after which the provider asked to be called again; None: it named no time.
    """

    kind: ClassVar[str] = "unknown"
    retryable: ClassVar[bool] = False
    counts: ClassVar[bool] = True
    lasting: ClassVar[bool] = False
    misconfigured: ClassVar[bool] = False
    health: ClassVar[str] = "unavailable"

    def __init__(self, detail: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(f"{self.kind}: {detail}" if detail else self.kind)
        self.detail = detail
        self.retry_after = retry_after

    @property
    def pause(self) -> float:
        """Seconds for which nobody should ask this provider."""
        return self.retry_after or 0.0


class ProviderTimeout(ProviderError):
    """No answer, no first token or no next token within its share of the deadline."""

    kind, retryable = "timeout", True


class NetworkFailure(ProviderError):
    """Refused, reset, unknown host, TLS: the call did not reach the provider or its answer was cut."""

    kind, retryable = "network", True


class ProviderDown(ProviderError):
    """The provider says that it is overloaded or broken: 5xx."""

    kind, retryable = "upstream", True


class RateLimited(ProviderError):
    """Too many calls a minute. The provider is well: it is left alone for as long as it asks, and then trusted."""

    kind, retryable, counts = "rate_limited", True, False

    @property
    def pause(self) -> float:
        return RATE_PAUSE if self.retry_after is None else self.retry_after


class QuotaExhausted(ProviderError):
    """The day's or month's quota is used up, or there is none for this model (`limit: 0`)."""

    kind, lasting, health = "quota", True, "quota"

    @property
    def pause(self) -> float:
        return QUOTA_PAUSE if self.retry_after is None else max(self.retry_after, QUOTA_PAUSE_LEAST)


class _Misconfigured(ProviderError):
    lasting, misconfigured = True, True

    @property
    def pause(self) -> float:
        return MISCONFIGURED_PAUSE


class BadKey(_Misconfigured):
    """The key is wrong, or may not do this: 401, 403."""

    kind = "bad_key"


class ModelRetired(_Misconfigured):
    """The provider does not know this model (any more): 404."""

    kind, health = "retired_model", "retired_model"


class RequestRefused(ProviderError):
    """The provider does not take what was sent, such as too long a prompt. Another one may."""

    kind, counts = "refused", False


class ContentBlocked(ProviderError):
    """The provider will not answer this question. That is an answer: nobody else is asked."""

    kind, counts = "blocked", False


class BadPayload(ProviderError):
    """An answer that could not be read, or with fewer vectors than texts."""

    kind, retryable = "bad_payload", True


class AnswerCut(ProviderError):
    """The stream ended without a finish reason that stands for a whole answer."""

    kind, retryable = "cut", True


class EmptyAnswer(ProviderError):
    """A whole answer without a word in it."""

    kind, retryable = "empty", True


class CircuitOpen(ProviderError):
    """The provider was not asked: its breaker is open."""

    kind, counts = "open", False
