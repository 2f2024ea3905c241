"""CPU time that the gate's first step adds to a request: python -m benchmarks.gate_cost"""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.admission import OriginGate, VisitorGate
from app.gate.gate import Gate
from app.settings import Settings
from app.visitor import VisitorTokens

REQUESTS = 5_000
ROUNDS = 7
ADDRESSES = 20_000  # a crowd: the gate must not grow slower by who else has asked
WIDE = "1000000/minute; 10000000/hour"


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """The service behind the gate."""


async def receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: Message) -> None:
    return None


def gated(tokens: VisitorTokens) -> ASGIApp:
    rates = {"rate_visitor": WIDE, "rate_address": WIDE, "rate_site": WIDE}
    settings = Settings(environment="production", allowed_hosts="book.example", trusted_proxies=1, **rates)
    gate = Gate(settings, lambda: None)

    async def own_tokens() -> VisitorTokens:
        return tokens

    return OriginGate(
        VisitorGate(nothing, settings=settings, gate=gate, tokens=own_tokens), settings=settings, gate=gate
    )


def request(number: int, token: str) -> dict[str, Any]:
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    headers = [
        (b"host", b"book.example"),
        (b"origin", b"http://localhost:3000"),
        (b"content-type", b"application/json"),
        (b"content-length", b"60"),
        (b"x-forwarded-for", address.encode()),
        (b"x-docent-visitor", token.encode()),
    ]
    return {
        "type": "http",
        "method": "POST",
        "path": "/api/chat",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 50_000),
    }


async def microseconds(app: ASGIApp, token: str) -> float:
    scopes = [request(number % ADDRESSES, token) for number in range(REQUESTS)]
    began = time.process_time()
    for scope in scopes:
        await app(scope, receive, send)
    return (time.process_time() - began) / REQUESTS * 1e6


async def main() -> None:
    tokens = VisitorTokens("a key of the benchmark alone")
    token = str(tokens.make().new_token)
    app = gated(tokens)
    for number in range(ADDRESSES):
        await app(request(number, token), receive, send)
    bare = median([await microseconds(nothing, token) for _ in range(ROUNDS)])
    whole = median([await microseconds(app, token) for _ in range(ROUNDS)])
    print(f"first step: {whole - bare:.1f} microseconds of CPU a request, of {ADDRESSES} addresses")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
