"""The other pages that a browser may open: Swagger UI and LangServe's playgrounds, with the network cut."""

from typing import Any

import pytest

pytestmark = pytest.mark.browser

QUESTION = "How do I stop a running firing?"


def test_swagger_ui_renders_offline(reader: Any) -> None:
    reader.visit("/docs")
    reader.page.locator(".opblock-summary-path", has_text="/api/chat").first.wait_for()
    reader.page.locator(".opblock-summary-path", has_text="/api/health").click()
    reader.page.locator(".opblock-body", has_text="Responses").wait_for()
    assert reader.page.locator(".swagger-ui .info .title").inner_text().startswith("Docent")


def test_rag_playground_answers(reader: Any) -> None:
    reader.visit("/rag/playground/")
    reader.page.locator("textarea").first.fill(QUESTION)
    reader.page.click("button:has-text('Start')")
    reader.page.wait_for_selector("text=three seconds")


def test_chat_playground_answers(reader: Any) -> None:
    reader.visit("/chat/playground/")
    reader.page.wait_for_load_state("networkidle")  # before it has its schemas it would send the question under no name
    reader.page.locator("textarea").last.fill(QUESTION)
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_selector("text=three seconds")
