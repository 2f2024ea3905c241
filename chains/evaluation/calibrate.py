"""Where the gate's thresholds come from: `python -m chains.evaluation.calibrate BEIR_FOLDER`.

Every judged question is asked twice: of the whole corpus, and of the corpus without the documents that answer it. The
threshold refuses 5 % of the first kind. On XQuAD-en (1,190 questions, MiniLM in int8), in two minutes of one core:
together .445, AUROC .941, 74 % of the unanswerable refused; cosine alone .330, AUROC .798, 28 %.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from langchain_core.documents import Document
from numpy.typing import NDArray
from qdrant_client import models

from chains.evaluation.beir import BeirSet, indexed, load_beir, point_id
from chains.evidence import cosine_strength, joint_strength
from chains.providers import PinnedEmbeddings, embeddings
from chains.retriever import PASSAGES, HybridRetriever
from chains.settings import ChainSettings

FALSE_REFUSALS = 0.05


@dataclass(frozen=True)
class Calibration:
    """`refused`: the share of unanswerable questions below `threshold`."""

    threshold: float
    auroc: float
    refused: float


async def calibrate(folder: Path, embeddings: PinnedEmbeddings) -> dict[str, Calibration]:
    """Thresholds for the gate, by name of the field in `chains.evidence.Thresholds`."""
    beir = load_beir(folder)
    async with indexed(beir, embeddings, k=PASSAGES) as retriever:
        with_gold = [await retriever.ainvoke(beir.queries[name]) for name in beir.relevant]
        without = [await _ask_without_gold(name, beir, retriever) for name in beir.relevant]
    return {
        "together": _calibrated(_strengths(with_gold, joint=True), _strengths(without, joint=True)),
        "cosine": _calibrated(_strengths(with_gold, joint=False), _strengths(without, joint=False)),
    }


async def _ask_without_gold(name: str, beir: BeirSet, retriever: HybridRetriever) -> list[Document]:
    gold = models.HasIdCondition(has_id=[point_id(document) for document in beir.relevant[name]])
    return await retriever.ainvoke(beir.queries[name], filter=models.Filter(must_not=[gold]))


def _strengths(found: list[list[Document]], *, joint: bool) -> NDArray[np.float64]:
    strength = joint_strength if joint else cosine_strength
    return np.array([value for passages in found if (value := strength(passages)) is not None])


def _calibrated(answerable: NDArray[np.float64], unanswerable: NDArray[np.float64]) -> Calibration:
    threshold = float(np.quantile(answerable, FALSE_REFUSALS))
    wins = (answerable[:, None] > unanswerable[None, :]).mean()
    ties = (answerable[:, None] == unanswerable[None, :]).mean()
    return Calibration(
        threshold=round(threshold, 4),
        auroc=round(float(wins + ties / 2), 4),
        refused=round(float((unanswerable < threshold).mean()), 4),
    )


def main() -> None:
    found = asyncio.run(calibrate(Path(sys.argv[1]), embeddings(ChainSettings.load())))
    sys.stdout.write(json.dumps({name: asdict(value) for name, value in found.items()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
