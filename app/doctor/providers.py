"""The models: is each provider there, does it take the key, does it still serve what the settings name?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from app.doctor.diagnosis import Diagnosis, Patience, failed, ok, skipped, warning
from app.settings import Settings
from chains.errors import SettingsError

if TYPE_CHECKING:
    from chains.providers.probes import Probe


async def check_providers(settings: Settings, patience: Patience) -> list[Diagnosis]:
    """Every remote provider that is used, in parallel, by the probes that health uses; the local model by its files."""
    used = {*settings.chat_providers, settings.embedded_by} | ({"cohere"} if settings.reranks else set())
    retired = [found for provider in sorted(used) for found in _retired(provider, settings)]
    local = [await asyncio.to_thread(_local, settings)] if "local" in used else []
    if used == {"local"}:
        return local
    try:
        probes = await asyncio.to_thread(_probes, settings)
    except SettingsError:  # a matter of the settings, which are checked by themselves
        return [skipped(provider, "Its settings have to be put right first.") for provider in sorted(used)]
    looks = await asyncio.gather(*(_look(probe, patience.left) for probe in probes))
    return [*retired, *looks, *local]


def _probes(settings: Settings) -> list[Probe]:
    from chains.providers import embeddings
    from chains.providers.probes import probes

    return probes(settings, embeddings(settings))


async def _look(probe: Probe, within: float) -> Diagnosis:
    from chains.providers.remedies import explain
    from chains.resilience import ProviderError, ProviderTimeout, RateLimited

    try:
        async with asyncio.timeout(within):
            await probe()
    except (ProviderError, TimeoutError) as error:
        known = error if isinstance(error, ProviderError) else ProviderTimeout(f"{within:.1f} s")
        verdict = warning if isinstance(known, RateLimited) else failed
        return verdict(probe.provider, *explain(probe.provider, known.kind, known.detail))
    if probe.unasked:
        return skipped(probe.provider, f"Only its own package can ask it for {probe.model}.")
    return ok(probe.provider, f"Answers, takes the key and serves {probe.model}.")


def _retired(provider: str, settings: Settings) -> list[Diagnosis]:
    """By the list of models that were shut down, without asking anybody."""
    from chains.providers.retired import retirement

    if provider not in ("gemini", "cohere"):
        return []
    asked = {"_model": provider in settings.chat_providers, "_embedding_model": settings.embedded_by == provider}
    variables = [f"{provider}{kind}" for kind, used in asked.items() if used]
    said = [(name.upper(), retirement(name.upper(), getattr(settings, name))) for name in variables]
    remedy = "Set {} to the successor, or remove it."
    return [warning(provider, f"{text}.", remedy.format(name)) for name, text in said if text]


def _local(settings: Settings) -> Diagnosis:
    from chains.providers.local_files import PINNED, pinned_file

    try:
        for name in PINNED:
            pinned_file(name, settings.embed_model_dir)
    except SettingsError as error:
        return failed("local", str(error), "Set one of these keys, if you have one.")
    return ok("local", "The local model's files are there. It reads English only.")
