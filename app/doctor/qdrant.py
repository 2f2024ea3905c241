"""The index: can it be reached, and does the collection fit the settings?"""

from __future__ import annotations

import asyncio

from app.doctor.diagnosis import Diagnosis, Patience, failed, ok, skipped, warning
from app.health import Health
from app.search import Search
from app.settings import Settings
from chains.errors import DocentError, SearchFault, SettingsError


async def check_qdrant(settings: Settings, patience: Patience) -> list[Diagnosis]:
    """The look that the service takes at its start; nothing is written. An embedded index is left to the service."""
    if not settings.qdrant_url:
        return [skipped("qdrant", "QDRANT_URL is not set: the embedded index under DATA_DIR is used.")]
    search = Search(settings, Health())
    try:
        await search.prepare()
        return [await _look(search, settings.qdrant_collection, patience.left)]
    except SettingsError as error:
        return [failed("qdrant", str(error), "Put the settings of the embedding model right.")]
    finally:
        await search.close()


async def _look(search: Search, name: str, within: float) -> Diagnosis:
    from chains.remote_qdrant import SILENT

    try:
        async with asyncio.timeout(within):
            view = await search.look()
    except SearchFault as fault:
        return failed("qdrant", fault.problem, fault.remedy or "Look at `docent ingest --help`.")
    except TimeoutError:
        return failed("qdrant", f"{search.place} did not answer in time.", SILENT)
    except DocentError as error:
        says = f"Another program filled the collection, and its texts cannot be embedded to compare them: {error}"
        return failed("qdrant", says, "See what is said of the embedding provider.")
    found = f"{search.place} answers; collection {name!r} has {view.points} points that fit the embedding model."
    if view.hybrid:
        return ok("qdrant", found)
    return warning("qdrant", f"{found} It has no BM25 vectors.", "Index with `docent ingest PATH` for hybrid search.")
