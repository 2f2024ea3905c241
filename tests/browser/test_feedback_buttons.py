"""A reader says what he thinks of an answer, changes his mind, and has his conversations erased."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Response, Route, expect

pytestmark = pytest.mark.browser

QUESTION = "How do I stop a running firing?"
UP, DOWN = ".thumb[data-rating=up]", ".thumb[data-rating=down]"
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
AWAY = {"code": "storage_unavailable", "message": "Conversations cannot be stored right now.", "retryable": True}


def pressed(reader: Any) -> list[str]:
    return [reader.last(thumb).get_attribute("aria-pressed") for thumb in (UP, DOWN)]


def kept_feedback(reader: Any) -> Any:
    """Of the last turn, as the service tells it."""
    return reader.page.evaluate(
        """async () => {
          const { conversation } = await import("/static/api.js");
          const { conversationId } = await import("/static/keep.js");
          return (await conversation(conversationId.get())).messages.at(-1).feedback ?? null;
        }"""
    )


def refuse(reader: Any, path: str, times: int = 1) -> None:
    """So many requests of this path find the database away."""
    left = [times]

    def answer(route: Route) -> None:
        left[0] -= 1
        if left[0] < 0:
            route.fallback()
        else:
            route.fulfill(status=503, content_type="application/json", body=json.dumps(AWAY))

    reader.page.route(f"**{path}", answer)


def forgive(reader: Any, status: int) -> None:
    reader.page.wait_for_timeout(100)  # the console tells of a refusal after the page has
    reader.complaints[:] = [line for line in reader.complaints if str(status) not in line]


def test_thumb_is_kept_over_a_reload_and_can_be_changed(reader: Any) -> None:
    reader.visit()
    reader.ask(QUESTION)
    expect(reader.last(".feedback")).to_be_visible()
    assert pressed(reader) == ["false", "false"]
    assert reader.last(".remark").is_hidden()
    reader.last(UP).click()
    expect(reader.last(".said")).to_have_text("Thank you for your feedback.")
    assert (pressed(reader), kept_feedback(reader)) == (["true", "false"], {"rating": "up", "comment": ""})
    reader.page.reload()
    reader.settle(1)
    assert pressed(reader) == ["true", "false"]
    reader.last(".remark input").fill("Too short, بھٹی")
    reader.last(".remark input").press("Enter")
    expect(reader.last(".said")).to_have_text("Thank you: your remark was kept.")
    reader.last(DOWN).click()
    expect(reader.last(".said")).to_have_text("Thank you for your feedback.")
    assert kept_feedback(reader) == {"rating": "down", "comment": "Too short, بھٹی"}
    reader.page.reload()
    reader.settle(1)
    assert pressed(reader) == ["false", "true"]
    assert reader.last(".remark input").input_value() == "Too short, بھٹی"


def test_last_of_quick_clicks_counts(reader: Any) -> None:
    reader.visit()
    reader.ask(QUESTION)
    answered: list[str] = []

    def is_last(response: Response) -> bool:
        answered.extend([response.url] if response.url.endswith("/api/feedback") else [])
        return len(answered) == 4

    with reader.page.expect_response(is_last):
        reader.page.evaluate(
            f"""() => {{
              for (const thumb of ["{UP}", "{DOWN}", "{UP}", "{DOWN}"]) document.querySelector(thumb).click();
            }}"""
        )
    assert (pressed(reader), kept_feedback(reader)["rating"]) == (["false", "true"], "down")


def test_thumbs_are_reached_and_named_without_a_mouse(reader: Any) -> None:
    reader.visit()
    reader.ask(QUESTION)
    group = reader.page.get_by_role("group", name="Your feedback on this answer")
    group.get_by_role("button", name="This answer helped", pressed=False).focus()
    reader.page.keyboard.press("Tab")
    reader.page.keyboard.press("Space")
    expect(group.get_by_role("button", name="This answer did not help", pressed=True)).to_be_focused()
    expect(reader.page.locator("#announcer")).to_have_text("Thank you for your feedback.")
    reader.page.keyboard.press("Tab")
    expect(group.get_by_role("textbox", name="A remark on this answer, if you like")).to_be_focused()


def test_feedback_that_cannot_be_kept_is_said_calmly_and_taken_back(reader: Any) -> None:
    refuse(reader, "/api/feedback")
    reader.visit()
    reader.ask(QUESTION)
    reader.last(UP).click()
    expect(reader.last(".said")).to_have_text(AWAY["message"])
    assert pressed(reader) == ["false", "false"]
    reader.last(UP).click()
    expect(reader.last(".said")).to_have_text("Thank you for your feedback.")
    forgive(reader, 503)


def test_conversation_is_deleted_after_a_second_word(reader: Any) -> None:
    refuse(reader, "/api/conversation/*")
    reader.visit()
    reader.ask(QUESTION)
    reader.page.click("#earlier")
    reader.page.click("text=Delete this conversation")
    dialog = reader.page.get_by_role("dialog", name="Delete this conversation?")
    expect(dialog.get_by_role("button", name="Keep")).to_be_focused()
    reader.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(reader.page.locator("#earlier")).to_be_focused()
    assert reader.page.locator(".turn").count() == 1

    reader.page.click("#earlier")
    reader.page.click("text=Delete this conversation")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_have_text(AWAY["message"])
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog).to_be_hidden()
    expect(reader.page.locator("#welcome")).to_be_visible()
    expect(reader.page.locator("#announcer")).to_have_text("The conversation was deleted.")
    assert reader.page.locator(".turn").count() == 0
    reader.page.click("#earlier")
    expect(reader.page.locator("#earlier-list")).to_contain_text("No earlier conversations.")
    expect(reader.page.locator("#erase-conversation")).to_be_hidden()
    reader.page.reload()
    expect(reader.page.locator("#welcome")).to_be_visible()
    forgive(reader, 503)


def test_reader_who_is_forgotten_begins_anew(reader: Any) -> None:
    reader.visit()
    reader.ask(QUESTION)
    token = reader.page.evaluate("localStorage['docent.visitor']")
    reader.page.click("#earlier")
    reader.page.click("text=Forget me")
    dialog = reader.page.get_by_role("dialog", name="Forget me?")
    dialog.get_by_role("button", name="Forget me").click()
    expect(dialog).to_be_hidden()
    expect(reader.page.locator("#welcome")).to_be_visible()
    expect(reader.page.locator("#earlier")).to_be_hidden()
    assert reader.page.evaluate("Object.keys(localStorage)") == []
    headers = {"X-Docent-Visitor": json.loads(token)}
    assert reader.page.request.get(f"{reader.address}/api/conversations", headers=headers).json() == {
        "conversations": []
    }
    reader.ask(QUESTION)
    assert reader.page.evaluate("localStorage['docent.visitor']") != token


def test_answer_that_is_written_is_not_asked_again_when_its_conversation_is_deleted(reader: Any) -> None:
    """The service ends the stream with its conversation: the page must not take that for a reason to begin anew."""
    reader.visit()
    reader.ask(QUESTION)
    asked: list[str] = []
    held: list[Route] = []

    def hold(route: Route) -> None:
        asked.append(route.request.post_data)
        held.append(route)

    reader.page.route("**/api/chat", hold)
    reader.page.fill("#question", "And how hot is a bisque firing?")
    reader.page.press("#question", "Enter")
    expect(reader.page.locator(".turn")).to_have_count(2)

    def erase(route: Route) -> None:
        gone = {"code": "not_found", "message": "There is nothing here.", "retryable": False}
        held[0].fulfill(status=404, content_type="application/json", body=json.dumps(gone))
        expect(reader.last(".failure")).to_be_visible()
        route.fallback()

    reader.page.route("**/api/conversation/*", erase)
    reader.page.click("#earlier")
    reader.page.click("text=Delete this conversation")
    reader.page.get_by_role("button", name="Delete", exact=True).click()
    expect(reader.page.locator("#welcome")).to_be_visible()
    reader.page.reload()
    expect(reader.page.locator("#welcome")).to_be_visible()
    assert len(asked) == 1
    forgive(reader, 404)


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_feedback_and_dialog_fit_a_phone_in_both_directions(readers: Any, direction: str) -> None:
    reader = readers.open(**PHONE)
    reader.visit()
    reader.page.evaluate(f"document.documentElement.dir = '{direction}'")
    reader.ask("بھٹی کو کیسے روکا جائے؟ " + "stop a running firing")
    reader.last(DOWN).click()
    expect(reader.last(".remark")).to_be_visible()
    assert reader.page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    up, down = (reader.last(thumb).bounding_box() for thumb in (UP, DOWN))
    assert (up["x"] < down["x"]) == (direction == "ltr")
    assert min(*(box[side] for box in (up, down) for side in ("width", "height"))) >= 36
    reader.page.click("#earlier")
    reader.page.click("text=Forget me")
    box = reader.page.locator("dialog").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
