"""What browsers on other sites may do, in Starlette's words: the service's doors and `docent doctor` share it."""

from __future__ import annotations

from typing import Any

from app.settings import Settings

EXPOSED_HEADERS = ["X-Docent-Visitor", "X-Request-Id", "Retry-After"]


def cors_options(settings: Settings) -> dict[str, Any]:
    """The arguments of CORSMiddleware."""
    return {
        "allow_origins": settings.origins,
        "allow_origin_regex": settings.allowed_origin_regex,
        "allow_methods": ["GET", "POST", "DELETE"],
        "allow_headers": ["Authorization", "Content-Type", "Last-Event-ID", "X-Docent-Visitor", "X-Docent-Proof"],
        "expose_headers": EXPOSED_HEADERS,
        "max_age": 600,
    }
