"""JSON over HTTP at one provider, for what the SDKs do slowly, wrongly or not at all."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import orjson

from chains.resilience import BadPayload, ProviderError

# As many as turns that run at once: httpx's own 20 kept connections are opened and closed all the time above that.
LIMITS = httpx.Limits(max_connections=256, max_keepalive_connections=256, keepalive_expiry=30)

Refuse = Callable[[httpx.Response], ProviderError]


@cache
def ssl_context() -> ssl.SSLContext:
    """Shared by all clients: it reads every root certificate, which costs 40 ms of CPU."""
    return httpx.create_ssl_context()


class HttpApi:
    """Built closed; clients are made by the first call. Nothing is tried twice.

    Raises (all calls): what `refuse` makes of an answer of 4xx or 5xx, BadPayload, and httpx's own errors.

    Args:
        refuse: an answer whose body was read -> the failure that it stands for.
        timeout: seconds for connecting, and for any pause in an answer. Whoever calls has a deadline besides.
    """

    def __init__(self, url: str, headers: Mapping[str, str], refuse: Refuse, timeout: httpx.Timeout) -> None:
        self._options: dict[str, Any] = {"base_url": url, "headers": dict(headers), "timeout": timeout}
        self._refuse = refuse
        # One for each event loop: a notebook's search runs in a loop of its own beside the cell's.
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()
        self._client: httpx.Client | None = None
        self._making = Lock()

    async def apost(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._read(await self._async_client().post(path, content=orjson.dumps(body), headers=JSON))

    async def aget(self, path: str) -> Any:
        return self._read(await self._async_client().get(path))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._read(self._sync_client().post(path, content=orjson.dumps(body), headers=JSON))

    @asynccontextmanager
    async def stream(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[httpx.Response, None]:
        """The answer while it comes; leaving the block closes its connection."""
        client = self._async_client()
        async with client.stream("POST", path, content=orjson.dumps(body), headers=JSON) as response:
            if response.is_error:
                await response.aread()
                raise self._refuse(response)
            yield response

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    async def aclose(self) -> None:
        """Also the clients of the running event loop; those of others ended with their loops."""
        self.close()
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _read(self, response: httpx.Response) -> Any:
        if response.is_error:
            raise self._refuse(response)
        try:
            return orjson.loads(response.content)
        except orjson.JSONDecodeError as error:
            raise BadPayload("no JSON") from error

    def _async_client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = httpx.AsyncClient(limits=LIMITS, verify=ssl_context(), **self._options)
            self._clients[loop] = client
        return client

    def _sync_client(self) -> httpx.Client:
        with self._making:
            if self._client is None:
                self._client = httpx.Client(limits=LIMITS, verify=ssl_context(), **self._options)
        return self._client


JSON = {"content-type": "application/json"}


def json_of(response: httpx.Response) -> Any:
    """The body of a refusal; a gateway's page is none."""
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return None
