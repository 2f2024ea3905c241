"""Any server that speaks OpenAI's protocol: Ollama, llama.cpp, vLLM. Needs the extra `openai`."""

from __future__ import annotations

from dataclasses import replace

import httpx

from chains.providers.any_langchain import endpoint
from chains.providers.http_api import HttpApi
from chains.resilience import ChatEndpoint, ProviderError, Timeouts, from_status, retry_after_of
from chains.settings import ChainSettings

NO_KEY = "none"  # OpenAI's client insists on one, and local servers do not look


def openai_chat(settings: ChainSettings) -> ChatEndpoint:
    """
    Raises:
        SettingsError: the package langchain-openai is absent.
    """
    chat = endpoint(
        "openai",
        settings.openai_model or "",
        settings,
        "CHAT_PROVIDER: openai_compatible",
        base_url=settings.openai_base_url,
        api_key=settings.openai_api_key or NO_KEY,
        stream_usage=True,
    )
    return replace(chat, provider="openai_compatible")


def openai_api(settings: ChainSettings) -> HttpApi:
    timeouts = Timeouts.of(settings)
    headers = {"authorization": f"Bearer {settings.openai_api_key or NO_KEY}"}
    timeout = httpx.Timeout(timeouts.embed, connect=timeouts.connect)
    return HttpApi(settings.openai_base_url or "", headers, _refusal, timeout)


def _refusal(response: httpx.Response) -> ProviderError:
    return from_status(response.status_code, retry_after=retry_after_of(response.headers))
