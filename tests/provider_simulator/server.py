"""The ASGI program: a request finds its provider, its key, and the fault that waits for it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from tests.provider_simulator.call import Answer, Call, Failure, JsonAnswer, Refusal
from tests.provider_simulator.cohere.api import Cohere
from tests.provider_simulator.control import PREFIX, Control
from tests.provider_simulator.delivery import deliver, fail_before_headers
from tests.provider_simulator.faults import Fault, is_a
from tests.provider_simulator.gemini.api import Gemini
from tests.provider_simulator.keys import Key, Keys, Record
from tests.provider_simulator.openai_compatible.api import OpenAICompatible
from tests.provider_simulator.provider import Provider
from tests.provider_simulator.wire import ClientLeft, Connection

INVALID = "invalid"  # how the keys begin that no provider accepts
NOT_JSON = "not JSON"


class ProviderSimulator:
    def __init__(self) -> None:
        providers: list[Provider] = [Gemini(), Cohere(), OpenAICompatible()]
        self._providers = {provider.name: provider for provider in providers}
        self._keys = Keys()
        self._control = Control(self._keys).app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(PREFIX):
            await self._control(scope, receive, send)
            return
        name, _, path = scope["path"].removeprefix("/").partition("/")
        if provider := self._providers.get(name):
            await self._serve(provider, f"/{path}", scope, Connection(receive, send))
        else:
            known = ", ".join(f"/{name}" for name in self._providers)
            await PlainTextResponse(f"Nothing here; providers: {known}", 404)(scope, receive, send)

    async def _serve(self, provider: Provider, path: str, scope: Scope, connection: Connection) -> None:
        try:
            call = read_call(provider, path, scope, await connection.body())
        except ClientLeft:
            return
        key = self._keys.of(call.key)
        with key.recorded(call) as record:
            try:
                await respond(provider, call, key, connection, record)
            except ClientLeft:
                record.ended = "client_left"


def read_call(provider: Provider, path: str, scope: Scope, raw: bytes) -> Call:
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = dict(parse_qsl(scope["query_string"].decode()))
    body = read_json(raw)
    return Call(
        provider=provider.name,
        operation=f"{provider.name}.{provider.operation(path, body)}",
        key=provider.key(headers, query),
        method=scope["method"],
        path=path,
        query=query,
        headers=headers,
        body=body,
        model=provider.model(path, body),
    )


def read_json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError:
        return NOT_JSON


async def respond(provider: Provider, call: Call, key: Key, connection: Connection, record: Record) -> None:
    """Raises ClientLeft."""
    fault = None
    try:
        refuse_early(provider, call, key)
        fault = key.next_fault(call.operation)
        record.fault = fault.kind if fault else None
        await connection.pause(key.settings.latency_of(call.operation))
        if await fail_before_headers(connection, fault, record):
            return
        answer: Answer = fail_by_status(provider, call, fault) or provider.answer(call, key, fault)
    except Refusal as refusal:
        answer = refusal.answer
    await deliver(connection, answer, fault, key.settings, record)


def refuse_early(provider: Provider, call: Call, key: Key) -> None:
    """Wrong keys and spent limits come before anything else, and use up no fault. Raises Refusal."""
    if not call.key or call.key.startswith(INVALID):
        raise Refusal(provider.refuse_key(call))
    if exceeded := key.exceeded(call.operation):
        limit, wait = exceeded
        raise Refusal(provider.error(call, Failure(429, retry_after=round(wait, 3), quota=limit.quota)))


def fail_by_status(provider: Provider, call: Call, fault: Fault | None) -> JsonAnswer | None:
    if is_a(fault, "retired_model"):
        return provider.retired(call)
    if is_a(fault, "status"):
        failure = Failure(fault.status or 500, fault.message, fault.retry_after, fault.quota)
        return provider.error(call, failure)
    return None
