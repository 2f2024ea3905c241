"""The control plane. `{key}` is an API key, or "*" for all keys.

GET    /__sim/health
PATCH  /__sim/keys/{key}/settings   a part of `keys.Settings`
POST   /__sim/keys/{key}/faults     a `faults.Fault`
DELETE /__sim/keys/{key}/faults
GET    /__sim/keys/{key}/requests   ?operation=PATTERN; a list of `keys.Record`
GET    /__sim/keys/{key}/stats      calls by operation, running, peak
DELETE /__sim/keys/{key}            forgets the key; of "*", everything
"""

from __future__ import annotations

from collections import Counter

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.provider_simulator.faults import Fault
from tests.provider_simulator.keys import ALL, Key, Keys

PREFIX = "/__sim"


class Control:
    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def app(self) -> Starlette:
        of_key = f"{PREFIX}/keys/{{key}}"
        return Starlette(
            routes=[
                Route(f"{PREFIX}/health", self.health),
                Route(of_key, self.forget, methods=["DELETE"]),
                Route(f"{of_key}/settings", self.configure, methods=["PATCH"]),
                Route(f"{of_key}/faults", self.add_fault, methods=["POST"]),
                Route(f"{of_key}/faults", self.clear_faults, methods=["DELETE"]),
                Route(f"{of_key}/requests", self.requests),
                Route(f"{of_key}/stats", self.stats),
            ],
            exception_handlers={ValidationError: refuse},
        )

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def forget(self, request: Request) -> Response:
        self._keys.forget(request.path_params["key"])
        return Response(status_code=204)

    async def configure(self, request: Request) -> Response:
        return JSONResponse(self._key(request).configure(await request.json()).model_dump())

    async def add_fault(self, request: Request) -> Response:
        fault = Fault.model_validate(await request.json())
        self._key(request).faults.append(fault)
        return JSONResponse(fault.model_dump(), status_code=201)

    async def clear_faults(self, request: Request) -> Response:
        self._key(request).faults.clear()
        return Response(status_code=204)

    async def requests(self, request: Request) -> Response:
        pattern = request.query_params.get("operation", ALL)
        keys = self._keys.named(request.path_params["key"])
        records = [record for key in keys for record in key.requests(pattern)]
        return JSONResponse(sorted(records, key=lambda record: record["at"]))

    async def stats(self, request: Request) -> Response:
        keys = self._keys.named(request.path_params["key"])
        calls: Counter[str] = sum((key.counts for key in keys), Counter())
        running, peak = sum(key.running for key in keys), sum(key.peak for key in keys)
        return JSONResponse({"calls": calls, "running": running, "peak": peak})

    def _key(self, request: Request) -> Key:
        return self._keys.of(request.path_params["key"])


async def refuse(request: Request, error: Exception) -> Response:
    return Response(str(error), status_code=422, media_type="text/plain")
