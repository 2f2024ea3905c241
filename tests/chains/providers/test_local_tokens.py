"""Counting word pieces."""

from chains.providers import word_pieces
from chains.providers.local_tokens import count_word_pieces, load_tokenizer


def test_count_holds_both_markers() -> None:
    count = word_pieces()
    assert count("") == 2
    assert count("robot") == 3
    assert count("kubectl apply") > 4  # rare words are several pieces


def test_count_goes_past_what_the_model_reads() -> None:
    assert word_pieces()("robot " * 1000) == 1002


def test_batch_counts_as_one_by_one_does() -> None:
    texts = ["one", "two words", "", "three whole words", "機器人"]
    assert count_word_pieces(texts) == word_pieces().batch(texts) == [word_pieces()(text) for text in texts]


def test_ids_are_cut_before_the_closing_marker() -> None:
    tokenizer = load_tokenizer()
    short, long = tokenizer.ids("robot"), tokenizer.ids("robot " * 1000)
    assert len(long) == 256
    assert (long[0], long[-1]) == (short[0], short[-1])
    assert len(tokenizer.ids("robot " * 254)) == 256
