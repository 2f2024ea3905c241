"""Turns of three visitors' conversations over two replicas, whatever happens, held to G1 to G5 by a model.

Others and longer ones: DOCENT_MACHINE_SEED=7 DOCENT_MACHINE_EXAMPLES=500 pytest tests/faults/test_turn_machine.py
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import hypothesis.strategies as st
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from replicas import ADA, FAST, Call, Replica, end_leases, id_of, query
from turn_model import Asked, Reader, check_stored

from app.turns.limits import TurnLimits
from app.turns.running import ReadableTurn
from chains.errors import ConversationBusy, DocentError, ModelUnavailable, NotFound, StorageUnavailable, TurnIdReuse
from chains.history_messages import TurnState
from chains.migrations import migrate
from chains.turn import ChatTurn, ReplyPart

STEPS = 50
EXAMPLES = int(os.environ.get("DOCENT_MACHINE_EXAMPLES", "40"))  # of so many steps each: 2,000
SEED = int(os.environ.get("DOCENT_MACHINE_SEED", "1"))
QUIET = 10.0  # seconds in which everything that goes on has to come to its end
CONVERSATIONS = 3

Given = TypeVar("Given")
picks = st.integers(min_value=0, max_value=1_000)


@pytest.fixture(scope="module")
def machine_database(postgres_dsn: str) -> Iterator[str]:
    name = f"machine_{uuid4().hex}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        dsn = urlsplit(postgres_dsn)._replace(path=f"/{name}").geturl()
        migrate(dsn)
        yield dsn
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def machine_over(database: str, runner: asyncio.Runner) -> type[RuleBasedStateMachine]:
    class Machine(TurnMachine):
        def __init__(self) -> None:
            super().__init__(database, runner)

    return Machine


class TurnMachine(RuleBasedStateMachine):
    """Two replicas; one that was killed is replaced at once by a new process."""

    def __init__(self, database: str, runner: asyncio.Runner) -> None:
        super().__init__()
        self.database, self.loop = database, runner
        self.asked: list[Asked] = []
        self.replicas: list[Replica] = []
        self.down = False
        self.run(self.begin())

    def run(self, work: Coroutine[Any, Any, Given]) -> Given:
        return self.loop.run(work)

    async def begin(self) -> None:
        await query(self.database, "TRUNCATE conversation, turn, journal, chat_history CASCADE")
        for _ in range(2):
            self.replicas.append(await self.start())

    async def start(self) -> Replica:
        return await Replica(self.database, FAST, TurnLimits(coalesce=0.0, resume_grace=3600)).__aenter__()

    @property
    def living(self) -> list[Replica]:
        return [replica for replica in self.replicas if replica.alive]

    @rule(place=st.integers(0, 1), talk=st.integers(0, CONVERSATIONS - 1))
    def send(self, place: int, talk: int) -> None:
        of_talk = [each for each in self.asked if each.turn.question.startswith(f"{talk}:")]
        known = of_talk[0].turn.conversation_id if of_talk else None
        turn = ChatTurn(question=f"{talk}: {len(self.asked)}?", conversation_id=known).identified()
        self.run(self.ask(Asked(turn), self.living[place]))

    @precondition(lambda self: self.asked)
    @rule(place=st.integers(0, 1), pick=picks)
    def retry(self, place: int, pick: int) -> None:
        self.run(self.ask(self.pick(pick), self.living[place]))

    @precondition(lambda self: not self.down and any(each.stored for each in self.asked))
    @rule(place=st.integers(0, 1), pick=picks)
    def ask_otherwise_under_the_same_id(self, place: int, pick: int) -> None:
        stored = [each for each in self.asked if each.stored]
        each = stored[pick % len(stored)]
        other = Asked(each.turn.model_copy(update={"question": "Something else?"}))
        replica = self.living[place]
        try:
            self.run(replica.accept(other.turn))
        except (TurnIdReuse, ConversationBusy, StorageUnavailable):
            return
        raise AssertionError("the same id, other words")

    @precondition(lambda self: self.asked)
    @rule(pick=picks, words=st.lists(st.sampled_from(["Roll ", "back. ", "[1] "]), min_size=1, max_size=4))
    def speak(self, pick: int, words: list[str]) -> None:
        for call in self.open_calls(pick):
            call.say(*words)
        self.run(asyncio.sleep(0.002))

    @precondition(lambda self: self.asked)
    @rule(pick=picks)
    def come_to_the_end(self, pick: int) -> None:
        for call in self.open_calls(pick):
            call.say("That is all.")
            call.end()
        self.run(asyncio.sleep(0.01))

    @precondition(lambda self: self.asked)
    @rule(pick=picks, anew=st.booleans())
    def provider_fails(self, pick: int, anew: bool) -> None:
        for call in self.open_calls(pick):
            call.say(ReplyPart(restart="network") if anew else ModelUnavailable(retry_after=1))
        self.run(asyncio.sleep(0.005))

    @precondition(lambda self: self.asked)
    @rule(pick=picks)
    def drop(self, pick: int) -> None:
        for reader in self.pick(pick).readers:
            if reader.task is not None:
                reader.task.cancel()
        self.run(asyncio.sleep(0.002))

    @precondition(lambda self: self.asked)
    @rule(place=st.integers(0, 1), pick=picks, back=st.integers(0, 3))
    def resume(self, place: int, pick: int, back: int) -> None:
        self.run(self.read_on(self.pick(pick), self.living[place], back))

    @precondition(lambda self: self.asked and not self.down)
    @rule(place=st.integers(0, 1), pick=picks)
    def cancel(self, place: int, pick: int) -> None:
        self.run(self.stop(self.pick(pick), self.living[place]))

    @precondition(lambda self: not self.down)
    @rule()
    def database_goes_down(self) -> None:
        self.down = True
        self.run(self.cut())

    @precondition(lambda self: self.down)
    @rule()
    def database_comes_back(self) -> None:
        self.down = False
        self.run(self.mend())

    @rule(place=st.integers(0, 1))
    def kill(self, place: int) -> None:
        self.run(self.replace(place))

    @rule()
    def leases_of_the_dead_end(self) -> None:
        self.run(self.end_dead_leases())

    @rule()
    def time_passes(self) -> None:
        self.run(asyncio.sleep(0.05))

    @invariant()
    def readers_lose_nothing(self) -> None:
        for each in self.asked:
            each.hear()
            open_calls = [call for call in each.calls(self.replicas) if call.open]
            assert len(open_calls) <= 1 or self.down, "G2: two calls of the model for one turn"

    def teardown(self) -> None:
        try:
            self.run(self.come_to_rest())
            self.run(check_stored(self.database, self.asked))
        finally:
            self.run(self.leave())

    def pick(self, pick: int) -> Asked:
        return self.asked[pick % len(self.asked)]

    def open_calls(self, pick: int) -> list[Call]:
        return [call for call in self.pick(pick).calls(self.replicas) if call.open]

    async def ask(self, each: Asked, replica: Replica) -> None:
        complete = TurnState.COMPLETE in each.told
        calls = len(replica.chain.calls)
        try:
            turn = await replica.accept(each.turn)
        except (ConversationBusy, StorageUnavailable):
            return
        if each not in self.asked:
            self.asked.append(each)
        reader = self.follow(each, replica, turn, None, [])
        await asyncio.sleep(0.005)
        assert not (complete and len(replica.chain.calls) > calls), "G2: a complete turn ran again"
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
        reader = Reader(each, replica, after, before)
        each.readers.append(reader)
        reader.task = replica.do(_read_into(reader, turn))
        return reader

    async def stop(self, each: Asked, replica: Replica) -> None:
        """Without waiting for the answer: the process that runs it may be dead."""
        replica.do(_silently(replica.runner.cancel(id_of(each.turn), ADA)))
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
                if reader.replica is dead and reader.task is not None:
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


def test_whatever_happens_nothing_is_lost_doubled_or_taken_for_whole(machine_database: str) -> None:
    with asyncio.Runner() as runner:
        rules = settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.normal,
        )
        machine = machine_over(machine_database, runner)
        seed(SEED)(machine)
        run_state_machine_as_test(machine, settings=rules)
