"""What the tests of a Postgres that goes away share."""

from __future__ import annotations

from typing import Any

import psycopg
from fakes import eventually

from app.turns.outage import OutageStore
from app.turns.runner import TurnRunner
from app.visitor import Visitor
from chains.turn import ChatTurn, ReplyPart

ANSWER = ReplyPart(answer="Roll back.", outcome="answered", grounded=True, model="fake")


async def query(dsn: str, statement: Any) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        return await (await connection.execute(statement)).fetchall()


async def told(runner: TurnRunner, turn: ChatTurn) -> list[ReplyPart]:
    running = await runner.accept(turn, Visitor("ada"))
    return [part async for part in running.parts()]


async def all_stored(store: OutageStore) -> None:
    async def settled() -> bool:
        return store.buffer.stats.waiting == 0

    await eventually(settled)
