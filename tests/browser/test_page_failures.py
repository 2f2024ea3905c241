"""What the page does when an answer is hostile, cut or refused: such answers are made here, the page is real."""

import json
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Route

pytestmark = pytest.mark.browser

SOURCE = {
    "n": 1,
    "title": "Firing",
    "url": "https://kiln.example/firing#stop",
    "heading": "Firing > Stop",
    "snippet": "Hold the button.",
    "score": 1.0,
    "chunk_id": str(uuid4()),
}
HOSTILE = """<img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script> [a](javascript:window.hacked=1)
![picture](https://elsewhere.example/pixel.png) [b](data:text/html,x) `[1]` word[1] [1](x) [7] Held. [1]

[1]: https://elsewhere.example "a definition"

# Heading

<svg onload="window.hacked = 1"><cite data-n="1">x</cite>"""


def events(*pairs: tuple[str, dict[str, Any]]) -> str:
    return "".join(
        f"id: t:{seq}\nevent: {kind}\ndata: {json.dumps(data)}\n\n" for seq, (kind, data) in enumerate(pairs, 1)
    )


def accepted() -> tuple[str, dict[str, Any]]:
    return "accepted", {"conversation_id": str(uuid4()), "turn_id": str(uuid4()), "durability": "stored"}


def answered(text: str) -> str:
    reply = {"outcome": "answered", "grounded": True, "citations": [{"n": 1, "start": 0, "end": 3, "quote": "Hold."}]}
    shown = {"sources": [SOURCE], "grounded": True}
    return events(accepted(), ("sources", shown), ("token", {"text": text}), ("done", reply))


class Answers:
    """Answers the page's questions one after another, and remembers them."""

    def __init__(self, reader: Any, *answers: tuple[int, str]) -> None:
        self.asked: list[dict[str, Any]] = []
        self.tokens: list[str | None] = []
        self._answers = list(answers)
        reader.page.route("**/api/chat", self._answer)

    def _answer(self, route: Route) -> None:
        self.asked.append(route.request.post_data_json)
        self.tokens.append(route.request.headers.get("x-docent-visitor"))
        status, body = self._answers.pop(0)
        kind = "text/event-stream" if status == 200 else "application/json"
        route.fulfill(status=status, content_type=kind, body=body)


def refusal(code: str, message: str, *, retryable: bool, **more: Any) -> str:
    return json.dumps({"code": code, "message": message, "retryable": retryable, **more})


def test_hostile_answer_neither_runs_nor_loads_anything(reader: Any) -> None:
    Answers(reader, (200, answered(HOSTILE)))
    reader.visit()
    reader.ask("Anything")
    answer = reader.last(".answer")
    assert answer.locator("img, script, svg, iframe").count() == 0
    assert answer.locator("a[href]").count() == 0
    assert answer.locator(".marker").count() == 1, "only the marker that stands as the contract says"
    assert answer.locator("h3").inner_text() == "Heading"
    assert "picture" in answer.inner_text()
    reader.page.wait_for_timeout(200)
    assert reader.page.evaluate("window.hacked") is None


def test_cut_stream_keeps_what_came_and_retries_the_same_turn(reader: Any) -> None:
    cut = events(accepted(), ("token", {"text": "Half an ans"}))
    answers = Answers(reader, (200, cut), (200, answered("Hold it. [1]")))
    reader.visit()
    reader.ask("How?")
    assert "Half an ans" in reader.last(".answer").inner_text()
    assert "connection was lost" in reader.last(".failure").inner_text()
    reader.last(".retry").click()
    reader.settle(1)
    assert reader.last(".answer").inner_text().startswith("Hold it.")
    assert reader.last(".failure").is_hidden()
    assert answers.asked[1]["question"] == "How?"
    assert answers.asked[1]["conversation_id"] is not None


