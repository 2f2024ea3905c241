"""Turns of three visitors' conversations over two replicas, whatever happens, held to G1 to G5 by a model.

Others and longer ones: DOCENT_MACHINE_SEED=7 DOCENT_MACHINE_EXAMPLES=500 pytest tests/faults/test_turn_machine.py
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import hypothesis.strategies as st
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from turn_model import Asked, check_stored
from turn_world import World

from chains.errors import ConversationBusy, ModelUnavailable, StorageUnavailable, TurnIdReuse
from chains.migrations import migrate
from chains.turn import ChatTurn, ReplyPart

pytestmark = pytest.mark.timeout(900)

STEPS = 50
EXAMPLES = int(os.environ.get("DOCENT_MACHINE_EXAMPLES", "40"))  # of so many steps each: 2,000
SEED = int(os.environ.get("DOCENT_MACHINE_SEED", "1"))
CONVERSATIONS = 3

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
            RuleBasedStateMachine.__init__(self)
            World.__init__(self, database, runner)

    return Machine


class TurnMachine(World, RuleBasedStateMachine):
    """What may happen, in any order."""

    @rule(place=st.integers(0, 1), talk=st.integers(0, CONVERSATIONS - 1))
    def send(self, place: int, talk: int) -> None:
        of_talk = [each for each in [*self.asked, *self.erased] if each.talk == talk]
        known = of_talk[0].turn.conversation_id if of_talk else None
        turn = ChatTurn(question=f"{talk}: {len(of_talk)}?", conversation_id=known).identified()
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
        if replica.store.away:  # it has not found the database back yet
            return
        try:
            self.run(replica.accept(other.turn))
        except (TurnIdReuse, ConversationBusy, StorageUnavailable):
            return
        assert replica.store.holds(each.id), "the same id, other words"
        self.run(self.see_it_refused(other, replica))

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

    @precondition(lambda self: self.asked and not self.down)
    @rule(place=st.integers(0, 1), pick=picks)
    def erase(self, place: int, pick: int) -> None:
        self.run(self.erase_all_of(self.pick(pick).talk, self.living[place]))

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
            each.check_calls(self.living)

    def teardown(self) -> None:
        try:
            self.run(self.come_to_rest())
            self.run(check_stored(self.database, self.asked, self.erased))
        finally:
            self.run(self.leave())


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
