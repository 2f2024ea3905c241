"""The application: `create_app`, and `app` for `uvicorn app.main:app`. Nothing else happens at import."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from app.admission import Gate
from app.docent import Docent
from app.langserve_routes import langserve_router
from app.logs import configure_logs
from app.refusals import install_error_handlers
from app.resources import Resources
from app.routes import chat, chat_socket, conversations, health, pages
from app.settings import Settings
from chains.errors import SettingsError

EXPOSED_HEADERS = ["X-Docent-Visitor", "X-Request-Id", "Retry-After"]


def create_app(settings: Settings, resources: Resources | None = None) -> FastAPI:
    """The service with all its doors, closed; its lifespan opens and closes the resources."""
    docent = Docent(settings, resources)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await docent.open()
        try:
            yield
        finally:
            await docent.close()

    app = FastAPI(title="Docent", version=version("docent"), lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.docent = docent
    for router in (chat.router, chat_socket.router, conversations.router, health.router, pages.router):
        app.include_router(router)
    app.include_router(langserve_router(docent))
    pages.mount_assets(app)
    install_error_handlers(app)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.origins,
        allow_origin_regex=settings.allowed_origin_regex,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Last-Event-ID", "X-Docent-Visitor"],
        expose_headers=EXPOSED_HEADERS,
        max_age=600,
    )
    app.add_middleware(Gate, settings=settings, tokens=docent.visitor_tokens)
    return app


def load_settings() -> Settings:
    """The settings, or exit code 2 with one line per variable that is wrong."""
    try:
        return Settings.load()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - logs are configured from the very settings that are wrong
        raise SystemExit(2) from None


def __getattr__(name: str) -> Any:
    """Make `app` when uvicorn asks for it, so that importing this module reads no environment."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    settings = load_settings()
    configure_logs(settings)
    return create_app(settings)
