"""A reader asks on the chat page."""

import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

PICTURE = Path(__file__).parent.parent.parent / "docs" / "img" / "chat-page.png"
QUESTION = "How do I stop a running firing?"
LUMINANCE = """() => {
  const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).map(Number);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}"""
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


def test_question_gets_an_answer_with_linked_sources(reader: Any) -> None:
    reader.visit()
    reader.ask(QUESTION)
    assert "three seconds" in reader.last(".answer").inner_text()
    cited = reader.last(".sources .shown .source").first
    link = cited.locator("a")
    assert link.inner_text() == "Firing schedules"
    assert link.get_attribute("href") == "https://kiln.example/docs/firing-schedules#stopping-a-firing"
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert "Stopping a firing" in cited.locator(".path").inner_text()
    assert reader.page.locator("#service-note").inner_text().startswith("No language model is connected")


def test_marker_opens_its_source_with_the_quote(reader: Any) -> None:
    reader.visit()
    reader.ask(QUESTION)
    marker = reader.last(".marker").first
    quote = marker.get_attribute("title").strip("“”")
    marker.click()
    chosen = reader.last(".source.chosen")
    assert chosen.get_attribute("data-n") == marker.get_attribute("data-n")
    assert quote in chosen.locator(".quote").inner_text()


def test_stages_and_tokens_come_before_the_end(reader: Any) -> None:
    reader.visit()
    reader.page.evaluate(
        """() => {
          window.said = [];
          new MutationObserver(() => window.said.push(document.getElementById("announcer").textContent))
            .observe(document.getElementById("announcer"), { childList: true });
        }"""
    )
    reader.ask(QUESTION)
    said = reader.page.evaluate("window.said")
    assert said[0] == "Searching…"
    assert "three seconds" in said[-1]


def test_reload_keeps_the_conversation(reader: Any) -> None:
    reader.visit()
    reader.ask(QUESTION)
    reader.ask("And what is a bisque firing?")
    before = reader.page.locator("#turns").inner_text()
    reader.page.reload()
    reader.settle(2)
    assert reader.page.locator("#turns").inner_text() == before
    assert reader.page.locator("#welcome").is_hidden()


def test_new_conversation_is_empty_and_the_earlier_one_is_found_again(reader: Any) -> None:
    reader.visit()
    reader.ask(QUESTION)
    reader.page.click("#fresh")
    assert reader.page.locator("#welcome").is_visible()
    assert reader.page.locator(".turn").count() == 0
    reader.page.click("#earlier")
    reader.page.click(f"#earlier-list >> text={QUESTION}")
    reader.settle(1)
    assert "three seconds" in reader.last(".answer").inner_text()


def test_question_that_the_pages_cannot_answer_is_told_so(reader: Any) -> None:
    reader.visit()
    reader.ask("Who won the football world cup in Argentina?")
    assert reader.last(".verdict").inner_text() == "Not found on these pages"
    assert reader.last(".marker").count() == 0
    assert reader.last(".sources h3").text_content() == "Nearest sections"


def test_markup_in_a_question_or_a_page_does_not_run(reader: Any) -> None:
    reader.visit()
    reader.ask('<img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script> foreign badge markup?')
    assert "<script>" in reader.last(".question").inner_text()
    assert "onerror" in reader.last(".sources").text_content()
    assert reader.page.locator("#turns img, #turns script").count() == 0
    reader.page.reload()
    reader.settle(1)
    assert reader.page.evaluate("window.hacked") is None


def test_shift_enter_starts_a_new_line(reader: Any) -> None:
    reader.visit()
    reader.page.fill("#question", "first")
    reader.page.press("#question", "Shift+Enter")
    reader.page.type("#question", "second")
    assert reader.page.input_value("#question") == "first\nsecond"
    assert reader.page.locator(".turn").count() == 0


def test_right_to_left_question_is_set_from_the_right(reader: Any) -> None:
    reader.visit()
    reader.ask("بھٹی کو کیسے روکا جائے؟")
    assert reader.last(".question").evaluate("element => getComputedStyle(element).direction") == "rtl"


def test_phone_has_no_sideways_scroll(readers: Any) -> None:
    reader = readers.open(**PHONE)
    reader.visit()
    reader.ask("What ramp does each segment of a glaze firing have? " + "kiln" * 60)
    assert reader.page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    send = reader.page.locator("#send").bounding_box()
    assert min(send["width"], send["height"]) >= 36
    assert send["x"] + send["width"] <= 360


@pytest.mark.parametrize(("scheme", "darkest", "brightest"), [("light", 0.9, 1.0), ("dark", 0.0, 0.2)])
def test_page_follows_the_colour_scheme(
    readers: Any, tmp_path: Path, scheme: str, darkest: float, brightest: float
) -> None:
    reader = readers.open(viewport={"width": 1100, "height": 800}, color_scheme=scheme)
    reader.visit()
    reader.ask(QUESTION)
    reader.last(".marker").first.click()
    picture = reader.page.screenshot(path=tmp_path / f"{scheme}.png", animations="disabled")
    assert darkest <= reader.page.evaluate(LUMINANCE) <= brightest
    if scheme == "light" and os.environ.get("DOCENT_WRITE_PICTURE"):
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        PICTURE.write_bytes(picture)
