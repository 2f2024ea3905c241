"""all-MiniLM-L6-v2 in numpy and fp32, written from BERT's definition: what the int8 model is measured against."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from chains.providers.local_files import pinned_file
from chains.providers.local_tokens import load_tokenizer

Array = NDArray[Any]


class ReferenceMiniLM:
    def __init__(self) -> None:
        self.weights = load_file(pinned_file("model.safetensors"))
        self.tokenizer = load_tokenizer()

    def embed(self, text: str) -> Array:
        ids = self.tokenizer.ids(text)
        hidden = self.of("embeddings.word_embeddings")[ids]
        hidden = (
            hidden
            + self.of("embeddings.position_embeddings")[: len(ids)]
            + self.of("embeddings.token_type_embeddings")[0]
        )
        hidden = self.normalise(hidden, "embeddings")
        for layer in range(6):
            hidden = self.layer(hidden, f"encoder.layer.{layer}")
        mean = hidden.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def layer(self, hidden: Array, prefix: str) -> Array:
        attended = self.dense(self.attend(hidden, f"{prefix}.attention.self"), f"{prefix}.attention.output.dense")
        hidden = self.normalise(attended + hidden, f"{prefix}.attention.output")
        widened = self.dense(hidden, f"{prefix}.intermediate.dense")
        narrowed = self.dense(widened * 0.5 * (1 + erf(widened / np.sqrt(2))), f"{prefix}.output.dense")
        return self.normalise(narrowed + hidden, f"{prefix}.output")

    def attend(self, hidden: Array, prefix: str) -> Array:
        query, key, value = (
            self.dense(hidden, f"{prefix}.{part}").reshape(len(hidden), 12, 32).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        weights = np.exp(query @ key.transpose(0, 2, 1) / np.sqrt(32))
        weights /= weights.sum(axis=-1, keepdims=True)
        return (weights @ value).transpose(1, 0, 2).reshape(len(hidden), 384)

    def dense(self, hidden: Array, prefix: str) -> Array:
        return hidden @ self.of(prefix).T + self.of(prefix, "bias")

    def normalise(self, hidden: Array, prefix: str) -> Array:
        centred = hidden - hidden.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
        return scaled * self.of(f"{prefix}.LayerNorm") + self.of(f"{prefix}.LayerNorm", "bias")

    def of(self, prefix: str, name: str = "weight") -> Array:
        return self.weights[f"{prefix}.{name}"]


def erf(x: Array) -> Array:
    """Abramowitz and Stegun 7.1.26: off by 1.5e-7 at most."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1 - series * np.exp(-x * x))
