"""Qdrant's REST interface as an ASGI program, with faults before it and a control plane beside it.

POST   /__faults   a `faults.Fault`
DELETE /__faults
GET    /__calls    "METHOD /path" of every request so far
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from chains.edge import UnsupportedRequest
from tests.qdrant_server.cluster import Cluster
from tests.qdrant_server.faults import Fault, Faults
from tests.qdrant_server.strict import IndexRequired

VERSION = {"title": "qdrant - vector search engine", "version": "1.20.0", "commit": "0" * 40}
NO_KEY = "Must provide an API key or an Authorization bearer token"
WRONG_KEY = "Invalid API key or JWT"
OPEN = ("/healthz", "/livez", "/readyz")  # without a key


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    run: Callable[[Any, Any], Any]
    body: Any = None  # the type of the request's body


def operations(cluster: Cluster) -> list[Operation]:
    one = "/collections/{name}"
    return [
        Operation("GET", "/collections", cluster.list_collections),
        Operation("GET", "/aliases", cluster.list_aliases),
        Operation("POST", "/collections/aliases", cluster.change_aliases, models.ChangeAliasesOperation),
        Operation("GET", f"{one}/aliases", cluster.list_collection_aliases),
        Operation("GET", f"{one}/exists", cluster.exists),
        Operation("GET", one, cluster.describe),
        Operation("PUT", one, cluster.create, models.CreateCollection),
        Operation("PATCH", one, cluster.update, models.UpdateCollection),
        Operation("DELETE", one, cluster.drop),
        Operation("PUT", f"{one}/index", cluster.create_index, models.CreateFieldIndex),
        Operation("PUT", f"{one}/points", cluster.upsert, models.PointsList),
        Operation("POST", f"{one}/points", cluster.retrieve, models.PointRequest),
        Operation("POST", f"{one}/points/delete", cluster.delete, models.PointsSelector),
        Operation("POST", f"{one}/points/payload", cluster.set_payload, models.SetPayload),
        Operation("POST", f"{one}/points/scroll", cluster.scroll, models.ScrollRequest),
        Operation("POST", f"{one}/points/count", cluster.count, models.CountRequest),
        Operation("POST", f"{one}/points/query", cluster.query, models.QueryRequest),
        Operation("POST", f"{one}/points/query/batch", cluster.query_batch, models.QueryRequestBatch),
        Operation("POST", f"{one}/facet", cluster.facet, models.FacetRequest),
    ]


class QdrantApp:
    """`api_key` None: anybody may do anything, as in Qdrant's default configuration."""

    def __init__(self, cluster: Cluster, api_key: str | None = None) -> None:
        self.faults = Faults()
        self.calls: list[str] = []
        self._key = api_key
        control = [Route("/__faults", self._change_faults, methods=["POST", "DELETE"])]
        self._control = Starlette(routes=[*control, Route("/__calls", self._list_calls)])
        self._qdrant = Starlette(
            routes=[
                Route("/", lambda _: _json(VERSION)),
                *(Route(path, lambda _: PlainTextResponse("healthz check passed")) for path in OPEN),
                *(Route(each.path, _endpoint(each), methods=[each.method]) for each in operations(cluster)),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/__"):
            await self._control(scope, receive, send)
            return
        self.calls.append(f"{scope['method']} {scope['path']}")
        fault = self.faults.take(self.calls[-1])
        answer = await _suffer(fault, receive) if fault else None
        await (answer or self._refusal(Request(scope)) or self._qdrant)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        if self._key is None or request.url.path in OPEN:
            return None
        given = request.headers.get("api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(given.encode(), self._key.encode()):
            return None
        return PlainTextResponse(WRONG_KEY if given else NO_KEY, status_code=401)

    async def _change_faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.faults.clear()
        else:
            self.faults.add(Fault.model_validate_json(await request.body()))
        return _json({})

    async def _list_calls(self, _: Request) -> Response:
        return _json(self.calls)


async def _suffer(fault: Fault, receive: Receive) -> Response | None:
    await asyncio.sleep(fault.delay)
    if fault.hang:
        while (await receive())["type"] != "http.disconnect":
            pass
        return Response()  # to nobody
    if fault.status is None:
        return None
    return Response(fault.body, fault.status, headers=fault.headers)


def _endpoint(operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    reader = TypeAdapter(operation.body) if operation.body else None

    async def answer(request: Request) -> Response:
        name = request.path_params.get("name", "")
        try:
            body = reader.validate_json(await request.body()) if reader else None
            return _json({"result": operation.run(name, body), "status": "ok", "time": 0.001})
        except ValidationError as error:
            return _error(400, f"Format error in JSON body: {error.errors()[0]['msg']}")
        except IndexRequired as error:
            return _error(400, str(error))
        except UnsupportedRequest as error:
            return _error(501, str(error))
        except UnexpectedResponse as error:
            return Response(error.content, error.status_code or 500, media_type="application/json")

    return answer


def _error(status: int, reason: str) -> Response:
    return _json({"status": {"error": reason}, "time": 0.001}, status)


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
