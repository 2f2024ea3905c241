"""The gates in front of every door: request id, host, origin, address, size and the visitor's token.

Pure ASGI: they parse no body and wait for nothing, but once for the key that signs tokens.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.gate.address import client_address
from app.gate.bodies import TURN_LIMIT, bounded, check_declared_size, size_limit
from app.gate.gate import Caller, Gate, current_caller
from app.gate.newcomers import PROOF_HEADER, Newcomers
from app.gate.origins import Hosts, Origins
from app.gate.refusal_counts import door_of
from app.logs import place_of
from app.refusals import refusal
from app.settings import Settings
from app.visitor import Visitor, VisitorTokens, current_visitor
from chains.errors import DocentError, ForbiddenOrigin, RateLimited, Unauthorized

HEALTH_PATHS = ("/api/health", "/health/")  # exempt: a platform's probe may come from anywhere, and often
TURN_PATHS = ("/api/chat", "/rag/", "/chat/")  # a POST here makes a turn, and a visitor where there is none
COSTLY_PATHS = (*TURN_PATHS, "/retriever/", "/api/session")  # a POST here counts as a turn of its address
ERASING_PATHS = ("/api/session",)  # and so does a DELETE here
TOKEN_IN_ADDRESS = re.compile(
    rb"(?i)(?:^|[&;])(?:(?:visitor|access|admin|docent|bearer)?[_-]?token|x-docent-visitor|authorization)="
)
KNOWN_TOKENS = 10_000  # whose signature was checked a moment ago: 3 MB
KNOWN_FOR = 300.0  # seconds; a token may be taken for that much longer than its year
NOT_IN_ADDRESS = "A visitor token does not belong into an address: it would be kept in logs. Send it as a header."

Tokens = Callable[[], Awaitable[VisitorTokens]]

__all__ = ["TURN_LIMIT", "OriginGate", "VisitorGate"]

log = structlog.get_logger(__name__)


class OriginGate:
    """The outermost: gives every request an id, answers under known names, and lets no foreign site in."""

    def __init__(self, app: ASGIApp, *, settings: Settings, gate: Gate) -> None:
        self._app = app
        self._hosts, self._origins, self._gate = Hosts(settings), Origins(settings), gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if scope["type"] == "http":
            send = _stamped(send, "X-Request-Id", request_id)
        token_in_address = _cut_token(scope)
        if not self._admits(scope):
            await _refuse(self._gate, scope, receive, send, ForbiddenOrigin())
        elif token_in_address:
            await _refuse(self._gate, scope, receive, send, Unauthorized(NOT_IN_ADDRESS))
        else:
            await self._app(scope, receive, send)

    def _admits(self, scope: Scope) -> bool:
        if scope["path"].startswith(HEALTH_PATHS):
            return True
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        return self._hosts.admit(host) and self._origins.admit(headers.get("origin"), host)


class VisitorGate:
    """Counts what an address asks, bounds the body, knows the visitor, and answers what nobody expected.

    It stands behind CORS, so that a page may read its refusals too.
    """

    def __init__(
        self, app: ASGIApp, *, settings: Settings, gate: Gate, tokens: Tokens, newcomers: Newcomers | None = None
    ) -> None:
        self._app = app
        self._gate, self._tokens, self._newcomers = gate, tokens, newcomers or Newcomers()
        self._proxies = settings.trusted_proxies
        self._known: dict[str, Visitor] = {}
        self._forget_at = 0.0
        self._admin_token = (settings.admin_token or "").encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and not scope["path"].startswith(HEALTH_PATHS):
            try:
                visitor = await self._admit(scope)
            except DocentError as error:
                await _refuse(self._gate, scope, receive, send, error)
                return
            if visitor is not None and visitor.new_token:
                send = _stamped(send, "X-Docent-Visitor", visitor.new_token)
        if scope["type"] == "http":
            receive = bounded(receive, size_limit(scope))
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
        except ClientDisconnect:
            return  # in the middle of a body: there is nobody to be told
        except Exception as error:
            if scope["type"] == "lifespan":
                raise
            log.error("failed", path=scope["path"], error=type(error).__name__, where=place_of(error))
            if begun:
                raise
            await _answer(scope, receive, send, DocentError())

    async def _admit(self, scope: Scope) -> Visitor | None:
        """The visitor of the token that was sent; a new one for a turn without a token; else none.

        Raises:
            RateLimited, TooLarge, Unauthorized
        """
        path = scope["path"]
        posts = scope["type"] == "http" and scope["method"] == "POST" and not path.endswith("/cancel")
        caller = Caller(client_address(scope, self._proxies), door_of(path))
        current_caller.set(caller)
        erases = scope["type"] == "http" and scope["method"] == "DELETE" and path.startswith(ERASING_PATHS)
        self._gate.meet(caller, costly=erases or (posts and path.startswith(COSTLY_PATHS)))
        if scope["type"] != "http":
            return None
        headers = Headers(scope=scope)
        check_declared_size(scope, headers.get("content-length"))
        token = headers.get("x-docent-visitor") or self._bearer(headers)
        if not token and not (posts and path.startswith(TURN_PATHS)):
            return None
        visitor = self._known.get(token) if token else None
        if visitor is None:
            tokens = await self._tokens()
            if not token:
                await self._newcomers.admit(headers.get(PROOF_HEADER), caller.address)
            visitor = self._remember(token, tokens.read(token)) if token else tokens.make()
        current_visitor.set(visitor)
        scope["state"]["visitor"] = visitor
        return visitor

    def _remember(self, token: str, visitor: Visitor) -> Visitor:
        """A signature costs 26 microseconds, as much as all else here; a visitor sends the same one all day."""
        if time.monotonic() > self._forget_at or len(self._known) >= KNOWN_TOKENS:
            self._known.clear()
            self._forget_at = time.monotonic() + KNOWN_FOR
        self._known[token] = visitor
        return visitor

    def _bearer(self, headers: Headers) -> str | None:
        """The bearer token, unless it is the author's own."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or secrets.compare_digest(self._admin_token, token.encode()):
            return None
        return token.strip() or None


def _cut_token(scope: Scope) -> bool:
    """Whether the address has a token in it. It is taken out before the server or anybody else can log it."""
    if not scope["query_string"] or not TOKEN_IN_ADDRESS.search(scope["query_string"]):
        return False
    scope["query_string"] = b""
    return True


def _stamped(send: Send, name: str, value: str) -> Send:
    """Put a header into the response."""

    async def send_stamped(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            MutableHeaders(scope=message)[name] = value
        await send(message)

    return send_stamped


async def _refuse(gate: Gate, scope: Scope, receive: Receive, send: Send, error: DocentError) -> None:
    gate.refusals.add(error.code, door_of(scope["path"]))
    report = log.debug if isinstance(error, RateLimited) else log.warning  # a flood must not become one of lines
    report("refused", code=error.code, path=scope["path"])
    await _answer(scope, receive, send, error)


async def _answer(scope: Scope, receive: Receive, send: Send, error: DocentError) -> None:
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})  # before the accept: answered with 403
            return
    await refusal(error, scope["state"]["request_id"])(scope, receive, send)
