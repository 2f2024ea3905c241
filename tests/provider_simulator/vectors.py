"""Deterministic embeddings that make retrieval meaningful: words and parts of words, hashed to signed positions.

A model's name is the hash's key, so that vectors of two models have nothing to do with each other, as it is with the
real ones.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from tests.provider_simulator.words import COMMON, words

POSITIONS = 32
EARLY = 256  # half of a feature's positions are below it, so that a vector cut to fewer dimensions keeps its meaning
COMMON_WEIGHT = 0.1
PARTS_WEIGHT = 0.8  # of all 4-grams of a word together, in proportion to the word itself
# Every text has this much in common with any other, as in real embedding spaces, where cosines are seldom near 0.
SHARED = 0.45
TASK = 0.15  # what a question and a document of the same words differ by: a cosine of about .98


def embed(text: str, *, model: str, task: str, dimensions: int) -> NDArray[np.float32]:
    """A vector of length 1. `task` is what the text is for: "query", "document", or nothing."""
    content = _project(_features(text), model, dimensions)
    vector = _unit(content) + SHARED * _direction("shared", model, dimensions)
    if task:
        vector = vector + TASK * _direction(f"task {task}", model, dimensions)
    return _unit(vector).astype(np.float32)


def _features(text: str) -> dict[str, float]:
    features: dict[str, float] = defaultdict(float)
    for word, count in Counter(words(text)).items():
        weight = count**0.7 * (COMMON_WEIGHT if word in COMMON else 1.0)
        features[word] += weight
        parts = _parts(word)
        for part in parts:
            features[part] += weight * PARTS_WEIGHT / len(parts) ** 0.5
    return features


@lru_cache(maxsize=50_000)
def _parts(word: str) -> tuple[str, ...]:
    """The 4-grams of a word with its borders: "deploy", "deployed" and "deployment" share three of theirs."""
    framed = f"<{word}>"
    return tuple(framed[at : at + 4] + "~" for at in range(len(framed) - 3)) if len(word) > 3 else ()


def _project(features: dict[str, float], model: str, dimensions: int) -> NDArray[np.float64]:
    if not features:
        return np.zeros(dimensions)
    hashed = [_positions(feature, model, dimensions) for feature in features]
    places = np.concatenate([place for place, _ in hashed])
    signs = np.concatenate([sign for _, sign in hashed])
    weights = signs * np.repeat(np.fromiter(features.values(), float), POSITIONS)
    return np.bincount(places, weights, minlength=dimensions).astype(np.float64)


@lru_cache(maxsize=100_000)
def _positions(feature: str, model: str, dimensions: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    digest = blake2b(feature.encode(), digest_size=2 * POSITIONS, key=model.encode()[:64]).digest()
    numbers = np.frombuffer(digest, dtype=np.uint16).astype(np.int64)
    spans = np.where(np.arange(POSITIONS) % 2, min(EARLY, dimensions), dimensions)
    return (numbers >> 1) % spans, np.where(numbers & 1, 1.0, -1.0)


def _direction(name: str, model: str, dimensions: int) -> NDArray[np.float64]:
    return _unit(_project({f"\0{name}": 1.0}, model, dimensions))


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / (np.linalg.norm(vector) or 1.0)
