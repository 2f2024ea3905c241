"""The turns that wait for the database: so many and so large, one running per conversation, each once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID, uuid5

from app.turns.known import RUNNING_SIZE, Conversation, KeptTurn, KnownConversations
from chains.errors import ConversationBusy, NotFound, StorageUnavailable, TurnIdReuse
from chains.history import BUSY_FOR, LEASE, Beginning, Begun, Joined, Refused, Replay
from chains.history_messages import Remembered, TurnState, content_of
from chains.turn import ChatTurn, ReplyPart

TURNS_LIMIT = 1_000
BYTES_LIMIT = TURNS_LIMIT * RUNNING_SIZE  # 64 MB
RETRY_AFTER = 2  # seconds


@dataclass(slots=True)
class OutageStats:
    """Turns: waiting now, and since the start: stored late, refused by the database, lost at the end of the process."""

    waiting: int = 0
    bytes: int = 0
    stored_late: int = 0
    refused: int = 0
    lost: int = 0


class OutageBuffer:
    """Knows what was served here, and holds what is not stored."""

    def __init__(self, turns_limit: int = TURNS_LIMIT, bytes_limit: int = BYTES_LIMIT, lease: float = LEASE) -> None:
        self._turns_limit, self._bytes_limit, self._lease = turns_limit, bytes_limit, lease
        self._ours: dict[UUID, Conversation] = {}  # by turns that run here or wait
        self.known = KnownConversations()
        self.stats = OutageStats()

    def conversation_of(self, turn_id: UUID) -> Conversation | None:
        """Where a turn runs that was begun here, or waits."""
        return self._ours.get(turn_id)

    def waiting(self) -> Iterator[Conversation]:
        """The conversations with turns that wait, the first of them first."""
        return iter({known.id: known for known in [*self._ours.values()] if known.waiting}.values())

    def note(self, beginning: Beginning, owner: str, run: UUID, asked_at: datetime) -> None:
        """What the database has said of a turn and whose it is."""
        if not isinstance(beginning, Begun):
            return
        turn_id, conversation_id = cast("UUID", beginning.turn.turn_id), cast("UUID", beginning.turn.conversation_id)
        known = self.known.get(conversation_id)
        if known is None or known.owner != owner:
            known = self.known.add(Conversation(conversation_id, owner))
        if known.running is not None:
            self._ours.pop(cast("UUID", known.running.turn.turn_id), None)
        known.running = KeptTurn(beginning.turn, run, begun=True, told=beginning.told, created_at=asked_at)
        known.told = [Remembered(message) for message in beginning.history]
        self.known.renew(known)
        self._ours[turn_id] = known

    def stored(self, conversation: Conversation, kept: KeptTurn) -> None:
        """The turn is in the database, reply and all: it may be told to the next one."""
        self._ours.pop(cast("UUID", kept.turn.turn_id), None)
        if conversation.running is kept:
            conversation.running = None
        conversation.remember(kept)
        self.known.renew(conversation)

    def lose(self, conversation: Conversation, kept: KeptTurn) -> None:
        """Another process has the turn."""
        self._ours.pop(cast("UUID", kept.turn.turn_id), None)
        if conversation.running is kept:
            conversation.running = None

    def take(self, turn: ChatTurn, owner: str, run: UUID) -> Beginning:
        """Begin a turn by what is known here.

        Raises:
            StorageUnavailable: the conversation is not known here, or as much waits already as may.
        """
        turn_id, conversation_id = cast("UUID", turn.turn_id), cast("UUID", turn.conversation_id)
        known = self.known.get(conversation_id)
        if known is None:
            if conversation_id != uuid5(turn_id, "conversation"):  # not made for this very turn: whose is it?
                raise StorageUnavailable(retry_after=RETRY_AFTER)
            known = Conversation(conversation_id, owner, born_here=True)
        if (verdict := self._judge(known, turn, owner)) is not None:
            return verdict
        earlier = known.turn(turn_id)
        if turn_id in known.waiting:  # asked again before its first reply was stored: under the same name
            run = known.waiting[turn_id].run
            self.drop(known, turn_id)
        told = earlier.told if earlier is not None else 0
        self.wait(known, KeptTurn(turn, run, told=told))
        return Begun(turn, known.history(turn_id), earlier is not None, "buffered", told, run)

    def wait(self, conversation: Conversation, kept: KeptTurn) -> None:
        """Raises StorageUnavailable when the buffer is full."""
        if self.stats.waiting >= self._turns_limit or self.stats.bytes + kept.size > self._bytes_limit:
            raise StorageUnavailable(retry_after=RETRY_AFTER)
        turn_id = cast("UUID", kept.turn.turn_id)
        conversation.waiting[turn_id] = kept
        if conversation.running is kept:
            conversation.running = None
        self._ours[turn_id] = conversation
        self.stats.waiting += 1
        self.stats.bytes += kept.size
        if self.known.get(conversation.id) is not conversation:
            self.known.add(conversation)
        self.known.renew(conversation)

    def end(self, kept: KeptTurn, reply: ReplyPart) -> None:
        """A turn that waits has its reply."""
        self.stats.bytes -= kept.size
        kept.end(reply)
        self.stats.bytes += kept.size

    def drop(self, conversation: Conversation, turn_id: UUID) -> None:
        """It waits no longer, for whichever reason."""
        if (kept := conversation.waiting.pop(turn_id, None)) is not None:
            self._ours.pop(turn_id, None)
            self.stats.waiting -= 1
            self.stats.bytes -= kept.size

    def report(self, conversation_id: UUID, owner: str) -> dict[str, Any] | None:
        """A conversation that the database has never heard of, as it would tell it; None for any other.

        Raises:
            NotFound: it is another owner's.
        """
        known = self.known.get(conversation_id)
        if known is None or not known.born_here or not known.waiting:
            return None
        if known.owner != owner:
            raise NotFound
        return known.as_report()

    @asynccontextmanager
    async def erasing(self, owner: str, conversation_id: UUID | None) -> AsyncIterator[bool]:
        """Store nothing of a visitor's, or of one conversation of his, meanwhile; unless that raises, forget it then.

        True: something waits that the database does not know.
        """
        async with AsyncExitStack() as held:
            mine = [known for known in self.known.of(owner) if conversation_id in (None, known.id)]
            for known in mine:
                await held.enter_async_context(known.settling)
            yield any(known.waiting for known in mine)
            self.forget(owner, conversation_id)

    def forget(self, owner: str, conversation_id: UUID | None = None) -> None:
        """Drop what waits and what is remembered of a visitor, or of one conversation of his: he had it erased."""
        for known in self.known.of(owner):
            if conversation_id in (None, known.id):
                for turn_id in [*known.waiting]:
                    self.drop(known, turn_id)
                self.known.forget(known.id)

    def _judge(self, known: Conversation, turn: ChatTurn, owner: str) -> Beginning | None:
        """What the database would say instead of beginning the turn. Raises StorageUnavailable where it alone knows."""
        turn_id = cast("UUID", turn.turn_id)
        earlier = known.turn(turn_id)
        elsewhere = self._ours.get(turn_id, known)
        if {known.owner, elsewhere.owner} != {owner}:
            return Refused(NotFound())
        if elsewhere is not known or (earlier is not None and content_of(earlier.turn) != content_of(turn)):
            return Refused(TurnIdReuse())
        if earlier is not None and earlier.state is TurnState.COMPLETE:
            ids = {"conversation_id": str(known.id), "turn_id": str(turn_id)}
            return Replay(ReplyPart(earlier.reply | ids), "buffered" if turn_id in known.waiting else "stored")
        if earlier is None and turn_id in known.complete:  # its reply is in the database alone
            raise StorageUnavailable(retry_after=RETRY_AFTER)
        if (running := known.runs(self._lease)) is not None:
            return Joined(turn_id) if running is earlier else Refused(ConversationBusy(retry_after=BUSY_FOR))
        return None
