"""Arabic and Urdu, unharmed through server-sent events, the WebSocket and the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from live_service import LiveService, serving
from websockets.sync.client import connect

pytestmark = pytest.mark.browser

PAGES = {
    "ur": (
        "بھٹی",
        "بھٹی کو کھولنے سے پہلے نو گھنٹے تک ٹھنڈا ہونے دیں۔ درجہ حرارت `kiln temp` سے معلوم کریں۔",
        "بھٹی کو کھولنے سے پہلے کتنے گھنٹے ٹھنڈا ہونے دیں؟",
    ),
    "ar": (
        "الفرن",
        "يُترك الفرن ليبرد تسع ساعات قبل فتحه. اعرف درجة الحرارة بالأمر `kiln temp`.",
        "كم ساعة يُترك الفرن ليبرد قبل فتحه؟",
    ),
}


@pytest.fixture(scope="module")
def in_two_scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    docs = tmp_path_factory.mktemp("docs")
    for language, (title, text, _) in PAGES.items():
        (docs / f"{language}.md").write_text(f"# {title}\n\n{text}\n", encoding="utf-8")
    with serving(tmp_path_factory.mktemp("service"), docs) as service:
        yield service


@pytest.fixture
def service(in_two_scripts: LiveService) -> str:
    """The one that `readers` visit."""
    return in_two_scripts.url


def by_events(url: str, question: str) -> str:
    with httpx.stream("POST", f"{url}/api/chat", json={"question": question}, timeout=60) as response:
        chunks = list(response.iter_raw(7))  # characters of two bytes come apart
    fields = b"".join(chunks).decode("utf-8").splitlines()
    data = [json.loads(line.removeprefix("data: ")) for line in fields if line.startswith("data: ")]
    return "".join(each.get("text", "") for each in data)


def by_socket(service: LiveService, question: str) -> str:
    text = ""
    with connect(f"ws://{service.host}/ws/chat") as socket:
        socket.send(json.dumps({"type": "turn", "question": question}, ensure_ascii=False))
        while (frame := json.loads(socket.recv()))["type"] not in ("done", "error"):
            text += frame.get("text", "")
    return text


@pytest.mark.parametrize("language", PAGES)
def test_right_to_left_text_is_whole_at_every_door(in_two_scripts: LiveService, reader: Any, language: str) -> None:
    _, text, question = PAGES[language]
    streamed = by_events(in_two_scripts.url, question)
    first = text.partition("۔" if language == "ur" else ".")[0]
    assert first in streamed
    assert by_socket(in_two_scripts, question) == streamed

    reader.visit()
    reader.ask(question)
    paragraph = reader.last(".answer p").first
    assert first in paragraph.inner_text()
    assert paragraph.get_attribute("dir") == "auto"
    assert paragraph.evaluate("element => getComputedStyle(element).direction") == "rtl"
    assert reader.last(".question").evaluate("element => getComputedStyle(element).direction") == "rtl"


def test_left_to_right_code_stays_so_within_it(reader: Any) -> None:
    reader.visit()
    reader.ask(PAGES["ur"][2])
    code = reader.last(".answer code").first
    assert code.inner_text() == "kiln temp"
    assert code.evaluate("element => getComputedStyle(element).direction") == "ltr"


def test_excuse_comes_in_the_readers_language(reader: Any) -> None:
    question = "منگولیا کا دارالحکومت کون سا شہر ہے؟"
    reader.visit()
    reader.ask(question)
    answer = reader.last(".answer").inner_text()
    assert "جواب نہیں ملا" in answer
