"""Daily budgets: counted at once, kept in a real Postgres, shared by replicas, and what closes the chat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from fakes import eventually
from psycopg_pool import AsyncConnectionPool

from app.allowances import read_budget
from app.gate import budgets as budgets_module
from app.gate.budgets import CLOSED, EXPECTED_TOKENS, Amounts, Budgets, today, tokens_of
from app.store import add_spending, forget_spending, spending_of
from chains.errors import BudgetExhausted, StorageUnavailable
from chains.history_pool import connection_pool
from chains.migrations import migrate
from chains.turn import ReplyPart

pytestmark = pytest.mark.anyio

Make = Callable[..., Budgets]
CHEAP = ReplyPart(usage={"input_tokens": 1, "output_tokens": 1})


def spent(tokens: int) -> ReplyPart:
    return ReplyPart(usage={"input_tokens": tokens - 1, "output_tokens": 1})


async def turn(budgets: Budgets, visitor: str = "ada", tokens: int = 2) -> None:
    await budgets.hold(visitor, returning=True)
    budgets.settle(visitor, spent(tokens))


async def allowed(budgets: Budgets, times: int, visitor: str = "ada", tokens: int = 2) -> int:
    """How many of so many turns, one after another."""
    granted = 0
    for _ in range(times):
        try:
            await turn(budgets, visitor, tokens)
        except BudgetExhausted:
            continue
        granted += 1
    return granted


@pytest.fixture
async def pool(database: str) -> AsyncIterator[AsyncConnectionPool]:
    migrate(database)
    pool = connection_pool(database)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
async def make(pool: AsyncConnectionPool) -> AsyncIterator[Make]:
    """Budgets of as many replicas as a test wants, over one database."""
    made: list[Budgets] = []

    def replica(visitor: str = "none", site: str = "none") -> Budgets:
        async def write(day: date, amounts: Amounts) -> Amounts:
            return await add_spending(pool, day, amounts)

        async def read(day: date, names: list[str]) -> Amounts:
            return await spending_of(pool, day, names)

        made.append(Budgets(read_budget(visitor), read_budget(site), write, read))
        return made[-1]

    yield replica
    for budgets in made:
        await budgets.close()


async def test_turns_of_a_visitor_end_at_the_budget(make: Make) -> None:
    budgets = make(visitor="3 turns")
    assert [await allowed(budgets, 5, visitor) for visitor in ("ada", "bob")] == [3, 3]


async def test_tokens_end_it_too(make: Make) -> None:
    assert await allowed(make(visitor="10000 tokens"), 9, tokens=4_000) == 3


async def test_site_counts_everybody(make: Make) -> None:
    budgets = make(site="4 turns")
    assert [await allowed(budgets, 3, visitor) for visitor in ("ada", "bob", "eve")] == [3, 1, 0]


async def test_refusal_says_that_tomorrow_is_another_day(make: Make) -> None:
    budgets = make(visitor="1 turn")
    await turn(budgets)
    with pytest.raises(BudgetExhausted) as refused:
        await turn(budgets)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    expected = (midnight - datetime.now(UTC)).total_seconds()
    assert abs((refused.value.retry_after or 0) - expected) < 60


async def test_turns_that_run_are_held(make: Make) -> None:
    """Else a hundred at once would pass a budget of ten."""
    budgets = make(visitor="2 turns")
    for _ in range(2):
        await budgets.hold("ada", returning=False)
    with pytest.raises(BudgetExhausted):
        await budgets.hold("ada", returning=False)
    budgets.settle("ada", None)
    await budgets.hold("ada", returning=False)


async def test_tokens_of_turns_that_run_are_expected(make: Make) -> None:
    budgets = make(site=f"{EXPECTED_TOKENS * 2} tokens")
    for visitor in ("ada", "bob"):
        await budgets.hold(visitor, returning=False)
    with pytest.raises(BudgetExhausted):
        await budgets.hold("eve", returning=False)


@pytest.mark.parametrize(
    "closing", [{"site": "0"}, {"visitor": "0 turns"}, {"site": "0 tokens"}], ids=["site", "visitor", "tokens"]
)
async def test_budget_of_nothing_closes_the_chat(make: Make, closing: dict[str, str]) -> None:
    budgets = make(**closing)
    with pytest.raises(BudgetExhausted, match=CLOSED):
        await turn(budgets)
    with pytest.raises(BudgetExhausted, match=CLOSED):
        budgets.check_open()


async def test_spending_is_remembered_over_a_restart(make: Make) -> None:
    first = make(visitor="3 turns", site="9 turns")
    await turn(first)
    await turn(first)
    await first.close()
    assert await allowed(make(visitor="3 turns", site="9 turns"), 5) == 1


async def test_replicas_learn_of_each_other(make: Make, pool: AsyncConnectionPool) -> None:
    one, other = make(site="6 turns"), make(site="6 turns")
    await turn(other, "eve")
    assert await allowed(one, 3) == 3

    async def written() -> bool:
        return (await spending_of(pool, today(), ["site"])).get("site", (0, 0))[0] == 4

    await eventually(written)
    await turn(other, "eve")  # its own writing brings what the other one has spent

    async def learned() -> bool:
        return other._spent["site"].turns == 5

    await eventually(learned)
    assert await allowed(other, 5, "eve") == 1


async def test_database_that_is_away_loses_no_count(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets_module, "WRITE_PAUSE", 0.01)
    monkeypatch.setattr(budgets_module, "RETRY_PAUSE", 0.01)
    kept: Amounts = {}
    tries = 0

    async def write(day: date, amounts: Amounts) -> Amounts:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise StorageUnavailable
        for name, (turns, tokens) in amounts.items():
            before = kept.get(name, (0, 0))
            kept[name] = (before[0] + turns, before[1] + tokens)
        return dict(kept)

    async def read(day: date, names: list[str]) -> Amounts:
        raise StorageUnavailable

    budgets = Budgets(read_budget("3 turns"), read_budget("none"), write, read)
    assert await allowed(budgets, 5) == 3, "this process's memory counts meanwhile"

    async def written() -> bool:
        return bool(kept)

    await eventually(written)
    assert kept == {"ada": (3, 6), "site": (3, 6)}
    await budgets.close()


async def test_slow_database_holds_up_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets_module, "READ_PATIENCE", 0.05)

    async def silent(*_: object) -> Amounts:
        await asyncio.sleep(60)
        return {}

    budgets = Budgets(read_budget("1 turn"), read_budget("none"), silent, silent)
    async with asyncio.timeout(10):
        await budgets.hold("ada", returning=True)


async def test_new_day_begins_with_nothing_spent(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets = make(visitor="2 turns")
    assert await allowed(budgets, 5) == 2
    monkeypatch.setattr(budgets_module, "today", lambda: today() + timedelta(days=1))
    assert await allowed(budgets, 5) == 2


async def test_old_days_are_forgotten(pool: AsyncConnectionPool, database: str) -> None:
    for age in (0, 30, 31):
        await add_spending(pool, today() - timedelta(days=age), {"ada": (1, 1)})
    await forget_spending(pool, today())
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT day FROM spending").fetchall()
    assert {row[0] for row in rows} == {today(), today() - timedelta(days=30)}


@pytest.mark.parametrize(
    ("reply", "tokens"),
    [
        (ReplyPart(usage={"input_tokens": 7, "output_tokens": 3}), 10),
        (ReplyPart(usage={}, answer="x" * 40), 10),
        (ReplyPart(answer="x" * 40), 10),
        (ReplyPart(), 0),
    ],
)
async def test_tokens_are_those_told_else_an_estimate(reply: ReplyPart, tokens: int) -> None:
    assert tokens_of(reply) == tokens
