"""The playground of a production service: the browser asks the author for his token, and nobody else gets in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_service import LiveService, serving
from playwright.sync_api import Error

pytestmark = pytest.mark.browser

SITE = Path(__file__).parent / "site"
TOKEN = "the author's own token"
QUESTION = "How do I stop a running firing?"
PLAYGROUNDS = ["/rag/playground/", "/chat/playground/"]


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    settings = {"ENVIRONMENT": "production", "ADMIN_TOKEN": TOKEN, "LANGSERVE_PLAYGROUND": "true"}
    with serving(tmp_path_factory.mktemp("production"), SITE, **settings) as service:
        yield service


@pytest.fixture
def author(readers: Any, production: LiveService) -> Any:
    """A reader whose browser answers the question for a password."""
    readers.address = production.url
    reader = readers.open(http_credentials={"username": "author", "password": TOKEN})
    yield reader
    reader.page.wait_for_timeout(200)
    reader.complaints[:] = [line for line in reader.complaints if "401" not in line]


def test_author_logs_in_and_sees_the_steps(author: Any) -> None:
    author.visit("/rag/playground/")
    author.page.locator("textarea").first.fill(QUESTION)
    author.page.click("button:has-text('Start')")
    author.page.wait_for_selector("text=three seconds")


def test_author_logs_in_to_the_chat_playground(author: Any) -> None:
    author.visit("/chat/playground/")
    author.page.wait_for_load_state("networkidle")  # before it has its schemas it would send the question under no name
    author.page.locator("textarea").last.fill(QUESTION)
    author.page.keyboard.press("Enter")
    author.page.wait_for_selector("text=three seconds")


@pytest.fixture
def stranger(readers: Any, production: LiveService) -> Any:
    """Opens a reader with the credentials that a test gives; the console's complaints of 401 are wanted."""
    readers.address = production.url
    yield lambda **credentials: readers.open(**credentials)
    for reader in readers.opened:
        reader.page.wait_for_timeout(200)  # the console tells of a refusal after its page
        reader.complaints[:] = [line for line in reader.complaints if "401" not in line]


@pytest.mark.parametrize("path", PLAYGROUNDS)
def test_browser_without_credentials_asks_for_them(stranger: Any, path: str) -> None:
    """Nobody sits before this one, so the question for a password ends the visit."""
    reader = stranger()
    with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
        reader.visit(path)


@pytest.mark.parametrize("path", PLAYGROUNDS)
def test_guessed_token_does_not_open(stranger: Any, path: str) -> None:
    reader = stranger(http_credentials={"username": "author", "password": "guessed"})
    response = reader.page.goto(reader.address + path)
    assert response.status == 401
    assert "Basic" in response.headers["www-authenticate"]
    assert reader.page.locator("textarea").count() == 0
