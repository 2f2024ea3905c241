"""Writes what the turns of this process tell into the journal, in the background and all at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from logging import ERROR, WARNING
from typing import cast
from uuid import UUID

import structlog

from app.logs import place_of
from app.turns.journal import Journal, News, Word
from app.turns.running import RunningTurn, Stop
from chains.errors import StorageUnavailable
from chains.history import Begun

KEPT_FOR = 60.0  # seconds after its end that a turn waits to be written while the database is away
FORGET_EVERY = 600.0  # seconds
PARTS_AT_ONCE = 500  # of one turn, for the database may have been away

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Entry:
    """A turn that is being written. `buffered`: the database may not know it yet."""

    running: RunningTurn
    run: UUID
    buffered: bool
    written: int
    on_written: Callable[[], None]
    renewed: float = field(default_factory=time.monotonic)
    ended: float | None = None


class JournalWriter:
    """One task, which lives as long as there is something to write; a write is one round trip for all turns."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self._times = journal, journal.times
        self._entries: dict[UUID, Entry] = {}
        self._task: asyncio.Task[None] | None = None
        self._away = False
        self._forgot = time.monotonic()

    def follow(self, running: RunningTurn, begun: Begun, on_written: Callable[[], None]) -> None:
        """Write this turn from here on. `on_written` is called when its last part is kept, or is given up."""
        turn_id = cast("UUID", begun.turn.turn_id)
        buffered = begun.durability == "buffered"
        self._entries[turn_id] = Entry(running, begun.run, buffered, running.log.start, on_written)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_on())

    async def aclose(self, patience: float) -> None:
        """Write what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._write(final=True)

    async def _write_on(self) -> None:
        while self._entries:
            await asyncio.sleep(self._times.tick)
            await self._write()

    async def _write(self, *, final: bool = False) -> None:
        now = time.monotonic()
        sent = {id: entry for id, entry in self._entries.items() if final or self._is_due(entry, now)}
        news = [self._news_of(turn_id, entry) for turn_id, entry in sent.items()]
        if news:
            try:
                words = await self._journal.write(news)
                self._away = False
            except Exception as error:  # readers here lose nothing by it, and the turns must not end for it
                self._miss(error)
                words = {}
            for each in news:
                self._hear(each, sent[each.turn_id], words.get(each.turn_id))
        await self._forget_at_times(now)

    def _is_due(self, entry: Entry, now: float) -> bool:
        return entry.running.log.last > entry.written or now - entry.renewed >= self._times.beat

    def _news_of(self, turn_id: UUID, entry: Entry) -> News:
        parts = entry.running.log.since(entry.written)[:PARTS_AT_ONCE]
        return News(turn_id, entry.run, entry.written + 1, parts)

    def _hear(self, news: News, entry: Entry, word: Word | None) -> None:
        """Act on what the database says of one turn; None: it says nothing."""
        running = entry.running
        if word is not None and word.ours and (word.running or not running.generating):
            entry.written += len(news.parts)
            entry.renewed, entry.buffered = time.monotonic(), False
            if word.cancel_asked:
                running.stop(Stop.CANCELLED)
            if word.read:
                running.heard_elsewhere()
        elif word is not None and (word.known or not entry.buffered):
            running.stop(Stop.LOST)
            self._leave(news.turn_id, entry)
            return
        if running.log.ended:
            entry.ended = entry.ended or time.monotonic()
            if entry.written == running.log.last or time.monotonic() - entry.ended > KEPT_FOR:
                self._leave(news.turn_id, entry)

    def _leave(self, turn_id: UUID, entry: Entry) -> None:
        if self._entries.get(turn_id) is entry:  # another attempt may have taken its place
            del self._entries[turn_id]
        entry.on_written()

    def _miss(self, error: Exception) -> None:
        if not self._away:
            known = isinstance(error, StorageUnavailable)
            where = {} if known else {"error": type(error).__name__, "where": place_of(error)}
            log.log(WARNING if known else ERROR, "journal_away", turns=len(self._entries), **where)
        self._away = True

    async def _forget_at_times(self, now: float) -> None:
        """While turns run, the database is awake anyway."""
        if now - self._forgot > FORGET_EVERY:
            self._forgot = now
            with suppress(StorageUnavailable):
                await self._journal.forget()
