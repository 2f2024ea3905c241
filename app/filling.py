"""The embedded index filled from DOCS: at the start, and again and again while the embedding provider is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from chains.errors import SearchFault
from chains.ingest.errors import IngestError

FIRST_PAUSE = 2.0  # seconds until the second attempt, doubled each time up to LONGEST_PAUSE
LONGEST_PAUSE = 120.0

log = structlog.get_logger(__name__)


class NotFilled(SearchFault):
    """The pages are not all in the index: says why, and that nobody has to do anything."""

    status = "missing_collection"


class Filling:
    """`index` reads DOCS into the collection, blocking; what was embedded once is not embedded again.

    Attributes:
        fault: why the last attempt failed, while further ones follow.
    """

    def __init__(self, index: Callable[[], dict[str, object]]) -> None:
        self._index = index
        self._pause = FIRST_PAUSE
        self.fault: NotFilled | None = None

    async def attempt(self) -> None:
        """One run over DOCS. A folder without pages or an unfit collection ends it: waiting would not help."""
        try:
            report = await asyncio.to_thread(self._index)
        except (IngestError, SearchFault) as error:
            self._judge(error)
        else:
            self.fault = None
            log.info("indexed", **report)

    async def go_on(self) -> None:
        """Further attempts until one has filled the index."""
        while self.fault is not None:
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            await self.attempt()

    def _judge(self, error: Exception) -> None:
        from chains.resilience import ProviderError

        cause = error.__cause__
        again = isinstance(cause, ProviderError)
        log.error("indexing_failed", cause=str(cause if again else error), again=again)
        self.fault = None
        if isinstance(cause, ProviderError):
            self._pause = max(self._pause, cause.pause)
            self.fault = NotFilled(
                f"The pages are not all indexed yet: the embedding provider failed ({cause}). Docent tries again by "
                f"itself, next in {self._pause:.0f} s."
            )
