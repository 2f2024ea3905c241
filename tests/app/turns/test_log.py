"""The log of one turn: numbering, coalescing, readers."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from fakes import SOURCE

from app.turns.log import CHARACTERS_LIMIT, TurnLog
from chains.turn import ReplyPart

pytestmark = pytest.mark.anyio

LONG = 60.0  # seconds of coalescing that no test waits for


async def all_of(log: TurnLog, after: int = 0) -> list[ReplyPart]:
    return [part async for part in log.read(after)]


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def test_parts_are_numbered_from_one() -> None:
    log = TurnLog(LONG)
    for stage in ("condensing", "retrieving"):
        log.write(ReplyPart(stage=stage))
    log.end(ReplyPart(outcome="answered"))
    assert [part["seq"] for part in await all_of(log)] == [1, 2, 3]
    assert [part["seq"] for part in await all_of(log, after=2)] == [3]


async def test_another_attempt_counts_on() -> None:
    log = TurnLog(LONG, start=7)
    for text in "ab":
        log.write(ReplyPart(answer=text))
        log.tell(ReplyPart(stage="writing"))
    assert [part["seq"] for part in log.since(0)] == [8, 9, 10, 11]
    assert [part["seq"] for part in log.since(9)] == [10, 11]
    assert log.last == 11
    log.end(ReplyPart(outcome="answered"))
    assert [part["seq"] for part in await all_of(log, after=10)] == [11, 12]


async def test_last_part_is_the_reply_without_what_was_told() -> None:
    log = TurnLog(LONG)
    log.tell(ReplyPart(conversation_id="c", turn_id="t", durability="stored"))
    for part in (ReplyPart(sources=[SOURCE], grounded=True), ReplyPart(answer="void"), ReplyPart(restart="fallback")):
        log.write(part)
    log.write(ReplyPart(answer="Yes.", model="m"))
    log.end(ReplyPart(outcome="answered"))
    *_, last = await all_of(log)
    told = {"conversation_id": "c", "turn_id": "t", "grounded": True, "model": "m", "outcome": "answered", "seq": 6}
    assert last == {**told, "answer_sha256": digest_of("Yes.")}


async def test_part_that_says_several_things_becomes_several_events() -> None:
    log = TurnLog(LONG)
    log.write(ReplyPart(stage="writing", sources=[SOURCE], grounded=True, answer="Yes.", outcome="answered", model="m"))
    log.end(ReplyPart())
    assert await all_of(log) == [
        {"stage": "writing", "seq": 1},
        {"sources": [SOURCE], "grounded": True, "seq": 2},
        {"answer": "Yes.", "seq": 3},
        {"outcome": "answered", "model": "m", "grounded": True, "answer_sha256": digest_of("Yes."), "seq": 4},
    ]


async def test_rewritten_question_is_a_status() -> None:
    log = TurnLog(LONG)
    log.write(ReplyPart(question="How do I roll back?"))
    log.end(ReplyPart())
    assert (await all_of(log))[0] == {"stage": "condensing", "question": "How do I roll back?", "seq": 1}


async def test_first_text_comes_at_once_and_the_rest_together() -> None:
    log = TurnLog(0.05)
    log.write(ReplyPart(answer="a"))
    reader = log.read()
    assert (await anext(reader))["answer"] == "a"
    for text in "bcd":
        log.write(ReplyPart(answer=text))
    assert (await anext(reader))["answer"] == "bcd"


async def test_text_after_a_pause_comes_at_once() -> None:
    log = TurnLog(0.001)
    reader = log.read()
    for text in "ab":
        log.write(ReplyPart(answer=text))
        assert (await anext(reader))["answer"] == text
        await asyncio.sleep(0.01)


async def test_held_text_comes_before_what_follows_it() -> None:
    log = TurnLog(LONG)
    for text in "abc":
        log.write(ReplyPart(answer=text))
    log.write(ReplyPart(stage="writing"))
    log.end(ReplyPart(outcome="answered"))
    assert [part.get("answer") for part in await all_of(log)] == ["a", "bc", None, None]


async def test_restart_voids_the_text_and_the_end_so_far() -> None:
    log = TurnLog(LONG)
    for part in (
        ReplyPart(answer="a"),
        ReplyPart(answer="b", citations=[1]),
        ReplyPart(restart="fallback", answer="c"),
    ):
        log.write(part)
    log.end(ReplyPart(outcome="answered"))
    assert "citations" not in log.fold()
    assert log.fold()["answer"] == "c"
    assert [part.get("answer") for part in await all_of(log)] == ["a", None, "c", None]


async def test_fold_is_what_was_told() -> None:
    log = TurnLog(LONG)
    for text in "abcdef":
        log.write(ReplyPart(answer=text))
    before = log.fold()
    log.end(ReplyPart(outcome="answered"))
    told = sum(await all_of(log), ReplyPart())
    assert before["answer"] == told["answer"] == "abcdef"


async def test_second_end_is_not_told() -> None:
    log = TurnLog(LONG)
    log.end(ReplyPart(outcome="answered"))
    log.end(ReplyPart(outcome="failed"))
    assert await all_of(log) == [{"outcome": "answered", "answer_sha256": digest_of(""), "seq": 1}]


async def test_readers_get_the_same_whenever_they_come() -> None:
    log = TurnLog(0.001)
    early = asyncio.create_task(all_of(log))
    for number in range(50):
        log.write(ReplyPart(answer=f"{number} "))
        await asyncio.sleep(0.0005)
    late = asyncio.create_task(all_of(log))
    await asyncio.sleep(0)
    log.end(ReplyPart(outcome="answered"))
    assert await early == await late == await all_of(log)
    assert log.fold()["answer"] == "".join(f"{number} " for number in range(50))


async def test_log_is_full_at_its_limit() -> None:
    log = TurnLog(LONG)
    log.write(ReplyPart(answer="x" * (CHARACTERS_LIMIT - 1)))
    assert not log.full
    log.write(ReplyPart(answer="x"))
    assert log.full
