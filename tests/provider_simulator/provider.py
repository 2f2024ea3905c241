"""What the server asks of each provider's wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tests.provider_simulator.call import Answer, Call, Failure, JsonAnswer
from tests.provider_simulator.faults import Fault
from tests.provider_simulator.keys import Key


class Provider(Protocol):
    """`name` begins its operations' names and is its URL prefix."""

    name: str

    def operation(self, path: str, body: Any) -> str:
        """As in "chat_stream"; "other" for what is not served."""

    def key(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        """The API key, "" without one."""

    def model(self, path: str, body: Any) -> str: ...

    def refuse_key(self, call: Call) -> JsonAnswer:
        """The answer to a call whose key is missing or wrong."""

    def retired(self, call: Call) -> JsonAnswer: ...

    def error(self, call: Call, failure: Failure) -> JsonAnswer: ...

    def answer(self, call: Call, key: Key, fault: Fault | None) -> Answer:
        """Raises Refusal."""


def bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
