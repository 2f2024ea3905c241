"""How limits are written: rates such as `10/minute; 100/hour`, daily budgets such as `100 turns; 500000 tokens`."""

from __future__ import annotations

import re
from dataclasses import dataclass

NO_LIMIT = "none"
RATE_FORM = "is a number of turns and a time, such as 10/minute; 100/hour, separated by semicolons, or none"
BUDGET_FORM = "is a number of turns, of tokens or of both, such as 100 turns; 500000 tokens, or 0, or none"

_RATE = r"\d{1,9}\s*(?:/|\s+per\s+)\s*(?:[1-9]\d{0,5}\s+)?(?:second|minute|hour|day)s?"
_RATES = re.compile(rf"{_RATE}(?:\s*[;,|]\s*{_RATE})*", re.IGNORECASE)
_PART = re.compile(r"(\d[\d_]{0,18})\s*(turn|token)s?(?:\s*(?:/|per\s)\s*day)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent on one day, UTC; None is without end."""

    turns: int | None = None
    tokens: int | None = None

    @property
    def closed(self) -> bool:
        return self.turns == 0 or self.tokens == 0


def check_rate(text: str) -> str:
    """The same text; `limits` reads this form.

    Raises:
        ValueError: it is not of this form.
    """
    if text.lower() != NO_LIMIT and not _RATES.fullmatch(text):
        raise ValueError(RATE_FORM)
    return text


def read_budget(text: str) -> Budget:
    """Raises ValueError when the text is not of this form."""
    if text.lower() == NO_LIMIT:
        return Budget()
    if text == "0":
        return Budget(turns=0)
    amounts: dict[str, int] = {}
    for part in re.split(r"\s*[;,|]\s*", text):
        match = _PART.fullmatch(part)
        if match is None or match[2].lower() in amounts:
            raise ValueError(BUDGET_FORM)
        amounts[match[2].lower()] = int(match[1].replace("_", ""))
    return Budget(amounts.get("turn"), amounts.get("token"))
