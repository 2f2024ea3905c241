"""What one check found, and the groups they are in: the specification's testing requirements."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Group(StrEnum):
    """In the specification's words and order."""

    ENDPOINTS = "API endpoints"
    WEBSOCKET = "WebSocket"
    DATABASE = "Database connectivity"
    LOAD = "Performance under load"
    FRONTEND = "Integration with the frontend"


@dataclass(frozen=True)
class Finding:
    """`passed` None: there was nothing to try, and `says` tells why. `seconds` is the time of the request."""

    group: Group
    name: str
    passed: bool | None
    says: str = ""
    seconds: float | None = None

    @property
    def verdict(self) -> str:
        return "skipped" if self.passed is None else "ok" if self.passed else "failed"

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "group": self.group.value, "verdict": self.verdict}

    def __str__(self) -> str:
        took = f" ({self.seconds:.2f} s)" if self.seconds is not None else ""
        return " ".join(f"{self.verdict:<8} {self.name}{took} {self.says}".split("\n")).rstrip()


class Unexpected(Exception):
    """A request got another answer than it should have; the message says which."""
