"""The application: `create_app`, and `app` for `uvicorn app.main:app`. Nothing else happens at import."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from app.front import Front
from app.logs import configure_logs
from app.settings import Settings, require_what_is_chosen
from chains.errors import SettingsError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from app.resources import Resources


def create_app(settings: Settings, resources: Resources | None = None) -> FastAPI:
    """The service with all its doors, closed; its lifespan opens and closes the resources."""
    from app.assembly import assemble  # 2 s of CPU: LangChain, LangServe and FastAPI

    return assemble(settings, resources)


def load_settings() -> Settings:
    """The settings, or exit code 2 with one line per variable that is wrong."""
    try:
        settings = Settings.load()
        require_what_is_chosen(settings)
        if settings.newcomer_check:
            from app.gate.newcomers import load_check

            load_check(settings.newcomer_check)
        return settings
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - logs are configured from the very settings that are wrong
        raise SystemExit(2) from None


def __getattr__(name: str) -> Any:
    """Make `app` when uvicorn asks for it, so that importing this module reads no environment."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    settings = load_settings()
    configure_logs(settings)
    return Front(settings, lambda: create_app(settings))
