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
from pydantic import BaseModel, ValidationError

from app.batches import BATCH_MEMBERS, reply_to_each
from app.docent import Docent
from app.refusals import invalid_turn
from app.routes.access import admit_to_playground, visitor_of
from app.runnables import ChatMessages, accepted_turn, chat_runnable, conversation_of, rag_runnable, retriever_runnable
from app.turns.runner import RunningTurn
from chains.errors import InvalidTurn
from chains.turn import ChatTurn

Shape = TypeVar("Shape", bound=BaseModel)
Verb = Callable[[Request], Awaitable[Response]]


class TurnRequest(BaseModel):
    """What /rag accepts: `config` and `kwargs` are allowed, as LangServe's clients send them, and ignored."""

    input: ChatTurn
    config: dict[str, Any] = {}
    kwargs: dict[str, Any] = {}


class ChatRequest(BaseModel):
    input: ChatMessages
    config: dict[str, Any] = {}
    kwargs: dict[str, Any] = {}


class BatchRequest(BaseModel):
    inputs: list[Any]
    config: dict[str, Any] | list[dict[str, Any]] = {}
    kwargs: dict[str, Any] = {}


def langserve_router(docent: Docent) -> APIRouter:
    """The routes of all three runnables; `docent` may still be closed."""
    router = APIRouter(tags=["langserve"])
    rag = APIHandler(rag_runnable(docent), path="/rag", config_keys=())
    search = APIHandler(retriever_runnable(docent), path="/retriever", config_keys=())
    chat = APIHandler(chat_runnable(docent), path="/chat", config_keys=(), playground_type="chat")

    async def rag_invoke(request: Request) -> Response:
        accepted_turn.set(await _accept(docent, request))
        return await rag.invoke(request)

    async def rag_stream(request: Request) -> Response:
        accepted_turn.set(await _accept(docent, request))
        return await rag.stream(request)

    async def rag_batch(request: Request) -> Response:
        batch = await _body(request, BatchRequest)
        runner = await docent.runner()
        output = await reply_to_each(batch.inputs, runner, visitor_of(request))
        return JSONResponse({"output": output, "callback_events": [], "metadata": {"run_ids": [], "responses": []}})

    async def search_batch(request: Request) -> Response:
        if len((await _body(request, BatchRequest)).inputs) > BATCH_MEMBERS:
            raise InvalidTurn(f"A batch has at most {BATCH_MEMBERS} members.")
        return await search.batch(request)

    async def chat_stream(request: Request) -> Response:
        conversation_of((await _body(request, ChatRequest)).input.messages)
        await docent.resources.chain()
        return await chat.stream(request)

    _add(router, "/rag", rag, {"invoke": rag_invoke, "stream": rag_stream, "batch": rag_batch})
    _add(router, "/retriever", search, {"invoke": search.invoke, "batch": search_batch})
    _add(router, "/chat", chat, {"invoke": chat.invoke, "stream": chat_stream})
    for path, handler in (("/rag", rag), ("/chat", chat)):
        _add_playground(router, path, handler)
    return router


def _alone(verb: Callable[[Request], Awaitable[Any]]) -> Verb:
    """LangServe's handlers take a `server_config` too, which FastAPI would read from the client's body."""

    async def endpoint(request: Request) -> Any:
        return await verb(request)

    return endpoint


def _add(router: APIRouter, path: str, handler: APIHandler, verbs: dict[str, Verb]) -> None:
    for verb, endpoint in verbs.items():
        router.add_api_route(f"{path}/{verb}", _alone(endpoint), methods=["POST"], name=f"{path[1:]} {verb}")
    for schema in ("input_schema", "output_schema", "config_schema"):
        described = _alone(getattr(handler, schema))
        router.add_api_route(f"{path}/{schema}", described, methods=["GET"], name=f"{path[1:]} {schema}")


def _add_playground(router: APIRouter, path: str, handler: APIHandler) -> None:
    """Playground and step streams show prompts and passages, so they have a guard of their own."""
    guard = [Depends(admit_to_playground)]

    async def playground(request: Request, file_path: str = "") -> Response:
        response: Response = await handler.playground(file_path, request)
        return response

    async def redirect(request: Request) -> Response:
        return RedirectResponse("playground/", status_code=307)

    async def schema(request: Request, config_hash: str, kind: Literal["input_schema", "output_schema"]) -> Any:
        """The chat playground asks for the schemas of its configuration; none is ever taken from a client."""
        return await getattr(handler, kind)(request)

    for verb in ("stream_log", "stream_events"):
        endpoint = handler.stream_log if verb == "stream_log" else handler.astream_events
        router.add_api_route(
            f"{path}/{verb}", _alone(endpoint), methods=["POST"], dependencies=guard, name=f"{path[1:]} {verb}"
        )
    router.add_api_route(
        f"{path}/c/{{config_hash}}/{{kind}}", schema, methods=["GET"], dependencies=guard, include_in_schema=False
    )
    router.add_api_route(f"{path}/playground", redirect, methods=["GET"], include_in_schema=False)
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
        return shape.model_validate_json(await request.body())
    except ValidationError as error:
        raise invalid_turn(list(error.errors())) from None


async def _accept(docent: Docent, request: Request) -> RunningTurn:
    """Accept before LangServe answers, so that a refusal is an HTTP status and not an event of a 200."""
    turn = (await _body(request, TurnRequest)).input
    return await (await docent.runner()).accept(turn, visitor_of(request))
