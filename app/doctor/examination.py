"""All checks, at once and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.doctor.cold_start import check_cold_start
from app.doctor.cors import check_cors
from app.doctor.diagnosis import Diagnosis, Patience, failed, skipped
from app.doctor.dockerfile import check_dockerfile
from app.doctor.hub import check_hub
from app.doctor.postgres import check_postgres
from app.doctor.providers import check_providers
from app.doctor.qdrant import check_qdrant
from app.doctor.settings import check_deployment, check_settings
from app.doctor.site import check_site
from app.settings import Settings
from chains.setting_problems import SettingProblem

# What cannot be tried while one of these is malformed: the default that stands in would be tried instead.
NEEDS = {"qdrant": ("QDRANT_",), "postgres": ("DATABASE_URL",), "cors": ("ALLOWED_",)}


@dataclass(frozen=True)
class Scope:
    """What is looked at besides the settings. `frontend` and `service` are addresses."""

    frontend: str | None = None
    service: str | None = None
    dockerfile: Path | None = None
    site: Path | None = None


async def examine(
    settings: Settings, problems: Sequence[SettingProblem], scope: Scope, patience: Patience | None = None
) -> list[Diagnosis]:
    """Every diagnosis, in the order of the checks; one that breaks breaks no other."""
    patience = patience or Patience()
    checks: dict[str, Awaitable[list[Diagnosis]]] = {
        "settings": asyncio.to_thread(check_settings, settings, problems),
        "deployment": asyncio.to_thread(check_deployment, settings),
        "providers": check_providers(settings, patience),
        "qdrant": check_qdrant(settings, patience),
        "postgres": check_postgres(settings, patience),
        "cors": check_cors(settings, scope.frontend, scope.service, patience),
        "dockerfile": _of_path("dockerfile", scope.dockerfile),
        "site": _of_path("site", scope.site),
        "hub": check_hub(settings, patience),
        "cold-start": check_cold_start(scope.service, patience),
    }
    wrong = [problem.variable for problem in problems]
    found = await asyncio.gather(*(_guarded(name, check, wrong) for name, check in checks.items()))
    return [diagnosis for each in found for diagnosis in each]


async def _guarded(name: str, check: Awaitable[list[Diagnosis]], wrong: Sequence[str]) -> list[Diagnosis]:
    needed = next((each for each in wrong if each.startswith(NEEDS.get(name, ("-",)))), None)
    try:
        found = await check
    except Exception as error:  # a check that breaks must not hide what the others found
        return [failed(name, f"This check broke ({type(error).__name__}).", "Please report it.")]
    return found if needed is None else [skipped(name, f"{needed} has to be put right first.")]


async def _of_path(name: str, path: Path | None) -> list[Diagnosis]:
    if path is None:
        what = {"dockerfile": "Name a Dockerfile with --dockerfile.", "site": "Name a site's sources with --site."}
        return [skipped(name, what[name])]
    return await asyncio.to_thread({"dockerfile": check_dockerfile, "site": check_site}[name], path)
