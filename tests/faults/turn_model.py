"""What readers were told of turns, against what is in the database: the guarantees G1 to G5."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from functools import reduce

from replicas import Call, Replica, query

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
    parts: list[ReplyPart] = field(default_factory=list)
    task: asyncio.Task[None] | None = None

    @property
    def last(self) -> int:
        return self.parts[-1]["seq"] if self.parts else self.after or 0

    @property
    def ended(self) -> bool:
        return bool(self.parts) and "outcome" in self.parts[-1]

    def check(self) -> None:
        """G3: gapless from where he was. G4: what he takes for whole is what its digest says."""
        first = self.parts[0] if self.parts else ReplyPart(seq=1)
        after = first["seq"] - 1 if self.after is None else self.after
        assert self.after is not None or after == 0 or "restart" in first, self.parts
        assert [part["seq"] for part in self.parts] == list(range(after + 1, self.last + 1)), self.parts
        assert ["outcome" in part for part in self.parts].count(True) == int(self.ended), self.parts
        if self.ended:
            whole = reduce(ReplyPart.__add__, [*self.before, *self.parts], ReplyPart())
            digest = hashlib.sha256(whole.get("answer", "").encode()).hexdigest()
            assert self.parts[-1]["answer_sha256"] == digest, (self.before, self.parts)


@dataclass(eq=False)
class Asked:
    """A turn that was accepted at least once. `told` are the states in which it ended before a reader's eyes.

    `split`: it was asked while nobody reached the database, and at another replica, too: neither knew of the other's
    attempt. The database takes one of them; a reader of the other one was told that his was `buffered`.
    """

    turn: ChatTurn
    stored: bool = False
    in_outage: bool = False
    askers: list[Replica] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    told: set[TurnState] = field(default_factory=set)

    @property
    def split(self) -> bool:
        return self.in_outage and any(asker is not self.askers[0] for asker in self.askers)

    def hear(self) -> None:
        for reader in self.readers:
            reader.check()
            if reader.ended:
                self.told.add(state_of(reader.parts[-1]))

    def calls(self, replicas: list[Replica]) -> list[Call]:
        """The model's, in replicas that live."""
        return [
            call
            for replica in replicas
            if replica.alive
            for call in replica.chain.calls
            if call.turn_id == self.turn.turn_id
        ]


async def check_stored(database: str, asked: list[Asked]) -> None:
    """Once all is quiet and the database is there. G1: no acknowledged turn is missing. G4, G5: states and order."""
    rows = await query(database, "SELECT id, state, reply->>'answer' FROM turn")
    states = {row[0]: (TurnState(row[1]), row[2] or "") for row in rows}
    assert len(rows) == len(states)
    for each in asked:
        if each.stored:
            assert each.turn.turn_id in states, f"lost: {each.turn}"
            state, _ = states[each.turn.turn_id]
            assert state in ENDS, (state, each)
            if TurnState.COMPLETE in each.told and not each.split:
                assert state is TurnState.COMPLETE, (state, each)
            if TurnState.COMPLETE is state and not each.split:
                check_last(each, states[each.turn.turn_id][1])
    await check_order(database)


def check_last(each: Asked, answer: str) -> None:
    """Whoever was told `done` has the text that is stored."""
    for reader in each.readers:
        if reader.ended and state_of(reader.parts[-1]) is TurnState.COMPLETE:
            whole = reduce(ReplyPart.__add__, [*reader.before, *reader.parts], ReplyPart())
            assert whole.get("answer", "") == answer, (reader, answer)


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
