"""What a refusal looks like on HTTP: the contract's codes, their statuses, and one JSON shape."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from app.redaction import redactor
from chains.errors import DocentError, InvalidTurn, NotFound, Unauthorized

STATUS = {
    "invalid_turn": 422,
    "too_large": 413,
    "unauthorized": 401,
    "forbidden_origin": 403,
    "not_found": 404,
    "turn_id_reuse": 409,
    "conversation_busy": 409,
    "ingest_running": 409,
    "rate_limited": 429,
    "budget_exhausted": 429,
    "overloaded": 503,
    "retrieval_unavailable": 503,
    "model_unavailable": 503,
    "storage_unavailable": 503,
    "starting": 503,
    "deadline_exceeded": 504,
    "internal": 500,
}
RETRY_AFTER = 5  # seconds; what a 429 or 503 says when its cause gave no better figure

log = structlog.get_logger(__name__)


class AdminOnly(Unauthorized):
    """Asks for Basic credentials: a browser prompts for no others."""

    message = "The admin token is needed here."


def error_body(error: DocentError, request_id: str, *, partial: bool = False) -> dict[str, Any]:
    """The JSON of a refusal and of an `error` event: code, message, retryable, retry_after, request_id, partial."""
    body: dict[str, Any] = {**error.as_dict(), "request_id": request_id, "partial": partial}
    body["message"] = redactor.clean(error.message)
    if STATUS[error.code] in (429, 503):
        body.setdefault("retry_after", RETRY_AFTER)
    return body


def refusal(error: DocentError, request_id: str) -> JSONResponse:
    """The response of a refusal, with `Retry-After` where coming back helps."""
    body = error_body(error, request_id)
    headers = {"Retry-After": str(body["retry_after"])} if "retry_after" in body else {}
    if error.code == "unauthorized":
        headers["WWW-Authenticate"] = 'Basic realm="Docent"' if isinstance(error, AdminOnly) else "Bearer"
    return JSONResponse(body, status_code=STATUS[error.code], headers=headers)


def invalid_turn(problems: list[Any]) -> InvalidTurn:
    """Say which field is wrong and why; pydantic's messages do not repeat what the reader wrote."""
    if not problems or not isinstance(problems[0], dict):
        return InvalidTurn("The body is not valid JSON.")
    if problems[0]["type"] == "json_invalid":
        return InvalidTurn("The body is not valid JSON.")
    field = ".".join(str(part) for part in problems[0]["loc"] if part != "body")
    return InvalidTurn(f"{field or 'body'}: {problems[0]['msg']}")


def request_id_of(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))


def _log_refusal(request: Request, error: DocentError) -> None:
    log.warning("refused", code=error.code, status=STATUS[error.code], path=request.url.path)


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DocentError)
    _log_refusal(request, error)
    return refusal(error, request_id_of(request))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return await _known(request, invalid_turn(list(error.errors())))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, DocentError):  # raised while FastAPI read the body
        return await _known(request, error.__cause__)
    if error.status_code == 404:
        return await _known(request, NotFound())
    if error.status_code == 400:  # FastAPI's own for a body that is neither UTF-8 nor of a sane depth
        return await _known(request, InvalidTurn("The body is not valid JSON."))
    problem = InvalidTurn(str(error.detail))
    _log_refusal(request, problem)
    body = error_body(problem, request_id_of(request))
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


async def _unknown(request: Request, error: Exception) -> JSONResponse:
    return refusal(DocentError(), request_id_of(request))  # ServerErrorMiddleware raises on, so uvicorn logs it once


def install_error_handlers(app: FastAPI) -> None:
    """One rendering for every door, LangServe's included."""
    app.add_exception_handler(DocentError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unknown)
