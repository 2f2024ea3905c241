"""The Cohere API over plain HTTP, and what its refusals mean."""

from __future__ import annotations

import re
from typing import Any

import httpx

from chains.providers.http_api import HttpApi, json_of
from chains.resilience import ContentBlocked, ProviderError, QuotaExhausted, from_status, retry_after_of
from chains.settings import ChainSettings

ADDRESS = "https://api.cohere.com"

_LONG_QUOTA = re.compile(r"/ ?(day|month)\b")
_BLOCKED = re.compile(r"\bprompt blocked\b|\bblocked by the safety mode\b")


def cohere_api(settings: ChainSettings, timeout: httpx.Timeout) -> HttpApi:
    headers = {"authorization": f"Bearer {settings.cohere_api_key}", "x-client-name": "docent"}
    return HttpApi(settings.cohere_base_url or ADDRESS, headers, refusal, timeout)


def refusal(response: httpx.Response) -> ProviderError:
    return from_cohere(response.status_code, json_of(response), retry_after=retry_after_of(response.headers))


def from_cohere(status: int, body: Any, *, retry_after: float | None = None) -> ProviderError:
    """A trial key's 1,000 calls a month end in the same 429 as its 20 a minute; only the sentence differs."""
    message = str(body.get("message", "")) if isinstance(body, dict) else ""
    if status == 429 and _LONG_QUOTA.search(message):
        return QuotaExhausted("the calls of the month are used up", retry_after=retry_after)
    if status in (400, 422) and _BLOCKED.search(message):
        return ContentBlocked()
    return from_status(status, retry_after=retry_after)