def test_unreachable_service_keeps_the_question_and_the_turn_id(reader: Any) -> None:
    sent: list[dict[str, Any]] = []

    def abort(route: Route) -> None:
        sent.append(route.request.post_data_json)
        route.abort()

    reader.page.route("**/api/chat", abort)
    reader.visit()
    reader.ask("Where did it go?")
    assert "cannot be reached" in reader.last(".failure").inner_text()
    assert reader.last(".question").inner_text() == "Where did it go?"
    reader.last(".retry").click()
    reader.settle(1)
    assert reader.last(".failure").is_visible()
    reader.page.reload()
    reader.settle(1)
    assert len({turn["turn_id"] for turn in sent}) == 1
    assert len(sent) == 3
    reader.complaints[:] = [line for line in reader.complaints if "ERR_FAILED" not in line]


def test_refused_token_starts_anew_silently_once(reader: Any) -> None:
    expired = (401, refusal("unauthorized", "Not valid any more.", retryable=False))
    answers = Answers(reader, expired, (200, answered("Hold it. [1]")))
    reader.visit()
    reader.page.evaluate("localStorage.setItem('docent.visitor', '\"expired\"')")
    reader.ask("How?")
    assert reader.last(".answer").inner_text().startswith("Hold it.")
    assert answers.tokens == ["expired", None]
    assert answers.asked[0]["turn_id"] != answers.asked[1]["turn_id"]
    reader.complaints[:] = [line for line in reader.complaints if "401" not in line]


def test_question_refused_for_good_goes_back_to_the_field(reader: Any) -> None:
    Answers(reader, (422, refusal("invalid_turn", "This question could not be read.", retryable=False)))
    reader.visit()
    reader.ask("Unreadable")
    assert reader.page.input_value("#question") == "Unreadable"
    assert reader.last(".retry").is_hidden()
    reader.complaints[:] = [line for line in reader.complaints if "422" not in line]


def test_busy_service_holds_the_retry_back(reader: Any) -> None:
    busy = refusal("overloaded", "Many readers are asking right now.", retryable=True, retry_after=2)
    Answers(reader, (503, busy), (200, answered("Hold it. [1]")))
    reader.visit()
    reader.ask("How?")
    assert reader.last(".retry").is_disabled()
    reader.last(".retry").click()  # waits until it is enabled
    reader.settle(1)
    assert reader.last(".answer").inner_text().startswith("Hold it.")
    reader.complaints[:] = [line for line in reader.complaints if "503" not in line]


def test_restart_voids_the_text_so_far(reader: Any) -> None:
    parts = (
        accepted(),
        ("token", {"text": "Wrong."}),
        ("restart", {"reason": "fallback"}),
        ("token", {"text": "Right."}),
    )
    Answers(reader, (200, events(*parts, ("done", {"outcome": "answered", "grounded": False, "citations": []}))))
    reader.visit()
    reader.ask("How?")
    assert reader.last(".answer").inner_text() == "Right."
    assert "could be checked" in reader.last(".notice").inner_text()


def test_events_are_read_wherever_the_network_cuts_them(reader: Any) -> None:
    reader.visit()
    stream = ': ping\r\n\r\nid: t:1\r\nevent: token\r\ndata: {"text":"بھٹی 🔥"}\r\n\r\nevent:done\ndata: {\ndata: }\n\n'
    parsed = reader.page.evaluate(
        """async stream => {
          const { eventsIn } = await import("/static/sse.js");
          const bytes = new TextEncoder().encode(stream);
          const results = new Set();
          for (let size = 1; size <= bytes.length; size++) {
            const chunks = [];
            for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
            const events = [];
            for await (const event of eventsIn(chunks)) events.push(event);
            results.add(JSON.stringify(events));
          }
          return [...results].map(JSON.parse);
        }""",
        stream,
    )
    assert parsed == [[{"type": "token", "data": {"text": "بھٹی 🔥"}}, {"type": "done", "data": {}}]]
