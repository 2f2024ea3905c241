from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from chains.ingest.chunking import cut
from chains.ingest.page import Block, Kind, Page, Section
from chains.providers import word_pieces
from chains.providers.estimated_tokens import EstimatedWordPieces

BOOKS = Path(__file__).parents[4] / "shared/data/books"
XQUAD = Path(__file__).parents[4] / "shared/data/retrieval/xquad-en/corpus.jsonl"
LEAST_LIMIT = 2_048  # tokens that gemini-embedding-001 reads; no tokenizer makes more tokens than bytes

ESTIMATE = EstimatedWordPieces()

TEXTS = {
    "english": "The torque limit of a joint is what its motor can hold for a minute. ",
    "common_words": "the way that they will have been there then with them from this ",
    "urdu": "روبوٹ کے جوڑ کی زیادہ سے زیادہ طاقت موٹر پر منحصر ہے۔ ",
    "chinese": "机器人关节的扭矩极限取决于电机。",
    "korean": "로봇 관절의 토크 한계는 모터에 따라 다릅니다. ",
    "emoji": "🤖🦾" * 9,
    "base64": "aGVsbG8gd29ybGQgdGhpcyBpcyBhIHRlc3Q" * 20,
    "digits": "3141592653589793238462643383279502884197 ",
    "punctuation": "|-|=>{}[]();;",
    "combining": "z͑ͫ̓a͌l̥g͙o̤ ",
}


def paragraphs() -> list[str]:
    if not BOOKS.exists():
        pytest.skip("the books are not here")
    pages = sorted(path for path in BOOKS.rglob("*.md*") if path.suffix in (".md", ".mdx"))
    texts = [text for page in pages for text in page.read_text().split("\n\n")]
    joined: list[str] = [""]
    for text in texts:
        if len(joined[-1]) > 900:
            joined.append("")
        joined[-1] += f"{text}\n\n"
    return [text for text in joined if len(text) < 2_000]


def test_estimate_of_documentation_is_near_the_count() -> None:
    texts = paragraphs()
    errors = [guess / exact for guess, exact in zip(ESTIMATE.batch(texts), word_pieces().batch(texts), strict=True)]
    assert sum(abs(error - 1) for error in errors) / len(errors) < 0.07
    assert 0.99 < sum(ESTIMATE.batch(texts)) / sum(word_pieces().batch(texts)) < 1.04
    assert sum(error < 0.9 for error in errors) / len(errors) < 0.05


def test_estimate_of_prose_is_seldom_too_low() -> None:
    if not XQUAD.exists():
        pytest.skip("XQuAD is not here")
    texts = [json.loads(line)["text"] for line in XQUAD.read_text().splitlines()]
    errors = [guess / exact for guess, exact in zip(ESTIMATE.batch(texts), word_pieces().batch(texts), strict=True)]
    assert sum(error < 0.95 for error in errors) / len(errors) < 0.05
    assert sum(errors) / len(errors) < 1.2


@pytest.mark.parametrize("script", TEXTS)
def test_estimate_of_other_scripts_is_not_below_what_a_provider_could_count(script: str) -> None:
    text = TEXTS[script] * 10
    assert ESTIMATE(text) >= len(text.encode()) / 6


def test_empty_text_has_the_markers() -> None:
    assert ESTIMATE("") == word_pieces()("") == 2


def test_sizes_of_texts_joined_at_blanks_add_up() -> None:
    """The chunker adds sizes; what it joined must not be larger than it thought."""
    numbers = random.Random(3)
    for _ in range(200):
        parts = [numbers.choice(list(TEXTS.values())).strip() for _ in range(numbers.randint(1, 6))]
        assert ESTIMATE("\n\n".join(parts)) - 2 <= sum(ESTIMATE(part) - 2 for part in parts) + len(parts)


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.CODE, Kind.TABLE, Kind.ITEM])
@pytest.mark.parametrize("script", TEXTS)
def test_no_chunk_exceeds_a_providers_limit(script: str, kind: Kind) -> None:
    body = TEXTS[script] * 300
    text = {Kind.CODE: f"```text\n{body}\n```", Kind.TABLE: f"| a | b |\n|---|---|\n| {body} | c |"}.get(kind, body)
    section = Section(("Title", f"{TEXTS[script]} details"), 2, "details", (Block(kind, text),))
    chunks = cut(Page("a.md", "https://book.example/a", "Title", (), (section, section)), ESTIMATE)
    assert max(len(chunk.content.encode()) for chunk in chunks) <= LEAST_LIMIT
    kept = "".join("".join(chunk.text.split()) for chunk in chunks)
    assert len(kept) >= 2 * len("".join(body.split()))
