"""What a hostile answer can do on the page when the server's own filter has let it through."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Route

pytestmark = pytest.mark.browser

PAYLOADS: list[str] = json.loads((Path(__file__).parent.parent / "chains" / "exfiltration.json").read_text())
FOREIGN = "evil.example"
OWN_HOSTS = ("kiln.example", "127.0.0.1")
SOURCE = {
    "n": 9,
    "title": "Firing",
    "url": "https://kiln.example/firing#stop",
    "heading": "Firing > Stop",
    "snippet": "Hold the button.",
    "score": 1.0,
    "chunk_id": str(uuid4()),
}
DANGEROUS = "img, picture, script, svg, iframe, style, link, video, audio, object, embed, meta, form, base, math"
# An address that the eye can read is honest; under other words, or with none, it passes for something else.
MASKED = """foreign => [...document.querySelectorAll("#turns a[href]")]
  .filter(link => !link.closest(".sources") && !foreign.includes(new URL(link.href).hostname))
  .filter(link => !link.textContent.includes(new URL(link.href).hostname)).map(link => link.outerHTML)"""
HANDLERS = """() => [...document.querySelectorAll("#turns *")]
  .filter(element => [...element.attributes].some(
    each => /^(on|style|src|srcset|background|poster|ping)/i.test(each.name)))
  .map(element => element.outerHTML)"""


class Answers:
    """Gives each question the next payload as a whole answer, as a server without a filter would."""

    def __init__(self, reader: Any) -> None:
        self.text = ""
        reader.page.route("**/api/chat", self._answer)

    def _answer(self, route: Route) -> None:
        ids = {"conversation_id": str(uuid4()), "turn_id": str(uuid4())}
        done = {"outcome": "answered", "grounded": True, "citations": []}
        told: list[tuple[str, dict[str, Any]]] = [
            ("accepted", {**ids, "durability": "stored"}),
            ("sources", {"sources": [SOURCE], "grounded": True}),
            *(("token", {"text": self.text[at : at + 7]}) for at in range(0, len(self.text), 7)),
            ("done", {**ids, **done}),
        ]
        body = "".join(
            f"id: t:{seq}\nevent: {kind}\ndata: {json.dumps(data)}\n\n" for seq, (kind, data) in enumerate(told, 1)
        )
        route.fulfill(status=200, content_type="text/event-stream", body=body)


def test_there_are_payloads_enough() -> None:
    assert len(PAYLOADS) >= 30
    assert sum(FOREIGN in payload for payload in PAYLOADS) >= 30


@pytest.mark.parametrize("half", [0, 1])
def test_hostile_answer_reaches_nobody(reader: Any, half: int) -> None:
    """`reader` fails the test for every request to another host, and for each complaint of the console."""
    answers = Answers(reader)
    reader.visit()
    reader.page.evaluate("() => { window.hacked = 0; window.opened = 0; window.open = () => { window.opened += 1; }; }")
    for payload in PAYLOADS[half::2]:
        answers.text = f"Hold it. {payload}\n\n{payload} [9]"
        reader.page.click("#fresh")
        reader.ask("Anything")
        answer = reader.last(".answer")
        assert answer.locator(DANGEROUS).count() == 0, payload
        assert reader.page.evaluate(HANDLERS) == [], payload
        assert reader.page.evaluate(MASKED, list(OWN_HOSTS)) == [], payload
        assert reader.page.evaluate("window.hacked + window.opened") == 0, payload
        assert "Hold it." in answer.inner_text(), payload
    reader.page.wait_for_timeout(300)
    assert reader.foreign == []
    assert reader.page.evaluate("window.hacked") == 0
    assert reader.page.url.startswith(reader.address)
