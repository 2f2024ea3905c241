"""What only the Postgres store promises. Every test has a real server and a database of its own."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from asking import FAILED, WHOLE, ids_of
from fakes import a_turn
from langchain_core.messages import AIMessage, HumanMessage
from psycopg_pool import AsyncConnectionPool

from chains.errors import NotFound
from chains.history import Beginning, Begun, Refused, Replay
from chains.history_pool import connection_pool
from chains.history_statements import HISTORY
from chains.postgres_history import PostgresMessageStore
from chains.turn import Reply

pytestmark = pytest.mark.anyio


async def fetch(pool: AsyncConnectionPool, query: str, *values: Any) -> list[Any]:
    async with pool.connection() as connection:
        return await (await connection.execute(cast("Any", query), values)).fetchall()


async def test_begin_and_finish_cost_one_round_trip_each(migrated: str, tmp_path: Path) -> None:
    async with connection_pool(migrated, max_size=1) as pool:
        store = PostgresMessageStore(pool)
        turn = a_turn()
        begun = await round_trips(pool, tmp_path / "begin", store.begin(turn, "ada"))
        finished = await round_trips(pool, tmp_path / "finish", store.finish(ids_of(turn)[0], WHOLE))
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
    lines = await asyncio.to_thread(trace.read_text)
    return sum("\tB\t" in line and "ReadyForQuery" in line for line in lines.splitlines())


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


async def test_begin_reads_what_langchain_wrote(postgres: PostgresMessageStore) -> None:
    conversation = uuid4()
    postgres.as_langchain(conversation).add_messages([HumanMessage("Hi?"), AIMessage("Hello.")])
    begun = await postgres.begin(a_turn(conversation_id=conversation), "ada")
    assert isinstance(begun, Begun)
    assert begun.history == [HumanMessage("Hi?"), AIMessage("Hello.")]
    assert _is_not_found(await postgres.begin(a_turn(conversation_id=conversation), "eve"))


def _is_not_found(beginning: Beginning) -> bool:
    return isinstance(beginning, Refused) and isinstance(beginning.error, NotFound)


async def test_langchain_reads_what_finish_wrote(postgres: PostgresMessageStore) -> None:
    turn = a_turn(selected_text="rollback")
    await postgres.begin(turn, "ada")
    await postgres.finish(ids_of(turn)[0], WHOLE)
    question, answer = postgres.as_langchain(ids_of(turn)[1]).messages
    assert question == HumanMessage("How do I roll back?", additional_kwargs={"selected_text": "rollback"})
    assert isinstance(answer, AIMessage)
    assert answer.content == WHOLE["answer"]
    assert answer.usage_metadata == {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    assert answer.response_metadata == {"model_name": "fake", "outcome": "answered", "grounded": True}


async def test_conversation_gives_the_same_reply(postgres: PostgresMessageStore) -> None:
    turn = a_turn(selected_text="rollback")
    turn_id, conversation_id = ids_of(turn)
    await postgres.begin(turn, "ada")
    await postgres.finish(turn_id, WHOLE + {"turn_id": str(turn_id), "conversation_id": str(conversation_id)})
    failed = a_turn("And then?", conversation_id=conversation_id)
    await postgres.begin(failed, "ada")
    await postgres.finish(ids_of(failed)[0], FAILED)
    conversation = await postgres.conversation(conversation_id, "ada")
    first, second = conversation["messages"]
    replay = await postgres.begin(turn, "ada")
    assert isinstance(replay, Replay)
    assert first.items() >= Reply.model_validate(replay.reply).model_dump(mode="json", exclude_none=True).items()
    assert (first["question"], first["state"], first["selected_text"]) == (turn.question, "complete", "rollback")
    assert (second["question"], second["state"], second["error"]["code"]) == (
        "And then?",
        "failed",
        "model_unavailable",
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


async def test_conversation_shows_what_langchain_wrote(postgres: PostgresMessageStore) -> None:
    turn = a_turn()
    await postgres.begin(turn, "ada")
    await postgres.finish(ids_of(turn)[0], WHOLE)
    postgres.as_langchain(ids_of(turn)[1]).add_messages([HumanMessage("Hi?"), AIMessage("Hello.")])
    _, theirs = (await postgres.conversation(ids_of(turn)[1], "ada"))["messages"]
    assert (theirs["question"], theirs["answer"], theirs["turn_id"]) == ("Hi?", "Hello.", None)


async def test_conversation_of_another_owner_is_not_found(postgres: PostgresMessageStore) -> None:
    turn = a_turn()
    await postgres.begin(turn, "ada")
    for conversation_id, owner in ((ids_of(turn)[1], "eve"), (uuid4(), "ada")):
        with pytest.raises(NotFound):
            await postgres.conversation(conversation_id, owner)


async def test_conversations_are_the_owners_newest_first(postgres: PostgresMessageStore) -> None:
    for question in ("One?", "Two?", "Three?"):
        await postgres.begin(a_turn(question), "ada")
    await postgres.begin(a_turn("Hers?"), "eve")
    listed = await postgres.conversations("ada", limit=2)
    assert [conversation["title"] for conversation in listed] == ["Three?", "Two?"]
    rest = await postgres.conversations("ada", before=datetime.fromisoformat(listed[-1]["updated_at"]))
    assert [conversation["title"] for conversation in rest] == ["One?"]
