"""Gemini's chat models."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any, cast

import httpx
from google.genai.errors import APIError
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import PrivateAttr, SecretStr

from chains.providers.gemini_api import ADDRESS, gemini_api
from chains.providers.gemini_wire import Answer, Reader, write_request
from chains.providers.http_api import LIMITS, HttpApi, ssl_context
from chains.providers.retired import served_chat_model
from chains.providers.sse import events_of
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
# Arguments of a call that ask for text and change nothing but how it is written.
PLAIN = frozenset({
    "temperature", "top_p", "top_k", "max_output_tokens", "stop_sequences", "seed", "presence_penalty",
    "frequency_penalty", "thinking_config", "thinking_level", "thinking_budget", "include_thoughts",
    "reasoning_effort", "safety_settings",
})  # fmt: skip
# Fields of the model that ask for something other than text, or of another API.
OTHER = ("response_modalities", "image_config", "media_resolution", "labels", "cached_content", "response_schema")


def gemini_chat(settings: ChainSettings) -> ChatEndpoint:
    """Nothing is sent. The client waits at most for the first token; `resilient` has the turn's deadline."""
    timeouts = Timeouts.of(settings)
    key = settings.gemini_api_key
    model = GeminiChat(
        model=served_chat_model("GEMINI_MODEL", settings.gemini_model),
        api_key=SecretStr(key) if key else None,
        client_options=settings.gemini_base_url or ADDRESS,  # by its other name, base_url
        request_timeout=timeouts.first_token,
        retries=ONE_ATTEMPT,
        client_args={"limits": LIMITS, "verify": ssl_context()},
    )
    model.use(gemini_api(settings, httpx.Timeout(timeouts.first_token, connect=timeouts.connect)))
    return ChatEndpoint("gemini", model, translate=translate_gemini)


class GeminiChat(ChatGoogleGenerativeAI):
    """Sends what LangChain's class prepares and reads the answer itself: between them, LangChain and the SDK build a
    tree of models of every event, which took half of a turn's CPU.

    With tools, pictures, schemas and whatever else is not plain text it is the stock class.
    """

    _api: HttpApi | None = PrivateAttr(default=None)

    def use(self, api: HttpApi) -> None:
        self._api = api

    async def aclose(self) -> None:
        if self._api is not None:
            await self._api.aclose()
        await super().aclose()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        api = self._api_for(messages, kwargs)
        if api is None:
            async for chunk in super()._astream(messages, stop, run_manager, **kwargs):
                yield chunk
            return
        async with aclosing(self._read(api, self._body(messages, stop, kwargs))) as answers:
            async for answer in answers:
                chunk = _chunk(answer)
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
        api = self._api_for(messages, kwargs)
        if api is None:
            return await super()._agenerate(messages, stop, run_manager, **kwargs)
        body, reader, pieces = self._body(messages, stop, kwargs), Reader(), []
        while body:
            pieces.append(reader.take(await api.apost(self._path("generateContent"), body)))
            body = _continued(body, reader)
        return _whole([*pieces, reader.end()])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        api = self._api_for(messages, kwargs)
        if api is None:
            return super()._generate(messages, stop, run_manager, **kwargs)
        body, reader, pieces = self._body(messages, stop, kwargs), Reader(), []
        while body:
            pieces.append(reader.take(api.post(self._path("generateContent"), body)))
            body = _continued(body, reader)
        return _whole([*pieces, reader.end()])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """Plain text in one piece, as all our models give it without an event loop."""
        if self._api_for(messages, kwargs) is None:
            yield from super()._stream(messages, stop, run_manager, **kwargs)
            return
        message = cast("AIMessage", self._generate(messages, stop, run_manager, **kwargs).generations[0].message)
        yield ChatGenerationChunk(message=AIMessageChunk(**message.model_dump(exclude={"type"})))

    def _api_for(self, messages: list[BaseMessage], options: dict[str, Any]) -> HttpApi | None:
        """Ours, where this call is for plain text."""
        plain = (
            options.keys() <= PLAIN
            and all(map(_is_text, messages))
            and self.n == 1
            and not any(getattr(self, name) for name in OTHER)
            and "-tts" not in self.model
            and not self._use_vertexai  # type: ignore[attr-defined]
        )
        return self._api if plain else None

    def _body(self, messages: list[BaseMessage], stop: list[str] | None, options: dict[str, Any]) -> dict[str, Any]:
        return write_request(self._prepare_request(messages, stop=stop, **options))

    def _path(self, verb: str) -> str:
        named = self.model if self.model.startswith(("models/", "tunedModels/")) else f"models/{self.model}"
        return f"/v1beta/{named}:{verb}"

    async def _read(self, api: HttpApi, body: dict[str, Any]) -> AsyncGenerator[Answer, None]:
        reader = Reader()
        while body:
            async with api.stream(self._path("streamGenerateContent?alt=sse"), body) as response:
                async for event in events_of(response.aiter_bytes()):
                    if answer := reader.take(event):
                        yield answer
            body = _continued(body, reader)
        if last := reader.end():
            yield last


def translate_gemini(error: Exception) -> ProviderError:
    """LangChain's wrappers have no status; the SDK's error, their cause, has that and Google's details."""
    known: BaseException | None = error
    while known is not None:
        if isinstance(known, APIError):
            headers: Any = getattr(known.response, "headers", None) or {}
            return from_google(known.code, known.details, retry_after=retry_after_of(headers))
        known = known.__cause__
    return translate_error(error)


def _is_text(message: BaseMessage) -> bool:
    if not isinstance(message.content, str):
        return False
    if isinstance(message, AIMessage):
        return not (message.tool_calls or message.additional_kwargs.get("function_call"))
    return isinstance(message, HumanMessage | SystemMessage)


def _continued(body: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """The request with which the answer goes on; empty at its end."""
    token = reader.continuation()
    return body | {"continuationToken": token} if token else {}


def _whole(pieces: list[Answer | None]) -> ChatResult:
    return generate_from_stream(_chunk(piece) for piece in pieces if piece)


def _chunk(answer: Answer) -> ChatGenerationChunk:
    message = AIMessageChunk(
        content=answer.text,
        usage_metadata=answer.usage,
        response_metadata=_metadata(answer) if answer.last else {},
        chunk_position="last" if answer.last else None,
    )
    return ChatGenerationChunk(message=message)


def _metadata(answer: Answer) -> dict[str, Any]:
    """As LangChain's class names it. A prompt that was blocked has no finish reason."""
    if answer.blocked and not answer.finish:
        return {"prompt_feedback": {"block_reason": answer.blocked}, "model_provider": "google_genai"}
    return {
        "finish_reason": answer.finish,
        "model_name": answer.model,
        "model_provider": "google_genai",
        "safety_ratings": list(answer.ratings),
    }
