"""One guarded call: embeddings, retrieval, reranking."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from chains.errors import DocentError
from chains.resilience.attempts import Attempts
from chains.resilience.failures import Operation, ProviderError, ProviderTimeout
from chains.resilience.guard import Guard
from chains.resilience.translation import Translate, translate_error, translated

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dependency:
    """What is called: `timeout` in seconds and for each of at most `attempts` calls."""

    provider: str
    operation: Operation
    timeout: float
    translate: Translate = translate_error
    attempts: int = 2


async def guarded(call: Callable[[], Awaitable[T]], dependency: Dependency, guard: Guard) -> T:
    """What `call` gives, within the timeout and the turn's deadline, retried where that may help.

    `call` is cancelled when its time is up. It must be safe to make twice.

    Raises:
        DeadlineExceeded: no time is left.
        ModelUnavailable, RetrievalUnavailable: it failed, or its breaker is open; the cause says which.
    """
    attempts = Attempts(guard, dependency.operation, [dependency.provider], dependency.attempts)
    while True:
        provider = await attempts.next()
        try:
            with guard.passage(provider, dependency.operation), translated(dependency.translate):
                return await _in_time(call, attempts.deadline.share(dependency.timeout))
        except ProviderError as error:
            attempts.failed(provider, error)


async def guarded_or_skipped(
    call: Callable[[], Awaitable[T]], dependency: Dependency, guard: Guard, *, otherwise: T
) -> T:
    """As `guarded`; where that raises, `otherwise`: for a step that an answer can do without, as reranking."""
    try:
        return await guarded(call, dependency, guard)
    except DocentError as error:
        guard.count("skipped", dependency.provider, dependency.operation)
        log.warning("%s %s skipped: %s", dependency.provider, dependency.operation.value, error.__cause__)
        return otherwise


async def _in_time(call: Callable[[], Awaitable[T]], seconds: float) -> T:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await call()
    except TimeoutError as error:
        if limit.expired():
            raise ProviderTimeout(f"no answer within {seconds:.1f} s") from error
        raise
