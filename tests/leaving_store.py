"""A store that goes away, and what the tests of outages do with it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fakes import SlowStore, eventually

from app.turns.outage import OutageStore
from chains.errors import StorageUnavailable
from chains.history import Beginning, Begun, Joined, Refused
from chains.turn import ChatTurn, ReplyPart

ANSWER = ReplyPart(answer="Roll back.", outcome="answered")
CUT = ReplyPart(answer="Roll", outcome="failed", partial=True)


class LeavingStore(SlowStore):
    """`begun` holds the turns in the order in which they were stored; `asked` counts the calls that reached it."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[UUID | None] = []
        self.asked = 0
        self._runs: dict[UUID | None, UUID | None] = {}

    async def begin(self, turn: ChatTurn, owner: str, run: UUID | None = None) -> Beginning:
        self.asked += 1
        beginning = await super().begin(turn, owner)
        if isinstance(beginning, Joined) and run is not None and self._runs.get(turn.turn_id) == run:
            return Begun(turn, [])
        if isinstance(beginning, Begun):
            self.begun.append(beginning.turn.turn_id)
            self._runs[turn.turn_id] = run
        return beginning

    async def take_back(self, turn: ChatTurn, owner: str, run: UUID, asked_at: datetime) -> bool:
        if self.away:
            raise StorageUnavailable
        return False

    async def ping(self) -> None:
        if self.away:
            raise StorageUnavailable


async def ask(store: OutageStore, turn: ChatTurn, owner: str = "ada", reply: ReplyPart = ANSWER) -> Begun:
    begun = await store.begin(turn, owner)
    assert isinstance(begun, Begun), begun
    assert turn.turn_id
    await store.finish(turn.turn_id, reply)
    return begun


async def refusal(store: OutageStore, turn: ChatTurn, owner: str = "ada") -> type[Exception]:
    beginning = await store.begin(turn, owner)
    assert isinstance(beginning, Refused), beginning
    return type(beginning.error)


async def until_found(store: OutageStore) -> None:
    async def found() -> bool:
        return not store.away

    await eventually(found)


async def come_back(store: OutageStore, kept: LeavingStore) -> None:
    async def settled() -> bool:
        return store.buffer.stats.waiting == 0 and not store.away

    kept.away = False
    await eventually(settled)
