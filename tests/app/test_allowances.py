"""How rates and budgets are written: what is read, what is refused, and with which words."""

from __future__ import annotations

import pytest

from app.allowances import BUDGET_FORM, RATE_FORM, Budget, check_rate, read_budget
from app.gate.rates import parse_rate
from app.settings import Settings
from chains.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("10/minute", [(10, 60)]),
        ("10/minute; 100/hour", [(10, 60), (100, 3600)]),
        ("10 per minute, 100 per hour | 500/day", [(10, 60), (100, 3600), (500, 86_400)]),
        ("20/5 minutes", [(20, 300)]),
        ("0/second", [(0, 1)]),
        ("3/HOUR", [(3, 3600)]),
        ("none", []),
        ("None", []),
    ],
)
def test_rate_is_read(text: str, windows: list[tuple[int, int]]) -> None:
    assert [(item.amount, item.get_expiry()) for item in parse_rate(check_rate(text))] == windows


@pytest.mark.parametrize(
    "text",
    ["", "10", "10/", "/minute", "10/week", "ten/minute", "10/minute;", "-1/minute", "1.5/minute", "10/0 minutes"],
)
def test_rate_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number of turns and a time") as refused:
        check_rate(text)
    assert str(refused.value) == RATE_FORM


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("100 turns; 500000 tokens", Budget(100, 500_000)),
        ("500_000 tokens, 1 turn", Budget(1, 500_000)),
        ("7 turns / day", Budget(7, None)),
        ("9 TOKENS", Budget(None, 9)),
        ("0", Budget(0, None)),
        ("none", Budget(None, None)),
    ],
)
def test_budget_is_read(text: str, budget: Budget) -> None:
    assert read_budget(text) == budget


@pytest.mark.parametrize(
    "text", ["", "100", "100 dollars", "1 turn; 2 turns", "-1 turns", "1.5 tokens", "turns", "5 turns;"]
)
def test_budget_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number of turns, of tokens or of both") as refused:
        read_budget(text)
    assert str(refused.value) == BUDGET_FORM


@pytest.mark.parametrize(
    ("text", "closed"),
    [("0", True), ("0 turns", True), ("0 tokens; 5 turns", True), ("none", False), ("1 turn", False)],
)
def test_budget_of_nothing_closes_the_chat(text: str, closed: bool) -> None:
    assert read_budget(text).closed is closed


@pytest.mark.parametrize("name", ["RATE_VISITOR", "RATE_ADDRESS", "RATE_SITE", "BUDGET_VISITOR", "BUDGET_SITE"])
def test_malformed_limit_ends_the_start_with_its_name_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "many/soon")
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    assert name in str(refused.value)
    assert "many/soon" not in str(refused.value)
