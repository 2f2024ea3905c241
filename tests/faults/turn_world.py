"""The world of the state machine of turns: two replicas, one that was killed being replaced at once by a new one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

from replicas import ADA, FAST, Call, Replica, end_leases, id_of, query
from turn_model import Asked, Reader

from app.erasure import Erasure
from app.gate.gate import Gate
from app.storage import Storage
from app.turns.journal import Journal
from app.turns.limits import TurnLimits
from app.turns.outage import OutageStore
from app.turns.running import ReadableTurn, RunningTurn
from chains.errors import ConversationBusy, DocentError, NotFound, StorageUnavailable
from chains.postgres_history import PostgresMessageStore
from chains.turn import ReplyPart

QUIET = 60.0  # seconds in which everything that goes on has to come to its end, on a busy machine

Given = TypeVar("Given")


class World:
    """`asked` are the turns that were accepted at least once and not `erased`; `down`: nobody reaches the database."""

    def __init__(self, database: str, runner: asyncio.Runner) -> None:
        self.database, self.loop = database, runner
        self.asked: list[Asked] = []
        self.erased: list[Asked] = []
        self.replicas: list[Replica] = []
        self.down = False
        self.run(self.begin())

    def run(self, work: Coroutine[Any, Any, Given]) -> Given:
        return self.loop.run(work)

    async def begin(self) -> None:
        await query(self.database, "TRUNCATE conversation, turn, journal, chat_history, erasure CASCADE")
        for _ in range(2):
            self.replicas.append(await self.start())

    async def start(self) -> Replica:
        return await Replica(self.database, FAST, TurnLimits(coalesce=0.0, resume_grace=3600)).__aenter__()

    @property
    def living(self) -> list[Replica]:
        return [replica for replica in self.replicas if replica.alive]

    def pick(self, pick: int) -> Asked:
        return self.asked[pick % len(self.asked)]

    def open_calls(self, pick: int) -> list[Call]:
        return [call for call in self.pick(pick).calls(self.replicas) if call.open]

    async def ask(self, each: Asked, replica: Replica) -> None:
        calls, unknown = len(each.calls([replica])), each.unknown_at(replica, self.living)
        complete = each.completed
        try:
            turn = await replica.accept(each.turn)
        except (ConversationBusy, StorageUnavailable):
            return
        unknown |= replica.store.holds(each.id)  # it has found out just now that the database is away
        each.askers.append(replica)
        if each not in self.asked:
            self.asked.append(each)
        reader = self.follow(each, replica, turn, None, [])
        await asyncio.sleep(0.005)
        assert unknown or not complete or len(each.calls([replica])) == calls, "G2: a complete turn ran again"
        for part in reader.parts:
            if part.get("durability") == "stored":
                each.stored = True

    async def read_on(self, each: Asked, replica: Replica, back: int) -> None:
        before = max((reader for reader in each.readers), key=lambda reader: reader.last, default=None)
        seen = [*before.before, *before.parts] if before else []
        seen = seen[: max(len(seen) - back, 0)] if seen and "outcome" not in seen[-1] else seen
        after = seen[-1]["seq"] if seen else 0
        if seen and "outcome" in seen[-1]:
            seen, after = [], 0
        try:
            turn = await replica.resume(each.turn, after)
        except (NotFound, StorageUnavailable):
            assert not each.stored or self.down or _waits(self.living, each), "G3: a turn that nobody finds"
            return
        self.follow(each, replica, turn, after, seen)
        await asyncio.sleep(0.005)

    def follow(
        self, each: Asked, replica: Replica, turn: ReadableTurn, after: int | None, before: list[ReplyPart]
    ) -> Reader:
        reader = Reader(each, replica, after, before, here=isinstance(turn, RunningTurn) and not turn.replayed)
        each.readers.append(reader)
        reader.task = replica.do(_read_into(reader, turn))
        return reader

    async def stop(self, each: Asked, replica: Replica) -> None:
        """Without waiting for the answer: the process that runs it may be dead."""
        replica.do(_silently(replica.runner.cancel(id_of(each.turn), ADA)))
        await asyncio.sleep(0.02)

    async def erase_all_of(self, talk: int, replica: Replica) -> None:
        """One conversation, by its reader: nothing that was asked in it so far may be there in the end."""
        gone = [each for each in self.asked if each.talk == talk]
        await self.end_dead_leases()  # else it is waited for their processes to answer
        erasure = Erasure(ReplicaStorage(replica), [replica.runner], cast("Gate", None))
        try:
            await replica.do(erasure.erase(ADA, gone[0].turn.conversation_id))
        except StorageUnavailable:
            return
        self.erased += gone
        self.asked = [each for each in self.asked if each not in gone]

    async def see_it_refused(self, other: Asked, replica: Replica) -> None:
        """Its database was slow, and was taken to be away: it has the last word when it is found."""
        async with asyncio.timeout(QUIET):
            while replica.store.holds(other.id) or replica.runner.running:
                for call in other.calls([replica]):
                    call.end()
                await asyncio.sleep(0.02)

    async def cut(self) -> None:
        for replica in self.living:
            await replica.line.refuse()

    async def mend(self) -> None:
        for replica in self.living:
            await replica.line.accept()

    async def replace(self, place: int) -> None:
        dead = self.living[place]
        for each in self.asked:
            for reader in each.readers:
                if reader.replica is dead:
                    reader.lost = dead.store.holds(each.id)
                    if reader.task is not None:
                        reader.task.cancel()
        await dead.kill()
        fresh = await self.start()
        if self.down:
            await fresh.line.refuse()
        self.replicas.insert(self.replicas.index(dead), fresh)

    async def end_dead_leases(self) -> None:
        """Those that nobody alive renews; the database itself may be asked even when its lines are down."""
        runs = [f"'{run}'" for replica in self.living for run in replica.kept._runs.values()]
        alive = ", ".join(runs) or "NULL"
        await query(
            self.database,
            "UPDATE turn SET lease_until = now() - interval '1 second' "
            f"WHERE state = 'running' AND (run NOT IN ({alive})) IS NOT FALSE",
        )

    async def come_to_rest(self) -> None:
        """The database is back, every model ends, what waits is stored, and the dead are known to be dead."""
        if self.down:
            self.down = False
            await self.mend()
        async with asyncio.timeout(QUIET):
            while any(replica.runner.running or replica.store.buffer.stats.waiting for replica in self.living):
                for replica in self.living:
                    for call in replica.chain.calls:
                        call.end()
                await self.end_dead_leases()
                await asyncio.sleep(0.05)
        await end_leases(self.database)
        await self.living[0].do(self.living[0].kept.lapse())
        async with asyncio.timeout(QUIET):
            tasks = [reader.task for each in self.asked for reader in each.readers if reader.task]
            if tasks:
                await asyncio.wait(tasks)
        for each in self.asked:
            each.hear()

    async def leave(self) -> None:
        for replica in self.replicas:
            await replica.__aexit__()


class ReplicaStorage(Storage):
    """What an erasure asks of a process, of a replica that has no more than that."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def store(self) -> PostgresMessageStore:
        return self._replica.kept

    async def outage_store(self) -> OutageStore:
        return self._replica.store

    async def journal(self) -> Journal:
        return Journal(self._replica.kept, FAST)


def _waits(living: list[Replica], each: Asked) -> bool:
    return any(replica.store.holds(id_of(each.turn)) for replica in living)


async def _silently(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except DocentError:
        return


async def _read_into(reader: Reader, turn: ReadableTurn) -> None:
    parts = turn.parts(reader.after or 0)
    try:
        async for part in parts:
            reader.parts.append(part)
    except DocentError:
        return
    finally:
        await parts.aclose()
