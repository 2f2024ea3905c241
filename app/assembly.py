"""The doors put together: routes, LangServe's, gates and error handlers around one running service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from app import __version__
from app.admission import OriginGate, VisitorGate
from app.cross_origin import cors_options
from app.docent import Docent
from app.langserve_routes import langserve_router
from app.page_headers import PageHeaders
from app.refusals import install_error_handlers
from app.resources import Resources
from app.routes import admin, chat, chat_socket, conversations, feedback, health, metrics, pages
from app.settings import Settings


def assemble(settings: Settings, resources: Resources | None = None) -> FastAPI:
    """The service with all its doors, closed; its lifespan opens and closes the resources."""
    docent = Docent(settings, resources)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await docent.open()
        try:
            yield
        finally:
            await docent.close()

    app = FastAPI(title="Docent", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.docent = docent
    for door in (admin, chat, chat_socket, conversations, feedback, health, metrics, pages):
        app.include_router(door.router)
    app.include_router(langserve_router(docent))
    pages.mount_assets(app)
    install_error_handlers(app)
    app.add_middleware(
        VisitorGate, settings=settings, gate=docent.gate, tokens=docent.visitor_tokens, newcomers=docent.newcomers
    )  # the last one is the outermost
    app.add_middleware(CORSMiddleware, **cors_options(settings))
    app.add_middleware(OriginGate, settings=settings, gate=docent.gate)
    app.add_middleware(PageHeaders, settings=settings)
    return app
