"""The word pieces of all-MiniLM-L6-v2: its tokenizer alone, without the weights."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from chains.providers.local_files import pinned_file

# The model's own max_seq_length. Longer texts make its vectors worse, not better: nDCG@10 .619 at 512 against .684.
MOST_WORD_PIECES = 256


class WordPieces:
    """A tokenizer that never pads, and cuts only where it is asked to."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer

    def __call__(self, text: str) -> int:
        """How many pieces, with both markers: up to 256 the model reads the whole text."""
        return len(self._tokenizer.encode(text).ids)

    def batch(self, texts: Sequence[str]) -> list[int]:
        """The counts of many texts, on all cores."""
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch_fast(list(texts))]

    def ids(self, text: str) -> list[int]:
        """The ids that the model reads: at most 256, the last always the closing marker."""
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids if len(ids) <= MOST_WORD_PIECES else [*ids[: MOST_WORD_PIECES - 1], ids[-1]]


@functools.cache
def load_tokenizer(folder: Path | None = None) -> WordPieces:
    """Read the tokenizer once per process.

    Raises:
        ModelFilesError: it is absent or is not the pinned one.
    """
    return WordPieces(Tokenizer.from_file(str(pinned_file("tokenizer.json", folder))))


def count_word_pieces(texts: Sequence[str], folder: Path | None = None) -> list[int]:
    """`WordPieces.batch` of the tokenizer in `folder`, or of the installed one."""
    return load_tokenizer(folder).batch(texts)
