"""Where models come from: each provider is one module here, imported when it is chosen and not before."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from langchain_core.embeddings import Embeddings

from chains.errors import SettingsError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from chains.resilience import ChatEndpoint
    from chains.settings import ChainSettings


class PinnedEmbeddings(Embeddings, ABC):
    """Embeddings that can say what they are, so that a collection can refuse vectors of another kind.

    Built closed: constructing does no I/O, the first call (or `open`) loads.

    Attributes:
        identity: provider, model and precision, as in "local/all-MiniLM-L6-v2-int8".
        dimensions: the length of every vector.
        prefix: what tells questions from documents in the provider's requests; "" when nothing does.
        reads_word_pieces: it reads 256 of the local tokenizer's pieces and no more, so that texts are cut by its exact
            count. Others have limits that an estimate keeps.
    """

    identity: str
    dimensions: int
    prefix: str
    reads_word_pieces: bool = False

    @abstractmethod
    def open(self) -> None:
        """Load or connect, blocking. May be called again; is also done by the first call that embeds."""

    @abstractmethod
    def close(self) -> None:
        """Give back threads, connections and memory. Nothing may be embedded afterwards."""

    async def aclose(self) -> None:
        """`close` for whoever stands on an event loop: connections belong to the one that they were used on."""
        await asyncio.to_thread(self.close)

    @abstractmethod
    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Never blocks the event loop; LangChain's own default would take a thread of the shared pool."""

    @abstractmethod
    async def aembed_query(self, text: str) -> list[float]:
        """Never blocks the event loop, and never waits for more than one text of a running `aembed_documents`."""


class Ranker(Protocol):
    """A rerank model at a provider."""

    provider: str
    model_name: str

    async def rank(self, query: str, texts: Sequence[str]) -> list[float]:
        """How relevant each text is, 0 to 1."""

    async def aclose(self) -> None: ...


class CountWordPieces(Protocol):
    """Counts word pieces; both markers of the model are counted, so that 256 is what the local model reads whole."""

    def __call__(self, text: str) -> int: ...

    def batch(self, texts: Sequence[str]) -> list[int]: ...


def embeddings(settings: ChainSettings) -> PinnedEmbeddings:
    """The embedding model that the settings choose, closed.

    Raises:
        SettingsError: EMBEDDING_DIMENSIONS are not among the model's.
    """
    match settings.embedded_by:
        case "gemini":
            from chains.providers.gemini_embeddings import GeminiEmbeddings

            return GeminiEmbeddings(settings)
        case "cohere":
            from chains.providers.cohere_embeddings import CohereEmbeddings

            return CohereEmbeddings(settings)
    from chains.providers.local_embeddings import LocalEmbeddings

    chosen = LocalEmbeddings(settings.embed_model_dir)
    if settings.embedding_dimensions not in (None, chosen.dimensions):
        raise SettingsError(f"EMBEDDING_DIMENSIONS: the local model gives {chosen.dimensions}. Leave it unset.")
    return chosen


def chat_endpoints(settings: ChainSettings, embeddings: PinnedEmbeddings) -> list[ChatEndpoint]:
    """Who answers, and who stands in, if anybody. The local model scores sentences with `embeddings`.

    Importing a vendor's package takes more than a second: not for an event loop.

    Raises:
        SettingsError: a package is absent.
    """
    return [_chat_endpoint(name, settings, embeddings) for name in settings.chat_providers]


def chat_model(settings: ChainSettings, embeddings: PinnedEmbeddings) -> BaseChatModel:
    """The chat model alone, for notebooks: without deadline, retries and fallback, see `chains.resilience`."""
    model: BaseChatModel = chat_endpoints(settings, embeddings)[0].model  # type: ignore[assignment]
    return model


async def aclose_model(model: object) -> None:
    """Give back a chat model's connections, on the loop that it was used on; LangChain has no common word for it."""
    if aclose := getattr(model, "aclose", None):
        await aclose()
    elif clients := getattr(model, "root_async_client", None):  # OpenAI's and those that are built on it
        await clients.close()


def reranker(settings: ChainSettings) -> Ranker | None:
    """The rerank model that the settings choose, if any."""
    if not settings.reranks:
        return None
    from chains.providers.cohere_rerank import CohereRanker

    return CohereRanker(settings)


def _chat_endpoint(name: str, settings: ChainSettings, embeddings: PinnedEmbeddings) -> ChatEndpoint:
    match name:
        case "gemini":
            from chains.providers.gemini import gemini_chat

            return gemini_chat(settings)
        case "cohere":
            from chains.providers.cohere import cohere_chat

            return cohere_chat(settings)
        case "openai_compatible":
            from chains.providers.openai_compatible import openai_chat

            return openai_chat(settings)
        case "local":
            from chains.providers.local_chat import ExtractiveChat
            from chains.resilience import ChatEndpoint

            return ChatEndpoint("local", ExtractiveChat(embeddings=embeddings))
    from chains.providers.any_langchain import langchain_chat

    return langchain_chat(settings)


def require_what_is_chosen(settings: ChainSettings) -> None:
    """
    Raises:
        SettingsError: a package or a vector's length that the settings ask for is not to be had.
    """
    chosen = settings.chat_providers[0]
    if chosen == "openai_compatible" or ":" in chosen:
        from chains.providers.any_langchain import require_package

        name = chosen.partition(":")[0]
        require_package("openai" if name == "openai_compatible" else name, f"CHAT_PROVIDER: {name}")
    if settings.embedding_dimensions is not None:
        embeddings(settings).close()


def word_pieces(settings: ChainSettings | None = None, embeddings: PinnedEmbeddings | None = None) -> CountWordPieces:
    """What texts for `embeddings` are cut by, the same on every machine: the local tokenizer's count (about 10 MB,
    loaded once per process, without its model), and for a provider's model an estimate, which needs no file.

    Raises:
        ModelFilesError: the tokenizer is absent or is not the pinned one.
    """
    if embeddings is not None and not embeddings.reads_word_pieces:
        from chains.providers.estimated_tokens import EstimatedWordPieces

        return EstimatedWordPieces()
    from chains.providers.local_tokens import load_tokenizer

    return load_tokenizer(settings.embed_model_dir if settings else None)
