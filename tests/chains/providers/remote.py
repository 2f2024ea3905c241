"""Our providers at the simulator."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from chains.settings import ChainSettings
from tests.provider_simulator.clients import DOCUMENTS, PASSAGES, QUESTION, RULES
from tests.provider_simulator.handle import ProviderKey

TEXTS = ["The warranty of a pump is 24 months.", "Goods may be returned within 14 days.", "Bring the receipt."]


def settings_of(key: ProviderKey, *providers: str, **settings: Any) -> ChainSettings:
    """With the key for these providers, and their addresses."""
    keys = {f"{provider}_api_key": key.key for provider in providers}
    addresses = {"gemini_base_url": key.gemini_url, "cohere_base_url": key.cohere_url}
    return ChainSettings(_env_file=None, **(keys | addresses | settings))  # type: ignore[call-arg]


def asked(question: str = QUESTION) -> list[BaseMessage]:
    """As the chain asks: the passages in the prompt, and beside it as data."""
    data = {"documents": DOCUMENTS, "question": question}
    return [SystemMessage(RULES), HumanMessage(f"{PASSAGES}\nQuestion: {question}", additional_kwargs=data)]
