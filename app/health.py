"""What the service knows of its parts: cached answers of background probes, and their sum."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, Literal

import structlog

from app.redaction import redactor

Status = Literal["healthy", "degraded", "unhealthy", "starting"]
Finding = dict[str, Any]  # {"status": one of CONTRACT's words, ...what else the service says of itself}
Ping = Callable[[], Awaitable[Finding]]

UP = ("ok", "connected", "asleep")
REMOTE_INTERVAL = 60.0  # seconds between probes while all is well: more would keep a scale-to-zero database awake
EMBEDDED_INTERVAL = 20.0  # seconds; embedded engines never sleep, and nobody else would notice their death
RETRY_INTERVAL = 2.0  # seconds after a probe that found something down, doubled up to RETRY_LIMIT
RETRY_LIMIT = 5.0
SUSPICION_GAP = 0.2  # seconds; many failing turns make one probe
PING_TIMEOUT = 10.0  # seconds; a scale-to-zero database may take several to wake

log = structlog.get_logger(__name__)


class Health:
    """Holds one ping per service; `watch` refreshes them, `suspect` makes it do so at once."""

    def __init__(self, idle_interval: float = EMBEDDED_INTERVAL) -> None:
        self._idle_interval = idle_interval
        self.started = False
        self.draining = False
        self._pings: dict[str, Ping] = {}
        self._findings: dict[str, Finding] = {}
        self._suspicion = asyncio.Event()

    def register(self, name: str, ping: Ping) -> None:
        """`ping` answers with a finding; what it raises or a timeout counts as `disconnected`."""
        self._pings[name] = ping

    def suspect(self) -> None:
        """A turn failed: look again now rather than at the next round."""
        self._suspicion.set()

    async def watch(self) -> None:
        """Probe for ever: seldom while all is well, sooner while something is down, at once when a turn failed."""
        failures = 0
        while True:
            await self.refresh()
            failures = failures + 1 if self._down() else 0
            wait = min(RETRY_INTERVAL * 2 ** (failures - 1), RETRY_LIMIT) if failures else self._idle_interval
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._suspicion.wait()
            await asyncio.sleep(SUSPICION_GAP)
            self._suspicion.clear()

    async def refresh(self, names: Iterable[str] | None = None, *, within: float = PING_TIMEOUT) -> None:
        """Ask these services now, or every one, all at once; after `within` seconds one that is silent is down."""
        await asyncio.gather(*(self._renew(name, within) for name in (self._pings if names is None else names)))

    async def _renew(self, name: str, within: float) -> None:
        """Ask one service; what it says anew goes to the log."""
        finding = await self._ask(name, within)
        before = self._findings.get(name, {})
        if any(finding.get(key) != before.get(key) for key in ("status", "cause")):
            report = log.info if finding["status"] in UP else log.warning
            report("service", service=name, status=finding["status"], cause=finding.get("cause"))
        self._findings[name] = finding

    async def _ask(self, name: str, within: float) -> Finding:
        try:
            async with asyncio.timeout(within):
                return await self._pings[name]()
        except Exception as error:
            return {"status": "disconnected", "cause": f"{type(error).__name__}: {error}"}

    @property
    def services(self) -> list[str]:
        """The names of all that are watched."""
        return list(self._pings)

    def is_down(self, name: str) -> bool:
        """What the last probe of this service found."""
        return self._findings.get(name, {"status": "ok"})["status"] not in UP

    def finding(self, name: str) -> Finding:
        """What the last probe of this service found; empty before the first."""
        return self._findings.get(name, {})

    def _down(self) -> int:
        return sum(finding["status"] not in UP for finding in self._findings.values())

    @property
    def status(self) -> Status:
        if not self.started:
            return "starting"
        down = self._down()
        return "healthy" if down == 0 else "degraded" if down == 1 else "unhealthy"

    def report(self, *, causes: bool) -> dict[str, Any]:
        """The body of `/api/health`; causes may name hosts, so they are for the author alone."""
        services: dict[str, Any] = {"fastapi": "ok"}
        for name, finding in self._findings.items():
            told = {key: value for key, value in finding.items() if causes or key != "cause"}
            services[name] = redactor.clean_deep(told)
        return {"status": self.status, "services": services}
