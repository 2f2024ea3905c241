"""What a browser on the site does: preflights, the WebSocket, and history over a reload; and the services' health."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from app.check.asking import LONGEST_WAIT, TIMEOUT, Answer, Reader
from app.check.finding import Finding, Group, Unexpected
from app.doctor.cors import refusal_of

STRANGER = "https://not-allowed.invalid"
UP = ("ok", "connected", "asleep")


async def check_services(reader: Reader) -> AsyncIterator[Finding]:
    """One finding for each service of the health report."""
    try:
        report = (await reader.request("GET", "/api/health")).json()
        services: dict[str, Any] = report["services"]
    except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        yield Finding(Group.DATABASE, "health", False, f"the report cannot be read ({type(error).__name__})")
        return
    yield Finding(Group.DATABASE, "health", report["status"] == "healthy", str(report["status"]))
    for name, found in services.items():
        told = found if isinstance(found, dict) else {"status": found}
        more = ", ".join(f"{key} {_listed(value)}" for key, value in told.items() if key != "status")
        says = f"{told.get('status')}{f' ({more})' if more else ''}"
        yield Finding(Group.DATABASE, f"health of {name}", told.get("status") in UP, says)


def _listed(value: Any) -> str:
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)


async def check_history(reader: Reader, question: str) -> Finding:
    """A conversation is the same after the page is loaded again: another connection, the same token."""
    name, began = "history over a reload", time.monotonic()
    try:
        answer = await reader.ask(question)
        answer.require_whole()
        follow = await reader.ask(question, conversation_id=answer.last["conversation_id"])
        follow.require_whole()
        again = Reader(reader.url)
        again.client.headers.update(reader.space_headers)
        again.visitor = reader.visitor
        try:
            path = f"/api/conversation/{answer.last['conversation_id']}"
            stored = (await again.expect("GET", path, 200)).json()
        finally:
            await again.close()
        _require_same(stored["messages"], [answer, follow])
    except (Unexpected, httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        return Finding(Group.DATABASE, name, False, f"{error}" or type(error).__name__, time.monotonic() - began)
    return Finding(Group.DATABASE, name, True, "two turns, read back word for word", time.monotonic() - began)


def _require_same(turns: Sequence[dict[str, Any]], answers: Sequence[Answer]) -> None:
    if len(turns) != len(answers):
        raise Unexpected(f"{len(answers)} turns were asked and {len(turns)} are stored")
    for turn, answer in zip(turns, answers, strict=True):
        reply = turn.get("reply", turn)
        if reply["answer"] != answer.text or reply["sources"] != answer.of("sources")[-1]["sources"]:
            raise Unexpected("what is stored is not what was streamed")


async def check_origins(reader: Reader, origins: Sequence[str]) -> AsyncIterator[Finding]:
    """The preflight of each allowed site, and that a stranger is not let in."""
    for origin in origins:
        name, began = f"preflight from {origin}", time.monotonic()
        try:
            refusal = await refusal_of(reader.client, "", origin)
        except httpx.HTTPError as error:
            refusal = type(error).__name__
        yield Finding(Group.FRONTEND, name, refusal is None, refusal or "", time.monotonic() - began)
    if not origins:
        yield Finding(Group.FRONTEND, "preflight", None, "name your site with --frontend")
    try:
        let_in = await refusal_of(reader.client, "", STRANGER) is None
    except httpx.HTTPError:
        let_in = False
    says = "any site may ask: name yours in ALLOWED_ORIGINS" if let_in else ""
    yield Finding(Group.FRONTEND, "preflight from a site that is not allowed", not let_in, says)


async def check_socket(reader: Reader, question: str, origin: str | None) -> AsyncIterator[Finding]:
    """A ping, a turn, the same turn again, and a bad frame over one socket; then a stranger's."""
    steps = {"ping": _ping, "a turn": _turn, "resume": _resume, "a bad frame": _bad_frame}
    memory: dict[str, Any] = {"question": question, "token": reader.visitor}
    try:
        async with _connected(reader, origin) as socket:
            for name, step in steps.items():
                began = time.monotonic()
                says = await _said_by(step(socket, memory))
                yield Finding(Group.WEBSOCKET, name, not says, says, time.monotonic() - began)
    except (OSError, WebSocketException, TimeoutError) as error:
        yield Finding(Group.WEBSOCKET, "connection", False, f"{type(error).__name__}: {error}")
    try:
        async with _connected(reader, STRANGER):
            yield Finding(Group.WEBSOCKET, "a site that is not allowed", False, "was let in")
    except InvalidStatus as error:
        refused = error.response.status_code
        yield Finding(Group.WEBSOCKET, "a site that is not allowed", refused == 403, f"{refused}")
    except (OSError, WebSocketException, TimeoutError) as error:
        yield Finding(Group.WEBSOCKET, "a site that is not allowed", False, type(error).__name__)


def _connected(reader: Reader, origin: str | None) -> connect:
    url = f"ws{reader.url.removeprefix('http')}/ws/chat"
    headers = {**reader.space_headers, **({"Origin": origin} if origin else {})}
    return connect(url, additional_headers=headers, open_timeout=30, max_size=2**20, proxy=None)


async def _said_by(step: Any) -> str:
    """Nothing if it went well."""
    try:
        await step
    except (Unexpected, WebSocketException, TimeoutError, ValueError, LookupError) as error:
        return str(error) or type(error).__name__
    return ""


async def _send(socket: ClientConnection, **frame: Any) -> None:
    await socket.send(json.dumps({name: value for name, value in frame.items() if value is not None}))


async def _until(socket: ClientConnection, *kinds: str) -> Answer:
    answer = Answer()
    async with asyncio.timeout(TIMEOUT):
        async for frame in socket:
            event = json.loads(frame)
            answer.events.append((event["type"], event))
            if event["type"] in kinds:
                return answer
    raise Unexpected("the socket was closed")


async def _ping(socket: ClientConnection, memory: dict[str, Any]) -> None:
    await _send(socket, type="ping")
    await _until(socket, "pong")


async def _turn(socket: ClientConnection, memory: dict[str, Any]) -> None:
    for _ in range(2):
        await _send(socket, type="turn", question=memory["question"], token=memory["token"])
        answer = await _until(socket, "done", "error")
        if answer.last.get("code") != "rate_limited":
            break
        await asyncio.sleep(min(answer.last.get("retry_after") or 1, LONGEST_WAIT))
    answer.require_whole()
    memory["turn_id"], memory["text"] = answer.of("accepted")[0]["turn_id"], answer.text


async def _resume(socket: ClientConnection, memory: dict[str, Any]) -> None:
    if "turn_id" not in memory:
        raise Unexpected("there is no answered turn to read again")
    await _send(socket, type="resume", turn_id=memory["turn_id"], after=0, token=memory["token"])
    if (await _until(socket, "done", "error")).text != memory["text"]:
        raise Unexpected("the turn is not the same when it is read again")


async def _bad_frame(socket: ClientConnection, memory: dict[str, Any]) -> None:
    await socket.send("not JSON")
    await _until(socket, "error")
    await _ping(socket, memory)
