"""The models that are served, those that were shut down, and their limits.

Sources: the providers' pages on models and deprecations as of November 2026.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ChatModel:
    """`reads` and `writes` are limits in tokens; `thinks` is how many tokens it spends on thoughts."""

    reads: int
    writes: int
    thinks: int = 0


@dataclass(frozen=True)
class EmbeddingModel:
    """`dimensions` are those that a request may ask for, the default last.

    `cut_normalised`: vectors of fewer dimensions than the default have length 1.
    """

    reads: int
    dimensions: tuple[int, ...] | range
    cut_normalised: bool = True
    reads_task: bool = True

    @property
    def default(self) -> int:
        return self.dimensions[-1]


GEMINI_CHAT = {
    "gemini-2.5-flash": ChatModel(1_048_576, 65_536, thinks=24),
    "gemini-2.5-flash-lite": ChatModel(1_048_576, 65_536),
    "gemini-2.5-pro": ChatModel(1_048_576, 65_536, thinks=48),
    "gemini-3.1-flash-lite": ChatModel(1_048_576, 65_536),
    "gemini-3.1-pro-preview": ChatModel(1_048_576, 65_536, thinks=48),
    "gemini-3.5-flash": ChatModel(1_048_576, 65_536, thinks=24),
    "gemini-3.5-flash-lite": ChatModel(1_048_576, 65_536),
    "gemini-3.6-flash": ChatModel(1_048_576, 65_536, thinks=24),
    "gemini-3.7-flash": ChatModel(1_048_576, 65_536, thinks=24),
    "gemini-3.8-flash": ChatModel(1_048_576, 65_536, thinks=24),
}
GEMINI_ALIASES = {"gemini-flash-latest": "gemini-3.8-flash", "gemini-flash-lite-latest": "gemini-3.5-flash-lite"}
GEMINI_EMBEDDING = {
    "gemini-embedding-001": EmbeddingModel(2_048, range(1, 3_073), cut_normalised=False),
    "gemini-embedding-2": EmbeddingModel(8_192, range(128, 3_073), reads_task=False),
}
# Shut down, but still named in the refusal; any other unknown model is "not found".
GEMINI_WITHDRAWN = frozenset({"gemini-2.0-flash", "gemini-2.0-flash-001", "gemini-2.0-flash-lite"})

COHERE_CHAT = {
    "command-a-03-2025": ChatModel(256_000, 8_192),
    "command-a-plus-05-2026": ChatModel(128_000, 8_192),
    "command-a-reasoning-08-2025": ChatModel(256_000, 32_768),
    "command-r7b-12-2024": ChatModel(128_000, 4_096),
    "command-r-08-2024": ChatModel(128_000, 4_096),
    "command-r-plus-08-2024": ChatModel(128_000, 4_096),
}
COHERE_EMBEDDING = {
    "embed-v4.0": EmbeddingModel(128_000, (256, 512, 1024, 1536)),
    "embed-multilingual-v3.0": EmbeddingModel(512, (1024,)),
    "embed-english-v3.0": EmbeddingModel(512, (1024,)),
    "embed-multilingual-light-v3.0": EmbeddingModel(512, (384,)),
    "embed-english-light-v3.0": EmbeddingModel(512, (384,)),
}
COHERE_RERANK = {
    "rerank-v4.0-pro": 32_768,
    "rerank-v4.0-fast": 32_768,
    "rerank-v3.5": 4_096,
    "rerank-multilingual-v3.0": 4_096,
    "rerank-english-v3.0": 4_096,
}
COHERE_REMOVED = {
    "command": "September 15, 2025",
    "command-light": "September 15, 2025",
    "command-r": "September 15, 2025",
    "command-r-03-2024": "September 15, 2025",
    "command-r-plus": "September 15, 2025",
    "command-r-plus-04-2024": "September 15, 2025",
    "embed-english-v2.0": "April 4, 2026",
    "embed-english-light-v2.0": "April 4, 2026",
    "embed-multilingual-v2.0": "April 4, 2026",
}

# What a server of one's own might have pulled, and what the first provider of this wire calls its models.
OPENAI_CHAT = {
    "gpt-4o-mini": ChatModel(128_000, 16_384),
    "llama3.2": ChatModel(131_072, 131_072),
    "qwen3:8b": ChatModel(40_960, 40_960),
}
OPENAI_EMBEDDING = {
    "text-embedding-3-small": EmbeddingModel(8_192, range(1, 1_537)),
    "nomic-embed-text": EmbeddingModel(8_192, (768,)),
    "bge-m3": EmbeddingModel(8_192, (1024,)),
}
