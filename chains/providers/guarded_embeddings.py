"""Embeddings behind the guard: a deadline, a second attempt, a breaker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from chains.providers import PinnedEmbeddings
from chains.resilience import Dependency, Guard, Operation, guarded

T = TypeVar("T")


class GuardedEmbeddings(PinnedEmbeddings):
    """The same vectors. Synchronous calls, which are not a turn's, pass as they are.

    Raises:
        DeadlineExceeded, RetrievalUnavailable: (asynchronous) the provider failed; the cause says how.
    """

    def __init__(self, inner: PinnedEmbeddings, guard: Guard) -> None:
        self._inner, self._guard = inner, guard
        self.identity, self.dimensions, self.prefix = inner.identity, inner.dimensions, inner.prefix
        self.reads_word_pieces = inner.reads_word_pieces
        provider = inner.identity.partition("/")[0]
        self._dependency = Dependency(provider, Operation.EMBED, guard.timeouts.embed)

    def open(self) -> None:
        self._inner.open()

    def close(self) -> None:
        self._inner.close()

    async def aclose(self) -> None:
        await self._inner.aclose()

    def embed_query(self, text: str) -> list[float]:
        return self._inner.embed_query(text)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._inner.embed_documents(texts)

    async def aembed_query(self, text: str) -> list[float]:
        return await self._guarded(lambda: self._inner.aembed_query(text))

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return await self._guarded(lambda: self._inner.aembed_documents(texts))

    async def _guarded(self, call: Callable[[], Awaitable[T]]) -> T:
        return await guarded(call, self._dependency, self._guard)
