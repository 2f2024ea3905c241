"""The database: can it be reached, and may the user make tables?"""

from __future__ import annotations

import asyncio
import time

from app.doctor.diagnosis import Diagnosis, Patience, failed, ok, skipped
from app.settings import Settings
from chains.remote_postgres import said_and_remedy

SLEPT = 1.0  # seconds; who takes longer to answer was asleep, as Neon's free databases are after five minutes
ASLEEP = (
    "If the database sleeps, it wakes in about three seconds: run this again. Otherwise check host, port and firewall, "
    "and that it is not paused."
)


async def check_postgres(settings: Settings, patience: Patience) -> list[Diagnosis]:
    """One connection and one look at the schema. It wakes a database that sleeps; nothing is written."""
    if not settings.database_url:
        return [skipped("postgres", "DATABASE_URL is not set: the embedded Postgres under DATA_DIR is used.")]
    from psycopg import Error

    from chains.migrations import look_at_schema

    started = time.monotonic()
    try:
        async with asyncio.timeout(within := patience.left):
            state = await look_at_schema(settings.database_url, within)
    except TimeoutError:
        return [failed("postgres", f"The database did not answer within {within:.1f} s.", ASLEEP)]
    except (Error, OSError) as error:
        said, remedy = said_and_remedy(error)
        return [failed("postgres", f"The database said: {said}.", f"DATABASE_URL: {remedy}." if remedy else ASLEEP)]
    took = time.monotonic() - started
    woke = (
        f" It took {took:.1f} s, as one that wakes; so will the first question after a pause." if took > SLEPT else ""
    )
    if state.current or state.may_create:
        return [ok("postgres", f"The database answers.{woke}")]
    says = "The database answers, and its user may not make the tables that Docent needs."
    return [failed("postgres", says, "Give it CREATE on the schema, or take another user.")]
