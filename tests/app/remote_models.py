"""`docent serve` in a process of its own, on the simulated provider of a key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from doors import SITE
from live_service import LiveService, serving

from tests.provider_simulator.handle import ProviderKey

OPENAI_MODEL = "qwen3:8b"
SUITE = ("gemini", "cohere", "openai_compatible")


def keys_of(provider: str, key: ProviderKey) -> dict[str, str]:
    """What the author sets to have his answers from this provider."""
    match provider:
        case "gemini":
            return {"GEMINI_API_KEY": key.key, "GEMINI_BASE_URL": key.gemini_url}
        case "cohere":
            return {"COHERE_API_KEY": key.key, "COHERE_BASE_URL": key.cohere_url}
    return {
        "CHAT_PROVIDER": "openai_compatible",
        "OPENAI_BASE_URL": key.openai_url,
        "OPENAI_API_KEY": key.key,
        "OPENAI_MODEL": OPENAI_MODEL,
    }


@contextmanager
def serving_on(provider: str, key: ProviderKey, folder: Path, dsn: str, **more: Any) -> Iterator[LiveService]:
    """Healthy, with an embedded index, on a database that is there already."""
    with serving(folder, SITE, DATABASE_URL=dsn, **keys_of(provider, key), **more) as service:
        yield service
