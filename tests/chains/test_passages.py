"""Which of the found passages an answer rests on."""

from __future__ import annotations

import pytest
from langchain_core.documents import Document

from chains.passages import PASSAGES, choose_passages, page_of


def found(*texts: str, page: str = "/docs/a", score: float = 1.0) -> list[Document]:
    return [Document(text, metadata={"page_url": page, "url": f"{page}#x", "score": score}) for text in texts]


def texts(passages: list[Document]) -> list[str]:
    return [passage.page_content for passage in passages]


def test_page_gives_a_few_passages_at_most() -> None:
    many = [
        *found(*(f"about step {word}" for word in ("one", "two", "three", "four", "five"))),
        *found("b", page="/docs/b"),
    ]
    assert texts(choose_passages(many)) == ["about step one", "about step two", "about step three", "b"]


def test_only_page_may_give_all() -> None:
    alone = found(*(f"{word} is another matter" for word in ("one", "two", "three", "four", "five", "six", "seven")))
    assert len(choose_passages(alone)) == PASSAGES


def test_text_that_says_the_same_comes_once() -> None:
    text = "Run the installer, choose a folder and wait until the last window closes. " * 3 + "Accept the licence."
    same = text.replace("licence", "license").upper().lower()
    other = "The licence is in the folder."
    assert texts(choose_passages([*found(text), *found(same, other, page="/docs/b")])) == [text, other]


def test_texts_with_other_numbers_do_not_say_the_same() -> None:
    old, new = (f"Every joint of the arm has a torque limit of {limit} Nm, set at the factory." for limit in (12, 15))
    assert len(choose_passages([*found(old), *found(new, page="/docs/2.0/a")])) == 2


@pytest.mark.parametrize(
    "here", ["/docs/b", "/docs/b/", "https://site.example/docs/b?x=1#top", "https://site.example/docs/%62.html"]
)
def test_readers_page_wins_where_others_are_hardly_better(here: str) -> None:
    best, close, far = (
        found("best"),
        found("close", page="/docs/b", score=0.95),
        found("far", page="/docs/c", score=0.5),
    )
    assert texts(choose_passages([*best, *close, *far], page_url=here)) == ["close", "best", "far"]
    assert texts(choose_passages([*best, *far, *close], page_url="/docs/c")) == ["best", "close", "far"]
    assert texts(choose_passages([*best, *close, *far], page_url="/elsewhere")) == ["best", "close", "far"]


@pytest.mark.parametrize("here", ["http://[", "http://[::1/docs/b", "//", "javascript:alert(1)"])
def test_readers_page_that_is_none_changes_nothing(here: str) -> None:
    best, close = found("best"), found("close", page="/docs/b", score=0.95)
    assert texts(choose_passages([*best, *close], page_url=here)) == ["best", "close"]


def test_documents_without_facts_are_all_kept() -> None:
    plain = [Document(text) for text in ("one", "two", "three", "four", "five")]
    assert choose_passages(plain) == plain
    assert page_of(plain[0]) == ""
