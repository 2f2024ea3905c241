"""What embedding models behind an HTTP API have in common: batches, checks, length 1."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chains.providers import PinnedEmbeddings
from chains.providers.http_api import HttpApi, ssl_context
from chains.resilience import BadPayload
from chains.resilience.patience import patiently

BATCHES_AT_ONCE = 4


class RemoteEmbeddings(PinnedEmbeddings):
    """Vectors of length 1, as many as there were texts, each of `dimensions`; anything else is a BadPayload.

    Asynchronous calls are made once: they belong behind a guard. Synchronous ones, for indexing and notebooks, wait
    and try again.

    Raises:
        ProviderError, httpx.HTTPError: (asynchronous) it failed.
        SearchFault: (synchronous) it goes on failing.
    """

    provider: str
    batch_texts: int  # in one request
    batch_tokens: int  # about as many, 4 characters each

    def __init__(self, api: HttpApi, model: str, dimensions: int) -> None:
        self._api = api
        self.model = model
        self.identity = f"{self.provider}/{model}"
        self.dimensions = dimensions

    @abstractmethod
    def _request(self, texts: Sequence[str], *, query: bool) -> tuple[str, dict[str, Any]]:
        """Path and body that ask for the vectors of one batch."""

    @abstractmethod
    def _vectors(self, answer: Any) -> Any:
        """Lists of numbers. LookupError and TypeError of an answer in another form are the caller's."""

    def open(self) -> None:
        ssl_context()

    def close(self) -> None:
        self._api.close()

    async def aclose(self) -> None:
        await self._api.aclose()

    async def aembed_query(self, text: str) -> list[float]:
        return (await self._aembed([text], query=True))[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        places = asyncio.Semaphore(BATCHES_AT_ONCE)

        async def embed(batch: list[str]) -> list[list[float]]:
            async with places:
                return await self._aembed(batch, query=False)

        embedded = await asyncio.gather(*map(embed, self._batches(texts)))
        return [vector for vectors in embedded for vector in vectors]

    def embed_query(self, text: str) -> list[float]:
        return self._embed([text], query=True)[0]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector for batch in self._batches(texts) for vector in self._embed(batch, query=False)]

    async def _aembed(self, texts: list[str], *, query: bool) -> list[list[float]]:
        return self._checked(await self._api.apost(*self._request(texts, query=query)), len(texts))

    def _embed(self, texts: list[str], *, query: bool) -> list[list[float]]:
        path, body = self._request(texts, query=query)
        return patiently(
            lambda: self._checked(self._api.post(path, body), len(texts)), f"Embedding with {self.identity}"
        )

    def _checked(self, answer: Any, count: int) -> list[list[float]]:
        """Clients of the SDKs let a vector too few pass: every later text would get its neighbour's."""
        try:
            matrix = np.asarray(self._vectors(answer), dtype=np.float64)
        except (LookupError, TypeError, ValueError) as error:
            raise BadPayload("no vectors") from error
        if matrix.shape != (count, self.dimensions):
            raise BadPayload(f"vectors of shape {matrix.shape} for {count} texts and {self.dimensions} dimensions")
        lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise BadPayload("a vector without a direction")
        vectors: list[list[float]] = (matrix / lengths).tolist()
        return vectors

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        batch: list[str] = []
        tokens = 0
        for text in texts:
            size = len(text) // 4 + 1
            if batch and (len(batch) == self.batch_texts or tokens + size > self.batch_tokens):
                yield batch
                batch, tokens = [], 0
            batch.append(text)
            tokens += size
        if batch:
            yield batch
