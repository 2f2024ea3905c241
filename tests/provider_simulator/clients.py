"""The stock clients as the tests build them: at the simulator, without retries of their own."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from langchain_cohere import ChatCohere, CohereEmbeddings, CohereRerank
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_google_genai import ChatGoogleGenerativeAI, GoogleGenerativeAIEmbeddings

from tests.provider_simulator.handle import ProviderKey

RULES = "Answer from the passages alone and cite them."
QUESTION = "How long is the warranty of a pump?"
ANSWER = "The warranty of a pump is 24 months from delivery [2]."
PASSAGES = """\
<passages>
<passage id="1" title="Returns">
Goods may be returned within 14 days of purchase. Bring the receipt.
</passage>
<passage id="2" title="Warranty">
Keep the invoice. The warranty of a pump is 24 months from delivery.
</passage>
</passages>
"""
DOCUMENTS = [
    {"id": "1", "title": "Returns", "text": "Goods may be returned within 14 days of purchase. Bring the receipt."},
    {"id": "2", "title": "Warranty", "text": "Keep the invoice. The warranty of a pump is 24 months from delivery."},
]
SHORT = 0.4  # seconds; a client's timeout where it is to strike
NO_RETRY: dict[str, Any] = {"request_options": {"max_retries": 0}}  # as an argument of a call to ChatCohere


def asked(question: str = QUESTION) -> list[BaseMessage]:
    return [SystemMessage(RULES), HumanMessage(f"{PASSAGES}\nQuestion: {question}")]


class StockClients:
    """LangChain's own classes with one key. What they leave open, `close` closes.

    A Gemini client that is not closed closes itself when it is collected, in whatever event loop runs then: the test
    that happens to run there fails with "Event loop is closed".
    """

    def __init__(self, key: ProviderKey) -> None:
        self._at_gemini: dict[str, Any] = {"api_key": key.key, "base_url": key.gemini_url}
        self._at_cohere: dict[str, Any] = {"cohere_api_key": key.key, "base_url": key.cohere_url}
        self._opened: list[ChatGoogleGenerativeAI | GoogleGenerativeAIEmbeddings] = []

    def gemini(self, model: str = "gemini-2.5-flash-lite", **options: Any) -> ChatGoogleGenerativeAI:
        given = self._at_gemini | {"model": model, "timeout": 5, "max_retries": 1}
        chat = ChatGoogleGenerativeAI(**(given | options))
        self._opened.append(chat)
        return chat

    def gemini_embeddings(self, model: str = "gemini-embedding-001", **options: Any) -> GoogleGenerativeAIEmbeddings:
        embeddings = GoogleGenerativeAIEmbeddings(**(self._at_gemini | {"model": model} | options))
        self._opened.append(embeddings)
        return embeddings

    def cohere(self, **options: Any) -> ChatCohere:
        return ChatCohere(**(self._at_cohere | {"model": "command-a-03-2025", "timeout_seconds": 5} | options))

    def cohere_embeddings(self, model: str = "embed-v4.0", **options: Any) -> CohereEmbeddings:
        given = self._at_cohere | {"model": model, "max_retries": 1, "request_timeout": 5}
        return CohereEmbeddings(**(given | options))

    def cohere_rerank(self, **options: Any) -> CohereRerank:
        return CohereRerank(**(self._at_cohere | {"model": "rerank-v4.0-fast"} | options))

    async def close(self) -> None:
        for opened in self._opened:
            if isinstance(opened, ChatGoogleGenerativeAI):
                await opened.aclose()
            else:
                await opened.client.aio.aclose()


def bare(key: ProviderKey, url: str, **options: Any) -> httpx.AsyncClient:
    """HTTP without a vendor's client. `url` is one of the key's."""
    headers = {"authorization": f"Bearer {key.key}", "x-goog-api-key": key.key}
    return httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, verify=False, **({"timeout": 5} | options))


async def streamed(model: BaseChatModel, messages: list[BaseMessage] | None = None, **options: Any) -> AIMessageChunk:
    """The chunks of an answer, added up."""
    total: AIMessageChunk | None = None
    async for chunk in model.astream(messages or asked(), **options):
        assert isinstance(chunk, AIMessageChunk)
        total = chunk if total is None else total + chunk
    assert total is not None
    return total


async def heard_until_error(model: BaseChatModel) -> tuple[str, Exception]:
    """The text that came before the stream failed, and the failure."""
    text = ""
    try:
        async for chunk in model.astream(asked()):
            text += chunk.text
    except Exception as error:
        return text, error
    raise AssertionError("the stream ended in order")


def first(words: int) -> str:
    """So many words of the answer."""
    return " ".join(ANSWER.split()[:words])


async def ending(key: ProviderKey) -> Any:
    """How the last request ended; the server learns of it a moment after the client."""
    for _ in range(100):
        if (ended := key.last_request()["ended"]) != "running":
            return ended
        await asyncio.sleep(0.01)
    return "running"
