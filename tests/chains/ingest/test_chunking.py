"""Chunks: small enough for the model, cut where text may be cut, and together the whole page."""

from __future__ import annotations

import re

import pytest
from folder import read
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.ingest.chunking import GOOD_LENGTH, MOST_WORD_PIECES, Chunk, cut, hash_page, point_id
from chains.ingest.page import Block, Heading, Kind, Page, sections
from chains.providers import word_pieces

COUNT = word_pieces()
WORDS = re.compile(r"\w+")


def a_page(source: str, title: str = "Title") -> Page:
    return Page("a/page.md", "https://x.org/a/page", title, ("a",), sections(title, read(source)))


def chunks_of(source: str, title: str = "Title") -> list[Chunk]:
    return cut(a_page(source, title), COUNT)


def prose(words: int) -> str:
    return " ".join(f"Word{number} is here." for number in range(words // 3))


def test_small_neighbours_are_one_chunk() -> None:
    (chunk,) = chunks_of("## One\n\nFirst.\n\n### Two\n\nSecond.\n\n## Three\n\nThird.")
    assert (chunk.heading, chunk.anchor, chunk.url) == ("Title > One", "one", "https://x.org/a/page#one")
    assert chunk.anchors == ("one", "two", "three")
    assert chunk.text == "First.\n\n### Two\n\nSecond.\n\n## Three\n\nThird."
    assert chunk.content == f"Title > One\n\n{chunk.text}"


def test_chunk_at_the_top_of_a_page_has_no_anchor() -> None:
    (chunk,) = chunks_of("First.")
    assert (chunk.heading, chunk.anchor, chunk.url) == ("Title", "", "https://x.org/a/page")


def test_long_section_begins_a_chunk_of_its_own() -> None:
    first, second = chunks_of(f"## One\n\n{prose(120)}\n\n## Two\n\n{prose(120)}")
    assert (first.anchor, second.anchor) == ("one", "two")
    assert second.heading == "Title > Two"


def test_heading_without_text_stays_with_what_is_below_it() -> None:
    _, second = chunks_of(f"## One\n\n{prose(120)}\n\n## Empty\n\n### Deep\n\n{prose(120)}")
    assert (second.heading, second.anchors) == ("Title > Empty > Deep", ("empty", "deep"))
    (merged,) = chunks_of("## One\n\nFirst.\n\n## Empty\n\n### Deep\n\nSecond.")
    assert merged.text == "First.\n\n## Empty\n\n### Deep\n\nSecond."


def test_page_of_headings_alone_is_found() -> None:
    (chunk,) = chunks_of("## One\n\n## Two")
    assert "One" in chunk.content
    assert "Two" in chunk.content


def test_fence_that_fits_stays_whole() -> None:
    code = "```bash\n" + "\n".join(f"run --step {number} # then go on" for number in range(18)) + "\n```"
    assert any(code in chunk.text for chunk in chunks_of(f"## One\n\n{prose(150)}\n\n{code}\n\n{prose(150)}"))


def test_long_fence_is_cut_between_lines_with_its_marks() -> None:
    lines = [f'    print("line {number}")' for number in range(200)]
    code = "\n".join(lines)
    chunks = chunks_of(f'~~~python title="a.py"\n{code}\n~~~')
    assert len(chunks) > 3
    assert all(chunk.text.startswith("~~~python\n") and chunk.text.endswith("\n~~~") for chunk in chunks)
    assert [line for chunk in chunks for line in chunk.text.split("\n")[1:-1]] == lines


def test_long_table_repeats_its_header() -> None:
    rows = [f"| flag-{number} | what flag number {number} does |" for number in range(60)]
    chunks = chunks_of("| Flag | Meaning |\n|---|---|\n" + "\n".join(rows))
    assert len(chunks) > 2
    assert all(chunk.text.startswith("| Flag | Meaning |\n|-|-|\n| flag-") for chunk in chunks)
    assert [line for chunk in chunks for line in chunk.text.split("\n")[2:]] == rows


def test_prose_is_cut_between_sentences() -> None:
    chunks = chunks_of(prose(900))
    assert len(chunks) > 3
    assert all(chunk.text.endswith("here.") for chunk in chunks)


def test_list_is_cut_between_items() -> None:
    chunks = chunks_of("\n".join(f"- item number {number} of a long list" for number in range(100)))
    assert all(line.startswith("- item") for chunk in chunks for line in chunk.text.split("\n"))


@pytest.mark.parametrize("blob", ["x" * 20_000, "a/" * 4_000, "字" * 3_000, "0f" * 9_000, "🚀" * 2_000])
def test_blob_without_blanks_is_cut(blob: str) -> None:
    chunks = chunks_of(f"Before.\n\n{blob}\n\nAfter.")
    assert all(COUNT(chunk.content) <= MOST_WORD_PIECES and len(chunk.text) < 5_000 for chunk in chunks)
    assert blob in "".join(chunk.text for chunk in chunks).replace("\n", "")


def test_path_of_hundreds_of_words_leaves_room_for_text() -> None:
    chunks = chunks_of(f"## {prose(200)}\n\n### {prose(300)}\n\n{prose(300)}", title=prose(400))
    assert all(COUNT(chunk.content) <= MOST_WORD_PIECES for chunk in chunks)
    assert all(len(WORDS.findall(chunk.text)) > 10 for chunk in chunks)


def test_id_follows_page_place_and_content() -> None:
    first, again = chunks_of("Text."), chunks_of("Text.")
    assert point_id(first[0]) == point_id(again[0])
    assert point_id(first[0]) != point_id(chunks_of("Other.")[0])


def test_hash_follows_everything_that_decides_a_point() -> None:
    base = chunks_of("## One\n\nText.")
    page = base[0].page
    moved = Page(page.path, "https://x.org/b", page.title, page.breadcrumb, page.sections)
    filed = Page(page.path, page.url, page.title, ("b",), page.sections)
    others = [
        cut(moved, COUNT),
        cut(filed, COUNT),
        chunks_of("## One\n\nText."[:-1]),
        chunks_of("## One {#x}\n\nText."),
    ]
    hashes = {hash_page(chunks, {"language": "en"}) for chunks in [base, *others]}
    assert len(hashes) == 5
    assert hash_page(base, {"language": "de"}) not in hashes


TEXT = st.text(st.sampled_from("abcdefgh ABC .,:;!?-_/<>{}#`|'\"\n字é🚀0123"), min_size=1, max_size=400)
CODE = TEXT.map(lambda text: f"```sh\n{text.replace('`', '')}\n```")
TABLE = st.lists(TEXT, min_size=1, max_size=6).map(
    lambda cells: "| head |\n|-|\n" + "\n".join(f"| {cell.replace(chr(10), ' ')} |" for cell in cells)
)
BLOCKS = st.one_of(
    st.builds(Block, st.just(Kind.TEXT), TEXT.map(str.strip).filter(bool)),
    st.builds(Block, st.just(Kind.ITEM), TEXT.map(lambda text: f"- {text}")),
    st.builds(Block, st.just(Kind.CODE), CODE),
    st.builds(Block, st.just(Kind.TABLE), TABLE),
)
HEADINGS = st.builds(
    Heading, st.integers(1, 6), st.text("abc XYZ", min_size=1, max_size=60).map(str.strip).filter(bool), st.just("x")
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(BLOCKS, BLOCKS, HEADINGS), min_size=1, max_size=25))
def test_any_page_is_cut_into_chunks_that_fit_and_lose_no_word(events: list[Block | Heading]) -> None:
    chunks = cut(Page("p.md", "/p", "Title", (), sections("Title", events)), COUNT)
    assert all(chunk.text and COUNT(chunk.content) <= MOST_WORD_PIECES for chunk in chunks)
    seen = "".join("".join(WORDS.findall(chunk.content)) for chunk in chunks)
    assert all(word in seen for event in events for word in WORDS.findall(event.text))


def test_good_length_bounds_what_is_merged() -> None:
    source = "\n\n".join(f"## Section {number}\n\n{prose(30)}" for number in range(30))
    assert all(len(chunk.text) <= GOOD_LENGTH for chunk in chunks_of(source))


def test_same_page_gives_the_same_chunks() -> None:
    source = f"## One\n\n{prose(500)}\n\n```\n{prose(300)}\n```"
    assert chunks_of(source) == chunks_of(source)
