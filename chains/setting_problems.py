"""What can be wrong with settings, and how it is said: with the variable's name and never with its value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from chains.hosts import is_public

UNTIDY = "has blanks or quotes around its value; they were removed"


@dataclass(frozen=True)
class SettingProblem:
    """What is wrong with one variable, without its value."""

    variable: str
    says: str

    @property
    def remedy(self) -> str:
        return f"Set it in the environment or in {Path('.env').resolve()}."

    def __str__(self) -> str:
        return f"{self.variable}: {self.says}. {self.remedy}"


class Disagreement(NamedTuple):
    """Values that are well-formed and do not go together. `problem` names the variable to set, `cause` another one."""

    problem: SettingProblem
    cause: str


class Disagreements(ValueError):
    """All that were found, for pydantic."""

    def __init__(self, found: list[Disagreement]) -> None:
        super().__init__(found)
        self.found = found


def checked_address(url: str, example: str) -> str:
    """Without a trailing slash. What is wrong is said without the value, which may hold a key."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("its host or port cannot be read") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"begins with https:// and a host, such as {example}")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("is an address alone; the key goes into the variable that ends in _API_KEY")
    if parts.scheme == "http" and is_public(host):
        raise ValueError("a public host must be https, or the key and the texts would travel in plain text")
    return url.rstrip("/")


def tidied(value: Any) -> Any:
    """A text without blanks and quotes around it, as env files leave them there."""
    if not isinstance(value, str):
        return value
    clean = value.strip()
    if len(clean) >= 2 and clean[0] == clean[-1] and clean[0] in "'\"":
        clean = clean[1:-1].strip()
    return clean


def problems_in(detail: Any) -> list[Disagreement]:
    """The problems in one of `ValidationError.errors()`; what is wrong with a single field is caused by that field."""
    if not detail["loc"]:
        found: list[Disagreement] = detail["ctx"]["error"].found
        return found
    variable = str(detail["loc"][0]).upper()
    return [Disagreement(SettingProblem(variable, str(detail["msg"]).removeprefix("Value error, ")), variable)]
