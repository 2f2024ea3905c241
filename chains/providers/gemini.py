"""Gemini's chat models: LangChain's own class, without its retries and with limits."""

from __future__ import annotations

from typing import Any

from google.genai.errors import APIError
from langchain_google_genai import ChatGoogleGenerativeAI

from chains.providers.gemini_api import ADDRESS
from chains.providers.http_api import LIMITS, ssl_context
from chains.providers.retired import served_chat_model
from chains.resilience import (
    ChatEndpoint,
    ProviderError,
    Timeouts,
    from_google,
    retry_after_of,
    translate_error,
)
from chains.settings import ChainSettings

ONE_ATTEMPT = 1  # 0 would mean the SDK's default, 5


def gemini_chat(settings: ChainSettings) -> ChatEndpoint:
    """Nothing is sent. The client waits at most for the first token; `resilient` has the turn's deadline."""
    model = ChatGoogleGenerativeAI(
        model=served_chat_model("GEMINI_MODEL", settings.gemini_model),
        api_key=settings.gemini_api_key,
        base_url=settings.gemini_base_url or ADDRESS,
        timeout=Timeouts.of(settings).first_token,
        max_retries=ONE_ATTEMPT,
        client_args={"limits": LIMITS, "verify": ssl_context()},
    )
    return ChatEndpoint("gemini", model, translate=translate_gemini)


def translate_gemini(error: Exception) -> ProviderError:
    """LangChain's wrappers have no status; the SDK's error, their cause, has that and Google's details."""
    known: BaseException | None = error
    while known is not None:
        if isinstance(known, APIError):
            headers: Any = getattr(known.response, "headers", None) or {}
            return from_google(known.code, known.details, retry_after=retry_after_of(headers))
        known = known.__cause__
    return translate_error(error)
