"""Health: liveness touches nothing, readiness and the report read what background probes found."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from app.routes.access import docent_of, is_admin

router = APIRouter(tags=["health"])


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/health/ready", responses={503: {"description": "starting or draining"}})
async def ready(request: Request) -> JSONResponse:
    """Started and not draining; a service that is down does not make the process unready."""
    health = docent_of(request).resources.health
    if health.draining or not health.started:
        state = "draining" if health.draining else "starting"
        return JSONResponse({"status": state}, status_code=503, headers={"Retry-After": "2"})
    return JSONResponse({"status": "ok"})


@router.get("/api/health", responses={503: {"description": "degraded, unhealthy or starting"}})
async def report(request: Request) -> JSONResponse:
    """The state of every configured service, as the last probe found it."""
    docent = docent_of(request)
    causes = not docent.settings.production or is_admin(request)
    body = docent.resources.health.report(causes=causes)
    if body["status"] == "healthy":
        return JSONResponse(body)
    return JSONResponse(body, status_code=503, headers={"Retry-After": "5"})
