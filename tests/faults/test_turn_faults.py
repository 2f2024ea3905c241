"""Two replicas that write into one conversation, overload, scarce memory, blocked loops, clocks that jump.

Numbers are those of the fault list.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes import FakeChain, SlowStore, a_turn
from itsdangerous import URLSafeTimedSerializer
from itsdangerous.timed import TimestampSigner
from replicas import ADA, Replica, query, two_replicas

from app.memory import MemoryWatch
from app.turns.limits import TurnLimits
from app.turns.runner import TurnRunner
from app.visitor import TOKEN_LIFETIME, VisitorTokens
from chains.errors import ConversationBusy, Overloaded, Unauthorized
from chains.migrations import migrate
from chains.providers.local_embeddings import LocalEmbeddings
from chains.turn import ReplyPart
from tests.model_service import QUESTION, running, service_settings

pytestmark = pytest.mark.anyio

ANSWER = ReplyPart(answer="Roll back.", outcome="answered")


@pytest.fixture
async def pair(database: str) -> AsyncIterator[tuple[Replica, Replica]]:
    migrate(database)
    async with two_replicas(database) as replicas:
        yield replicas


async def persist(replica: Replica, question: str, conversation: object) -> str:
    """Ask until the conversation is free."""
    turn = a_turn(question, conversation_id=conversation)
    while True:
        try:
            reader = replica.read(await replica.accept(turn))
        except ConversationBusy:
            await asyncio.sleep(0.02)
            continue
        (await replica.chain.call(turn.turn_id)).end()
        assert (await reader)[-1]["outcome"] == "answered"
        return question


@pytest.mark.fault(25)
async def test_25_two_replicas_write_one_conversation_in_one_order(pair: tuple[Replica, Replica]) -> None:
    conversation = a_turn().conversation_id
    questions = [f"{number}?" for number in range(8)]
    asking = [persist(pair[number % 2], question, conversation) for number, question in enumerate(questions)]
    await asyncio.gather(*asking)
    rows = await query(
        pair[0].database,
        "SELECT t.id, t.state FROM turn t JOIN chat_history m ON m.turn_id = t.id "
        "WHERE m.message->>'type' = 'human' ORDER BY m.id",
    )
    begun = await query(pair[0].database, "SELECT id, state FROM turn ORDER BY started_at")
    assert rows == begun
    assert [state for _, state in rows] == ["complete"] * len(questions)


@pytest.mark.fault(46)
async def test_46_overload_is_refused_at_once_and_the_rest_goes_on() -> None:
    """Three times what it can take: as many answers as without the others, and refusals that cost nothing."""
    limits = TurnLimits(max_running=10, queue=5, queue_patience=0.05)
    runner = TurnRunner(FakeChain(0.05, ANSWER).as_runnable(), SlowStore(), limits)
    took: list[float] = []

    async def ask() -> bool:
        began = time.perf_counter()
        try:
            turn = await runner.accept(a_turn(), ADA)
        except Overloaded:
            took.append(time.perf_counter() - began)
            return False
        return (await turn.reply())["outcome"] == "answered"

    for _ in range(5):
        answers = await asyncio.gather(*(ask() for _ in range(45)))
        assert sum(answers) >= 10
    assert sorted(took)[len(took) // 2] < 0.15  # the median: a busy machine has its own outliers
    assert await ask()


@pytest.mark.fault(44)
async def test_44_scarce_memory_refuses_new_turns_and_sockets_and_goes_on_serving(
    database: str, tmp_path: Path
) -> None:
    from app.main import create_app

    share = [0.5]
    app = create_app(service_settings(tmp_path, database))
    docent = app.state.docent
    docent.memory = docent.crowd._memory = MemoryWatch(lambda: share[0], life=0.0)
    async with running(app) as client:
        before = await client.post("/api/chat", json={"question": QUESTION}, headers={"Accept": "application/json"})
        assert before.status_code == 200
        share[0] = 0.9
        refused = await client.post("/api/chat", json={"question": QUESTION})
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert int(refused.headers["Retry-After"]) > 0
        with docent.crowd.entered() as welcome:
            assert not welcome
        token = {"X-Docent-Visitor": before.headers["X-Docent-Visitor"]}
        kept = await client.get(f"/api/conversation/{before.json()['conversation_id']}", headers=token)
        assert len(kept.json()["messages"]) == 1
        share[0] = 0.5
        assert (await client.post("/api/chat", json={"question": QUESTION})).status_code == 200


@pytest.mark.fault(45)
async def test_45_embedding_does_not_block_the_loop() -> None:
    """Whoever asks for liveness meanwhile waits for a thread's turn at the processor, not for the work's end."""
    model = LocalEmbeddings()
    await model.aembed_query("warm")
    began = time.perf_counter()
    work = asyncio.create_task(model.aembed_documents(["A long passage about deployments. " * 60] * 24))
    looks = 0
    while not work.done():
        await asyncio.sleep(0.002)
        looks += 1
    assert looks > (time.perf_counter() - began) * 3
    assert len(work.result()) == 24
    model.close()


class ShiftedSigner(TimestampSigner):
    """Signs by a clock that is wrong by `seconds`."""

    seconds = 0

    def get_timestamp(self) -> int:
        return int(time.time()) + self.seconds


@pytest.mark.fault(47)
@pytest.mark.parametrize("seconds", [-3600, -60, 60, 3600])
def test_47_tokens_survive_a_clock_that_jumps(seconds: int) -> None:
    signer = type("Signer", (ShiftedSigner,), {"seconds": seconds})
    token = URLSafeTimedSerializer("key", salt="docent-visitor", signer=signer).dumps("ada")
    assert VisitorTokens("key").read(token).id == "ada"


def test_token_that_is_too_old_is_refused() -> None:
    signer = type("Signer", (ShiftedSigner,), {"seconds": -TOKEN_LIFETIME - 60})
    with pytest.raises(Unauthorized):
        VisitorTokens("key").read(URLSafeTimedSerializer("key", salt="docent-visitor", signer=signer).dumps("ada"))


@pytest.mark.fault(47)
def test_47_nothing_that_waits_asks_the_clock_on_the_wall() -> None:
    """Days are the wall's; deadlines, leases, pauses and patience are monotonic, or the database's own."""
    sources = Path(__file__).parents[2]
    asking = {
        path.relative_to(sources).as_posix()
        for folder in ("app/turns", "app/gate", "app/routes", "chains/resilience")
        for path in (sources / folder).rglob("*.py")
        if "time.time()" in path.read_text()
    }
    assert asking <= {"app/gate/budgets.py", "app/gate/shared_rates.py"}, asking
