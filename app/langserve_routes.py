"""LangServe's doors: /rag, /retriever and /chat, all through the runner. The only importer of langserve.

Bare `add_routes` would let a client set configuration, fail a whole batch for one bad member and answer every
refusal with 500; so each verb is a route of ours around LangServe's `APIHandler`, with `config_keys=()`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from langserve import APIHandler
from pydantic import BaseModel, Field, ValidationError

from app.batches import BATCH_MEMBERS, reply_to_each
from app.docent import Docent
from app.page_headers import playground_policy
from app.refusals import invalid_turn
from app.routes.access import admit_to_playground, sent_visitor, visitor_of
from app.routes.bodies import body_of, described_body
from app.runnables import (
    ChatMessages,
    accept_messages,
    accepted_turn,
    chat_runnable,
    conversation_of,
    rag_runnable,
    retriever_runnable,
    turn_of,
)
from chains.errors import InvalidTurn, NotFound
from chains.turn import ChatTurn

Shape = TypeVar("Shape", bound=BaseModel)
Verb = Callable[[Request], Awaitable[Response]]
Check = Callable[[Request], Awaitable[None]]


class Given(BaseModel):
    """`config` and `kwargs` are allowed, as LangServe's clients send them, and ignored."""

    config: Any = None
    kwargs: Any = None


class TurnRequest(Given):
    input: ChatTurn


class ChatRequest(Given):
    input: ChatMessages


class SearchRequest(Given):
    input: str


class SearchesRequest(Given):
    inputs: list[str] = Field(json_schema_extra={"maxItems": BATCH_MEMBERS})


class BatchRequest(Given):
    """Members are read one by one: a bad one gets a refused reply of its own."""

    inputs: list[Any]


class TurnsRequest(Given):
    """What a batch is described as."""

    inputs: list[ChatTurn] = Field(max_length=BATCH_MEMBERS)


SHAPES: dict[str, type[BaseModel]] = {
    "/rag/invoke": TurnRequest,
    "/rag/stream": TurnRequest,
    "/rag/batch": TurnsRequest,
    "/rag/stream_log": TurnRequest,
    "/rag/stream_events": TurnRequest,
    "/retriever/invoke": SearchRequest,
    "/retriever/batch": SearchesRequest,
    "/chat/invoke": ChatRequest,
    "/chat/stream": ChatRequest,
    "/chat/stream_log": ChatRequest,
    "/chat/stream_events": ChatRequest,
}


def langserve_router(docent: Docent) -> APIRouter:
    """The routes of all three runnables; `docent` may still be closed."""
    router = APIRouter(tags=["langserve"])
    rag = APIHandler(rag_runnable(docent), path="/rag", config_keys=())
    search = APIHandler(retriever_runnable(docent), path="/retriever", config_keys=())
    chat = APIHandler(chat_runnable(docent), path="/chat", config_keys=(), playground_type="chat")

    async def accept(request: Request) -> None:
        turn = (await _body(request, TurnRequest)).input
        accepted_turn.set(await (await docent.runner()).accept(turn, visitor_of(request)))

    async def accept_given(request: Request) -> None:
        messages = (await _body(request, ChatRequest)).input.messages
        accepted_turn.set(await accept_messages(docent, messages, visitor_of(request)))

    async def check_messages(request: Request) -> None:
        conversation_of((await _body(request, ChatRequest)).input.messages)
        await docent.resources.chain()

    async def rag_batch(request: Request) -> Response:
        batch = await _body(request, BatchRequest)
        runner = await docent.runner()
        output = await reply_to_each(batch.inputs, runner, visitor_of(request))
        return JSONResponse({"output": output, "callback_events": [], "metadata": {"run_ids": [], "responses": []}})

    verbs = {"invoke": _after(accept, rag.invoke), "stream": _after(accept, rag.stream), "batch": rag_batch}
    _add(router, "/rag", rag, verbs)

    verbs = {
        "invoke": _after(_search_check(docent), search.invoke),
        "batch": _after(_batch_check(docent), search.batch),
    }
    _add(router, "/retriever", search, verbs)
    verbs = {"invoke": _after(accept_given, chat.invoke), "stream": _after(accept_given, chat.stream)}
    _add(router, "/chat", chat, verbs)
    _add_playground(router, "/rag", rag, _check_turn)
    _add_playground(router, "/chat", chat, check_messages)
    return router


