"""The service as LangChain runnables, for LangServe's doors. They may be made before the service has started."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from contextvars import ContextVar
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator, RunnableLambda
from pydantic import BaseModel, ValidationError

from app.docent import Docent
from app.refusals import invalid_turn
from app.turns.running import ReadableTurn
from app.visitor import Visitor, current_visitor
from chains import prompts
from chains.errors import DocentError, InvalidTurn
from chains.history import Beginning, Begun
from chains.turn import QUESTION_LIMIT, ChatTurn, Outcome, Reply, ReplyPart, unstorable

# Set by a door that accepted the turn before it answered, so that a refusal could be an HTTP status.
accepted_turn: ContextVar[ReadableTurn | None] = ContextVar("accepted_turn", default=None)


class ChatMessages(BaseModel):
    """Input of /chat: the last message is the reader's question, earlier ones are the history."""

    messages: list[HumanMessage | AIMessage | SystemMessage]


def rag_runnable(docent: Docent) -> Runnable[Any, ReplyPart]:
    """ChatTurn -> parts of a reply, stored in the conversation. A refusal is the only part; nothing is raised."""

    async def answer(turns: AsyncIterator[Any], config: RunnableConfig) -> AsyncIterator[ReplyPart]:
        async for turn in turns:
            try:
                accepted = accepted_turn.get()
                if accepted is None:
                    accepted = await (await docent.runner()).accept(turn_of(turn), current_visitor.get(), config)
                async with aclosing(accepted.parts()) as parts:
                    async for part in parts:
                        yield part
            except DocentError as error:
                yield ReplyPart(outcome=Outcome.FAILED.value, error=error.as_dict())

    return RunnableGenerator(answer, name="rag").with_types(input_type=ChatTurn, output_type=Reply)  # type: ignore[arg-type]


def retriever_runnable(docent: Docent) -> Runnable[str, list[Document]]:
    """A question -> the passages that an answer would rest on."""

    async def find(question: str) -> list[Document]:
        return await docent.resources.find(turn_of({"question": question}).question)

    return RunnableLambda(find, name="retriever").with_types(input_type=str, output_type=list[Document])


class Anew(str):
    """A text that voids what was sent before it. A stream shows it as a line between the two answers; where texts are
    added up, only what follows remains."""

    def __radd__(self, voided: str) -> str:
        return ""


async def plain_text(parts: AsyncIterator[ReplyPart]) -> AsyncIterator[str]:
    """What a reader of text alone is told: the answer, where it begins anew, and what failed, in a line of its own."""
    told = False
    async for part in parts:
        if part.get("restart") is not None and told:
            yield Anew(f"\n\n{prompts.ANEW}\n\n")
        elif failure := part.get("error"):
            yield f"\n\n{failure['message']}" if told else failure["message"]
        if text := part.get("answer"):
            told = True
            yield text


def chat_runnable(docent: Docent) -> Runnable[Any, str]:
    """Messages -> text, by the same chain, stored nowhere. A refusal is the only text; nothing is raised."""

    async def answer(inputs: AsyncIterator[Any], config: RunnableConfig) -> AsyncIterator[str]:
        async for given in inputs:  # the input model as a dict of message objects, as LangServe hands it on
            running = accepted_turn.get()
            try:
                running = running or await accept_messages(docent, given["messages"], current_visitor.get(), config)
            except DocentError as error:  # to a playground, whose answer is a 200 by then
                yield error.message
                continue
            async with aclosing(running.parts()) as parts:
                async for text in plain_text(parts):
                    yield text

    return RunnableGenerator(answer, name="chat").with_types(input_type=ChatMessages, output_type=str)  # type: ignore[arg-type]


async def accept_messages(
    docent: Docent, messages: list[Any], visitor: Visitor, config: RunnableConfig | None = None
) -> ReadableTurn:
    """The turn of a conversation that came whole.

    Raises:
        InvalidTurn: not a conversation that ends with a question.
        RateLimited, BudgetExhausted, Overloaded, Starting: it is not admitted.
    """
    turn, history = conversation_of(messages)
    return await (await docent.storeless_runner()).accept(turn, visitor, config, GivenHistory(history))


class GivenHistory:
    """A MessageStore for one turn whose history came with the question; it keeps nothing."""

    def __init__(self, history: list[BaseMessage]) -> None:
        self._history = history

    async def begin(self, turn: ChatTurn, owner: str) -> Beginning:
        return Begun(turn.identified(), self._history)

    async def finish(self, turn_id: object, reply: ReplyPart) -> None:
        return None


def conversation_of(messages: list[Any]) -> tuple[ChatTurn, list[BaseMessage]]:
    """The question, and what was said before it.

    Raises:
        InvalidTurn: no question at the end, or a system message, which no reader may set.
    """
    if any(isinstance(message, SystemMessage) for message in messages):
        raise InvalidTurn("messages: system messages are not accepted.")
    if not messages or not isinstance(messages[-1], HumanMessage):
        raise InvalidTurn("messages: the last message must be the reader's question.")
    for message in messages:
        if len(message.text) > 4 * QUESTION_LIMIT:
            raise InvalidTurn(f"messages: a message has at most {4 * QUESTION_LIMIT} characters.")
        if unstorable(message.text):
            raise InvalidTurn("messages: must not contain U+0000 or unpaired surrogates.")
    return turn_of({"question": messages[-1].text}), messages[:-1]


def turn_of(given: Any) -> ChatTurn:
    """Raises InvalidTurn, which names the field."""
    try:
        return ChatTurn.model_validate(given)
    except ValidationError as error:
        raise invalid_turn(list(error.errors())) from None
