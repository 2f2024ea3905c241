"""OpenAI-compatible servers, and LangChain's providers by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.util import find_spec

import pytest
from remote import asked, settings_of

from chains.errors import SettingsError
from chains.providers import aclose_model, chat_endpoints, require_what_is_chosen
from chains.resilience import ChatEndpoint, Guard, ProviderError, Timeouts, finish_of, resilient
from chains.settings import ChainSettings
from tests.provider_simulator.clients import ANSWER
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio


def openai_settings(key: ProviderKey, **settings: str) -> ChainSettings:
    own = {"openai_base_url": key.openai_url, "openai_api_key": key.key, "openai_model": "llama3.2"}
    return settings_of(key, chat_provider="openai_compatible", **(own | settings))


@pytest.fixture
async def endpoint(provider_key: ProviderKey) -> AsyncIterator[ChatEndpoint]:
    (endpoint,) = chat_endpoints(openai_settings(provider_key), None)  # type: ignore[arg-type]
    yield endpoint
    await aclose_model(endpoint.model)


async def test_compatible_server_answers_with_its_ending(endpoint: ChatEndpoint) -> None:
    reply = await resilient(endpoint).ainvoke(asked())
    assert (endpoint.provider, endpoint.model_name) == ("openai_compatible", "llama3.2")
    assert reply.text == ANSWER
    assert finish_of(reply) == "stop"
    assert reply.usage_metadata["input_tokens"] > 60  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("fault", "details", "kind"),
    [
        ("status", {"status": 429}, "rate_limited"),
        ("status", {"status": 500}, "upstream"),
        ("status", {"status": 401}, "bad_key"),
        ("hang", {}, "timeout"),
        ("reset", {}, "network"),
        ("cut", {}, "network"),
        ("clean_end", {}, "cut"),
        ("malformed", {}, "bad_payload"),
    ],
    ids=str,
)
async def test_fault_of_a_compatible_server_has_our_name(
    endpoint: ChatEndpoint, provider_key: ProviderKey, fault: str, details: dict[str, int], kind: str
) -> None:
    provider_key.fail(fault, **details)
    guard = Guard(Timeouts(first_token=0.6, between_tokens=0.6))
    with pytest.raises(ProviderError) as raised:
        async for _ in endpoint.stream(asked(), None, guard, guard.deadline()):
            pass
    assert raised.value.kind == kind
    assert len(provider_key.requests()) == 1


def test_keyed_provider_stands_in_for_a_compatible_server(provider_key: ProviderKey) -> None:
    settings = openai_settings(provider_key, gemini_api_key=provider_key.key)
    assert settings.chat_providers == ["openai_compatible", "gemini"]


def test_absent_package_is_named() -> None:
    assert find_spec("langchain_anthropic") is None
    settings = ChainSettings(_env_file=None, chat_provider="anthropic:claude-sonnet-4-5")  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match="CHAT_PROVIDER: anthropic needs the package langchain-anthropic"):
        require_what_is_chosen(settings)


def test_unknown_provider_is_named() -> None:
    settings = ChainSettings(_env_file=None, chat_provider="abacus:beads-1")  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match="CHAT_PROVIDER: abacus is not a provider that LangChain knows"):
        require_what_is_chosen(settings)


def test_installed_package_is_used_by_its_name(provider_key: ProviderKey) -> None:
    settings = settings_of(provider_key, chat_provider="google_genai:gemini-3.5-flash")
    with pytest.raises(SettingsError, match=r"CHAT_PROVIDER: google_genai cannot be set up .* Is its key set"):
        chat_endpoints(settings, None)  # type: ignore[arg-type]
