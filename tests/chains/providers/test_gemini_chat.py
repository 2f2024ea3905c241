"""Our way to Gemini against LangChain's class: the same request, the same usage, the same ending."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_google_genai import HarmBlockThreshold, HarmCategory

from chains.providers.gemini import GeminiChat
from chains.providers.gemini_api import gemini_api
from chains.resilience import BadPayload, ProviderDown
from tests.provider_simulator.clients import StockClients, asked, ending, streamed
from tests.provider_simulator.gemini.requests import camel_keys
from tests.provider_simulator.handle import ProviderKey
from tests.provider_simulator.test_stock_and_ours import settings_of

pytestmark = pytest.mark.anyio

SAFETY = {HarmCategory.HARM_CATEGORY_HARASSMENT: HarmBlockThreshold.BLOCK_NONE}
OPTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "sampling": {"temperature": 0.25, "top_p": 0.5, "top_k": 7, "seed": 3, "max_tokens": 90, "stop": ["END"]},
    "penalties": {"presence_penalty": 0.5, "frequency_penalty": 0.25},
    "safety": {"safety_settings": SAFETY},
    "budget of thoughts": {"model": "gemini-2.5-flash", "thinking_budget": 128, "include_thoughts": True},
    "level of thoughts": {"model": "gemini-3.5-flash", "thinking_level": "low"},
    "third generation": {"model": "models/gemini-3.5-flash"},
    "fixed sampling": {"model": "gemini-3.6-flash", "temperature": 0.25, "top_p": 0.5, "max_tokens": 90},
}
TALKS: dict[str, list[BaseMessage]] = {
    "asked": asked(),
    "talk": [SystemMessage("Be brief."), HumanMessage("Hi"), AIMessage("Hello"), HumanMessage("How long?")],
    "runs": [SystemMessage("a"), SystemMessage("b"), HumanMessage("c"), HumanMessage("d"), HumanMessage("e")],
    "no instructions": [HumanMessage('ضمان \u2028 "quoted" \\ 😀')],
    "blank": [HumanMessage("Hi"), AIMessage(""), HumanMessage(""), HumanMessage("How long?")],
}


@pytest.fixture
async def pair(provider_key: ProviderKey, quick_clients: None) -> AsyncIterator[Pair]:
    stock = StockClients(provider_key)
    both = Pair(provider_key, stock)
    yield both
    await stock.close()
    for model in both.made:
        await model.aclose()


class Pair:
    """LangChain's class and ours, made alike."""

    def __init__(self, key: ProviderKey, stock: StockClients) -> None:
        self.key, self._stock = key, stock
        self.made: list[GeminiChat] = []

    def __call__(self, **options: Any) -> tuple[Any, GeminiChat]:
        stock = self._stock.gemini(**options)
        given: dict[str, Any] = {"model": "gemini-2.5-flash-lite", "api_key": self.key.key, "timeout": 5}
        ours = GeminiChat(**(given | {"base_url": self.key.gemini_url, "max_retries": 1} | options))
        ours.use(gemini_api(settings_of(self.key, "gemini"), httpx.Timeout(5)))
        self.made.append(ours)
        return stock, ours

    def sent(self) -> tuple[list[tuple[str, Any]], list[tuple[str, Any]]]:
        """What came from LangChain's class and from ours, by the client's own word, with names in one style: the SDK
        mixes both, and Google takes either."""
        sent: tuple[list[Any], list[Any]] = ([], [])
        for request in self.key.requests():
            whose = sent["google-genai-sdk" not in request["headers"]["user-agent"]]
            whose.append((request["path"], camel(request["body"])))
        return sent


def camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: camel(each) for name, each in camel_keys(value).items()}
    return [camel(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
async def test_request_is_langchains(pair: Pair, options: dict[str, Any]) -> None:
    with warnings.catch_warnings(action="ignore"):  # of options that a model does not take
        for model in pair(**options):
            await streamed(model)
            await model.ainvoke(asked())
    stock, ours = pair.sent()
    assert ours == stock
    assert [body["generationConfig"]["candidateCount"] for _, body in ours] == [1, 1]


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
async def test_messages_are_sent_as_langchain_sends_them(pair: Pair, talk: list[BaseMessage]) -> None:
    with warnings.catch_warnings(action="ignore"):  # of the empty message
        for model in pair():
            await streamed(model, talk, temperature=0.5, stop=["END"])
    stock, ours = pair.sent()
    assert ours == stock
    assert len(ours) == 1


@pytest.mark.parametrize("model", ["gemini-2.5-flash-lite", "gemini-3.5-flash"])
async def test_answer_usage_and_ending_are_langchains(pair: Pair, model: str) -> None:
    stock, ours = pair(model=model)
    theirs = [await streamed(stock), await stock.ainvoke(asked())]
    own = [await streamed(ours), await ours.ainvoke(asked()), await asyncio.to_thread(ours.invoke, asked())]
    for message in own:
        assert message.text == theirs[0].text
        assert message.usage_metadata == theirs[0].usage_metadata == theirs[1].usage_metadata
        for name in ("finish_reason", "model_name", "model_provider"):
            assert message.response_metadata[name] == theirs[0].response_metadata[name]
    assert ("output_token_details" in own[0].usage_metadata) == (model == "gemini-3.5-flash")  # type: ignore[operator]


async def test_usage_of_a_cut_answer_is_langchains(pair: Pair) -> None:
    used = []
    for model in pair(model="gemini-3.5-flash"):
        pair.key.fail("clean_end", after=4)
        used.append((await streamed(model)).usage_metadata)
    assert used[0] == used[1] is not None


async def test_blocked_prompt_says_so(pair: Pair) -> None:
    _, ours = pair()
    pair.key.fail("blocked_prompt", times=None)
    for message in (await streamed(ours), await ours.ainvoke(asked())):
        assert message.response_metadata["prompt_feedback"] == {"block_reason": "PROHIBITED_CONTENT"}
        assert message.text == ""


async def test_what_is_not_plain_text_is_left_to_langchain(pair: Pair) -> None:
    """Its parser raises an error of its own over an event that is not JSON; ours raises BadPayload."""
    _, ours = pair()
    picture = {"type": "image_url", "image_url": "data:image/png;base64,aGk="}
    for messages, options in (
        (asked(), {"tools": [{"name": "find", "description": "Finds.", "parameters": {"type": "object"}}]}),
        (asked(), {"response_mime_type": "application/json"}),
        ([HumanMessage([picture, {"type": "text", "text": "What is this?"}])], {}),
    ):
        pair.key.fail("malformed")
        with pytest.raises(ValueError, match=r".") as raised:
            await streamed(ours, messages, **options)  # type: ignore[arg-type]
        assert type(raised.value).__name__ == "UnknownApiResponseError"
    pair.key.fail("malformed")
    with pytest.raises(BadPayload):
        await streamed(ours)


async def test_stream_that_is_stopped_closes_its_connection_at_once(pair: Pair) -> None:
    """With LangChain's own class the provider goes on until the stream is collected as garbage."""
    _, ours = pair()
    pair.key.configure(tokens=200, between_tokens=0.05)
    stream = ours._astream(asked())
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert await ending(pair.key) == "client_left"


async def test_error_in_the_stream_is_what_it_says(pair: Pair) -> None:
    _, ours = pair()
    pair.key.fail("error_event", status=503)
    with pytest.raises(ProviderDown):
        await streamed(ours)


async def test_stream_without_an_event_loop_comes_in_one_piece(pair: Pair) -> None:
    _, ours = pair()
    chunks = await asyncio.to_thread(lambda: list(ours.stream(asked())))
    assert len([chunk for chunk in chunks if chunk.text]) == 1
    assert chunks[0].usage_metadata is not None
