"""Markers in a stream of text."""

from __future__ import annotations

import re
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chains.citations import HOLD_LIMIT, CitationStream
from chains.turn import Citation

MARKER = re.compile(r"(?<!\w)\[(\d+(?:\s*,\s*\d+)*)\](?![(:])")


def quote_of_known(n: int, sentence: str) -> str | None:
    """Passages 1 to 3 support everything, and say what they were asked."""
    return f"{n}: {sentence}" if 1 <= n <= 3 else None


def cite(*chunks: str) -> tuple[str, list[Citation]]:
    stream = CitationStream(quote_of_known)
    shown = "".join([stream.feed(chunk) for chunk in chunks]) + stream.close()
    return shown, stream.citations


def spans(*chunks: str) -> list[tuple[int, str]]:
    shown, citations = cite(*chunks)
    return [(citation["n"], shown[citation["start"] : citation["end"]]) for citation in citations]


def sentences_checked(text: str) -> list[tuple[int, str]]:
    asked: list[tuple[int, str]] = []

    def find_quote(n: int, sentence: str) -> str | None:
        asked.append((n, sentence.strip()))
        return "yes"

    stream = CitationStream(find_quote)
    stream.feed(text)
    stream.close()
    return asked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One [1]. Two [2].", [(1, "[1]"), (2, "[2]")]),
        ("Both [1, 2].", [(1, "[1, 2]"), (2, "[1, 2]")]),
        ("Both [1][2].", [(1, "[1]"), (2, "[2]")]),
        ("[1] leads.", [(1, "[1]")]),
        ("At the end [3]", [(3, "[3]")]),
        ("Café, naïve, 漢字 and 🚀 [2].", [(2, "[2]")]),
    ],
)
def test_marker_becomes_a_citation_of_its_place(text: str, expected: list[tuple[int, str]]) -> None:
    assert spans(text) == expected
    assert cite(text)[0] == text


@pytest.mark.parametrize(
    "text",
    [
        "array[1] is no citation.",
        "A link [1](https://example.org).",
        "A definition [1]: x",
        "Code `a [1]` and ``b ` [2]`` too.",
        "```python\nprint([1], [2])\n```\n",
        "~~~\n[1]\n~~~",
        "- ```\n  [1]\n  ```\n",
        "A note [^1], a [word] and an empty [].",
    ],
)
def test_what_only_looks_like_a_marker_stays(text: str) -> None:
    assert cite(text) == (text, [])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Nobody said so [9]. Next.", "Nobody said so. Next."),
        ("Half of it [1, 9].", "Half of it [1]."),
        ("The second [9][1].", "The second [1]."),
        ("A year [2024] goes.", "A year goes."),
        ("First.\n\n[9] Second.", "First.\n\n Second."),
        ("Nested [[9]1].", "Nested [?1]."),
        ("After code `x` [9].", "After code `x`."),
        ("An open ` tick [9].", "An open ` tick."),
    ],
)
def test_marker_without_support_goes_with_the_space_before_it(text: str, shown: str) -> None:
    assert cite(text)[0] == shown


def test_marker_after_a_code_block_counts_again() -> None:
    assert spans("```\n[1]\n```\nThen [2].") == [(2, "[2]")]


def test_marker_after_an_unclosed_tick_in_the_paragraph_before_counts() -> None:
    assert spans("An open ` tick.\n\nThen [2].") == [(2, "[2]")]


@pytest.mark.parametrize(
    ("text", "checked"),
    [
        ("First one. Second one [1]. Third.", [(1, "Second one.")]),
        ("First one. [1] Second one.", [(1, "First one.")]),
        ("First one. [1][2] Second one. [3]", [(1, "First one."), (2, "First one."), (3, "Second one.")]),
        ("See e.g. the manual [1].", [(1, "See e.g. the manual.")]),
        ("Set v1.2 here [1].", [(1, "Set v1.2 here.")]),
        ("- item one [1]\n- item two [2]", [(1, "- item one"), (2, "- item two")]),
        ("A line\nthat goes on [1].", [(1, "A line\nthat goes on.")]),
        ("第一句。[1]第二句。", [(1, "第一句。")]),
        ("Use `a. B` there [1].", [(1, "Use `a. B` there.")]),
    ],
)
def test_marker_is_checked_against_its_sentence(text: str, checked: list[tuple[int, str]]) -> None:
    assert sentences_checked(text) == checked


def test_sentence_with_a_marker_is_held_until_it_ends() -> None:
    stream = CitationStream(quote_of_known)
    assert stream.feed("It is so") == "It is so"
    assert stream.feed(" [1]") == ""
    assert stream.feed(" and thus") == ""
    assert stream.feed(". ") == ""
    assert stream.feed("Next") == " [1] and thus. Next"


def test_sentence_without_a_marker_streams_word_by_word() -> None:
    stream = CitationStream(quote_of_known)
    assert [stream.feed(word) for word in ("One", " two", " `three`", " 4.")] == ["One", " two", "", " `three` 4."]


def test_endless_sentence_is_held_for_its_limit_only() -> None:
    stream = CitationStream(quote_of_known)
    stream.feed("Begin [1]")
    held = ["x" * 10 for _ in range(HOLD_LIMIT)]
    silent = next(count for count, chunk in enumerate(held) if stream.feed(chunk))
    assert silent * 10 <= HOLD_LIMIT


def test_long_text_costs_time_in_proportion() -> None:
    """Nothing is read twice: eight times the text costs eight times as much, with room for a busy machine."""

    def cost(words: int) -> float:
        stream = CitationStream(quote_of_known)
        started = process_time()
        for _ in range(words):
            stream.feed(" word [1] and")
        return process_time() - started

    cost(200)
    assert cost(8_000) < 3 * 8 * max(cost(1_000), 0.005)


PIECES = ["[1]", "[9]", " [2]", ". ", "```", "\n\n", "[1, 9]", "[3][1]", "long" * 40]
ALPHABET = st.sampled_from([*'ab .`[]()1239,:\n~-。"é🚀', *PIECES])
TEXTS = st.lists(ALPHABET, max_size=60).map("".join)


@given(TEXTS, st.data())
@example("a`[1]`b", None)
def test_citations_do_not_depend_on_how_the_text_was_cut(text: str, data: st.DataObject | None) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12))) if data else range(len(text))
    bounds = [0, *cuts, len(text)]
    chunks = [text[start:end] for start, end in pairwise(bounds)]
    assert cite(*chunks) == cite(text) == cite(*text)


@given(TEXTS)
def test_citations_point_at_markers_and_nothing_but_markers_goes(text: str) -> None:
    shown, citations = cite(text)
    for citation in citations:
        marker = MARKER.fullmatch(shown, citation["start"], citation["end"])
        assert marker
        assert str(citation["n"]) in re.findall(r"\d+", marker.group())
    kept = re.sub(r"[\s\[\]\d,?]", "", shown)
    assert kept == re.sub(r"[\s\[\]\d,?]", "", text)


@given(st.text(alphabet="ab .[]9,1", max_size=40))
def test_every_marker_of_the_answer_is_a_citation(text: str) -> None:
    shown, citations = cite(text)
    cited = {(citation["start"], citation["end"]) for citation in citations}
    assert {match.span() for match in MARKER.finditer(shown)} <= cited
