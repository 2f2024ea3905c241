"""The two steps together: what a request costs its address, and which turns may begin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fakes import a_turn
from redis_server import RedisServer

from app.gate import shared_rates
from app.gate.gate import READS_PER_TURN, TURNS_PER_VISITOR, Caller, Gate, current_caller
from app.settings import Settings
from app.visitor import Visitor
from chains.errors import BudgetExhausted, DocentError, Overloaded, RateLimited
from chains.turn import ReplyPart

pytestmark = pytest.mark.anyio

ADA, BOB = Visitor("ada"), Visitor("bob")
REPLY = ReplyPart(usage={"input_tokens": 1, "output_tokens": 1})


def gate_of(**limits: Any) -> Gate:
    """In development a limit that is not given is off. Without a database."""
    return Gate(Settings(**limits), lambda: None)


async def turn(gate: Gate, visitor: Visitor = ADA, address: str = "1.1.1.1", *, prepaid: bool = False) -> None:
    """From its request, if it is `prepaid`, to its end."""
    caller = Caller(address, "/api/chat")
    if prepaid:
        gate.meet(caller, costly=True)
    current_caller.set(caller)
    await gate.admit(a_turn(), visitor)
    gate.end(a_turn(), visitor, REPLY)


async def codes(gate: Gate, times: int, visitor: Visitor = ADA, address: str = "1.1.1.1", **how: Any) -> list[str]:
    """What each of so many turns was told: ok, or the code of its refusal."""
    told = []
    for _ in range(times):
        try:
            await turn(gate, visitor, address, **how)
            told.append("ok")
        except DocentError as error:
            told.append(error.code if error.retry_after else "no word of when to come back")
    return told


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    before = current_caller.set(None)
    yield
    current_caller.reset(before)


async def test_development_limits_nothing() -> None:
    gate = gate_of()
    assert set(await codes(gate, 500)) == {"ok"}
    for _ in range(2_000):
        gate.meet(Caller("1.1.1.1"), costly=True)


@pytest.mark.parametrize("space", [{"environment": "production"}, {"space_id": "ada/docent"}])
async def test_production_has_the_limits_of_its_page(space: dict[str, Any]) -> None:
    settings = Settings(**space)
    assert settings.rate_visitor == "10/minute; 100/hour"
    assert settings.rate_address == "30/minute; 300/hour"
    assert settings.rate_site == "60/minute; 600/hour"
    assert (settings.budget_visitor, settings.budget_site) == ("100 turns; 500000 tokens", "1000 turns; 5000000 tokens")
    gate = Gate(settings, lambda: None)
    assert (await codes(gate, 12)).count("ok") == 10
    visitors = [Visitor(f"v{number}") for number in range(70)]
    told = [(await codes(gate, 1, visitor, f"10.0.0.{number}"))[0] for number, visitor in enumerate(visitors)]
    assert told.count("ok") == 50, "the site's sixty, of which the first visitor took ten"


async def test_limit_that_is_set_holds_in_development_too() -> None:
    assert await codes(gate_of(rate_visitor="1/hour"), 2) == ["ok", "rate_limited"]


async def test_new_visitors_do_not_get_around_the_address() -> None:
    gate = gate_of(rate_address="3/hour")
    told = [(await codes(gate, 1, Visitor(f"v{number}")))[0] for number in range(5)]
    assert told == ["ok"] * 3 + ["rate_limited"] * 2
    assert await codes(gate, 1, ADA, "2.2.2.2") == ["ok"]


async def test_new_addresses_do_not_get_around_the_visitor() -> None:
    gate = gate_of(rate_visitor="3/hour")
    told = [(await codes(gate, 1, ADA, f"10.0.0.{number}"))[0] for number in range(5)]
    assert told == ["ok"] * 3 + ["rate_limited"] * 2


async def test_request_of_a_turn_is_not_counted_twice() -> None:
    gate = gate_of(rate_address="3/hour")
    assert await codes(gate, 4, prepaid=True) == ["ok"] * 3 + ["rate_limited"]


async def test_members_of_a_batch_beyond_the_first_are_counted() -> None:
    gate = gate_of(rate_address="4/hour")
    caller = Caller("1.1.1.1", "/rag/")
    gate.meet(caller, costly=True)
    current_caller.set(caller)
    told = []
    for number in range(6):
        try:
            await gate.admit(a_turn(), Visitor(f"v{number}"))
            told.append("ok")
        except RateLimited:
            told.append("refused")
    assert told == ["ok"] * 4 + ["refused"] * 2


async def test_reads_are_a_part_of_a_turn_each() -> None:
    gate = gate_of(rate_address="2/hour")
    for _ in range(2 * READS_PER_TURN):
        gate.meet(Caller("1.1.1.1"), costly=False)
    with pytest.raises(RateLimited):
        gate.meet(Caller("1.1.1.1"), costly=False)
    gate.meet(Caller("1.1.1.1"), costly=True)
    gate.meet(Caller("2.2.2.2"), costly=False)


async def test_visitor_who_is_refused_takes_nothing_from_the_site() -> None:
    gate = gate_of(rate_visitor="1/hour", rate_site="3/hour")
    assert (await codes(gate, 20)).count("ok") == 1
    assert [(await codes(gate, 1, Visitor(name)))[0] for name in ("bob", "eve", "joe")] == ["ok", "ok", "rate_limited"]


async def test_running_turns_of_the_process_are_bounded() -> None:
    gate = gate_of(max_running_turns=2)
    await gate.admit(a_turn(), ADA)
    await gate.admit(a_turn(), BOB)
    assert gate.running == 2
    with pytest.raises(Overloaded) as refused:
        await gate.admit(a_turn(), Visitor("eve"))
    assert refused.value.retry_after
    gate.end(a_turn(), ADA, REPLY)
    await gate.admit(a_turn(), Visitor("eve"))


async def test_running_turns_of_a_visitor_are_bounded() -> None:
    gate = gate_of()
    for _ in range(TURNS_PER_VISITOR):
        await gate.admit(a_turn(), ADA)
    with pytest.raises(RateLimited, match="being written for you"):
        await gate.admit(a_turn(), ADA)
    await gate.admit(a_turn(), BOB)
    gate.end(a_turn(), ADA, None)
    await gate.admit(a_turn(), ADA)


async def test_refused_turn_keeps_no_place() -> None:
    gate = gate_of(rate_visitor="1/hour", budget_site="1 turn")
    await codes(gate, 5)
    await codes(gate, 5, BOB)
    assert gate.running == 0


async def test_turn_that_did_not_run_spends_nothing() -> None:
    """Joined, replayed or refused by the store."""
    gate = gate_of(budget_visitor="1 turn")
    for _ in range(5):
        await gate.admit(a_turn(), ADA)
        gate.end(a_turn(), ADA, None)
    assert await codes(gate, 2) == ["ok", "budget_exhausted"]


async def test_searches_count_as_turns_and_close_with_the_chat() -> None:
    gate = gate_of(rate_visitor="3/hour")
    await gate.admit_search(ADA, 2)
    assert await codes(gate, 2) == ["ok", "rate_limited"]
    with pytest.raises(RateLimited):
        await gate.admit_search(ADA)
    with pytest.raises(BudgetExhausted):
        await gate_of(budget_site="0").admit_search(None)


async def test_refusals_are_counted_by_code_and_door() -> None:
    gate = gate_of(rate_visitor="1/hour", budget_site="2 turns")
    await codes(gate, 4)
    await codes(gate, 1, BOB)
    await codes(gate, 1, Visitor("eve"))
    assert dict(gate.refusals.by) == {("rate_limited", "/api/chat"): 3, ("budget_exhausted", "/api/chat"): 1}


async def test_replicas_share_rates_by_redis_and_go_on_without(
    redis_at: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_rates, "PATIENCE", 5.0)
    limits = {"rate_visitor": "3/hour", "rate_address": "5/hour", "rate_site": "7/hour", "redis_url": redis_at.url}
    one, other = gate_of(**limits), gate_of(**limits)
    try:
        assert await codes(one, 2) == ["ok", "ok"]
        assert await codes(other, 3) == ["ok", "rate_limited", "rate_limited"]
        assert await codes(one, 3, BOB) == ["ok", "ok", "rate_limited"], "the address has had its five"
        assert await codes(other, 3, BOB, "2.2.2.2") == ["ok", "rate_limited", "rate_limited"], "and Bob his three"
        assert await codes(other, 3, Visitor("eve"), "3.3.3.3") == ["ok", "rate_limited", "rate_limited"], "the site 7"
        redis_at.stop()
        assert await codes(one, 2, Visitor("joe"), "4.4.4.4") == ["ok", "ok"]
    finally:
        if redis_at.process is None:
            redis_at.start()
        await one.close()
        await other.close()
