"""Is the deployed service awake? A free Space sleeps, and its first reader waits."""

from __future__ import annotations

import asyncio

import httpx

from app.doctor.diagnosis import Diagnosis, Patience, failed, ok, skipped, warning

NOTE = (
    "A Space on free hardware sleeps when nobody asks; waking takes 30 to 60 s, in which /api/health answers 503 with "
    "status starting."
)
WAIT = "Wait a minute and run this again."


async def check_cold_start(service: str | None, patience: Patience) -> list[Diagnosis]:
    """What `/api/health` of the service says; without a service, what to expect."""
    if service is None:
        return [skipped("cold-start", f"{NOTE} Name the service with --service to see whether it is awake.")]
    try:
        async with asyncio.timeout(within := patience.left), httpx.AsyncClient(timeout=None) as client:
            answer = await client.get(f"{service.rstrip('/')}/api/health")
    except TimeoutError:
        return [warning("cold-start", f"{service} did not answer within {within:.1f} s. {NOTE}", WAIT)]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return [failed("cold-start", f"{service} cannot be reached ({type(error).__name__}).", "Check the address.")]
    return [_read(answer, service)]


def _read(answer: httpx.Response, service: str) -> Diagnosis:
    try:
        report = answer.json()
        status, services = str(report["status"]), dict(report["services"])
    except (ValueError, LookupError, TypeError):
        says = f"{service} answers {answer.status_code}, and not as Docent does. {NOTE}"
        return failed("cold-start", says, "Look at the log of the Space: it may be building, or have stopped.")
    if status == "starting":
        return warning("cold-start", f"{service} is starting. {NOTE}", WAIT)
    if status == "healthy":
        return ok("cold-start", f"{service} is awake and healthy.")
    up = ("ok", "connected", "asleep")
    down = [name for name, each in services.items() if isinstance(each, dict) and each.get("status") not in up]
    named = ", ".join(f"{name}: {services[name].get('status')}" for name in down)
    return failed("cold-start", f"{service} is awake and {status} ({named}).", "Run `docent doctor` with its settings.")
