"""Every route, each with a request that it should answer; what the service offers besides is told."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx

from app.check.asking import GOOD, JSON, Reader
from app.check.finding import Finding, Group, Unexpected

CLOSED = (401, 403, 404)  # how a production service answers to those without the admin token
SCHEMAS = ("input_schema", "output_schema", "config_schema")
GUARDED = (
    "/rag/playground/", "/chat/playground/", "/rag/stream_log", "/rag/stream_events", "/chat/stream_log",
    "/chat/stream_events", "/metrics", "/api/admin/status", "/api/admin/ingest", "/api/admin/ingest/{run_id}",
)  # fmt: skip

Try = Callable[[], Awaitable[None]]


class Routes:
    """One visitor's tour. `question` is asked at each door."""

    def __init__(self, reader: Reader, question: str) -> None:
        self._reader = reader
        self._question = question
        self._answered: dict[str, Any] | None = None
        self._offered: dict[str, Any] = {}
        self._tried: set[str] = set()

    async def check(self) -> AsyncIterator[Finding]:
        """One finding for each route."""
        yield await self._tried_as("GET /openapi.json", self._openapi)
        for name, attempt in self._attempts().items():
            path = name.split(" ")[1]
            if name.startswith("DELETE") and not self.offers("delete", path):
                continue
            if path in ("/api/feedback",) and path not in self._offered:
                continue
            yield await self._tried_as(name, attempt)
        for path in GUARDED:
            if path in self._offered:
                yield await self._guarded(path)
        for path in sorted(self._offered.keys() - self._tried):
            yield Finding(Group.ENDPOINTS, path, None, "no request for it is known here")

    def offers(self, method: str, path: str) -> bool:
        """Whether the service's own description names it."""
        return method in self._offered.get(path, {})

    def _attempts(self) -> dict[str, Try]:
        lang = {"question": self._question}
        messages = {"messages": [{"type": "human", "content": self._question}]}
        schemas = {f"GET /{door}/{each}": self._get(f"/{door}/{each}") for door in ("rag", "retriever", "chat")
                   for each in SCHEMAS}  # fmt: skip
        return {
            "GET /": self._get("/", needs="name"),
            "GET / as a page": self._page("/"),
            "GET /docs": self._page("/docs"),
            "GET /health/live": self._get("/health/live", needs="status"),
            "GET /health/ready": self._get("/health/ready", needs="status"),
            "GET /api/health": self._health,
            "POST /api/session": self._session,
            "POST /api/chat as events": self._stream,
            "POST /api/chat as JSON": self._whole,
            "GET /api/chat/{turn_id}/events": self._resume,
            "POST /api/chat/{turn_id}/cancel": self._cancel,
            "GET /api/conversations": self._get("/api/conversations", needs="conversations"),
            "GET /api/conversation/{conversation_id}": self._foreign_conversation,
            "POST /api/feedback": self._feedback,
            **schemas,
            "POST /rag/invoke": self._invoke("/rag/invoke", lang),
            "POST /rag/stream": self._lang_stream("/rag/stream", lang),
            "POST /rag/batch": self._batch("/rag/batch", lang),
            "POST /retriever/invoke": self._invoke("/retriever/invoke", self._question),
            "POST /retriever/batch": self._batch("/retriever/batch", self._question),
            "POST /chat/invoke": self._invoke("/chat/invoke", messages),
            "POST /chat/stream": self._lang_stream("/chat/stream", messages),
            "GET /nothing-here": self._nothing,
            "DELETE /api/conversation/{conversation_id}": self._delete,
        }

    async def _tried_as(self, name: str, attempt: Try) -> Finding:
        self._tried.add(name.split(" ")[1])
        began = time.monotonic()
        try:
            await attempt()
        except (Unexpected, httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            says = str(error) if isinstance(error, Unexpected) else f"{type(error).__name__}: {error}"
            return Finding(Group.ENDPOINTS, name, False, says, time.monotonic() - began)
        return Finding(Group.ENDPOINTS, name, True, "", time.monotonic() - began)

    async def _openapi(self) -> None:
        self._offered = (await self._reader.expect("GET", "/openapi.json", 200)).json()["paths"]

    def _get(self, path: str, needs: str | None = None) -> Try:
        async def attempt() -> None:
            body = (await self._reader.expect("GET", path, 200, headers=JSON)).json()
            if needs is not None and needs not in body:
                raise Unexpected(f"the answer has no {needs}")

        return attempt

    def _page(self, path: str) -> Try:
        async def attempt() -> None:
            answer = await self._reader.expect("GET", path, 200, headers={"Accept": "text/html"})
            if "text/html" not in answer.headers.get("content-type", ""):
                raise Unexpected("this is no page")

        return attempt

    async def _health(self) -> None:
        report = (await self._reader.expect("GET", "/api/health", 200, 503)).json()
        if not report.get("services"):
            raise Unexpected("the report names no service")

    async def _session(self) -> None:
        self._reader.visitor = (await self._reader.expect("POST", "/api/session", 201)).json()["visitor_token"]

    async def _stream(self) -> None:
        answer = await self._reader.ask(self._question)
        answer.require_whole()
        self._answered = answer.of("accepted")[0]

    @property
    def _turn(self) -> dict[str, Any]:
        if self._answered is None:
            raise Unexpected("there is no answered turn to try it with")
        return self._answered

    async def _whole(self) -> None:
        body = {"question": self._question}
        reply = (await self._reader.expect("POST", "/api/chat", 200, json=body, headers=JSON)).json()
        _require_good(reply)

    async def _resume(self) -> None:
        answer = await self._reader.expect("GET", f"/api/chat/{self._turn['turn_id']}/events?after=0", 200)
        if "event: done" not in answer.text:
            raise Unexpected("the events of the turn do not end with done")

    async def _cancel(self) -> None:
        """Of a turn that has ended: says how."""
        await self._reader.expect("POST", f"/api/chat/{self._turn['turn_id']}/cancel", 200)

    async def _foreign_conversation(self) -> None:
        await self._reader.expect("GET", f"/api/conversation/{self._turn['conversation_id']}", 200)
        await self._reader.expect("GET", f"/api/conversation/{uuid4()}", 404)

    async def _feedback(self) -> None:
        body = {"turn_id": self._turn["turn_id"], "rating": "up"}
        await self._reader.expect("POST", "/api/feedback", 200, 201, json=body)

    def _invoke(self, path: str, given: Any) -> Try:
        async def attempt() -> None:
            output = (await self._reader.expect("POST", path, 200, json={"input": given})).json()["output"]
            if path == "/rag/invoke":
                _require_good(output)

        return attempt

    def _batch(self, path: str, given: Any) -> Try:
        async def attempt() -> None:
            outputs = (await self._reader.expect("POST", path, 200, json={"inputs": [given]})).json()["output"]
            if len(outputs) != 1:
                raise Unexpected(f"one question got {len(outputs)} answers")
            if path == "/rag/batch":
                _require_good(outputs[0])

        return attempt

    def _lang_stream(self, path: str, given: Any) -> Try:
        async def attempt() -> None:
            answer = await self._reader.expect("POST", path, 200, json={"input": given})
            if "event: end" not in answer.text or "event: error" in answer.text:
                raise Unexpected("the stream does not end as it should")

        return attempt

    async def _nothing(self) -> None:
        await self._reader.expect("GET", "/nothing-here", 404)

    async def _delete(self) -> None:
        await self._reader.expect("DELETE", f"/api/conversation/{self._turn['conversation_id']}", 200, 204)

    async def _guarded(self, path: str) -> Finding:
        """Closed in production. Only where no stranger comes by may it be open, as in development."""
        self._tried.add(path)
        method = "POST" if "post" in self._offered[path] else "GET"
        body: dict[str, Any] = {} if method == "GET" else {"content": b"neither JSON nor a wish"}
        name, began = f"{method} {path} without the admin token", time.monotonic()
        try:
            answer = await self._reader.request(method, path.replace("{run_id}", str(uuid4())), **body)
        except httpx.HTTPError as error:
            return Finding(Group.ENDPOINTS, name, False, type(error).__name__, time.monotonic() - began)
        closed, near = answer.status_code in CLOSED, self._reader.url.startswith("http:")
        says = f"{answer.status_code}, closed" if closed else f"{answer.status_code}, open"
        if not closed and not near:
            says += " to everybody: set ENVIRONMENT=production"
        good = closed or (near and answer.status_code in (200, 400, 404, 422))
        return Finding(Group.ENDPOINTS, name, good, says, time.monotonic() - began)


def _require_good(reply: dict[str, Any]) -> None:
    if reply.get("outcome") not in GOOD:
        raise Unexpected(f"the outcome is {reply.get('outcome')}: {reply.get('error')}")
