"""CORS: the preflight request that a browser on the site makes, and the sites that have changing names."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from app.cross_origin import cors_options
from app.doctor.diagnosis import Diagnosis, Patience, failed, ok, skipped, warning
from app.settings import Settings

LOCAL = "http://docent.invalid"  # never looked up: the request is answered in this process
ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-docent-visitor"}
NEAR = ("localhost", "127.0.0.1", "::1")  # plain http is fine there, also from an https page
RESTART = "and restart the service; on a Space: Settings, Repository secrets, then Factory reboot."

# Platforms that give every branch an address of its own, and what such addresses look like.
PREVIEWS = {
    "vercel.app": ("{name}-git-branch-team.vercel.app", r"https://{name}-[a-z0-9-]+-YOUR-TEAM\.vercel\.app"),
    "netlify.app": ("deploy-preview-1--{name}.netlify.app", r"https://[a-z0-9-]+--{name}\.netlify\.app"),
    "pages.dev": ("branch.{name}.pages.dev", r"https://[a-z0-9-]+\.{name}\.pages\.dev"),
}


async def check_cors(
    settings: Settings, frontend: str | None, service: str | None, patience: Patience
) -> list[Diagnosis]:
    """For the frontend's origin: what the service at `service` answers, or these settings would."""
    previews = check_previews(settings, frontend)
    if frontend is None:
        return [skipped("cors", "Name your site with --frontend, and the request of its browsers is tried."), *previews]
    origin = origin_of(frontend)
    if origin.startswith("https:") and (service or "").startswith("http:") and urlsplit(service).hostname not in NEAR:
        says = f"A page on {origin} may not call {service}: browsers block plain http from https."
        return [failed("cors", says, "Give the service an https address."), *previews]
    try:
        async with asyncio.timeout(patience.left):
            refusal = await _refusal(settings, origin, service)
    except (TimeoutError, httpx.TransportError) as error:
        says = f"The preflight request of {origin} got no answer from {service} ({type(error).__name__})."
        return [failed("cors", says, "Check the address; a Space that slept takes 30 to 60 s to wake."), *previews]
    where = service or "A service with these settings"
    if refusal is None:
        return [ok("cors", f"{where} lets pages on {origin} ask questions."), *previews]
    return [
        failed("cors", f"{where} does not let pages on {origin} in: {refusal}.", _remedy(settings, origin)),
        *previews,
    ]


def origin_of(url: str) -> str:
    """What a browser sends as `Origin` from a page at this address.

    Raises:
        ValueError: it is not an address.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("must look like https://your-app.vercel.app")
    usual = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, usual) else "")


async def _refusal(settings: Settings, origin: str, service: str | None) -> str | None:
    """Why a browser would not go on after the preflight; None if it would."""
    transport = None if service else httpx.ASGITransport(_doors(settings))
    async with httpx.AsyncClient(transport=transport, timeout=None) as client:
        return await refusal_of(client, (service or LOCAL).rstrip("/"), origin)


async def refusal_of(client: httpx.AsyncClient, address: str, origin: str) -> str | None:
    """The same of the service at `address`, asked with this client.

    Raises:
        httpx.HTTPError: it does not answer.
    """
    answer = await client.options(f"{address}/api/chat", headers={"Origin": origin, **ASKED})
    headers = answer.headers
    if headers.get("access-control-allow-origin") not in (origin, "*"):
        return f"the answer ({answer.status_code}) does not name its origin"
    if not answer.is_success:
        return f"the preflight is refused with {answer.status_code}"
    if not {"post", "*"} & _listed(headers.get("access-control-allow-methods", "")):
        return "POST is not among the allowed methods"
    allowed = _listed(headers.get("access-control-allow-headers", ""))
    missing = _listed(ASKED["Access-Control-Request-Headers"]) - allowed
    return f"the header {min(missing)} is not allowed" if missing and "*" not in allowed else None


def _listed(value: str) -> set[str]:
    return {part.strip().lower() for part in value.split(",")}


def _doors(settings: Settings) -> Starlette:
    """The service's own door for origins, with nothing behind it."""
    return Starlette(middleware=[Middleware(CORSMiddleware, **cors_options(settings))])


def _remedy(settings: Settings, origin: str) -> str:
    if origin in settings.origins:
        return f"These settings allow it, so the service runs with others: set ALLOWED_ORIGINS there, {RESTART}"
    others = [each for each in settings.origins if "localhost" not in each]
    return f"Set ALLOWED_ORIGINS={','.join([*others, origin])} {RESTART}"


def check_previews(settings: Settings, frontend: str | None) -> list[Diagnosis]:
    """Preview deployments of the frontend, or of the allowed sites, have addresses that no list names."""
    sites = [origin_of(frontend)] if frontend else settings.origins
    return [found for site in sites if (found := _previews_of(site, settings.allowed_origin_regex))]


def _previews_of(site: str, pattern: str | None) -> Diagnosis | None:
    host = urlsplit(site).hostname or ""
    platform = next((name for name in PREVIEWS if host.endswith(f".{name}")), None)
    if platform is None:
        return None
    name = host.removesuffix(f".{platform}")
    example, regex = (
        each.format(name=part) for each, part in zip(PREVIEWS[platform], (name, name.replace(".", r"\.")), strict=True)
    )
    if pattern is not None:
        return ok("previews", f"ALLOWED_ORIGIN_REGEX is set; it has to match addresses such as https://{example}.")
    says = (
        f"Preview deployments of {site} have addresses such as https://{example}: no list names them, none is let in."
    )
    return warning("previews", says, f"To let them in, set ALLOWED_ORIGIN_REGEX={regex} {RESTART}")
