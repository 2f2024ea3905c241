"""The gates in front of every door: request id, origin, size, and the visitor's token. Pure ASGI; parse no body."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.logs import place_of
from app.refusals import refusal
from app.settings import FRAME_LIMIT, Settings
from app.visitor import Visitor, VisitorTokens, current_visitor
from chains.errors import DocentError, ForbiddenOrigin, TooLarge

TURN_LIMIT = FRAME_LIMIT
BATCH_LIMIT = 512 * 1024  # bytes, for /rag/batch and /retriever/batch
HEALTH_PATHS = ("/api/health", "/health/")  # exempt from origin checks: a platform's probe may come from anywhere
TURN_PATHS = ("/api/chat", "/rag/", "/chat/")  # a POST here makes a turn, and a visitor where there is none

log = structlog.get_logger(__name__)


class Origins:
    """Which sites may talk to the service: the configured ones and the service's own page."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = {origin.lower() for origin in settings.origins}
        self._pattern = re.compile(settings.allowed_origin_regex) if settings.allowed_origin_regex else None
        if settings.space_host:
            self._allowed.add(f"https://{settings.space_host}".lower())

    def admit(self, origin: str | None, host: str) -> bool:
        """No `Origin` header means no browser on another site: no cookie is used, so nothing can be abused."""
        if origin is None or "*" in self._allowed:
            return True
        origin = origin.lower()
        return (
            origin in self._allowed
            or origin.partition("://")[2] == host.lower() != ""
            or (self._pattern is not None and self._pattern.fullmatch(origin) is not None)
        )


class OriginGate:
    """The outermost: gives every request an id and lets no foreign site in."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._origins = Origins(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = uuid4().hex[:16]
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if scope["type"] == "http":
            send = _stamped(send, "X-Request-Id", request_id)
        if self._admits(scope):
            await self._app(scope, receive, send)
        else:
            await _refuse(scope, receive, send, ForbiddenOrigin())

    def _admits(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        return scope["path"].startswith(HEALTH_PATHS) or self._origins.admit(
            headers.get("origin"), headers.get("host", "")
        )


class VisitorGate:
    """Bounds the body, knows the visitor, and answers what nobody expected.

    It stands behind CORS, so that a page may read its refusals too.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings, tokens: Callable[[], Awaitable[VisitorTokens]]) -> None:
        self._app = app
        self._tokens = tokens
        self._admin_token = settings.admin_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                visitor = await self._identify(scope, Headers(scope=scope))
            except DocentError as error:
                await _refuse(scope, receive, send, error)
                return
            receive = _bounded(receive, _limit(scope))
            if visitor is not None and visitor.new_token:
                send = _stamped(send, "X-Docent-Visitor", visitor.new_token)
        await self._run(scope, receive, send)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Past this point the server would log what nobody expected twice, and cut the connection."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            if scope["type"] == "lifespan":
                raise
            log.error("failed", path=scope["path"], error=type(error).__name__, where=place_of(error))
            if begun:
                raise
            await _answer(scope, receive, send, DocentError())

    def _check_size(self, scope: Scope, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > _limit(scope):
            raise TooLarge

    async def _identify(self, scope: Scope, headers: Headers) -> Visitor | None:
        """The visitor of the token that was sent; a new one for a turn without a token; else none."""
        self._check_size(scope, headers)
        token = headers.get("x-docent-visitor") or self._bearer(headers)
        wanted = scope["method"] == "POST" and scope["path"].startswith(TURN_PATHS)
        if not (token or wanted) or scope["path"].startswith(HEALTH_PATHS):
            return None
        tokens = await self._tokens()
        visitor = tokens.read(token) if token else tokens.make()
        current_visitor.set(visitor)
        scope["state"]["visitor"] = visitor
        return visitor

    def _bearer(self, headers: Headers) -> str | None:
        """The bearer token, unless it is the author's own."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or self._admin_token == token:
            return None
        return token.strip() or None


def _limit(scope: Scope) -> int:
    return BATCH_LIMIT if scope["path"].endswith("/batch") else TURN_LIMIT


def _bounded(receive: Receive, limit: int) -> Receive:
    """Count the body as it comes: a chunked one declares no length."""
    seen = 0

    async def receive_within_limit() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLarge
        return message

    return receive_within_limit


def _stamped(send: Send, name: str, value: str) -> Send:
    """Put a header into the response."""

    async def send_stamped(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)[name] = value
        await send(message)

    return send_stamped


async def _refuse(scope: Scope, receive: Receive, send: Send, error: DocentError) -> None:
    log.warning("refused", code=error.code, path=scope["path"])
    await _answer(scope, receive, send, error)


async def _answer(scope: Scope, receive: Receive, send: Send, error: DocentError) -> None:
    if scope["type"] == "websocket":
        await receive()  # websocket.connect; a close before the accept is answered with 403
        await send({"type": "websocket.close", "code": 1008})
        return
    await refusal(error, scope["state"]["request_id"])(scope, receive, send)
