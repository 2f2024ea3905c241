"""The Gemini API over plain HTTP, for what is not chat."""

from __future__ import annotations

import httpx

from chains.providers.http_api import HttpApi, json_of
from chains.resilience import ProviderError, from_google, retry_after_of
from chains.settings import ChainSettings

ADDRESS = "https://generativelanguage.googleapis.com"


def gemini_api(settings: ChainSettings, timeout: httpx.Timeout) -> HttpApi:
    headers = {"x-goog-api-key": settings.gemini_api_key or ""}
    return HttpApi(settings.gemini_base_url or ADDRESS, headers, refusal, timeout)


def refusal(response: httpx.Response) -> ProviderError:
    return from_google(response.status_code, json_of(response), retry_after=retry_after_of(response.headers))
