"""What a browser sees: the chat page, its assets, and Swagger UI without a content delivery network."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from app import __version__
from app.page_headers import API_PAGE, CHAT_PAGE
from app.routes.access import docent_of

STATIC = Path(__file__).parent.parent / "static"

router = APIRouter(tags=["pages"])


@router.get("/", response_model=None)
async def root(request: Request) -> Response:
    """The chat page for a browser, API information as JSON for everything else."""
    if "text/html" in request.headers.get("accept", ""):
        return FileResponse(STATIC / "index.html", headers={"Content-Security-Policy": CHAT_PAGE})
    settings = docent_of(request).settings
    return JSONResponse(
        {
            "name": "Docent",
            "version": __version__,
            "docs": "/docs",
            "health": "/api/health",
            "chat": "/api/chat",
            "websocket": "/ws/chat",
            "langserve": ["/rag", "/retriever", "/chat"],
            "collection": settings.qdrant_collection,
        }
    )


@router.get("/docs", include_in_schema=False)
async def swagger() -> FileResponse:
    """Swagger UI from our own assets, so that it renders with the network cut."""
    return FileResponse(STATIC / "docs.html", headers={"Content-Security-Policy": API_PAGE})


def mount_assets(app: FastAPI) -> None:
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
