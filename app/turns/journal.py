"""What running turns have told, kept in Postgres, so that another process can tell it on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from chains.history_messages import TurnState
from chains.turn import ReplyPart

if TYPE_CHECKING:
    from chains.postgres_history import PostgresMessageStore

TURN_LEASE = 15.0  # seconds that a conversation stays busy when its process was killed; renewed once a second
ATTENTION = timedelta(seconds=10)  # a reader elsewhere who has looked within this time is still there
FORGOTTEN_AT_ONCE = 1_000  # rows


@dataclass(frozen=True, slots=True)
class JournalTimes:
    """Seconds. `tick` between writes: what a killed process takes with it, and what a reader elsewhere is behind.

    `beat` without news after which a lease is renewed, and a cancel heard. `poll` between looks for a reader; LISTEN
    would not pass a transaction pooler. `settled` after a turn's end its last parts are in the journal, or will never
    be. For `retention` after its end a turn can be resumed; its conversation keeps the reply.
    """

    lease: float = TURN_LEASE
    tick: float = 0.5
    beat: float = 1.0
    poll: float = 0.25
    settled: float = 2.0
    retention: float = 3600.0


# The news of all turns that run here, and their leases, in one round trip. A batch that is written again, for the
# answer was lost, replaces itself.
WRITE = """
WITH news AS (
    SELECT * FROM jsonb_to_recordset(%(news)s::jsonb)
        AS told(id uuid, run uuid, first integer, last integer, parts jsonb)
), renewed AS (
    UPDATE turn SET told = greatest(told, last), lease_until = now() + %(lease)s
    FROM news WHERE turn.id = news.id AND turn.run = news.run
    RETURNING turn.id, state = 'running' AS running, cancel_asked,
              coalesce(read_at > now() - %(attention)s, false) AS read
), written AS (
    INSERT INTO journal (turn_id, first, parts)
    SELECT id, first, parts FROM news JOIN renewed USING (id) WHERE parts IS NOT NULL
    ON CONFLICT (turn_id, first) DO UPDATE SET parts = excluded.parts, written_at = now()
)
SELECT news.id, turn.id IS NOT NULL AS known, renewed.id IS NOT NULL AS ours,
       coalesce(renewed.running, false) AS running,
       coalesce(renewed.cancel_asked, false) AS cancel_asked, coalesce(renewed.read, false) AS read
FROM news LEFT JOIN renewed USING (id) LEFT JOIN turn ON turn.id = news.id
"""

LOOK = """
WITH heard AS (
    UPDATE turn SET read_at = now()
    WHERE id = %(turn)s AND owner = %(owner)s AND state = 'running'
      AND coalesce(read_at, '-infinity') < now() - %(attention)s / 4
)
SELECT conversation_id, state, opened, told, CASE WHEN state <> 'running' THEN reply END AS reply,
       state = 'running' AND lease_until < now() AS lapsed,
       state <> 'running' AND finished_at < now() - %(settled)s AS settled,
       state <> 'running' AND finished_at < now() - %(retention)s AS forgotten,
       (SELECT jsonb_agg(parts ORDER BY first) FROM journal
        WHERE turn_id = turn.id AND first + jsonb_array_length(parts) > %(after)s + 1) AS batches
