"""What only the Postgres store promises. Every test has a real server and a database of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from psycopg_pool import AsyncConnectionPool

from chains.embedded_postgres import EmbeddedPostgres
from chains.errors import ConversationBusy, NotFound, StorageUnavailable
from chains.history import Begun, Beginning, Joined, Refused, Replay
from chains.history_statements import HISTORY
from chains.migrations import migrate
from chains.postgres_history import PostgresMessageStore, connection_pool
from chains.turn import ChatTurn, Reply, ReplyPart
from fakes import CITATION, SOURCE

pytestmark = pytest.mark.anyio

ANSWER = ReplyPart(
    answer="Roll back. [1]",
    sources=[SOURCE],
    citations=[CITATION],
    outcome="answered",
    grounded=True,
    model="fake",
    usage={"input_tokens": 7, "output_tokens": 3},
    timings={"total": 1.5},
)
FAILED = ReplyPart(outcome="failed", error=StorageUnavailable().as_dict())


@pytest.fixture
def dsn(database: str) -> str:
    migrate(database)
    return database


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[AsyncConnectionPool]:
    async with connection_pool(dsn) as pool:
        await pool.wait()
        yield pool


@pytest.fixture
def store(pool: AsyncConnectionPool) -> PostgresMessageStore:
    return PostgresMessageStore(pool)


def a_turn(question: str = "How do I roll back?", **fields: Any) -> ChatTurn:
    return ChatTurn(question=question, **fields).identified()


def ids_of(turn: ChatTurn) -> tuple[UUID, UUID]:
    return cast("UUID", turn.turn_id), cast("UUID", turn.conversation_id)


async def fetch(pool: AsyncConnectionPool, query: str, *values: Any) -> list[Any]:
    async with pool.connection() as connection:
        return await (await connection.execute(cast("Any", query), values)).fetchall()


async def test_simultaneous_copies_make_one_turn(dsn: str) -> None:
    """300 first turns, each sent four times at once over connections of their own."""
    pools = [connection_pool(dsn, max_size=1) for _ in range(4)]
    stores = [PostgresMessageStore(pool) for pool in pools]
    await asyncio.gather(*(pool.open(wait=True) for pool in pools))
    for _ in range(300):
        copy = ChatTurn(question="How do I roll back?", turn_id=uuid4())
        beginnings = await asyncio.gather(*(store.begin(copy, "ada") for store in stores))
        assert sorted(type(beginning).__name__ for beginning in beginnings) == ["Begun", "Joined", "Joined", "Joined"]
        winner = next(
            store for store, beginning in zip(stores, beginnings, strict=True) if isinstance(beginning, Begun)
        )
        await winner.finish(cast("UUID", copy.turn_id), ANSWER)
    for table, rows in (("conversation", 300), ("turn", 300), ("chat_history", 600)):
        assert await fetch(pools[0], f"SELECT count(*) FROM {table}") == [(rows,)]
    await asyncio.gather(*(pool.close() for pool in pools))


async def test_simultaneous_turns_of_one_conversation_run_one_at_a_time(dsn: str) -> None:
    pools = [connection_pool(dsn, max_size=1) for _ in range(4)]
    await asyncio.gather(*(pool.open(wait=True) for pool in pools))
    stores = [PostgresMessageStore(pool) for pool in pools]
    conversation = uuid4()
    for _ in range(100):
        turns = [a_turn(f"Question {number}?", conversation_id=conversation) for number in range(4)]
        beginnings = await asyncio.gather(
            *(store.begin(turn, "ada") for store, turn in zip(stores, turns, strict=True))
        )
        assert [type(beginning) for beginning in beginnings].count(Begun) == 1
        assert all(isinstance(b, Begun) or _is_busy(b) for b in beginnings)
        for store, beginning in zip(stores, beginnings, strict=True):
            if isinstance(beginning, Begun):
                await store.finish(ids_of(beginning.turn)[0], ANSWER)
    await asyncio.gather(*(pool.close() for pool in pools))


def _is_busy(beginning: Beginning) -> bool:
    return isinstance(beginning, Refused) and isinstance(beginning.error, ConversationBusy)


async def test_storm_of_beginnings_and_endings_keeps_one_order(dsn: str) -> None:
    """Beginnings, endings and copies of turns of one conversation from five connections: no deadlock, and each one
    that begins is told all complete turns before it."""
    pools = [connection_pool(dsn, max_size=1) for _ in range(5)]
    await asyncio.gather(*(pool.open(wait=True) for pool in pools))
    conversation, told = uuid4(), []

    async def ask(store: PostgresMessageStore, name: int) -> None:
        for number in range(20):
            turn = a_turn(f"{name}/{number}", conversation_id=conversation)
            while not isinstance(beginning := await store.begin(turn, "ada"), Begun):
                await asyncio.sleep(0)
            told.append([message.content for message in beginning.history[::2]])
            await asyncio.gather(store.begin(turn, "ada"), store.finish(ids_of(turn)[0], ANSWER))

    await asyncio.gather(*(ask(PostgresMessageStore(pool), name) for name, pool in enumerate(pools)))
    rows = await fetch(pools[0], "SELECT message->'data'->>'content' FROM chat_history ORDER BY id")
    questions = [row[0] for row in rows[::2]]
    assert len(questions) == 100
    assert {row[0] for row in rows[1::2]} == {ANSWER["answer"]}
    assert told == [questions[max(0, number - 6) : number] for number in range(100)]
    await asyncio.gather(*(pool.close() for pool in pools))


async def test_begin_and_finish_cost_one_round_trip_each(dsn: str, tmp_path: Path) -> None:
    async with connection_pool(dsn, max_size=1) as pool:
        store = PostgresMessageStore(pool)
        turn = a_turn()
        begun = await round_trips(pool, tmp_path / "begin", store.begin(turn, "ada"))
        finished = await round_trips(pool, tmp_path / "finish", store.finish(ids_of(turn)[0], ANSWER))
        replayed = await round_trips(pool, tmp_path / "replay", store.begin(turn, "ada"))
    assert (begun, finished, replayed) == (1, 1, 1)


async def round_trips(pool: AsyncConnectionPool, trace: Path, call: Any) -> int:
    """How often the call sent something and waited for the answer, as libpq saw it."""
    with trace.open("w") as file:
        async with pool.connection() as connection:
            connection.pgconn.trace(file.fileno())
        await call
        async with pool.connection() as connection:
            connection.pgconn.untrace()
    return sum(line.split("\t")[1:2] == ["B"] and "ReadyForQuery" in line for line in trace.read_text().splitlines())


async def test_history_reads_a_bounded_part_of_its_index(pool: AsyncConnectionPool) -> None:
    long = await _fill(pool, conversations=200, messages=100, longest=20_000)
    values = {"conversation": long, "window": 12, "turn": uuid4()}
    async with pool.connection() as connection:
        row = await (await connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {HISTORY}", values)).fetchone()
    assert row is not None
    scans = [node for node in _nodes(row[0][0]["Plan"]) if node.get("Relation Name") == "chat_history"]
    assert [(scan["Node Type"], scan["Index Name"]) for scan in scans] == [("Index Scan", "chat_history_conversation")]
    assert scans[0]["Actual Rows"] == 24


async def _fill(pool: AsyncConnectionPool, conversations: int, messages: int, longest: int) -> UUID:
    long = uuid4()
    insert = """
        INSERT INTO chat_history (session_id, message)
        SELECT c, jsonb_build_object('type', 'human', 'data', jsonb_build_object('content', n::text))
        FROM unnest(%s::uuid[]) c, generate_series(1, %s) n
    """
    async with pool.connection() as connection:
        await connection.execute(insert, ([uuid4() for _ in range(conversations)], messages))
        await connection.execute(insert, ([long], longest))
        await connection.execute("ANALYZE chat_history")
    return long


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]


async def test_begin_reads_what_langchain_wrote(store: PostgresMessageStore) -> None:
    conversation = uuid4()
    store.as_langchain(conversation).add_messages([HumanMessage("Hi?"), AIMessage("Hello.")])
    begun = await store.begin(a_turn(conversation_id=conversation), "ada")
    assert isinstance(begun, Begun)
    assert begun.history == [HumanMessage("Hi?"), AIMessage("Hello.")]
    assert _is_not_found(await store.begin(a_turn(conversation_id=conversation), "eve"))


def _is_not_found(beginning: Beginning) -> bool:
    return isinstance(beginning, Refused) and isinstance(beginning.error, NotFound)


async def test_langchain_reads_what_finish_wrote(store: PostgresMessageStore) -> None:
    turn = a_turn(selected_text="rollback")
    await store.begin(turn, "ada")
    await store.finish(ids_of(turn)[0], ANSWER)
    question, answer = store.as_langchain(ids_of(turn)[1]).messages
    assert question == HumanMessage("How do I roll back?", additional_kwargs={"selected_text": "rollback"})
    assert isinstance(answer, AIMessage)
    assert answer.content == ANSWER["answer"]
    assert answer.usage_metadata == {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    assert answer.response_metadata == {"model_name": "fake", "outcome": "answered", "grounded": True}


async def test_conversation_gives_the_same_reply(store: PostgresMessageStore) -> None:
    turn = a_turn(selected_text="rollback")
    turn_id, conversation_id = ids_of(turn)
    await store.begin(turn, "ada")
    await store.finish(turn_id, ANSWER + {"turn_id": str(turn_id), "conversation_id": str(conversation_id)})
    failed = a_turn("And then?", conversation_id=conversation_id)
    await store.begin(failed, "ada")
    await store.finish(ids_of(failed)[0], FAILED)
    conversation = await store.conversation(conversation_id, "ada")
    first, second = conversation["messages"]
    replay = await store.begin(turn, "ada")
    assert isinstance(replay, Replay)
    assert first.items() >= Reply.model_validate(replay.reply).model_dump(mode="json", exclude_none=True).items()
    assert (first["question"], first["state"], first["selected_text"]) == (turn.question, "complete", "rollback")
    assert (second["question"], second["state"], second["error"]["code"]) == (
        "And then?",
        "failed",
        "storage_unavailable",
    )


async def test_conversation_shows_a_running_and_a_lost_turn_as_such(pool: AsyncConnectionPool) -> None:
    turn = a_turn()
    await PostgresMessageStore(pool).begin(turn, "ada")
    (running,) = (await PostgresMessageStore(pool).conversation(ids_of(turn)[1], "ada"))["messages"]
    assert (running["state"], "answer" in running) == ("running", False)
    lost = a_turn()
    await PostgresMessageStore(pool, lease=-1).begin(lost, "ada")
    (message,) = (await PostgresMessageStore(pool).conversation(ids_of(lost)[1], "ada"))["messages"]
    assert (message["state"], message["outcome"], message["partial"]) == ("partial", "failed", True)


async def test_conversation_shows_what_langchain_wrote(store: PostgresMessageStore) -> None:
    turn = a_turn()
    await store.begin(turn, "ada")
    await store.finish(ids_of(turn)[0], ANSWER)
    store.as_langchain(ids_of(turn)[1]).add_messages([HumanMessage("Hi?"), AIMessage("Hello.")])
    _, theirs = (await store.conversation(ids_of(turn)[1], "ada"))["messages"]
    assert (theirs["question"], theirs["answer"], theirs["turn_id"]) == ("Hi?", "Hello.", None)


async def test_conversation_of_another_owner_is_not_found(store: PostgresMessageStore) -> None:
    turn = a_turn()
    await store.begin(turn, "ada")
    for conversation_id, owner in ((ids_of(turn)[1], "eve"), (uuid4(), "ada")):
        with pytest.raises(NotFound):
            await store.conversation(conversation_id, owner)


async def test_conversations_are_the_owners_newest_first(store: PostgresMessageStore) -> None:
    for question in ("One?", "Two?", "Three?"):
        await store.begin(a_turn(question), "ada")
    await store.begin(a_turn("Hers?"), "eve")
    listed = await store.conversations("ada", limit=2)
    assert [conversation["title"] for conversation in listed] == ["Three?", "Two?"]
    rest = await store.conversations("ada", before=datetime.fromisoformat(listed[-1]["updated_at"]))
    assert [conversation["title"] for conversation in rest] == ["One?"]


async def test_turn_that_was_taken_over_is_not_overwritten(pool: AsyncConnectionPool) -> None:
    slow, quick = PostgresMessageStore(pool, lease=-1), PostgresMessageStore(pool)
    turn = a_turn()
    await slow.begin(turn, "ada")
    await quick.begin(turn, "ada")
    await slow.finish(ids_of(turn)[0], ReplyPart(answer="Late.", outcome="answered"))
    assert await quick.begin(turn, "ada") == Joined(ids_of(turn)[0])
    await quick.finish(ids_of(turn)[0], ANSWER)
    replay = await quick.begin(turn, "ada")
    assert isinstance(replay, Replay)
    assert replay.reply["answer"] == ANSWER["answer"]


async def test_dead_connections_cost_no_turn(pool: AsyncConnectionPool, store: PostgresMessageStore) -> None:
    turn = a_turn()
    await asyncio.gather(*(store.begin(a_turn(), "ada") for _ in range(5)))
    await _cut_all(pool)
    assert isinstance(await store.begin(turn, "ada"), Begun)
    await _cut_all(pool)
    await store.finish(ids_of(turn)[0], ANSWER)
    assert isinstance(await store.begin(turn, "ada"), Replay)


async def _cut_all(pool: AsyncConnectionPool) -> None:
    async with await psycopg.AsyncConnection.connect(pool.conninfo, autocommit=True) as connection:  # type: ignore[arg-type]
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_beginning_whose_reply_was_lost_begins(pool: AsyncConnectionPool, store: PostgresMessageStore) -> None:
    """The statement is repeated as it is: a copy of it that was committed already is recognised as this call's."""
    values = store._question_of(a_turn(), "ada")
    from chains.history_statements import BEGIN

    first = await store._ask(BEGIN, values)
    again = await store._ask(BEGIN, values)
    assert [(row["mine"], row["attempt"], row["outdated"]) for row in (*first, *again)] == [(True, 1, False)] * 2
    assert await fetch(pool, "SELECT count(*) FROM chat_history") == [(1,)]


async def test_killed_server_is_unavailable_and_then_back(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path)
    dsn = await asyncio.to_thread(postgres.start)
    await asyncio.to_thread(migrate, dsn)
    async with connection_pool(dsn) as pool:
        store = PostgresMessageStore(pool)
        kept, lost = a_turn(), a_turn()
        await store.begin(kept, "ada")
        os.kill(int((postgres.cluster / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        with pytest.raises(StorageUnavailable) as refusal:
            await store.begin(lost, "ada")
        assert refusal.value.retry_after
        while not await asyncio.to_thread(postgres.ensure_running):
            await asyncio.sleep(0.01)
        assert isinstance(await store.begin(lost, "ada"), Begun)
        await store.finish(ids_of(kept)[0], ANSWER)
        assert isinstance(await store.begin(kept, "ada"), Replay)
    await asyncio.to_thread(postgres.stop)
