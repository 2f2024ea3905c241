"""`GET /metrics` in Prometheus' format: for everybody in development, for the author in production."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder

from app.refusals import AdminOnly
from app.routes.access import docent_of, is_admin
from chains.errors import NotFound

router = APIRouter(tags=["health"])


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Every metric, as it is known at this moment.

    Raises:
        NotFound: in production without ADMIN_TOKEN there is nobody who may ask.
        AdminOnly
    """
    docent = docent_of(request)
    if docent.settings.production:
        if docent.settings.admin_token is None:
            raise NotFound
        if not is_admin(request):
            raise AdminOnly
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(docent.meter.registry), headers={"Content-Type": content_type})
