"""Cohere's embedding models.

Over plain HTTP: LangChain's class cannot set dimensions, and its SDK takes 60 times the CPU for a batch of 96.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from chains.errors import SettingsError
from chains.providers.cohere_api import cohere_api
from chains.providers.remote_embeddings import RemoteEmbeddings
from chains.providers.retired import served_embedding_model
from chains.resilience import Timeouts
from chains.settings import ChainSettings

OF_ANY_LENGTH = {"embed-v4.0": (1536, 1024, 512, 256)}  # the recommended length first
OF_ONE_LENGTH = {"embed-english-light-v3.0": 384, "embed-multilingual-light-v3.0": 384}
USUAL = 1024


class CohereEmbeddings(RemoteEmbeddings):
    """`input_type` says what a text is for."""

    provider = "cohere"
    batch_texts = 96
    batch_tokens = 100_000
    prefix = "search_query / search_document"

    def __init__(self, settings: ChainSettings) -> None:
        timeouts = Timeouts.of(settings)
        model = served_embedding_model("COHERE_EMBEDDING_MODEL", settings.cohere_embedding_model)
        timeout = httpx.Timeout(max(timeouts.embed, 30.0), connect=timeouts.connect)
        super().__init__(cohere_api(settings, timeout), model, _length(model, settings.embedding_dimensions))

    def _request(self, texts: Sequence[str], *, query: bool) -> tuple[str, dict[str, Any]]:
        body = {
            "model": self.model,
            "texts": list(texts),
            "input_type": "search_query" if query else "search_document",
            "embedding_types": ["float"],
        }
        return "/v2/embed", body | ({"output_dimension": self.dimensions} if self.model in OF_ANY_LENGTH else {})

    def _vectors(self, answer: Any) -> Any:
        return answer["embeddings"]["float"]


def _length(model: str, wanted: int | None) -> int:
    lengths = OF_ANY_LENGTH.get(model) or (OF_ONE_LENGTH.get(model, USUAL),)
    if wanted is not None and wanted not in lengths:
        raise SettingsError(f"EMBEDDING_DIMENSIONS: {model} gives {', '.join(map(str, lengths))}. Set one of these.")
    return wanted or lengths[0]
