"""What the author asks a running service: to bring the index up to date, as a deploy hook does, and what is in it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.refusals import AdminOnly, invalid_turn
from app.routes.access import docent_of, is_admin
from app.routes.bodies import body_of
from chains.errors import NotFound


def admit_admin(request: Request) -> None:
    """In development everybody is the author, unless a token is set.

    Raises:
        NotFound: in production without ADMIN_TOKEN there is nobody who may ask.
        AdminOnly
    """
    settings = docent_of(request).settings
    if settings.admin_token is None and settings.production:
        raise NotFound
    if settings.admin_token is not None and not is_admin(request):
        raise AdminOnly


router = APIRouter(tags=["admin"], prefix="/api/admin", dependencies=[Depends(admit_admin)])


class IngestRequest(BaseModel):
    """`source` is an address: of a sitemap, a site or a page. Without one, DOCS is read."""

    model_config = ConfigDict(extra="forbid")

    source: str | None = Field(default=None, max_length=2_000, pattern=r"^https?://\S+$")
    versions: str = Field(default="latest", max_length=1_000)
    languages: str = Field(default="all", max_length=1_000)
    dry_run: bool = False
    rebuild: bool = False
    delete_most: bool = False


@router.post("/ingest", status_code=202, openapi_extra={"requestBody": {"content": {"application/json": {
    "schema": IngestRequest.model_json_schema()}}}})  # fmt: skip
async def start_ingest(request: Request) -> dict[str, Any]:
    """Bring the index up to date in the background; 409 while a run goes on."""
    body = await body_of(request)
    try:
        asked = IngestRequest.model_validate_json(body) if body.strip() else IngestRequest()
    except ValidationError as error:
        raise invalid_turn(list(error.errors())) from None
    ingests = await docent_of(request).resources.started_ingests()
    return ingests.start(asked.source, asked.model_dump(exclude={"source"})).as_dict()


@router.get("/ingest/{run_id}")
async def ingest_progress(run_id: str, request: Request) -> dict[str, Any]:
    """How far a run is, and what it did."""
    try:
        run = docent_of(request).resources.ingests.get(UUID(run_id))
    except ValueError:
        raise NotFound from None
    if run is None:
        raise NotFound
    return run.as_dict()


@router.get("/status")
async def index_status(request: Request) -> dict[str, Any]:
    """What is indexed: the collection, the one before it, how it was made, and the last run."""
    return await (await docent_of(request).resources.started_ingests()).status()
