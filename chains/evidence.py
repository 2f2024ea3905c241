"""Pure: number the passages, write them out for the prompt, decide whether they are evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape
from typing import Any, Self

from langchain_core.documents import Document

from chains.language import OTHER_SCRIPTS, language_of, primary
from chains.turn import Source
from chains.turn_guard import TurnGuard

SNIPPET_LENGTH = 200


@dataclass(frozen=True)
class Thresholds:
    """The least strength that counts as evidence: of cosine and coverage together, and of cosine alone.

    `python -m chains.evaluation.calibrate XQUAD_EN` finds what refuses 5 % of XQuAD-en's answerable questions: .432
    (and 69 % of the same questions when the passage that answers them is taken away), by cosine alone .33 (28 %).
    XQuAD's questions repeat their passage's words, readers of documentation less. Hence .38: it refuses 2.4 % of
    XQuAD's, 3 of 110 questions that three sites answer, 253 of 260 that two of the sites do not, and 17 of 30 on
    neighbouring topics at the third.

    A cosine means something for the model that it was measured with alone: `together` and `cosine` are MiniLM's. For
    a model whose cosines nobody measured, `coverage` decides by itself, for it owes nothing to the model: AUROC .930
    on XQuAD-en, against .933 with MiniLM's cosine. .35 refuses 1.3 % of its answerable questions (48 % of the others),
    none of 38 questions that two sites answer, and 78 of 80 questions of XQuAD that one of the sites does not, all 80
    at the other. None: the signal is not used.

    `relevance`, a reranker's score, decides alone once it was measured on the collection, with the `ranker` that it was
    measured with. Its scores differ between models and corpora, so there is no default; but from RELEVANT on, they
    rescue what the other signals would refuse.
    """

    together: float | None = 0.38
    cosine: float | None = 0.33
    coverage: float | None = None
    relevance: float | None = None
    ranker: str | None = None

    @classmethod
    def measured_or_default(cls, measured: Mapping[str, Any] | None, embedding: str) -> Self:
        """Those that were measured on a collection, else what is known of its embedding model, by its identity."""
        if measured is not None:
            return cls(**{known.name: measured.get(known.name) for known in fields(cls)})
        return cls() if embedding in MEASURED else cls(together=None, cosine=None, coverage=0.35)


# The cosine's weight beside the coverage's. Questions that repeat their passage's words want less of it, those in a
# reader's own words more. AUROC with .5 / .6 / .7, the pages that answer taken away: XQuAD-en .941 / .933 / .917, 38
# questions about Docent .859 / .868 / .883, 50 about a framework of 227 pages .736 / .749 / .761 (other pages often say
# what the page that is away said). Those 50 against 30 on neighbouring topics that no page has: .857 / .880 / .903.
COSINE_SHARE = 0.6

# Of 0 to 1: a reranker reads question and passage together, so what it is sure of is evidence in any language.
RELEVANT = 0.5

# The embedding models that read English only, with whose cosines the default thresholds were measured.
MEASURED = ("local/all-MiniLM-L6-v2-int8",)


@dataclass(frozen=True)
class Evidence:
    """What the gate decided. `strength` is None when the passages carry no signals.

    `unread`: the question is in a language that the embedding model does not read. `nearest`: the sections that the
    reader is shown in the place of `passages` that hold no answer, as of a text that was marked.
    """

    found: bool
    passages: Sequence[Document]
    strength: float | None = None
    unread: bool = False
    nearest: Sequence[Document] = ()

    @property
    def sources(self) -> list[Source]:
        return [_source(n, passage) for n, passage in enumerate(self.nearest or self.passages, start=1)]


def weigh_evidence(
    passages: Sequence[Document], *, language: str | None = None, thresholds: Thresholds | None = None
) -> Evidence:
    """Is one of the passages close enough to the question?

    Passages of a retriever that gives no signals count as evidence if there are any. `language` is the question's
    (BCP 47), if known: coverage says nothing across languages, so cosine is then held to its own threshold.
    `thresholds` are else those that the passages' retriever names (`thresholds` in their metadata). Where none of them
    applies, as across languages with a model whose cosines nobody measured, the passages count as evidence: the model
    is told to say so when they do not hold the answer, and only what it cites is shown as grounded.
    """
    limits = thresholds or _named_thresholds(passages)
    relevance = relevance_strength(passages)
    if relevance is not None and limits.relevance is not None and limits.ranker in (None, _ranker_of(passages)):
        return Evidence(found=relevance >= limits.relevance, passages=passages, strength=relevance)
    same_language = [passage for passage in passages if not _differs(language, _written_in(passage))]
    unread = not same_language and any(passage.metadata.get("english_only") for passage in passages)
    for strength, limit in (
        (joint_strength(same_language), limits.together),
        (coverage_strength(same_language), limits.coverage),
        (cosine_strength(passages), limits.cosine),
    ):
        if strength is not None and limit is not None:
            found = strength >= limit or (relevance or 0.0) >= RELEVANT
            return Evidence(found=found, passages=passages, strength=strength, unread=unread)
    return Evidence(found=bool(passages), passages=passages)


def joint_strength(passages: Sequence[Document]) -> float | None:
    """The best passage's cosine and coverage, weighted; None if no passage has both."""
    signals = [(passage.metadata.get("cosine"), passage.metadata.get("coverage")) for passage in passages]
    both = [(a, b) for a, b in signals if a is not None and b is not None]
    return max((COSINE_SHARE * a + (1 - COSINE_SHARE) * b for a, b in both), default=None)


