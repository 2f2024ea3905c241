"""Where models come from: each provider is one module here, imported when it is chosen and not before."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from langchain_core.embeddings import Embeddings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from chains.settings import ChainSettings


class PinnedEmbeddings(Embeddings, ABC):
    """Embeddings that can say what they are, so that a collection can refuse vectors of another kind.

    Built closed: constructing does no I/O, the first call (or `open`) loads.

    Attributes:
        identity: provider, model and precision, as in "local/all-MiniLM-L6-v2-int8".
        dimensions: the length of every vector.
        prefix: what tells questions from documents in the provider's requests; "" when nothing does.
    """

    identity: str
    dimensions: int
    prefix: str

    @abstractmethod
    def open(self) -> None:
        """Load or connect, blocking. May be called again; is also done by the first call that embeds."""

    @abstractmethod
    def close(self) -> None:
        """Give back threads, connections and memory. Nothing may be embedded afterwards."""

    @abstractmethod
    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Never blocks the event loop; LangChain's own default would take a thread of the shared pool."""

    @abstractmethod
    async def aembed_query(self, text: str) -> list[float]:
        """Never blocks the event loop, and never waits for more than one text of a running `aembed_documents`."""


class CountWordPieces(Protocol):
    """Counts word pieces; both markers of the model are counted, so that 256 is what the local model reads whole."""

    def __call__(self, text: str) -> int: ...

    def batch(self, texts: Sequence[str]) -> list[int]: ...


def embeddings(settings: ChainSettings) -> PinnedEmbeddings:
    """The embedding model that the settings choose, closed."""
    match settings.embedding_provider:
        case "auto" | "local":
            from chains.providers.local_embeddings import LocalEmbeddings

            return LocalEmbeddings(settings.embed_model_dir)


def chat_model(settings: ChainSettings, embeddings: PinnedEmbeddings) -> BaseChatModel:
    """The chat model that the settings choose; the local one scores sentences with `embeddings`."""
    match settings.chat_provider:
        case "auto" | "local":
            from chains.providers.local_chat import ExtractiveChat

            return ExtractiveChat(embeddings=embeddings)


def word_pieces(settings: ChainSettings | None = None) -> CountWordPieces:
    """The local tokenizer's count, without its model: about 10 MB, loaded once per process.

    Raises:
        ModelFilesError: the tokenizer is absent or is not the pinned one.
    """
    from chains.providers.local_tokens import load_tokenizer

    return load_tokenizer(settings.embed_model_dir if settings else None)
