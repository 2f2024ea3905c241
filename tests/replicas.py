"""Replicas of the turn engine over one real Postgres, all in this process: each can be killed as -9 kills."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar, cast
from urllib.parse import parse_qs, urlsplit
from uuid import UUID
from weakref import WeakSet

import psycopg
from fakes import SOURCE
from langchain_core.runnables import Runnable, RunnableGenerator
from tcp_proxy import TcpProxy

from app.turns.journal import Journal, JournalTimes
from app.turns.limits import TurnLimits
from app.turns.outage import OutageStore
from app.turns.runner import TurnRunner
from app.turns.running import ReadableTurn
from app.visitor import Visitor
from chains.history_messages import TurnState
from chains.history_pool import connection_pool
from chains.postgres_history import PostgresMessageStore
from chains.turn import ChatTurn, ReplyPart

FAST = JournalTimes(tick=0.02, beat=0.05, poll=0.02, settled=2.0)
ADA, EVE = Visitor("ada"), Visitor("eve")

Given = TypeVar("Given")
whose: ContextVar[Any] = ContextVar("whose", default=None)


@dataclass
class Call:
    """One call of the model: it says what the test says."""

    turn_id: UUID
    words: asyncio.Queue[str | ReplyPart | Exception | None] = field(default_factory=asyncio.Queue)
    open: bool = True

    def say(self, *words: str | ReplyPart | Exception) -> None:
        for word in words:
            self.words.put_nowait(word)

    def end(self) -> None:
        self.words.put_nowait(None)


class SpokenChain:
    """Sources, then whatever is said to the newest call of a turn; an exception is raised there."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._news = asyncio.Event()

    async def call(self, turn_id: UUID | None, number: int = 1) -> Call:
        """The so manieth call for this turn, once it is made."""
        while len(calls := [call for call in self.calls if call.turn_id == turn_id]) < number:
            self._news.clear()
            await self._news.wait()
        return calls[number - 1]

    def as_runnable(self) -> Runnable[dict[str, Any], ReplyPart]:
        return RunnableGenerator(cast("Any", self._answer), name="spoken")

    async def _answer(self, inputs: AsyncIterator[dict[str, Any]]) -> AsyncIterator[ReplyPart]:
        async for given in inputs:
            call = Call(given["turn"]["turn_id"])
            self.calls.append(call)
            self._news.set()
            try:
                yield ReplyPart(sources=[SOURCE], grounded=True)
                while (word := await call.words.get()) is not None:
                    if isinstance(word, Exception):
                        raise word
                    yield word if isinstance(word, ReplyPart) else ReplyPart(answer=word)
            finally:
                call.open = False


@dataclass
class Replica:
    """A runner, its pool and its line to the database. What it does is done by tasks that know whose they are."""

    database: str
    times: JournalTimes = FAST
    limits: TurnLimits = field(default_factory=lambda: TurnLimits(coalesce=0.0))
    chain: SpokenChain = field(default_factory=SpokenChain)
    tasks: WeakSet[asyncio.Task[Any]] = field(default_factory=WeakSet)
    alive: bool = True

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().set_task_factory(cast("Any", _labelled))
        parts = urlsplit(self.database)
        where = parse_qs(parts.query)
        self.line = TcpProxy(Path(where["host"][0]) / f".s.PGSQL.{where['port'][0]}")
        await self.line.accept()
        self._pool = connection_pool(f"postgresql://docent@127.0.0.1:{self.line.port}{parts.path}", max_size=4)
        self._pool.timeout = 1.0
        self.kept = PostgresMessageStore(self._pool, lease=self.times.lease)
        self.store = OutageStore(self.kept)
        self.runner = TurnRunner(
            self.chain.as_runnable(), self.store, self.limits, journal=Journal(self.kept, self.times)
        )
        await self.do(self._pool.open())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        await self.line.__aexit__(None, None, None)

    def do(self, work: Coroutine[Any, Any, Given]) -> asyncio.Task[Given]:
        """As this replica's own work."""
        context = copy_context()
        context.run(whose.set, self)
        return asyncio.get_running_loop().create_task(work, context=context)

    async def accept(self, turn: ChatTurn, visitor: Visitor = ADA) -> ReadableTurn:
        return await self.do(self.runner.accept(turn, visitor))

    async def resume(self, turn: ChatTurn, after: int = 0, visitor: Visitor = ADA) -> ReadableTurn:
        return await self.do(self.runner.resume(id_of(turn), visitor, after))

    async def cancel(self, turn: ChatTurn, visitor: Visitor = ADA) -> TurnState:
        return await self.do(self.runner.cancel(id_of(turn), visitor))

    def read(self, turn: ReadableTurn, after: int = 0, parts: int | None = None) -> asyncio.Task[list[ReplyPart]]:
        """All parts above `after`, or so many of them."""
        return self.do(_read(turn, after, parts))

    async def kill(self) -> None:
        """It is cut off from the database first, so that nothing of what its tasks do at their end is ever known."""
        self.alive = False
        await self.line.refuse()
        while pending := [task for task in self.tasks if not task.done()]:
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=0.05)


def id_of(turn: ChatTurn) -> UUID:
    assert turn.turn_id
    return turn.turn_id


async def _read(turn: ReadableTurn, after: int, parts: int | None) -> list[ReplyPart]:
    told: list[ReplyPart] = []
    reading = turn.parts(after)
    try:
        async for part in reading:
            told.append(part)
            if len(told) == parts:
                break
    finally:
        await reading.aclose()
    return told


def _labelled(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], context: Context | None = None
) -> asyncio.Task[Any]:
    task = asyncio.Task(work, loop=loop, context=context)
    replica = whose.get() if context is None else context.get(whose)
    if replica is not None:
        replica.tasks.add(task)
    return task


@asynccontextmanager
async def two_replicas(database: str, **options: Any) -> AsyncIterator[tuple[Replica, Replica]]:
    """`database` has its tables."""
    async with Replica(database, **options) as one, Replica(database, **options) as other:
        yield one, other


async def query(database: str, statement: str) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        cursor = await connection.execute(cast("Any", statement))
        return await cursor.fetchall() if cursor.description else []


async def end_leases(database: str) -> None:
    """As time does: every process that does not renew its own has lost its turns."""
    await query(database, "UPDATE turn SET lease_until = now() - interval '1 second' WHERE state = 'running'")