def cosine_strength(passages: Sequence[Document]) -> float | None:
    return max((passage.metadata["cosine"] for passage in passages if "cosine" in passage.metadata), default=None)


def coverage_strength(passages: Sequence[Document]) -> float | None:
    held = [passage.metadata.get("coverage") for passage in passages]
    return max((coverage for coverage in held if coverage is not None), default=None)


def relevance_strength(passages: Sequence[Document]) -> float | None:
    """A reranker's best."""
    return max((passage.metadata["relevance"] for passage in passages if "relevance" in passage.metadata), default=None)


def _ranker_of(passages: Sequence[Document]) -> str | None:
    return next((str(passage.metadata["ranker"]) for passage in passages if "ranker" in passage.metadata), None)


def format_passages(passages: Sequence[Document], guard: TurnGuard) -> str:
    """The passages as the prompt shows them, numbered as the sources are; none can close its own frame."""
    return "\n".join(
        guard.around(passage.page_content, "passage", f' id="{n}" title="{escape(_heading(passage))}"')
        for n, passage in enumerate(passages, start=1)
    )


def plain_text(markdown: str) -> str:
    """Markdown without its marks, on one line: for snippets, not for rendering."""
    text = re.sub(r"^\s*(?:```|~~~).*$|^\s*\|?[\s:|-]+\|?\s*$", " ", markdown, flags=re.MULTILINE)
    text = re.sub(r"^\s*(?:#{1,6}|>|[-*+])\s+", "", text, flags=re.MULTILINE)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\*\*|__|`|\|", " ", text)
    return " ".join(text.split())


def _named_thresholds(passages: Sequence[Document]) -> Thresholds:
    named = next((passage.metadata["thresholds"] for passage in passages if "thresholds" in passage.metadata), None)
    return Thresholds() if named is None else Thresholds(**named)


def _differs(language: str | None, written_in: str | None) -> bool:
    """Two known languages that are not one, regions aside."""
    return bool(language and written_in) and primary(language) != primary(written_in)


def _written_in(passage: Document) -> str | None:
    """What its letters say, else its page: sites in other scripts leave their configuration's language at English."""
    seen = language_of(passage.page_content)
    stated = passage.metadata.get("language")
    return seen if seen in OTHER_SCRIPTS else stated


def _source(n: int, passage: Document) -> Source:
    data = passage.metadata
    return Source(
        n=n,
        title=str(data.get("title", "")),
        url=str(data.get("url") or data.get("source") or ""),
        heading=_heading(passage),
        snippet=_cut(plain_text(data.get("excerpt") or passage.page_content)),
        score=round(float(data.get("score", 0.0)), 6),
        chunk_id=str(data.get("chunk_id") or passage.id or ""),
    )


def _heading(passage: Document) -> str:
    return " ".join(str(passage.metadata.get("heading") or passage.metadata.get("title") or "").split())


def _cut(text: str) -> str:
    if len(text) <= SNIPPET_LENGTH:
        return text
    whole_words = text[:SNIPPET_LENGTH].rsplit(" ", 1)[0]
    return whole_words.rstrip(" ,;:") + "…"
