"""Who answers, embeds and reranks, by the keys and by name."""

from __future__ import annotations

from typing import Any

import pytest

from chains.errors import SettingsError
from chains.settings import ChainSettings

BOTH = {"gemini_api_key": "g", "cohere_api_key": "c"}
OPENAI = {"openai_base_url": "http://localhost:11434/v1", "openai_model": "llama3.2"}


def load(**given: Any) -> ChainSettings:
    return ChainSettings.load(_env_file=None, **given)


@pytest.mark.parametrize(
    ("given", "chat", "embeds", "reranks"),
    [
        ({}, ["local"], "local", False),
        ({"gemini_api_key": "g"}, ["gemini"], "gemini", False),
        ({"cohere_api_key": "c"}, ["cohere"], "cohere", True),
        (BOTH, ["gemini", "cohere"], "gemini", True),
        (BOTH | {"chat_provider": "cohere"}, ["cohere", "gemini"], "gemini", True),
        (BOTH | {"chat_provider": "local"}, ["local"], "gemini", True),
        (BOTH | {"embedding_provider": "local", "rerank_provider": "none"}, ["gemini", "cohere"], "local", False),
        (OPENAI | {"chat_provider": "openai_compatible"}, ["openai_compatible"], "local", False),
        (OPENAI, ["local"], "local", False),
        ({"chat_provider": "anthropic:claude", "cohere_api_key": "c"}, ["anthropic:claude", "cohere"], "cohere", True),
    ],
    ids=str,
)
def test_keys_and_names_choose(given: dict[str, Any], chat: list[str], embeds: str, reranks: bool) -> None:
    settings = load(**given)
    assert (settings.chat_providers, settings.embedded_by, settings.reranks) == (chat, embeds, reranks)


@pytest.mark.parametrize(
    ("given", "variable"),
    [
        ({"chat_provider": "gemini"}, "GEMINI_API_KEY"),
        ({"chat_provider": "cohere", "gemini_api_key": "g"}, "COHERE_API_KEY"),
        ({"embedding_provider": "cohere"}, "COHERE_API_KEY"),
        ({"rerank_provider": "cohere"}, "COHERE_API_KEY"),
        ({"chat_provider": "openai_compatible", "openai_model": "m"}, "OPENAI_BASE_URL"),
        ({"chat_provider": "openai_compatible", "openai_base_url": "http://localhost:1/v1"}, "OPENAI_MODEL"),
        ({"chat_provider": "abacus"}, "CHAT_PROVIDER"),
        ({"openai_base_url": "http://llm.example.com/v1"}, "OPENAI_BASE_URL"),
        ({"gemini_base_url": "nowhere"}, "GEMINI_BASE_URL"),
        ({"embedding_dimensions": 0}, "EMBEDDING_DIMENSIONS"),
    ],
    ids=str,
)
def test_what_is_missing_is_named(given: dict[str, Any], variable: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{variable}: "):
        load(**given)


def test_keys_are_not_shown() -> None:
    assert "CANARY" not in repr(load(gemini_api_key="CANARY", cohere_api_key="CANARY", openai_api_key="CANARY"))
