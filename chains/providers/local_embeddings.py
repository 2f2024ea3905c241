"""The embedding model that needs no key: all-MiniLM-L6-v2 in int8, in this process."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from chains.providers import PinnedEmbeddings
from chains.providers.local_files import pinned_file
from chains.providers.local_tokens import WordPieces, load_tokenizer

if TYPE_CHECKING:
    from chains.providers.minilm import MiniLM


class LocalEmbeddings(PinnedEmbeddings):
    """Vectors of 384 floats, L2-normalised, of the first 256 word pieces of a text. Reads English only.

    One thread of its own does the work, one text at a time, and callers queue for it text by text: whoever embeds a
    thousand documents lets a question through after each. Equal texts have equal vectors, whatever they are sent with.

    Args:
        folder: where model.safetensors and tokenizer.json lie (EMBED_MODEL_DIR); None: the installed package.

    Raises:
        ModelFilesError: (`open` and all that embeds) a file is absent or is not the pinned one.
    """

    identity = "local/all-MiniLM-L6-v2-int8"
    dimensions = 384
    prefix = ""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed")
        self._loaded: tuple[WordPieces, MiniLM] | None = None

    def open(self) -> None:
        self._worker.submit(self._load).result()

    def close(self) -> None:
        self._worker.shutdown(cancel_futures=True)
        self._loaded = None

    def embed_query(self, text: str) -> list[float]:
        return self._submit(text).result()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    async def aembed_query(self, text: str) -> list[float]:
        return await asyncio.wrap_future(self._submit(text))

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return [await self.aembed_query(text) for text in texts]

    def _submit(self, text: str) -> Future[list[float]]:
        return self._worker.submit(self._embed, text)

    def _embed(self, text: str) -> list[float]:
        tokenizer, model = self._load()
        vector: list[float] = model.embed(tokenizer.ids(text)).tolist()
        return vector

    def _load(self) -> tuple[WordPieces, MiniLM]:
        """Runs in the worker only, so it needs no lock."""
        if self._loaded is None:
            from chains.providers.minilm import MiniLM, thread_count  # onnxruntime's import costs 0.07 s

            tokenizer = load_tokenizer(self._folder)
            weights = pinned_file("model.safetensors", self._folder)
            self._loaded = tokenizer, MiniLM(weights, thread_count())
        return self._loaded
