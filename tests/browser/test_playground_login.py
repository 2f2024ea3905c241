"""The playground of a production service: the browser asks the author for his token, and nobody else gets in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_service import LiveService, serving

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


@pytest.mark.parametrize("credentials", [None, {"username": "author", "password": "guessed"}], ids=["none", "wrong"])
@pytest.mark.parametrize("path", PLAYGROUNDS)
def test_nobody_else_gets_in(readers: Any, production: LiveService, path: str, credentials: Any) -> None:
    readers.address = production.url
    reader = readers.open(http_credentials=credentials)
    response = reader.page.goto(production.url + path)
    assert response.status == 401
    assert "Basic" in response.headers["www-authenticate"]
    assert reader.page.locator("textarea").count() == 0
    reader.complaints[:] = [line for line in reader.complaints if "401" not in line]
