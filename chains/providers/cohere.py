"""Cohere's chat models, with their own citations while they stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any, cast

import httpx
from langchain_cohere import ChatCohere
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import agenerate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr, SecretStr

from chains.providers.cohere_api import ADDRESS, cohere_api, from_cohere
from chains.providers.cohere_wire import Answer, Reader, read_whole, write_request
from chains.providers.http_api import HttpApi
from chains.providers.retired import served_chat_model
from chains.providers.sse import events_of
from chains.resilience import ChatEndpoint, ProviderError, Timeouts, retry_after_of, translate_error
from chains.resilience.translation import headers_of, status_of
from chains.settings import ChainSettings


def cohere_chat(settings: ChainSettings) -> ChatEndpoint:
    """Nothing is sent. The client waits at most for the first token; `resilient` has the turn's deadline."""
    timeouts = Timeouts.of(settings)
    model = CohereChat(
        model=served_chat_model("COHERE_MODEL", settings.cohere_model),
        cohere_api_key=SecretStr(settings.cohere_api_key or ""),
        base_url=settings.cohere_base_url or ADDRESS,
        timeout_seconds=timeouts.first_token,
    )
    model.use(cohere_api(settings, httpx.Timeout(timeouts.first_token, connect=timeouts.connect)))
    return ChatEndpoint("cohere", model, translate=translate_cohere)


class CohereChat(ChatCohere):
    """Reads the stream itself: the SDK's parser takes 2 ms of CPU an event, skips broken events without a word, and
    LangChain's drops the citations.

    The last message's `additional_kwargs["documents"]` are sent as Cohere's documents, and what Cohere cites of them
    becomes markers. With tools it is the stock class.
    """

    _api: HttpApi = PrivateAttr()

    def use(self, api: HttpApi) -> None:
        self._api = api

    async def aclose(self) -> None:
        await self._api.aclose()
        for client in (self.client, self.async_client):
            http = client._client_wrapper.httpx_client.httpx_client
            await http.aclose() if isinstance(http, httpx.AsyncClient) else http.close()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        if "tools" in kwargs:
            kwargs = {"request_options": {"max_retries": 0}} | kwargs
            async for chunk in super()._astream(messages, stop, run_manager, **kwargs):
                yield chunk
            return
        body = write_request(self.model_name, messages, stop, self.temperature, kwargs)
        async with aclosing(self._read(body)) as answers:
            async for answer in answers:
                chunk = ChatGenerationChunk(message=self._chunk(answer))
                if run_manager:
                    await run_manager.on_llm_new_token(answer.text, chunk=chunk)
                yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if "tools" in kwargs:
            kwargs = {"request_options": {"max_retries": 0}} | kwargs
            return await super()._agenerate(messages, stop, run_manager, **kwargs)
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if "tools" in kwargs:
            kwargs = {"request_options": {"max_retries": 0}} | kwargs
            return super()._generate(messages, stop, run_manager, **kwargs)
        body = write_request(self.model_name, messages, stop, self.temperature, kwargs)
        answer = read_whole(self._api.post("/v2/chat", body), body)
        message = AIMessage(answer.text, usage_metadata=answer.usage, response_metadata=self._metadata(answer))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """In one piece: the SDK's synchronous stream corrupts characters that two packets share."""
        message = cast("AIMessage", self._generate(messages, stop, run_manager, **kwargs).generations[0].message)
        yield ChatGenerationChunk(message=AIMessageChunk(**message.model_dump(exclude={"type"})))

    async def _read(self, body: dict[str, Any]) -> AsyncGenerator[Answer, None]:
        reader = Reader(body)
        async with self._api.stream("/v2/chat", body | {"stream": True}) as response:
            async for event in events_of(response.aiter_bytes()):
                if answer := reader.take(event):
                    yield answer

    def _chunk(self, answer: Answer) -> AIMessageChunk:
        if not answer.finish:
            return AIMessageChunk(content=answer.text)
        return AIMessageChunk(
            content=answer.text,
            usage_metadata=answer.usage,
            response_metadata=self._metadata(answer),
            chunk_position="last",
        )

    def _metadata(self, answer: Answer) -> dict[str, Any]:
        return {"finish_reason": answer.finish, "model_name": self.model_name, "model_provider": "cohere"}


def translate_cohere(error: Exception) -> ProviderError:
    """The SDK's errors carry the body, whose sentence tells a month's quota from a minute's."""
    status = status_of(error)
    if status is None:
        return translate_error(error)
    return from_cohere(status, getattr(error, "body", None), retry_after=retry_after_of(headers_of(error)))
