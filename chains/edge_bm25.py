"""BM25 as sparse vectors, made here: the numbers of Qdrant's server-side `qdrant/bm25`, without a model to download."""

from __future__ import annotations

import re

from langchain_qdrant.sparse_embeddings import SparseEmbeddings, SparseVector
from qdrant_edge import Bm25, Bm25Config, TokenizerType
from qdrant_edge import SparseVector as EdgeVector

# By primary tag: those whose endings and stop words the engine knows, and those that are written without spaces, which
# it cuts into words. Other languages are searched by whole words.
_UNSPACED = "multilingual"
LANGUAGES = {
    "ar": "arabic", "az": "azerbaijani", "bn": "bengali", "ca": "catalan", "da": "danish", "de": "german",
    "el": "greek", "en": "english", "es": "spanish", "eu": "basque", "fi": "finnish", "fr": "french", "he": "hebrew",
    "hu": "hungarian", "id": "indonesian", "it": "italian", "kk": "kazakh", "ne": "nepali", "nl": "dutch",
    "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
    "ja": _UNSPACED, "th": _UNSPACED, "zh": _UNSPACED,
}  # fmt: skip
_IDENTITY = re.compile(r"qdrant/bm25:(\w+):k=1\.2:b=0\.75:avg_len=256")


class Bm25Sparse(SparseEmbeddings):
    """Term weights without document frequencies: the collection adds those (its modifier IDF). About 30 µs a text.

    `k` saturates repeated terms, `b` scales with length, `avg_len` is the expected length of a chunk in words after
    stop words; the defaults are Qdrant's. A text of stop words alone gives an empty vector, which finds nothing.
    """

    def __init__(self, language: str = "english", k: float = 1.2, b: float = 0.75, avg_len: float = 256) -> None:
        self.identity = f"qdrant/bm25:{language}:k={k:g}:b={b:g}:avg_len={avg_len:g}"
        unspaced = language == _UNSPACED
        tokenizer, language = (TokenizerType.Multilingual, "english") if unspaced else (None, language)
        self._bm25 = Bm25(Bm25Config(language=language, tokenizer=tokenizer, k=k, b=b, avg_len=avg_len))

    @classmethod
    def of_language(cls, tag: str) -> Bm25Sparse:
        """For pages in this language (BCP 47); English for one that the engine does not know: its rules change little
        in words of another script."""
        return cls(LANGUAGES.get(tag.lower().split("-")[0], "english"))

    @classmethod
    def of_identity(cls, identity: str) -> Bm25Sparse | None:
        """What made a collection's vectors; None if it is not one of ours."""
        found = _IDENTITY.fullmatch(identity)
        return cls(found[1]) if found and found[1] in LANGUAGES.values() else None

    def embed_documents(self, texts: list[str]) -> list[SparseVector]:
        return [_vector(self._bm25.embed_document(text)) for text in texts]

    def embed_query(self, text: str) -> SparseVector:
        return _vector(self._bm25.embed_query(text))

    async def aembed_documents(self, texts: list[str]) -> list[SparseVector]:
        return self.embed_documents(texts)

    async def aembed_query(self, text: str) -> SparseVector:
        return self.embed_query(text)


def _vector(vector: EdgeVector) -> SparseVector:
    return SparseVector(indices=vector.indices, values=vector.values)
