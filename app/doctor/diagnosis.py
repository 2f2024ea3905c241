"""What a check found."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from enum import StrEnum

LIMIT = 3.8  # seconds for all checks together; with the start of Python and its packages that stays under five
LEAST = 1.5  # seconds for a look, even where importing its packages took long


class Verdict(StrEnum):
    """`SKIPPED`: there is nothing to look at."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Diagnosis:
    """`check` is one word for machines; `remedy` is empty where nothing has to be done."""

    check: str
    verdict: Verdict
    says: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    def __str__(self) -> str:
        return " ".join(f"{self.verdict:<8} {self.check:<11} {self.says} {self.remedy}".split("\n")).rstrip()


class Patience:
    """How long a look may take: all begin together, and none outlives LIMIT."""

    def __init__(self, limit: float = LIMIT) -> None:
        self._end = time.monotonic() + limit

    @property
    def left(self) -> float:
        return max(self._end - time.monotonic(), LEAST)


def ok(check: str, says: str) -> Diagnosis:
    return Diagnosis(check, Verdict.OK, says)


def warning(check: str, says: str, remedy: str) -> Diagnosis:
    return Diagnosis(check, Verdict.WARNING, says, remedy)


def failed(check: str, says: str, remedy: str) -> Diagnosis:
    return Diagnosis(check, Verdict.FAILED, says, remedy)


def skipped(check: str, says: str) -> Diagnosis:
    return Diagnosis(check, Verdict.SKIPPED, says)
