"""The code of docs/your-frontend.md, in a browser on another origin, against a live service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from conftest import ARGUMENTS, SITE, SITE_URL, chromium
from live_service import serving
from playwright.sync_api import Browser, Page, Route, sync_playwright

pytestmark = pytest.mark.browser

PAGE = Path(__file__).parents[2] / "docs/your-frontend.md"
DEPLOYED = "https://your-app.vercel.app"
SPACE = "https://USERNAME-rag-chatbot.hf.space"
HTML = "<!doctype html><title>A book</title><p>A page of the book.</p>"
QUESTION = "How do I install the controller?"


def snippets() -> str:
    """The module that a reader puts together from the page: src/docent.js."""
    return "\n".join(re.findall(r"^```js runnable\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE))


class SitePages(BaseHTTPRequestHandler):
    """A site of a reader's: every page is the same, and src/docent.js is the page's code."""

    def do_GET(self) -> None:
        script = self.path.endswith("/docent.js")
        body = (self.server.module if script else HTML).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if script else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Sites:
    """One site that the service allows, and one that it does not."""

    allowed: str
    foreign: str
    service: str


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), SitePages) for _ in range(2)]
    allowed, foreign = (f"http://localhost:{server.server_port}" for server in servers)
    folder = tmp_path_factory.mktemp("frontend")
    with serving(folder, SITE, SITE_URL=SITE_URL, ALLOWED_ORIGINS=allowed) as service:
        for server in servers:
            server.module = snippets().replace("http://localhost:7860", service.url)  # type: ignore[attr-defined]
            Thread(target=server.serve_forever, daemon=True).start()
        yield Sites(allowed, foreign, service.url)
        for server in servers:
            server.shutdown()


@pytest.fixture(scope="module")
def local_browser() -> Iterator[Browser]:
    """As the others', but it knows the name localhost, by which the page's code tells where it is."""
    rules = [f"{argument}, EXCLUDE localhost" if "resolver" in argument else argument for argument in ARGUMENTS]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=rules)
        yield browser
        browser.close()


def visit(browser: Browser, origin: str) -> Page:
    """A page of another origin that has the module as `window.docent`."""
    page = browser.new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{origin}/docs/intro")
    page.evaluate("async () => { window.docent = await import('/docent.js'); }")
    return page


@pytest.fixture
def page(local_browser: Browser, sites: Sites) -> Iterator[Page]:
    page = visit(local_browser, sites.allowed)
    yield page
    page.close()


def test_snippets_find_the_service_by_the_hostname(local_browser: Browser, page: Page, sites: Sites) -> None:
    def answer(route: Route) -> None:
        script = route.request.url.endswith(".js")
        route.fulfill(content_type="text/javascript" if script else "text/html", body=snippets() if script else HTML)

    assert page.evaluate("docent.baseUrl") == sites.service
    deployed = local_browser.new_page()
    deployed.route(f"{DEPLOYED}/**", answer)
    deployed.goto(DEPLOYED)
    found = deployed.evaluate("async () => (await import('/docent.js')).baseUrl")
    assert found == SPACE
    assert deployed.evaluate("typeof process") == "undefined"
    deployed.close()


def test_fetch_snippet_streams_an_answer_with_its_sources(page: Page) -> None:
    told = page.evaluate(
        """async question => {
            const texts = [], conversation = {}; let sources = [];
            const onSources = found => { sources = found; };
            const onText = text => texts.push(text);
            const reply = await docent.ask(question, { conversation, onSources, onText });
            const second = await docent.ask('And which version?', { conversation });
            return { reply, second, sources, texts, conversation };
        }""",
        QUESTION,
    )
    assert told["reply"]["outcome"] == "answered"
    assert "[1]" in told["reply"]["answer"]
    assert told["texts"][-1] == told["reply"]["answer"]
    assert told["sources"][0]["url"].startswith("https://kiln.example/")
    assert told["conversation"]["token"]
    assert told["second"]["conversation_id"] == told["conversation"]["id"] == told["reply"]["conversation_id"]


def test_fetch_snippet_throws_what_a_reader_may_see(page: Page) -> None:
    said = page.evaluate("() => docent.ask(' ').catch(error => error.message)")
    assert "question" in said


def test_socket_snippet_asks_twice_over_one_socket(page: Page) -> None:
    told = page.evaluate(
        """async question => {
            const conversation = {}; const texts = [];
            const socket = await docent.openSocket();
            const onText = text => texts.push(text);
            const first = await docent.askBySocket(socket, question, { conversation, onText });
            const second = await docent.askBySocket(socket, 'What are badges?', { conversation });
            const refused = await docent.askBySocket(socket, ' ', {}).catch(error => error.message);
            socket.close();
            return { first, second, texts, refused };
        }""",
        QUESTION,
    )
    assert told["first"]["outcome"] == "answered"
    assert told["texts"][-1] == told["first"]["answer"]
    assert told["first"]["conversation_id"] == told["second"]["conversation_id"]
    assert told["refused"]


def test_site_that_is_not_allowed_cannot_ask(local_browser: Browser, sites: Sites) -> None:
    page = visit(local_browser, sites.foreign)
    assert page.evaluate("() => docent.ask('Hello?').then(() => 'answered', error => error.name)") == "TypeError"
    assert page.evaluate("() => docent.openSocket().then(() => 'open', error => error.message)") != "open"
    page.close()
