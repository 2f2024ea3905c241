"""A reader over the network: sends requests, waits where the service asks for it, reads streams."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.check.finding import Unexpected

TIMEOUT = 120.0  # seconds; a service has a deadline of its own
LONGEST_WAIT = 65.0  # seconds that a limit per minute may ask for
WAITS = 3
JSON = {"Accept": "application/json"}
GOOD = ("answered", "no_evidence", "truncated")


@dataclass
class Answer:
    """One turn as its reader saw it. Times are seconds since the request was sent."""

    seconds: float = 0.0
    first_token: float | None = None
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [data for each, data in self.events if each == kind]

    @property
    def last(self) -> dict[str, Any]:
        return self.events[-1][1] if self.events else {}

    @property
    def text(self) -> str:
        return "".join(token["text"] for token in self.of("token"))

    def require_whole(self) -> None:
        """
        Raises:
            Unexpected: an event is missing, or the answer is not the one that the service vouches for.
        """
        kinds = [kind for kind, _ in self.events]
        if not kinds or kinds[-1] != "done" or self.last.get("outcome") not in GOOD:
            raise Unexpected(f"ended with {kinds[-1] if kinds else 'nothing'}: {self.last.get('code', self.last)}")
        if kinds[0] != "accepted" or "sources" not in kinds[: kinds.index("token")]:
            raise Unexpected(f"events came as {', '.join(dict.fromkeys(kinds))}")
        after = max((at for at, kind in enumerate(kinds) if kind == "restart"), default=-1)
        text = "".join(data["text"] for kind, data in self.events[after + 1 :] if kind == "token")
        if hashlib.sha256(text.encode()).hexdigest() != self.last.get("answer_sha256"):
            raise Unexpected("the text is not the one that answer_sha256 was made of")


class Reader:
    """One visitor. `token` opens a private Space; a limit per minute is waited out, and `waited` says how long."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.space_headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.client = httpx.AsyncClient(base_url=self.url, timeout=TIMEOUT, headers=self.space_headers)
        self.visitor: str | None = None
        self.waited = 0.0

    def headers(self, more: dict[str, str] | None = None) -> dict[str, str]:
        return {**(more or {}), **({"X-Docent-Visitor": self.visitor} if self.visitor else {})}

    async def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """As httpx has it, with the visitor's token, which is learnt on the way."""
        headers = self.headers(arguments.pop("headers", None))
        for _ in range(WAITS):
            answer = await self.client.request(method, path, headers=headers, **arguments)
            if not await self._asked_to_wait(answer):
                break
        self.visitor = answer.headers.get("x-docent-visitor") or self.visitor
        return answer

    async def _asked_to_wait(self, answer: httpx.Response) -> bool:
        asked = answer.headers.get("retry-after", "")
        if answer.status_code != 429 or not asked.isdecimal() or float(asked) > LONGEST_WAIT:
            return False
        await self.wait(float(asked))
        return True

    async def wait(self, seconds: float) -> None:
        self.waited += seconds
        await asyncio.sleep(seconds)

    async def expect(self, method: str, path: str, *statuses: int, **arguments: Any) -> httpx.Response:
        """
        Raises:
            Unexpected: any other status.
        """
        answer = await self.request(method, path, **arguments)
        if answer.status_code not in statuses:
            raise Unexpected(refusal_told(answer.status_code, answer.text))
        return answer

    async def ask(self, question: str, **more: Any) -> Answer:
        """One turn by server-sent events.

        Raises:
            Unexpected: the service refuses it.
        """
        body = {"question": question, **more}
        for _ in range(WAITS):
            answer, began = Answer(), time.monotonic()
            async with self.client.stream("POST", "/api/chat", json=body, headers=self.headers()) as response:
                if await self._asked_to_wait(response):
                    continue
                if response.status_code != 200:
                    raise Unexpected(refusal_told(response.status_code, (await response.aread()).decode()))
                self.visitor = response.headers.get("x-docent-visitor") or self.visitor
                async for kind, data in events_of(response.aiter_lines()):
                    answer.events.append((kind, data))
                    if kind == "token" and answer.first_token is None:
                        answer.first_token = time.monotonic() - began
            answer.seconds = time.monotonic() - began
            return answer
        raise Unexpected("the service asked to wait, again and again")

    async def close(self) -> None:
        await self.client.aclose()


def refusal_told(status: int, text: str) -> str:
    """A refusal of Docent's in a few words; what something else answered as it stands."""
    try:
        error = json.loads(text)
        return f"answered {status} {error['code']}: {error['message']}"
    except (ValueError, LookupError, TypeError):
        return f"answered {status}: {text[:200]}"


async def events_of(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Server-sent events whose data is one line of JSON, as Docent sends them."""
    kind = ""
    async for line in lines:
        if line.startswith("event:"):
            kind = line[6:].strip()
        elif line.startswith("data:") and kind:
            yield kind, json.loads(line[5:])
            kind = ""
