"""The text that a reader marked, as browsers copy it and as questions speak of it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from chains.evidence import weigh_evidence
from chains.marked_text import is_about_itself, marked_passage
from chains.turn import ChatTurn


def test_invisible_characters_part_nothing() -> None:
    turn = ChatTurn(
        question="What?", selected_text="\ufeffOne\u00a0bar.\u200b \u00a0Two\u2060 ba\u00adrs.\u200b می\u200cخواهم"
    )
    assert turn.selected_text == "One bar.  Two bars. می\u200cخواهم"
    assert ChatTurn(question="What?", selected_text=" \u200b\u00a0\ufeff").selected_text is None
    with pytest.raises(ValidationError):
        ChatTurn(question="\u200b \u2060")


@pytest.mark.parametrize(
    "question", ["اس کا مطلب کیا ہے؟", "اسے آسان الفاظ میں بتائیں", "ما معناها؟", "لماذا هذا مهم؟", "इसका मतलब क्या है?"]
)
def test_question_about_the_text_itself(question: str) -> None:
    assert is_about_itself(question)


@pytest.mark.parametrize("question", ["فرانس کا صدر کون ہے؟", "اسلام آباد کہاں ہے؟", "من هو رئيس فرنسا؟"])
def test_words_that_only_hold_such_a_word_are_about_something_else(question: str) -> None:
    assert not is_about_itself(question)


def test_question_in_another_language_than_the_marked_text_is_not_read_by_an_english_model() -> None:
    turn = ChatTurn(question="Wer ist das?", selected_text="The gripper closes when the sensor reads 2 bar.")
    passage = marked_passage(turn, cosine=0.1, coverage=0.0, english_only=True)
    assert weigh_evidence([passage], language="de").unread
    assert not weigh_evidence([passage], language="en").unread
