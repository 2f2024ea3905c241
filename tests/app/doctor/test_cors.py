"""The preflight request that a browser makes, against settings and against a service."""

from __future__ import annotations

import pytest
from live_service import LiveService

from app.doctor.cors import check_cors, origin_of
from app.doctor.diagnosis import Patience
from tests.app.doctor.conftest import Configure, told

pytestmark = pytest.mark.anyio

SITE = "https://book.example"


@pytest.mark.parametrize(
    ("origins", "frontend", "verdict"),
    [
        (SITE, f"{SITE}/docs/intro?x=1", "ok"),
        (f"{SITE}/, https://other.example", SITE.upper().replace("HTTPS", "https"), "ok"),
        ("https://www.book.example", SITE, "failed"),
        ("http://book.example", SITE, "failed"),
        (SITE, f"{SITE}:8443", "failed"),
    ],
)
async def test_settings_answer_as_the_service_would(
    configure: Configure, origins: str, frontend: str, verdict: str
) -> None:
    (found,) = told(await check_cors(configure(allowed_origins=origins), frontend, None, Patience()), "cors")
    assert found[0] == verdict, found
    assert (f"{origin_of(frontend)} and restart" in found[1]) == (verdict == "failed")


async def test_running_service_is_asked_as_a_browser_asks(configure: Configure, service: LiveService) -> None:
    """It was started with https://book.example alone; the settings here are of another mind."""
    settings = configure(allowed_origins="https://elsewhere.example")
    allowed = service.environment["ALLOWED_ORIGINS"].strip('"/')
    (good,) = told(await check_cors(settings, allowed.replace("https:", "https:"), service.url, Patience(20)), "cors")
    (bad,) = told(await check_cors(settings, "http://elsewhere.example", service.url, Patience(20)), "cors")
    assert (good[0], bad[0]) == ("ok", "failed"), (good, bad)
    same = configure(allowed_origins="http://elsewhere.example")
    (other,) = told(await check_cors(same, "http://elsewhere.example", service.url, Patience(20)), "cors")
    assert "the service runs with others" in other[1]


async def test_service_that_is_not_there_and_plain_http_are_told(configure: Configure) -> None:
    settings = configure(allowed_origins=SITE)
    (away,) = told(await check_cors(settings, SITE, "http://127.0.0.1:9", Patience()), "cors")
    (plain,) = told(await check_cors(settings, SITE, "http://docent.example", Patience()), "cors")
    assert (away[0], plain[0]) == ("failed", "failed")
    assert "got no answer" in away[1]
    assert "block plain http" in plain[1]


@pytest.mark.parametrize(
    ("site", "regex", "preview"),
    [
        ("https://my-app.vercel.app", r"https://my-app-[a-z0-9-]+-YOUR-TEAM\.vercel\.app", "my-app-git-"),
        ("https://book.netlify.app", r"https://[a-z0-9-]+--book\.netlify\.app", "deploy-preview-1--book"),
        ("https://book.pages.dev", r"https://[a-z0-9-]+\.book\.pages\.dev", "branch.book"),
    ],
)
async def test_previews_are_told_with_an_expression_that_lets_them_in(
    configure: Configure, site: str, regex: str, preview: str
) -> None:
    settings = configure(allowed_origins=site)
    (found,) = told(await check_cors(settings, site, None, Patience()), "previews")
    assert found[0] == "warning"
    assert f"ALLOWED_ORIGIN_REGEX={regex} " in found[1]
    assert preview in found[1]
    fixed = configure(allowed_origins=site, allowed_origin_regex=regex)
    assert told(await check_cors(fixed, site, None, Patience()), "previews")[0][0] == "ok"


async def test_site_with_an_address_of_its_own_has_no_previews(configure: Configure) -> None:
    assert not told(await check_cors(configure(allowed_origins=SITE), SITE, None, Patience()), "previews")
