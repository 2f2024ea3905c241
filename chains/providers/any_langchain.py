"""Any other provider of LangChain's, by its name and a model: `anthropic:claude-sonnet-4-5`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import httpx
from langchain.chat_models import base, init_chat_model
from langchain_core.exceptions import ModelConnectionError, ModelTimeoutError

from chains.errors import SettingsError
from chains.resilience import (
    ChatEndpoint,
    NetworkFailure,
    ProviderError,
    ProviderTimeout,
    Timeouts,
    translate_error,
)
from chains.settings import ChainSettings


def langchain_chat(settings: ChainSettings) -> ChatEndpoint:
    """Its package reads its key from the environment by itself.

    Raises:
        SettingsError: LangChain does not know the provider, its package is absent, or it refuses what it was given.
    """
    provider, _, model = settings.chat_provider.partition(":")
    return endpoint(provider, model, settings, f"CHAT_PROVIDER: {provider}")


def endpoint(provider: str, model: str, settings: ChainSettings, what: str, **options: Any) -> ChatEndpoint:
    """`what` begins the sentence of a SettingsError."""
    require_package(provider, what)
    timeouts = Timeouts.of(settings)
    # Not a number, for which langchain-openai would share its client between event loops.
    timeout = httpx.Timeout(timeouts.first_token, connect=timeouts.connect) if provider == "openai" else None
    options = {"timeout": timeout or timeouts.first_token, "max_retries": 0} | options
    try:
        chat = init_chat_model(model, model_provider=provider, **options)
    except Exception as error:  # each package has its own; its text may quote what it was given
        raise SettingsError(f"{what} cannot be set up ({type(error).__name__}). Is its key set?") from error
    return ChatEndpoint(provider, chat, translate=translate_langchain)


def translate_langchain(error: Exception) -> ProviderError:
    """By status or cause, else by LangChain's own kinds: packages stand on several HTTP clients."""
    failure = translate_error(error)
    if failure.kind != ProviderError.kind:
        return failure
    match error:
        case ModelTimeoutError():
            return ProviderTimeout(type(error).__name__)
        case ModelConnectionError():
            return NetworkFailure(type(error).__name__)
    return failure


def require_package(provider: str, what: str) -> None:
    """
    Raises:
        SettingsError: names the package to install.
    """
    known = base._BUILTIN_PROVIDERS.get(provider)
    if known is None:
        raise SettingsError(f"{what} is not a provider that LangChain knows.")
    module = known[0].partition(".")[0]
    if find_spec(module) is None:
        package = module.replace("_", "-")
        raise SettingsError(f"{what} needs the package {package}. Run: pip install {package}")
