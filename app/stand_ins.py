"""What a deployment is to have and lacks: which stand-in is taken, and what that means."""

from __future__ import annotations

from dataclasses import dataclass

from app.settings import Settings


@dataclass(frozen=True)
class StandIn:
    """`variable` is absent: `says` is what happens without it, `remedy` what to set."""

    variable: str
    says: str
    remedy: str


def stand_ins(settings: Settings) -> list[StandIn]:
    """Those of a production service; none in development, where they are what one wants."""
    return _taken(settings) if settings.production else []


def _taken(settings: Settings) -> list[StandIn]:
    taken = []
    if settings.chat_providers == ["local"]:
        says = "no model has a key: the local extractive model quotes sentences of the pages, and reads English only"
        taken.append(StandIn("GEMINI_API_KEY", says, "Set GEMINI_API_KEY or COHERE_API_KEY."))
    if not settings.qdrant_url:
        says = f"the embedded index under DATA_DIR is used{_lost(settings)}"
        taken.append(StandIn("QDRANT_URL", says, "Set QDRANT_URL and QDRANT_API_KEY to a Qdrant cluster's."))
    elif not settings.qdrant_api_key:
        taken.append(StandIn("QDRANT_API_KEY", "Qdrant is asked without a key", "Set QDRANT_API_KEY."))
    if not settings.database_url:
        says = f"conversations are in the embedded Postgres under DATA_DIR{_lost(settings)}"
        taken.append(StandIn("DATABASE_URL", says, "Set DATABASE_URL to a PostgreSQL server's, as Neon's."))
    if "allowed_origins" not in settings.model_fields_set:
        says = f"only {', '.join(settings.origins)} and the service's own pages may call it from a browser"
        taken.append(StandIn("ALLOWED_ORIGINS", says, "Set ALLOWED_ORIGINS to the address of your site."))
    return taken


def engine_notes(settings: Settings) -> list[str]:
    """Health's codes of an engine under DATA_DIR that stands in for a server; none in development."""
    if not settings.production:
        return []
    return ["not_persistent" if settings.space_id else "embedded"]


def _lost(settings: Settings) -> str:
    return ", and a Space's disk is empty again after each restart" if settings.space_id else ""
