"""Vectors as Qdrant gives them back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def dense_vector(vector: Any, name: str) -> Sequence[float]:
    """The vector `name` of a point, or its only one; empty if it was not sent."""
    return (vector.get(name) if isinstance(vector, Mapping) else vector) or []


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """0 for a vector that is missing."""
    if not len(one) or len(one) != len(other):
        return 0.0
    a, b = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    return float(a @ b / math.sqrt((a @ a) * (b @ b)))