async def _check_turn(request: Request) -> None:
    await _body(request, TurnRequest)


def _search_check(docent: Docent) -> Check:
    async def check_query(request: Request) -> None:
        turn_of({"question": (await _body(request, SearchRequest)).input})
        await docent.gate.admit_search(sent_visitor(request))

    return check_query


def _batch_check(docent: Docent) -> Check:
    async def check_queries(request: Request) -> None:
        queries = (await _body(request, SearchesRequest)).inputs
        if len(queries) > BATCH_MEMBERS:
            raise InvalidTurn(f"A batch has at most {BATCH_MEMBERS} members.")
        for query in queries:
            turn_of({"question": query})
        await docent.gate.admit_search(sent_visitor(request), len(queries))

    return check_queries


def _after(check: Check, verb: Verb) -> Verb:
    """What can be refused is refused as an HTTP status: once LangServe runs, it is a 500 or an event of a 200."""

    async def endpoint(request: Request) -> Any:
        await check(request)
        return await verb(request)

    return endpoint


def _alone(verb: Verb) -> Verb:
    """LangServe's handlers take a `server_config` too, which FastAPI would read from the client's body."""

    async def endpoint(request: Request) -> Any:
        return await verb(request)

    return endpoint


def _add(router: APIRouter, path: str, handler: APIHandler, verbs: dict[str, Verb]) -> None:
    for verb, endpoint in verbs.items():
        _add_post(router, f"{path}/{verb}", endpoint)
    for schema in ("input_schema", "output_schema", "config_schema"):
        described = _alone(getattr(handler, schema))
        router.add_api_route(f"{path}/{schema}", described, methods=["GET"], name=f"{path[1:]} {schema}")


def _add_post(router: APIRouter, path: str, endpoint: Verb, **options: Any) -> None:
    """The handlers read the body themselves, so FastAPI is told what it holds."""
    name = path[1:].replace("/", " ")
    described = described_body(SHAPES[path])
    router.add_api_route(path, endpoint, methods=["POST"], name=name, openapi_extra=described, **options)


def _add_playground(router: APIRouter, path: str, handler: APIHandler, check: Check) -> None:
    """Playground and step streams show prompts and passages, so they have a guard of their own."""
    guard = [Depends(admit_to_playground)]

    async def playground(request: Request, file_path: str = "") -> Response:
        try:
            response: Response = await handler.playground(file_path, request)
        except (OSError, ValueError):  # a folder, or a name that no file can have
            raise NotFound from None
        if response.media_type == "text/html":
            policy = playground_policy(bytes(response.body), compiles=path == "/rag")
            response.headers["Content-Security-Policy"] = policy
        return response

    async def redirect(request: Request) -> Response:
        return RedirectResponse("playground/", status_code=307)

    async def schema(request: Request, config_hash: str, kind: Literal["input_schema", "output_schema"]) -> Any:
        """The chat playground asks for the schemas of its configuration; none is ever taken from a client."""
        return await getattr(handler, kind)(request)

    for verb, steps in (("stream_log", handler.stream_log), ("stream_events", handler.astream_events)):
        _add_post(router, f"{path}/{verb}", _after(check, steps), dependencies=guard)
    router.add_api_route(
        f"{path}/c/{{config_hash}}/{{kind}}", schema, methods=["GET"], dependencies=guard, include_in_schema=False
    )
    router.add_api_route(f"{path}/playground", redirect, methods=["GET"], dependencies=guard, include_in_schema=False)
    router.add_api_route(f"{path}/playground/", playground, methods=["GET"], dependencies=guard)
    router.add_api_route(
        f"{path}/playground/{{file_path:path}}",
        playground,
        methods=["GET"],
        dependencies=guard,
        include_in_schema=False,
    )


async def _body(request: Request, shape: type[Shape]) -> Shape:
    try:
        return shape.model_validate_json(await body_of(request))
    except ValidationError as error:
        raise invalid_turn(list(error.errors())) from None
    except (AttributeError, KeyError, TypeError):  # LangChain's messages look into what was sent before they check it
        raise InvalidTurn("The body has a message that cannot be read.") from None
