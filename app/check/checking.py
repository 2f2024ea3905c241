"""All checks of one service, in the order in which a person would try them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import httpx

from app.check.asking import Reader
from app.check.doors import check_history, check_origins, check_services, check_socket
from app.check.finding import Finding, Group, Unexpected
from app.check.load import Load, put_load
from app.check.routes import Routes

FIRST_QUESTION = "What is this about?"
STARTING = 180.0  # seconds that a service may take to wake up and to start
PAUSE = 1.0


@dataclass(frozen=True)
class Wish:
    """What to check. `questions` empty: headings of the service's own pages are asked for."""

    url: str
    origins: Sequence[str] = ()
    questions: Sequence[str] = ()
    turns: int = 16
    at_once: int = 4
    token: str | None = None  # opens a private Space


class Check:
    """Iterate over `findings`, then read `load`."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self.load = Load()
        self.findings: list[Finding] = []

    async def run(self) -> AsyncIterator[Finding]:
        async for finding in self._run():
            self.findings.append(finding)
            yield finding

    async def _run(self) -> AsyncIterator[Finding]:
        reader = Reader(self._wish.url, self._wish.token)
        try:
            if (away := await self._awake(reader)) is not None:
                yield away
                return
            async for finding in check_services(reader):
                yield finding
            questions = list(self._wish.questions) or await self._questions(reader)
            routes = Routes(reader, questions[0])
            async for finding in routes.check():
                yield finding
            async for finding in check_socket(reader, questions[0], next(iter(self._wish.origins), None)):
                yield finding
            yield await check_history(reader, questions[-1])
            async for finding in check_origins(reader, self._wish.origins):
                yield finding
            self.load = await put_load(
                self._wish.url, self._wish.token, questions, self._wish.turns, self._wish.at_once
            )
            if routes.offers("delete", "/api/session"):
                yield await _erase(reader)
        finally:
            await reader.close()

    async def _awake(self, reader: Reader) -> Finding | None:
        """A Space that slept gets time to start; None when it answers."""
        said = ""
        try:
            async with asyncio.timeout(STARTING):
                while True:
                    said = await self._status(reader)
                    if said not in ("starting", ""):
                        return None
                    await asyncio.sleep(PAUSE)
        except TimeoutError:
            return Finding(Group.ENDPOINTS, "start", False, f"still {said or 'no answer'} after {STARTING:.0f} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Finding(Group.ENDPOINTS, "connection", False, f"{self._wish.url}: {type(error).__name__}")

    async def _status(self, reader: Reader) -> str:
        answer = await reader.request("GET", "/api/health")
        try:
            return str(answer.json()["status"])
        except (ValueError, LookupError, TypeError):
            return "" if answer.status_code == 503 else f"no Docent ({answer.status_code})"

    async def _questions(self, reader: Reader) -> list[str]:
        """As readers ask: the headings of the pages that are nearest to a question about everything."""
        try:
            sources = (await reader.ask(FIRST_QUESTION)).of("sources")
        except (Unexpected, httpx.HTTPError, ValueError):
            return [FIRST_QUESTION]  # the routes will tell what is wrong
        headings = [str(each["heading"]).split(" > ")[-1] for found in sources for each in found["sources"]]
        return [_as_question(heading) for heading in dict.fromkeys(headings)] or [FIRST_QUESTION]


def _as_question(heading: str) -> str:
    return heading if heading.endswith("?") else f"What does the book say about {heading}?"


async def _erase(reader: Reader) -> Finding:
    """What this visitor asked is not kept."""
    name = "DELETE /api/session"
    try:
        await reader.expect("DELETE", "/api/session", 200, 204)
    except (Unexpected, httpx.HTTPError) as error:
        return Finding(Group.ENDPOINTS, name, False, str(error) or type(error).__name__)
    return Finding(Group.ENDPOINTS, name, True)
