"""What a browser sees: the chat page, its assets, and Swagger UI without a content delivery network."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from app.routes.access import resources_of

STATIC = Path(__file__).parent.parent / "static"

router = APIRouter(tags=["pages"])


@router.get("/", response_model=None)
async def root(request: Request) -> Response:
    """The chat page for a browser, API information as JSON for everything else."""
    if "text/html" in request.headers.get("accept", ""):
        return FileResponse(STATIC / "index.html")
    settings = resources_of(request).settings
    return JSONResponse(
        {
            "name": "Docent",
            "version": version("docent"),
            "docs": "/docs",
            "health": "/api/health",
            "chat": "/api/chat",
            "websocket": "/ws/chat",
            "langserve": ["/rag", "/retriever", "/chat"],
            "collection": settings.qdrant_collection,
        }
    )


@router.get("/docs", include_in_schema=False)
async def swagger() -> HTMLResponse:
    """Swagger UI from our own assets, so that it renders with the network cut."""
    return get_swagger_ui_html(
        openapi_url="../openapi.json",
        title="Docent API",
        swagger_js_url="static/vendor/swagger-ui-bundle.js",
        swagger_css_url="static/vendor/swagger-ui.css",
        swagger_favicon_url="static/icon.svg",
    )


def mount_assets(app: FastAPI) -> None:
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
