"""What readers were told of turns, against what is in the database: the guarantees G1 to G5."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from functools import reduce
from uuid import UUID

from replicas import Call, Replica, id_of, query

from chains.history_messages import TurnState, state_of
from chains.turn import ChatTurn, ReplyPart

ENDS = {TurnState.COMPLETE, TurnState.PARTIAL, TurnState.FAILED, TurnState.CANCELLED}


@dataclass
class Reader:
    """One who reads a turn at a replica, from `after` on; `parts` is what he has had so far.

    Who asks (`after` is None) is told the attempt that answers him: one after others counts on and begins anew.
    """

    turn: Asked
    replica: Replica
    after: int | None
    before: list[ReplyPart]
    here: bool = True  # the attempt runs, or ran, at his replica
    lost: bool = False  # what he was told died with its process before the database had it
    parts: list[ReplyPart] = field(default_factory=list)
    task: asyncio.Task[None] | None = None

    @property
    def last(self) -> int:
        return self.parts[-1]["seq"] if self.parts else self.after or 0

    @property
    def ended(self) -> bool:
        return bool(self.parts) and "outcome" in self.parts[-1]

    @property
    def completed(self) -> bool:
        return self.ended and state_of(self.parts[-1]) is TurnState.COMPLETE

    @property
    def warned(self) -> bool:
        """He was told with the end that the database does not have it yet."""
        return self.ended and self.parts[-1].get("durability") == "buffered"

    @property
    def whole(self) -> str:
        return str(reduce(ReplyPart.__add__, [*self.before, *self.parts], ReplyPart()).get("answer", ""))

    def check(self) -> None:
        """G3: gapless from where he was. G4: what he takes for whole is what its digest says."""
        first = self.parts[0] if self.parts else ReplyPart(seq=1)
        after = first["seq"] - 1 if self.after is None else self.after
        assert self.after is not None or after == 0 or "restart" in first, self.parts
        assert [part["seq"] for part in self.parts] == list(range(after + 1, self.last + 1)), self.parts
        assert ["outcome" in part for part in self.parts].count(True) == int(self.ended), self.parts
        if self.ended:
            digest = hashlib.sha256(self.whole.encode()).hexdigest()
            assert self.parts[-1]["answer_sha256"] == digest, (self.before, self.parts)


@dataclass(eq=False)
class Asked:
    """A turn that was accepted at least once, by `askers`. `stored`: a reader was told that the database has it.

    One replica cannot know of an attempt that another one holds in its memory for a database that is away, nor of one
    that was lost with such a memory. Then, and only then, it may begin an attempt of its own, which the model is asked
    for; the database takes one of them, and the readers of the others were told that theirs was `buffered`.
    """

    turn: ChatTurn
    stored: bool = False
    askers: list[Replica] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)

    @property
    def id(self) -> UUID:
        return id_of(self.turn)

    @property
    def talk(self) -> int:
        """The number of its conversation, which the question begins with."""
        return int(self.turn.question.partition(":")[0])

    @property
    def completed(self) -> bool:
        return any(reader.completed for reader in self.readers)

    def unknown_at(self, replica: Replica, living: list[Replica]) -> bool:
        """Whether this replica cannot know how the turn stands. It always knows what it completed itself."""
        if any(reader.completed and reader.here and reader.replica is replica for reader in self.readers):
            return False
        lost = any(reader.lost for reader in self.readers)
        held = any(each.store.holds(self.id) for each in living if each is not replica)
        return replica.store.away or held or lost

    def hear(self) -> None:
        for reader in self.readers:
            reader.check()

    def check_calls(self, living: list[Replica]) -> None:
        """G2: a replica makes one call at a time, and one alone is made for a turn that the database gave away."""
        at = [replica for replica in living for call in self.calls([replica]) if call.open]
        assert len({id(replica) for replica in at}) == len(at), "G2: two calls of the model at one replica"
        known = [replica for replica in at if not replica.store.holds(self.id)]
        assert len(known) <= 1, "G2: two calls of the model for one turn"

    def calls(self, replicas: list[Replica]) -> list[Call]:
        """The model's, in replicas that live."""
        return [
            call for replica in replicas if replica.alive for call in replica.chain.calls if call.turn_id == self.id
        ]


async def check_stored(database: str, asked: list[Asked], erased: list[Asked]) -> None:
    """Once all is quiet and the database is there. G1: no acknowledged turn is missing. G4, G5: states and order."""
    await check_erased(database, asked, erased)
    rows = await query(database, "SELECT id, state, reply->>'answer' FROM turn")
    states = {row[0]: (TurnState(row[1]), row[2] or "") for row in rows}
    assert len(rows) == len(states)
    for each in asked:
        if each.stored or any(asker.alive for asker in each.askers):
            assert each.id in states, f"lost: {each.turn}"
            state, answer = states[each.id]
            assert state in ENDS, (state, each)
            check_ends(each, state, answer)
    await check_order(database)


async def check_erased(database: str, asked: list[Asked], erased: list[Asked]) -> None:
    """Nothing of it has come back, nor its conversation, whose title it may have given, unless it goes on."""
    there = {turn_id for (turn_id,) in await query(database, "SELECT id FROM turn")}
    assert not there & {each.id for each in erased}, "an erased turn is there again"
    conversations = {each.turn.conversation_id for each in erased} - {each.turn.conversation_id for each in asked}
    stored = {conversation_id for (conversation_id,) in await query(database, "SELECT id FROM conversation")}
    assert not stored & conversations, "an erased conversation is there again"


def check_ends(each: Asked, state: TurnState, answer: str) -> None:
    """Whoever was told `done` has what is stored; unless he was warned, and another attempt was taken for his."""
    for reader in each.readers:
        if not reader.completed:
            continue
        assert state is TurnState.COMPLETE or reader.lost, (state, each)
        alone = all(asker is reader.replica for asker in each.askers)
        if not reader.warned or (alone and not reader.lost):
            assert reader.whole == answer, (reader, answer)


async def check_order(database: str) -> None:
    """G5: a question is followed by its own answer, or by the next question."""
    rows = await query(
        database,
        "SELECT session_id, turn_id, message->>'type' FROM chat_history ORDER BY session_id, id",
    )
    for (session, turn, kind), (session_before, turn_before, kind_before) in zip(rows[1:], rows, strict=False):
        if kind == "ai":
            assert (session, turn, "human") == (session_before, turn_before, kind_before), rows
    assert len({(turn, kind) for _, turn, kind in rows}) == len(rows), "a message twice"
