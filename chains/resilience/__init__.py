"""The one retry owner: deadlines, retries before the first token, breakers, fallback. Providers retry nothing.

A provider's module raises, or translates its SDK's errors into, the failures named here. Chat models go through
`resilient`, embeddings and retrieval through `guarded`, reranking through `guarded_or_skipped`; all with the process's
one `Guard`, which knows the state of every breaker and what was counted.
"""

from chains.resilience.breaker import Breaker
from chains.resilience.calls import Dependency, guarded, guarded_or_skipped
from chains.resilience.completeness import BLOCKED, COMPLETE, TRUNCATED, finish_of
from chains.resilience.deadline import Deadline, Timeouts, current_deadline, turn_deadline
from chains.resilience.endpoint import ChatEndpoint
from chains.resilience.failures import (
    AnswerCut,
    BadKey,
    BadPayload,
    CircuitOpen,
    ContentBlocked,
    EmptyAnswer,
    ModelRetired,
    NetworkFailure,
    Operation,
    ProviderDown,
    ProviderError,
    ProviderTimeout,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
)
from chains.resilience.google_rpc import from_google
from chains.resilience.guard import BreakerState, Count, Guard, RetryBudget
from chains.resilience.model import ResilientModel, Restart, resilient
from chains.resilience.translation import Translate, as_seconds, from_status, retry_after_of, translate_error

__all__ = [
    "BLOCKED",
    "COMPLETE",
    "TRUNCATED",
    "AnswerCut",
    "BadKey",
    "BadPayload",
    "Breaker",
    "BreakerState",
    "ChatEndpoint",
    "CircuitOpen",
    "ContentBlocked",
    "Count",
    "Deadline",
    "Dependency",
    "EmptyAnswer",
    "Guard",
    "ModelRetired",
    "NetworkFailure",
    "Operation",
    "ProviderDown",
    "ProviderError",
    "ProviderTimeout",
    "QuotaExhausted",
    "RateLimited",
    "RequestRefused",
    "ResilientModel",
    "Restart",
    "RetryBudget",
    "Timeouts",
    "Translate",
    "as_seconds",
    "current_deadline",
    "finish_of",
    "from_google",
    "from_status",
    "guarded",
    "guarded_or_skipped",
    "resilient",
    "retry_after_of",
    "translate_error",
    "turn_deadline",
]
