"""A real Chromium against a real `docent serve` over a small site, with the network cut."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from live_service import serving
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, expect, sync_playwright

SITE = Path(__file__).parent / "site"
SITE_URL = "https://kiln.example"
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def chromium() -> str:
    """The system's Chromium. In CI its absence is a failure: a browser test that never runs proves nothing."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        missing = "no Chromium here; install one: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture(scope="module")  # not longer: Playwright's loop would still run under the asyncio tests that follow
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that has read the site."""
    with serving(tmp_path_factory.mktemp("service"), SITE, SITE_URL=SITE_URL) as service:
        yield service.url


expect.set_options(timeout=30_000)  # ms, as for the pages: a busy machine takes its time


@dataclass
class Reader:
    """A browser's page, and all that it complained of or asked for."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def visit(self, path: str = "/") -> None:
        self.page.goto(self.address + path)

    def ask(self, question: str) -> None:
        """Type and send; returns when the answer, or why there is none, is on the page."""
        before = self.page.locator(".turn").count()
        self.page.fill("#question", question)
        self.page.press("#question", "Enter")
        self.settle(before + 1)

    def settle(self, turns: int) -> None:
        self.page.wait_for_function(
            "turns => document.querySelectorAll('.turn').length === turns"
            " && [...document.querySelectorAll('.turn .stage')].every(stage => stage.hidden)",
            arg=turns,
        )

    def last(self, selector: str) -> Any:
        return self.page.locator(".turn").last.locator(selector)


@dataclass
class Readers:
    """Opens pages, each with an empty browser profile, and looks at the end at what all of them did."""

    browser: Browser
    address: str
    contexts: list[BrowserContext] = field(default_factory=list)
    opened: list[Reader] = field(default_factory=list)

    def open(self, **options: Any) -> Reader:
        context = self.browser.new_context(**options)
        self.contexts.append(context)
        reader = Reader(context.new_page(), self.address)
        reader.page.set_default_timeout(30_000)
        reader.page.on("pageerror", lambda error: reader.complaints.append(str(error)))

        def hear(line: ConsoleMessage) -> None:
            if line.type in ("error", "warning"):
                reader.complaints.append(line.text)

        def stop(route: Route) -> None:
            reader.foreign.append(route.request.url)
            route.abort()

        reader.page.on("console", hear)
        context.route(lambda url: not url.startswith((self.address, "data:", "blob:")), stop)
        self.opened.append(reader)
        return reader


@pytest.fixture
def readers(browser: Browser, service: str) -> Iterator[Readers]:
    """Whatever a test does: nothing may be asked of another host, and the console stays empty.

    A test that provokes a refusal takes its line out of `complaints`.
    """
    readers = Readers(browser, service)
    yield readers
    for context in readers.contexts:
        context.close()
    assert [reader.foreign for reader in readers.opened if reader.foreign] == []
    assert [reader.complaints for reader in readers.opened if reader.complaints] == []


@pytest.fixture
def reader(readers: Readers) -> Reader:
    return readers.open(viewport={"width": 1100, "height": 800})
