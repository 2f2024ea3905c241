"""The access token of the Hugging Face Hub, which deploying needs: git takes it in place of a password."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from app.deploy.errors import NEEDED
from app.doctor.diagnosis import Diagnosis, Patience, failed, ok, skipped, warning
from app.redaction import redactor
from app.settings import Settings


async def check_hub(settings: Settings, patience: Patience) -> list[Diagnosis]:
    """HF_TOKEN or the stored login, if there is one, asked for its owner at HF_ENDPOINT."""
    from huggingface_hub import constants, get_token

    token = settings.hf_token or get_token()
    if token is None:
        return [skipped("hub", "There is no HF_TOKEN and no stored login; only `docent deploy` needs one.")]
    redactor.learn([token])
    try:
        async with asyncio.timeout(patience.left), httpx.AsyncClient(timeout=None) as client:
            headers = {"Authorization": f"Bearer {token}"}
            answer = await client.get(f"{constants.ENDPOINT}/api/whoami-v2", headers=headers)
            return [_read(answer)]
    except (TimeoutError, httpx.HTTPError) as error:
        says = f"{constants.ENDPOINT} did not answer ({type(error).__name__})."
        return [failed("hub", says, "Check the network's way out, and HF_ENDPOINT if it is set.")]


def _read(answer: httpx.Response) -> Diagnosis:
    if answer.status_code in (401, 403):
        return failed("hub", f"The Hub refuses the token ({answer.status_code}).", NEEDED)
    try:
        owner = answer.raise_for_status().json()
        name, role = str(owner["name"]), _role(owner)
    except (httpx.HTTPStatusError, ValueError, LookupError, TypeError):
        return failed("hub", f"The Hub answers {answer.status_code} and nothing that can be read.", "Try again later.")
    if role == "read":
        return warning("hub", f"The token of {name} may only read.", NEEDED)
    return ok("hub", f"The token belongs to {name}.")


def _role(owner: dict[str, Any]) -> str:
    token = (owner.get("auth") or {}).get("accessToken") or {}
    return str(token.get("role", ""))
