"""Which other sites a browser lets show our pages in a frame: those of the policy, all the way up, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Route, expect

pytestmark = pytest.mark.browser

HUGGING_FACE, SPACE, STRANGER = "https://huggingface.co", "https://someone-docent.hf.space", "https://evil.example"
LOOKALIKES = ["https://huggingface.co.evil.example", "https://evil-huggingface.co"]


@pytest.fixture
def reader(reader: Any) -> Iterator[Any]:
    """The browser complains of our address, which is `http` here, within a page that is not."""
    yield reader
    reader.complaints[:] = [line for line in reader.complaints if not line.startswith("Mixed Content")]


def frame(reader: Any, *sites: str, path: str = "/") -> Any:
    """The first site's page shows the next one's, and the last of them shows ours: that innermost frame."""
    inner = [f"{site}/page" for site in sites[1:]] + [reader.address + path]

    def showing(shown: str) -> Callable[[Route], None]:
        page = f'<!doctype html><iframe src="{shown}" width=900 height=600></iframe>'
        return lambda route: route.fulfill(content_type="text/html", body=page)

    # Ours is at a loopback address, which a page of the public net may not ask without its reader's leave.
    reader.page.context.grant_permissions(["local-network-access"])
    for site, shown in zip(sites, inner, strict=True):
        reader.page.route(f"{site}/page", showing(shown))
    reader.page.goto(f"{sites[0]}/page")
    place = reader.page.frame_locator("iframe")
    for _ in sites[1:]:
        place = place.frame_locator("iframe")
    return place


def refused(reader: Any) -> bool:
    """Waits for the browser to say so."""
    for _ in range(300):
        if any("frame-ancestors" in line for line in reader.complaints):
            reader.complaints[:] = [line for line in reader.complaints if "frame-ancestors" not in line]
            return True
        reader.page.wait_for_timeout(100)
    return False


@pytest.mark.parametrize("site", [HUGGING_FACE, SPACE])
def test_page_of_hugging_face_shows_ours(reader: Any, site: str) -> None:
    ours = frame(reader, site)
    expect(ours.locator("#question")).to_be_visible()
    ours.locator("#question").fill("How do I stop a running firing?")
    ours.locator("#question").press("Enter")
    expect(ours.locator(".answer")).to_contain_text("three seconds")


@pytest.mark.parametrize("site", [STRANGER, *LOOKALIKES])
def test_page_of_another_site_does_not_show_ours(reader: Any, site: str) -> None:
    ours = frame(reader, site)
    assert refused(reader)
    assert ours.locator("#question").count() == 0


def test_stranger_around_hugging_face_does_not_show_ours(reader: Any) -> None:
    ours = frame(reader, STRANGER, HUGGING_FACE)
    assert refused(reader)
    assert ours.locator("#question").count() == 0


@pytest.mark.parametrize("path", ["/rag/playground/", "/chat/playground/", "/api/health"])
def test_nobody_shows_what_is_not_a_readers_page(reader: Any, path: str) -> None:
    ours = frame(reader, HUGGING_FACE, path=path)
    assert refused(reader)
    assert ours.locator("textarea").count() == 0
