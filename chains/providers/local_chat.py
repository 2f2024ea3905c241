"""The chat model that needs no key and no language model: it answers with sentences of the passages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from chains.providers.extraction import Extraction, Passage, write_answer

NO_PASSAGES = "I can only quote the indexed pages, and none of them came with this question."
NOTHING_TO_QUOTE = "The sections that were found hold no sentence that I could quote; please open them."

_TOKEN = re.compile(r"\w+|[^\w\s]")
_GROUP = re.compile(r"(?:\s*\S+){1,3}\s*")  # three words a chunk, all white space kept


class ExtractiveChat(BaseChatModel):
    """Quotes two or three sentences of the passages, each followed by its marker: `It runs on port 7860. [1]`.

    Reads the last message's `additional_kwargs`: `documents`, a list of `{"id", "title", "text"}` as Cohere's chat
    takes them, and `question`, standing on its own (absent: the message's text). It reads English, cannot combine,
    count or say no, and makes the same answer every time. A code block, list or table that a quoted sentence introduces
    is quoted with it.

    An answer from five passages of 1,000 characters costs about 0.1 s of CPU, nearly all of it for the vectors of the
    12 sentences whose words fit best; it is spent in the embedding model's own thread. Usage counts words and signs of
    the question, the passages and the answer.
    """

    embeddings: Embeddings
    model_name: str = "local-extractive"

    @property
    def _llm_type(self) -> str:
        return "local-extractive"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _whole(messages, self._answer(messages))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _whole(messages, await self._aanswer(messages))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield from _chunks(messages, self._answer(messages))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in _chunks(messages, await self._aanswer(messages)):
            yield chunk

    def _answer(self, messages: Sequence[BaseMessage]) -> str:
        extraction = _read(messages)
        if not extraction.candidates:
            return _excuse(messages)
        vectors = self.embeddings.embed_documents(extraction.texts)
        return write_answer(extraction.choose(vectors))

    async def _aanswer(self, messages: Sequence[BaseMessage]) -> str:
        extraction = _read(messages)
        if not extraction.candidates:
            return _excuse(messages)
        vectors = await self.embeddings.aembed_documents(extraction.texts)
        return write_answer(extraction.choose(vectors))


def _read(messages: Sequence[BaseMessage]) -> Extraction:
    passages = [Passage(str(document["id"]), str(document["text"])) for document in _documents(messages)]
    return Extraction(_question(messages), passages)


def _question(messages: Sequence[BaseMessage]) -> str:
    return str(messages[-1].additional_kwargs.get("question") or messages[-1].text)


def _documents(messages: Sequence[BaseMessage]) -> Sequence[dict[str, Any]]:
    documents: Sequence[dict[str, Any]] = messages[-1].additional_kwargs.get("documents") or []
    return documents


def _excuse(messages: Sequence[BaseMessage]) -> str:
    return NOTHING_TO_QUOTE if _documents(messages) else NO_PASSAGES


def _whole(messages: Sequence[BaseMessage], answer: str) -> ChatResult:
    message = AIMessage(content=answer, usage_metadata=_usage(messages, answer), response_metadata=_metadata())
    return ChatResult(generations=[ChatGeneration(message=message)])


def _chunks(messages: Sequence[BaseMessage], answer: str) -> Iterator[ChatGenerationChunk]:
    for group in _GROUP.findall(answer):
        yield ChatGenerationChunk(message=AIMessageChunk(content=group))
    yield ChatGenerationChunk(
        message=AIMessageChunk(
            content="", usage_metadata=_usage(messages, answer), response_metadata=_metadata(), chunk_position="last"
        )
    )


def _metadata() -> dict[str, Any]:
    return {"model_name": "local-extractive", "finish_reason": "stop"}


def _usage(messages: Sequence[BaseMessage], answer: str) -> UsageMetadata:
    read = [_question(messages), *(str(document["text"]) for document in _documents(messages))]
    input_tokens = sum(len(_TOKEN.findall(text)) for text in read)
    output_tokens = len(_TOKEN.findall(answer))
    return UsageMetadata(
        input_tokens=input_tokens, output_tokens=output_tokens, total_tokens=input_tokens + output_tokens
    )
