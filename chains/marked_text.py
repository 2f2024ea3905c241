"""The text that a reader marked, as the only passage of an answer, with the gate's signals."""

from __future__ import annotations

import re
from typing import Any

from langchain_core.documents import Document

from chains import prompts
from chains.language import language_of
from chains.quotes import split_sentences
from chains.turn import ChatTurn

PIECE = 900  # characters: what the local embedding model reads of a text

# A question about the text itself holds none of its words: "What does this mean?", "Explain it in simple words."
_ABOUT_ITSELF = re.compile(
    r"\b(?:th(?:is|at|ese|ose)|it|its|here|above|they|them|text|passage|paragraph|section|selection|sentence|snippet|code|"
    r"explain|summar\w+|simpl\w+|translat\w+|mean\w*|rephrase|tl;?dr|"
    r"dies\w*|das|erklär\w*|zusammenfass\w*|bedeutet|ce(?:ci|la|tte)?|texte|expliqu\w+|résum\w+|signifie|"
    r"est[oae]s?|texto|explica\w*|resum\w+|significa|"
    r"یہ|اسے?|ان|متن|وضاحت|خلاصہ|مطلب|[وفبل]?(?:هذا|هذه|النص|اشرح|لخص|معن[ىا])\w{0,3})\b|"
    r"(?<!\w)(?:इस|यह|समझा|सारांश|मतलब)|这|此|解释|总结|意思",
    re.IGNORECASE,
)


def marked_passage(turn: ChatTurn, **signals: Any) -> Document:
    """`signals` are the gate's; without them the passage counts as evidence, and the model decides."""
    text = turn.selected_text or ""
    details = {"title": prompts.SELECTION_TITLE, "url": turn.page_url or "", "marked": True}
    return Document(text, metadata=details | {"language": language_of(text)} | signals)


def is_about_itself(question: str) -> bool:
    return bool(_ABOUT_ITSELF.search(question))


def pieces_of(text: str) -> list[str]:
    """Of whole sentences, as long as an embedding model reads."""
    pieces = [""]
    for sentence in split_sentences(text) or [text]:
        if pieces[-1] and len(pieces[-1]) + len(sentence) > PIECE:
            pieces.append("")
        pieces[-1] = f"{pieces[-1]} {sentence[:PIECE]}".strip()
    return pieces
