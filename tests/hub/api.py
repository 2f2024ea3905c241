"""The routes. They refuse what the Hub refuses, and keep a list of every request that changes something."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import frontmatter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.hub.repository import Conflict, blob_id
from tests.hub.space import Space

OWNER, TOKEN, READ_TOKEN = "reader-of-books", "hf_stand_in_that_may_write", "hf_stand_in_that_may_read"
SPACE = "/api/spaces/{owner}/{name}"
LONGEST_DESCRIPTION = 60  # characters of the README's short_description

Handler = Callable[[Request], Awaitable[Response]]


def refusal(status: int, says: str, code: str = "") -> JSONResponse:
    return JSONResponse({"error": says}, status, {"X-Error-Message": says, **({"X-Error-Code": code} if code else {})})


class Hub:
    """`host` is where every Space of it answers; `refuse` maps a path's end to a status that it gets from there on."""

    def __init__(self, host: str = "http://127.0.0.1:9") -> None:
        self.host = host
        self.spaces: dict[str, Space] = {}
        self.changes: list[str] = []
        self.refuse: dict[str, int] = {}
        self.build: list[str] | None = None

    @property
    def app(self) -> Starlette:
        each = {
            "GET /api/whoami-v2": self.whoami,
            "POST /api/repos/create": self.create,
            "POST /api/validate-yaml": self.validate,
            f"GET {SPACE}": self.info,
            f"GET {SPACE}/revision/{{revision}}": self.info,
            f"PUT {SPACE}/settings": self.settings,
            f"GET {SPACE}/tree/{{revision}}": self.tree,
            f"POST {SPACE}/paths-info/{{revision}}": self.paths_info,
            f"GET {SPACE}/commits/{{revision}}": self.commits,
            f"POST {SPACE}/preupload/{{revision}}": self.preupload,
            f"POST {SPACE}/commit/{{revision}}": self.commit,
            f"GET {SPACE}/runtime": self.runtime,
            f"POST {SPACE}/restart": self.restart,
            f"GET {SPACE}/logs/{{kind}}": self.logs,
            "GET /spaces/{owner}/{name}/resolve/{revision}/{path:path}": self.resolve,
        }
        routes = [self._route(*line.split(" "), handler) for line, handler in each.items()]
        for kind in ("secrets", "variables"):
            routes.append(Route(f"{SPACE}/{kind}", self._guarded(self.values), methods=["GET", "POST", "DELETE"]))
        return Starlette(routes=routes)

    def _route(self, method: str, path: str, handler: Handler) -> Route:
        return Route(path, self._guarded(handler), methods=[method])

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            path = request.url.path
            if status := next((self.refuse[end] for end in self.refuse if path.endswith(end)), None):
                return refusal(status, "as the test wants it")
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if token not in (TOKEN, READ_TOKEN):
                return refusal(401, "Invalid credentials in Authorization header")
            reads = request.method == "GET" or path.endswith(("validate-yaml",)) or "/preupload/" in path
            reads = reads or "/paths-info/" in path
            if not reads:
                if token == READ_TOKEN:
                    return refusal(403, "This token may not write")
                self.changes.append(f"{request.method} {path}")
            name = request.path_params.get("name")
            if name and f"{request.path_params['owner']}/{name}" not in self.spaces:
                return refusal(404, "Repository not found", "RepoNotFound")
            return await handler(request)

        return guarded

    def space(self, request: Request) -> Space:
        return self.spaces[f"{request.path_params['owner']}/{request.path_params['name']}"]

    async def whoami(self, request: Request) -> Response:
        role = "write" if TOKEN in request.headers["authorization"] else "read"
        return JSONResponse({"type": "user", "name": OWNER, "auth": {"accessToken": {"role": role}}})

    async def create(self, request: Request) -> Response:
        body = await request.json()
        name = f"{body['organization'] or OWNER}/{body['name']}"
        if body["organization"] not in (None, OWNER):
            return refusal(403, "You don't have the rights to create a Space under this namespace")
        if name in self.spaces:
            return JSONResponse({"error": "You already created this space repo", "url": name}, 409)
        if body.get("type") != "space" or body.get("sdk") != "docker":
            return refusal(400, "sdk must be docker")
        self.spaces[name] = Space(name, body.get("visibility") == "private", self.host)
        if self.build:
            self.spaces[name].build = self.build
        return JSONResponse({"url": f"{request.base_url}spaces/{name}", "name": name})

    async def validate(self, request: Request) -> Response:
        card = frontmatter.loads((await request.json())["content"]).metadata
        wrong = [name for name in ("title", "sdk", "colorFrom", "colorTo", "emoji") if name not in card]
        if wrong or len(str(card.get("short_description", ""))) > LONGEST_DESCRIPTION:
            return JSONResponse({"errors": [{"message": f"metadata: {wrong or 'short_description'}"}]}, 400)
        return JSONResponse({"errors": [], "warnings": []})

    async def info(self, request: Request) -> Response:
        return JSONResponse(self.space(request).info())

    async def settings(self, request: Request) -> Response:
        self.space(request).private = (await request.json())["visibility"] == "private"
        return JSONResponse({})

    def _files(self, request: Request) -> dict[str, bytes]:
        found = self.space(request).repository.at(request.path_params["revision"])
        return found.files if found else {}

    async def tree(self, request: Request) -> Response:
        return JSONResponse([_entry(path, content) for path, content in sorted(self._files(request).items())])

    async def paths_info(self, request: Request) -> Response:
        asked = parse_qs((await request.body()).decode())["paths"]
        files = self._files(request)
        return JSONResponse([_entry(path, files[path]) for path in asked if path in files])

    async def resolve(self, request: Request) -> Response:
        content = self._files(request).get(request.path_params["path"])
        return Response(content) if content is not None else refusal(404, "Entry not found", "EntryNotFound")

    async def commits(self, request: Request) -> Response:
        newest_first = reversed(self.space(request).repository.commits)
        return JSONResponse(
            [
                {"id": c.oid, "title": c.title, "message": "", "date": c.date, "authors": [{"user": OWNER}]}
                for c in newest_first
            ]
        )

    async def preupload(self, request: Request) -> Response:
        files = self._files(request)
        asked = (await request.json())["files"]
        return JSONResponse({"files": [_upload(each, files) for each in asked]})

    async def commit(self, request: Request) -> Response:
        space = self.space(request)
        try:
            done = space.repository.receive([json.loads(line) for line in (await request.body()).splitlines()])
        except Conflict:
            return refusal(412, "A commit has happened since. Please refresh and try again.")
        space.committed()
        url = f"{request.base_url}spaces/{space.name}/commit/{done.oid}"
        return JSONResponse({"success": True, "commitOid": done.oid, "commitUrl": url})

    async def values(self, request: Request) -> Response:
        space = self.space(request)
        mine, other = (
            (space.secrets, space.variables) if "secrets" in request.url.path else (space.variables, space.secrets)
        )
        if request.method != "GET":
            body = await request.json()
            if request.method == "POST" and body["key"] in other:
                return refusal(400, f"Collision on variables and secrets names: {body['key']}")
            if request.method == "POST":
                mine[body["key"]] = {"updatedAt": "2026-11-21T12:00:00.000Z", **body}
            else:
                mine.pop(body["key"], None)
            space.restarted()
        secret = mine is space.secrets
        hidden = {"value"} if secret else set()
        return JSONResponse({name: {k: v for k, v in each.items() if k not in hidden} for name, each in mine.items()})

    async def runtime(self, request: Request) -> Response:
        return JSONResponse(self.space(request).runtime())

    async def restart(self, request: Request) -> Response:
        space = self.space(request)
        space.restarted()
        return JSONResponse(space.runtime())

    async def logs(self, request: Request) -> Response:
        lines = self.space(request).log

        async def events() -> AsyncIterator[str]:
            for line in lines:
                yield f"data: {json.dumps({'data': line + chr(10), 'timestamp': '2026-11-21T12:00:00.000Z'})}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")


def _entry(path: str, content: bytes) -> dict[str, Any]:
    return {"type": "file", "path": path, "size": len(content), "oid": blob_id(content)}


def _upload(asked: dict[str, Any], files: dict[str, bytes]) -> dict[str, Any]:
    there = files.get(asked["path"])
    known = {"oid": blob_id(there)} if there is not None else {}
    return {"path": asked["path"], "uploadMode": "regular", "shouldIgnore": False, **known}
