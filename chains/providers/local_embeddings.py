"""The embedding model that needs no key: all-MiniLM-L6-v2 in int8, in this process."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Condition, Lock
from typing import TYPE_CHECKING, Any

from chains.errors import ModelFilesError
from chains.providers import PinnedEmbeddings
from chains.providers.local_files import REMEDY, pinned_file
from chains.providers.local_tokens import WordPieces, load_tokenizer

if TYPE_CHECKING:
    from chains.providers.minilm import MiniLM

# Two texts side by side, one thread each, pass at twice the speed of one after another; two threads on one text hardly
# gain. More would starve the rest of a small machine.
THREADS = min(2, os.cpu_count() or 1)

# Seconds that a text to be indexed waits for questions: an index is made also where they never end.
LONGEST_WAIT = 0.25


class Urgent:
    """Texts that are embedded first: a reader waits for them."""

    def __init__(self, longest: float = LONGEST_WAIT) -> None:
        self._longest = longest
        self._number = 0
        self._gone = Condition()

    def join(self, served: Future[Any]) -> None:
        with self._gone:
            self._number += 1
        served.add_done_callback(self._leave)

    def give_way(self) -> None:
        """Wait until there are none, though not for ever."""
        with self._gone:
            self._gone.wait_for(lambda: not self._number, self._longest)

    def _leave(self, _: Future[Any]) -> None:
        with self._gone:
            self._number -= 1
            self._gone.notify_all()


class LocalEmbeddings(PinnedEmbeddings):
    """Vectors of 384 floats, L2-normalised, of the first 256 word pieces of a text. Reads English only.

    Its own threads do the work, one text each at a time, and no caller has more texts in the queue than there are
    threads. `embed_documents` is for indexing: each of its texts waits until no question does. Equal texts have equal
    vectors, whatever they are sent with.

    Args:
        folder: where model.safetensors and tokenizer.json lie (EMBED_MODEL_DIR); None: the installed package.

    Raises:
        ModelFilesError: (`open` and all that embeds) a file is absent or is not the pinned one.
    """

    identity = "local/all-MiniLM-L6-v2-int8"
    dimensions = 384
    prefix = ""
    reads_word_pieces = True

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._workers = ThreadPoolExecutor(THREADS, thread_name_prefix="embed")
        self._loading = Lock()
        self._questions = Urgent()
        self._loaded: tuple[WordPieces, MiniLM] | None = None

    def open(self) -> None:
        self._workers.submit(self._load).result()

    def close(self) -> None:
        self._workers.shutdown(cancel_futures=True)
        self._loaded = None

    def embed_query(self, text: str) -> list[float]:
        return self._submit(text).result()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = []
        waiting: deque[Future[list[float]]] = deque()
        for text in texts:
            if len(waiting) == THREADS:
                vectors.append(waiting.popleft().result())
            self._questions.give_way()
            waiting.append(self._workers.submit(self._embed, text))
        return vectors + [future.result() for future in waiting]

    async def aembed_query(self, text: str) -> list[float]:
        return await asyncio.wrap_future(self._submit(text))

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = []
        waiting: deque[asyncio.Future[list[float]]] = deque()
        for text in texts:
            if len(waiting) == THREADS:
                vectors.append(await waiting.popleft())
            waiting.append(asyncio.wrap_future(self._submit(text)))
        return vectors + [await future for future in waiting]

    def _submit(self, text: str) -> Future[list[float]]:
        """For a reader who waits."""
        future = self._workers.submit(self._embed, text)
        self._questions.join(future)
        return future

    def _embed(self, text: str) -> list[float]:
        tokenizer, model = self._load()
        vector: list[float] = model.embed(tokenizer.ids(text)).tolist()
        return vector

    def _load(self) -> tuple[WordPieces, MiniLM]:
        if self._loaded is None:
            with self._loading:
                self._loaded = self._loaded or self._read()
        return self._loaded

    def _read(self) -> tuple[WordPieces, MiniLM]:
        tokenizer, weights = load_tokenizer(self._folder), pinned_file("model.safetensors", self._folder)
        try:
            from chains.providers.minilm import MiniLM  # onnxruntime's import costs 0.07 s
        except ImportError as error:
            raise ModelFilesError(f"The embedding model cannot run: {error.name} is not installed. {REMEDY}") from error
        return tokenizer, MiniLM(weights)
