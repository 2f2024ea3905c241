"""The other pages that a browser may open, with the network cut: Swagger UI, LangServe's playgrounds."""

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


@pytest.mark.parametrize("path", ["/", "/docs", "/rag/playground/", "/chat/playground/"])
def test_foreign_script_does_not_run(reader: Any, path: str) -> None:
    reader.visit(path)
    reader.page.wait_for_load_state("networkidle")
    insert = """() => {
      window.told = new Promise(tell =>
        document.addEventListener("securitypolicyviolation", event => tell(event.violatedDirective)));
      const script = document.createElement("script");
      try { script.textContent = "window.hacked = 1"; } catch { return "trusted types"; }
      document.body.append(script);
      return window.told;
    }"""
    assert reader.page.evaluate(insert) in ("trusted types", "script-src-elem", "script-src")
    assert reader.page.evaluate("window.hacked") is None
    reader.complaints.clear()
