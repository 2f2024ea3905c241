"""The models with a life of their own, one guard over all of them, and what health says of their providers."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import structlog

from app.health import Finding, Health
from app.settings import Settings
from chains.errors import SettingsError

if TYPE_CHECKING:
    from chains.providers import PinnedEmbeddings, Ranker
    from chains.providers.probes import Probe
    from chains.rerank import Rerank
    from chains.resilience import BreakerState, ChatEndpoint, Guard, ProviderError, ResilientModel

LOOK_GAP = 60.0  # seconds between two looks at a provider at least

log = structlog.get_logger(__name__)


class Providers:
    """Built closed. After `open` there are models, whatever state their providers are in."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings, self._health = settings, health
        self._fault: str | None = None
        self._endpoints: list[ChatEndpoint] = []
        self._ranker: Ranker | None = None
        self._raw: PinnedEmbeddings | None = None
        self.embeddings: PinnedEmbeddings | None = None
        self.model: ResilientModel | None = None
        self.rerank: Rerank | None = None
        self.guard: Guard | None = None
        if "local" in (*settings.chat_providers, settings.embedded_by):
            health.register("local", self._ping_local)

    @property
    def fault(self) -> str | None:
        """Why nothing can be embedded."""
        return self._fault

    async def prepare(self) -> None:
        """Make the embeddings, and what looks at remote providers. Light, as no chat model's package is imported."""
        if self.guard is None:
            await asyncio.to_thread(self._prepare)

    async def open(self) -> None:
        """Import, build and load, in threads: a vendor's package takes more than a second to import."""
        await self.prepare()
        await asyncio.to_thread(self._build)
        assert self.embeddings is not None
        try:
            await asyncio.to_thread(self.embeddings.open)
        except SettingsError as error:  # without its files the model answers nothing, but the service says why
            log.error("model_unavailable", cause=str(error))
            self._fault = str(error)

    async def close(self) -> None:
        for endpoint in self._endpoints:
            from chains.providers import aclose_model

            await aclose_model(endpoint.model)
        if self._ranker is not None:
            await self._ranker.aclose()
        if self.embeddings is not None:
            await self.embeddings.aclose()

    def chat_model(self) -> Any:
        """The first provider's, as LangChain has it: for those who bring their own retries."""
        return self._endpoints[0].model

    def _prepare(self) -> None:
        from chains.providers import embeddings
        from chains.providers.guarded_embeddings import GuardedEmbeddings
        from chains.resilience import Guard, Timeouts

        self.guard = guard = Guard(Timeouts.of(self._settings))
        self._raw = raw = embeddings(self._settings)
        self.embeddings = raw if self._settings.embedded_by == "local" else GuardedEmbeddings(raw, guard)
        self._watch(raw, guard)

    def _build(self) -> None:
        from chains.providers import chat_endpoints, reranker
        from chains.rerank import CANDIDATES, Rerank
        from chains.resilience import resilient

        assert self.embeddings is not None
        assert self.guard is not None
        self._endpoints = chat_endpoints(self._settings, self.embeddings)
        self.model = resilient(self._endpoints[0], fallback=(*self._endpoints, None)[1], guard=self.guard)
        self._ranker = reranker(self._settings)
        self.rerank = Rerank(self._ranker, self.guard, keep=CANDIDATES) if self._ranker else None

    def _watch(self, raw: PinnedEmbeddings, guard: Guard) -> None:
        settings = self._settings
        if {*settings.chat_providers, settings.embedded_by} == {"local"} and not settings.reranks:
            return
        from chains.providers.probes import probes

        for probe in probes(settings, raw):
            self._health.register(probe.provider, ProviderState(probe, guard).ping)

    async def _ping_local(self) -> Finding:
        if self.embeddings is None or self._fault is not None:
            return {"status": "unavailable", "cause": self._fault}
        answers, embeds = "local" in self._settings.chat_providers, self._settings.embedded_by == "local"
        model = "local-extractive" if answers else self.embeddings.identity.partition("/")[2]
        notes = [*(["extractive"] if answers else []), *(["english_only"] if embeds else [])]
        return {"status": "ok", "model": model, "notes": notes}


class ProviderState:
    """What is known of one provider: by its breakers, by the calls of turns, and by looks from time to time."""

    def __init__(self, probe: Probe, guard: Guard) -> None:
        self._probe, self._guard = probe, guard
        self._looked_at: float | None = None
        self._seen = (0, 0)
        self._fault: ProviderError | None = None

    async def ping(self) -> Finding:
        facts: Finding = {"model": self._probe.model}
        if self._probe.replaced:
            facts |= {"replaces": self._probe.replaced, "notes": ["retired_model"]}
        if broken := self._open_breaker():
            return {"status": broken.status, **facts, "cause": f"{broken.operation}: {self._cause(broken)}"}
        if self._has_to_look():
            await self._look()
        good, _ = self._calls()
        if self._fault is None or good > self._seen[0]:
            return {"status": "ok", **facts}
        return {"status": self._fault.health, **facts, "cause": self._cause(self._fault)}

    def _cause(self, fault: ProviderError | BreakerState) -> str:
        """What `docent doctor` says of it, too."""
        from chains.providers.remedies import explain

        return " ".join(explain(self._probe.provider, fault.kind, fault.detail))

    def _open_breaker(self) -> BreakerState | None:
        states = [state for state in self._guard.breaker_states() if state.provider == self._probe.provider]
        return next((state for state in states if state.state == "open" and state.status != "ok"), None)

    def _has_to_look(self) -> bool:
        """A good look holds for long, if no turn fails meanwhile."""
        if self._looked_at is None:
            return True
        doubtful = self._fault is not None or self._calls()[1] > self._seen[1]
        return time.monotonic() - self._looked_at >= (LOOK_GAP if doubtful else self._probe.holds)

    async def _look(self) -> None:
        from chains.resilience import ProviderError

        self._looked_at, self._seen = time.monotonic(), self._calls()
        try:
            await self._probe()
            self._fault = None
        except ProviderError as error:
            self._fault = error

    def _calls(self) -> tuple[int, int]:
        """Turns' calls that went well, and that failed, since the start."""
        counts = self._guard.counts.items()
        own = [(count.what, number) for count, number in counts if count.provider == self._probe.provider]
        failed = sum(number for what, number in own if what == "failures")
        return sum(number for what, number in own if what == "calls") - failed, failed
