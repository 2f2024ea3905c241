"""`docent ask`: one turn, over HTTP when a service holds DATA_DIR, else with the engines opened here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
from pydantic import ValidationError

from app.settings import Settings
from chains.data_dir import DataDirHolder
from chains.errors import DocentError, SettingsError
from chains.turn import ChatTurn, Outcome, Reply, ReplyPart

if TYPE_CHECKING:
    from app.docent import Docent

ANSWER_TIMEOUT = 120.0  # seconds; the service has a deadline of its own


def run(settings: Settings, question: str, *, conversation: str | None, token: str | None, as_json: bool) -> None:
    """Print the answer and its sources; a failed turn raises what failed it."""
    turn = _turn(question, conversation)
    holder = DataDirHolder(settings.data_dir).holder() if settings.embedded else None
    if holder is not None and holder.url:
        reply = _ask_service(holder.url, turn, token)
    else:
        reply = asyncio.run(_ask_here(settings, turn, token))
    if as_json:
        print(Reply.model_validate(reply).model_dump_json(indent=2))  # noqa: T201
        return
    _show(reply)


def _turn(question: str, conversation: str | None) -> ChatTurn:
    try:
        return ChatTurn(question=question, conversation_id=UUID(conversation) if conversation else None)
    except ValidationError as error:
        from app.refusals import invalid_turn

        raise invalid_turn(list(error.errors())) from None
    except ValueError:
        raise SettingsError(f"--conversation: {conversation!r} is not an id of a conversation.") from None


def _ask_service(url: str, turn: ChatTurn, token: str | None) -> ReplyPart:
    headers = {"Accept": "application/json", **({"X-Docent-Visitor": token} if token else {})}
    body = turn.model_dump(mode="json", exclude_none=True)
    try:
        response = httpx.post(f"{url}/api/chat", json=body, headers=headers, timeout=ANSWER_TIMEOUT)
    except httpx.HTTPError as error:
        raise DocentError(f"The service at {url} did not answer ({type(error).__name__}).") from None
    return _checked(ReplyPart(response.json()))


async def _ask_here(settings: Settings, turn: ChatTurn, token: str | None) -> ReplyPart:
    async with _opened(settings) as docent:
        tokens = await docent.visitor_tokens()
        visitor = tokens.read(token) if token else tokens.make()
        running = await (await docent.runner()).accept(turn, visitor)
        return _checked(await running.reply())


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Docent]:
    from app.docent import Docent  # 1 s of CPU, which a question over HTTP does without

    docent = Docent(settings)
    docent.resources.hold_data_dir("docent ask")
    await docent.open()
    try:
        yield docent
    finally:
        await docent.close()


def _checked(reply: ReplyPart) -> ReplyPart:
    error: dict[str, Any] | None = reply.get("error") or (reply if "code" in reply else None)
    if reply.get("outcome", Outcome.FAILED) == Outcome.FAILED and error:
        raise DocentError(error["message"])
    return reply


def _show(reply: ReplyPart) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(reply["answer"]))
    for source in reply.get("sources", []):
        console.print(f"[{source['n']}] {source['heading']}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"    {source['url']}", markup=False, highlight=False, soft_wrap=True, style="dim")
