"""One call again and again, for commands that can wait: indexing, whose quota of the minute is soon used up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from chains.errors import SearchFault
from chains.resilience.failures import ProviderError, RateLimited
from chains.resilience.translation import translate_error, translated

T = TypeVar("T")

RATE_TRIES = 8  # of a batch that met the minute's limit, which is over after a minute
TRIES = 3  # of one that failed otherwise
BACKOFF = 1.0  # seconds, doubled each time up to BACKOFF_LIMIT
BACKOFF_LIMIT = 20.0
LONGEST_WAIT = 90.0  # seconds; whoever asks for more is not waited for

log = logging.getLogger(__name__)


def patiently(call: Callable[[], T], what: str, *, sleep: Callable[[float], None] = time.sleep) -> T:
    """What `call` gives, sooner or later. Blocking.

    Raises:
        SearchFault: it cannot be had; `what` says in its sentence what failed.
    """
    tries = 0
    while True:
        try:
            with translated(translate_error):
                return call()
        except ProviderError as error:
            tries += 1
            wait = max(min(BACKOFF * 2 ** (tries - 1), BACKOFF_LIMIT), error.retry_after or 0.0)
            most = RATE_TRIES if isinstance(error, RateLimited) else TRIES
            if not error.retryable or tries >= most or wait > LONGEST_WAIT:
                raise SearchFault(f"{what} failed ({error}). Run the command again later.") from error
            log.warning("%s: %s; again in %.0f s", what, error, wait)
        sleep(wait)
