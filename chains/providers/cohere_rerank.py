"""Cohere's rerank models, truly asynchronous: LangChain's class waits in six threads for its SDK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from chains.providers.cohere_api import cohere_api
from chains.resilience import BadPayload, Timeouts
from chains.settings import ChainSettings


class CohereRanker:
    """Scores are of this model alone: another one's have another scale."""

    provider = "cohere"

    def __init__(self, settings: ChainSettings) -> None:
        timeouts = Timeouts.of(settings)
        self.model_name = settings.cohere_rerank_model
        self._api = cohere_api(settings, httpx.Timeout(timeouts.rerank, connect=timeouts.connect))

    async def rank(self, query: str, texts: Sequence[str]) -> list[float]:
        """How relevant each text is, 0 to 1.

        Raises:
            ProviderError, httpx.HTTPError: it failed, or not every text was ranked.
        """
        body = {"model": self.model_name, "query": query, "documents": list(texts), "top_n": len(texts)}
        return _scores(await self._api.apost("/v2/rerank", body), len(texts))

    async def aclose(self) -> None:
        await self._api.aclose()


def _scores(answer: Any, count: int) -> list[float]:
    try:
        scores = {int(result["index"]): float(result["relevance_score"]) for result in answer["results"]}
    except (LookupError, TypeError, ValueError) as error:
        raise BadPayload("no ranks") from error
    if scores.keys() != set(range(count)):
        raise BadPayload(f"ranks of other texts than the {count} that were sent")
    return [scores[index] for index in range(count)]