FROM turn WHERE id = %(turn)s AND owner = %(owner)s
"""

ASK_CANCEL = """
UPDATE turn SET cancel_asked = cancel_asked OR state = 'running' WHERE id = %(turn)s AND owner = %(owner)s
RETURNING state
"""

# A reader has seen more than was written before its process died: another attempt must not tell the same numbers.
NOTE = "UPDATE turn SET told = greatest(told, %(after)s) WHERE id = %(turn)s AND owner = %(owner)s"

FORGET = """
DELETE FROM journal WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM journal WHERE written_at < now() - %(retention)s LIMIT %(rows)s
))
"""


@dataclass(frozen=True, slots=True)
class News:
    """What a turn has told since the last time, `first` being the `seq` of its first part; no parts: it runs on."""

    turn_id: UUID
    run: UUID
    first: int
    parts: list[ReplyPart]


@dataclass(frozen=True, slots=True)
class Word:
    """What the database says of a turn that runs here.

    `known`: it is there; `ours`: nobody has begun it anew; `running`: nor ended it, after its lease. `read`: a reader
    follows it on another replica.
    """

    known: bool
    ours: bool
    running: bool
    cancel_asked: bool
    read: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What a reader finds: the parts after his, and where the turn stands.

    `opened`: its last attempt tells from the `seq` after this one on; `told`: the last `seq` that is known of.
    `lapsed`: its process is gone. `settled`: nothing will be added any more. `forgotten`: its journal is.
    """

    conversation_id: str
    state: TurnState
    opened: int
    told: int
    reply: ReplyPart | None
    lapsed: bool
    settled: bool
    forgotten: bool
    parts: list[ReplyPart]


class Journal:
    """The journal of all turns in a database, in the store's own connections. All of it raises StorageUnavailable."""

    def __init__(self, store: PostgresMessageStore, times: JournalTimes | None = None) -> None:
        self._store, self.times = store, times or JournalTimes()
        self._lease, self._settled = timedelta(seconds=self.times.lease), timedelta(seconds=self.times.settled)
        self._retention = timedelta(seconds=self.times.retention)

    async def write(self, news: list[News]) -> dict[UUID, Word]:
        """Keep what was told, renew the leases, and hear what was asked of these turns elsewhere."""
        given = orjson.dumps([_record(each) for each in news]).decode()
        rows = await self._store.ask(WRITE, {"news": given, "lease": self._lease, "attention": ATTENTION})
        return {row.pop("id"): Word(**row) for row in rows}

    async def look(self, turn_id: UUID, owner: str, after: int) -> Look | None:
        """The parts with a `seq` above `after`; None when there is no such turn of this owner's."""
        values: dict[str, Any] = {"turn": turn_id, "owner": owner, "after": after, "attention": ATTENTION}
        rows = await self._store.ask(LOOK, {**values, "settled": self._settled, "retention": self._retention})
        return _look_of(rows[0], after) if rows else None

    async def note(self, turn_id: UUID, owner: str, after: int) -> None:
        """A reader of this turn has seen, or is told now, what bears the numbers up to `after`."""
        await self._store.ask(NOTE, {"turn": turn_id, "owner": owner, "after": after})

    async def ask_cancel(self, turn_id: UUID, owner: str) -> TurnState | None:
        """Ask whichever process runs the turn to stop it; its state so far, or None when there is no such turn."""
        rows = await self._store.ask(ASK_CANCEL, {"turn": turn_id, "owner": owner})
        return TurnState(rows[0]["state"]) if rows else None

    async def lapse(self, turn_id: UUID) -> None:
        """End a turn whose process is gone as what was told of it."""
        await self._store.lapse(turn_id=turn_id)

    async def forget(self) -> None:
        """Remove what is older than the retention, a portion at a time."""
        await self._store.ask(FORGET, {"retention": self._retention, "rows": FORGOTTEN_AT_ONCE})


def _record(news: News) -> dict[str, Any]:
    parts = [_without_token(part) for part in news.parts]
    last = news.first + len(parts) - 1
    return {"id": news.turn_id, "run": news.run, "first": news.first, "last": last, "parts": parts or None}


def _without_token(part: ReplyPart) -> dict[str, Any]:
    """Whoever resumes has the token already, and the database need not have it."""
    return {name: value for name, value in part.items() if name != "visitor_token"}


def _look_of(row: dict[str, Any], after: int) -> Look:
    parts = [ReplyPart(part) for batch in row.pop("batches") or () for part in batch if part["seq"] > after]
    reply = row.pop("reply")
    row["conversation_id"], row["state"] = str(row["conversation_id"]), TurnState(row["state"])
    return Look(**row, reply=ReplyPart(reply) if reply is not None else None, parts=parts)
