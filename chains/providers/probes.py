"""Is a provider there, does it take the key, and does it still serve the models? Asked without using up its quota."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from chains.providers import PinnedEmbeddings
from chains.providers.cohere_api import cohere_api
from chains.providers.gemini_api import gemini_api
from chains.providers.http_api import HttpApi
from chains.providers.openai_compatible import openai_api
from chains.providers.retired import CHAT, served_name
from chains.resilience import ModelRetired, Timeouts, translate_error
from chains.resilience.translation import translated
from chains.settings import ChainSettings

TIMEOUT = 3.5  # seconds; the state of every service is known within five from the start


@dataclass(frozen=True, slots=True)
class Probe:
    """`holds`: seconds for which a good answer is believed.

    Raises (when called):
        ProviderError: says what is wrong.
    """

    provider: str
    model: str
    look: Callable[[], Awaitable[Any]]
    holds: float = 60.0
    replaced: str = ""  # the configured model, should another one stand in for it

    @property
    def unasked(self) -> bool:
        """Nobody here knows how to ask this provider."""
        return self.look is _nothing

    async def __call__(self) -> None:
        with translated(translate_error):
            async with asyncio.timeout(TIMEOUT):
                await self.look()


def probes(settings: ChainSettings, embeddings: PinnedEmbeddings) -> list[Probe]:
    """One for each remote provider that is used. The first look embeds a word, to see the vectors' length."""
    made = [_gemini(settings, embeddings), _cohere(settings, embeddings), _openai(settings)]
    known = [probe for probe in made if probe]
    names = {probe.provider for probe in known} | {"local"}
    others = [name.partition(":") for name in settings.chat_providers if name not in names]
    return [*known, *(Probe(provider, model, _nothing) for provider, _, model in others)]


def _gemini(settings: ChainSettings, embeddings: PinnedEmbeddings) -> Probe | None:
    """A description of a model is free."""
    models = _models("gemini", settings, embeddings)
    api = gemini_api(settings, _timeout(settings))
    paths = [f"/v1beta/models/{model}" for model in models]
    return (
        _probe("gemini", models, settings.gemini_model, _Look(api, paths, _of("gemini", embeddings)))
        if models
        else None
    )


def _cohere(settings: ChainSettings, embeddings: PinnedEmbeddings) -> Probe | None:
    """A trial key has 1,000 calls a month, and every call may be one: an hourly look takes 720 of them at most."""
    models = _models("cohere", settings, embeddings)
    api = cohere_api(settings, _timeout(settings))
    look = _Look(api, [f"/v1/models/{model}" for model in models], _of("cohere", embeddings))
    return _probe("cohere", models, settings.cohere_model, look, holds=3_600.0) if models else None


def _openai(settings: ChainSettings) -> Probe | None:
    if "openai_compatible" not in settings.chat_providers:
        return None
    look = _Look(openai_api(settings), ["/models"])
    return Probe("openai_compatible", settings.openai_model or "", look)


class _Look:
    def __init__(self, api: HttpApi, paths: list[str], embeddings: PinnedEmbeddings | None = None) -> None:
        self._api, self._paths, self._embeddings = api, paths, embeddings

    async def __call__(self) -> None:
        asked = [self._describe(path) for path in self._paths]
        if self._embeddings is not None:
            asked.append(self._embeddings.aembed_query("ping"))
        await asyncio.gather(*asked)
        self._embeddings = None

    async def _describe(self, path: str) -> Any:
        """A refusal that concerns the model says which one."""
        try:
            return await self._api.aget(path)
        except ModelRetired as error:
            raise ModelRetired(f"{path.rpartition('/')[2]}, {error.detail}") from error


async def _nothing() -> None:
    """A provider that only its package knows how to ask: its breaker says how it is."""


def _models(provider: str, settings: ChainSettings, embeddings: PinnedEmbeddings) -> list[str]:
    """Those of this provider that are asked: chat, embedding, rerank."""
    models = []
    if provider in settings.chat_providers:
        models.append(served_name(getattr(settings, f"{provider}_model"), CHAT))
    if settings.embedded_by == provider:
        models.append(embeddings.identity.partition("/")[2])
    if provider == "cohere" and settings.reranks:
        models.append(settings.cohere_rerank_model)
    return models


def _probe(provider: str, models: list[str], configured: str, look: _Look, holds: float = 60.0) -> Probe:
    name = served_name(configured, CHAT)
    replaced = configured if models[0] == name != configured.removeprefix("models/") else ""
    return Probe(provider, models[0], look, holds, replaced)


def _of(provider: str, embeddings: PinnedEmbeddings) -> PinnedEmbeddings | None:
    return embeddings if embeddings.identity.startswith(f"{provider}/") else None


def _timeout(settings: ChainSettings) -> httpx.Timeout:
    return httpx.Timeout(TIMEOUT, connect=Timeouts.of(settings).connect)
