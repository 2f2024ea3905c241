"""Which sentences of the passages are an answer."""

from __future__ import annotations

from chains.providers.extraction import Extraction, Passage

QUESTION = "How is the loom cleaned?"
SENTENCES = [
    "The loom is cleaned with soap.",
    "The loom is greased in May.",
    "The mill was built by Ada.",
    "The loom is cleaned with salt.",
]


def chosen(cosines: dict[str, float]) -> list[str]:
    extraction = Extraction(QUESTION, [Passage(str(n), text) for n, text in enumerate(SENTENCES, start=1)])
    near = [cosines.get(text, 0.0) for text in extraction.texts[1:]]
    vectors = [[1.0, 0.0], *([cosine, (1 - cosine**2) ** 0.5] for cosine in near)]
    return [candidate.unit.text for candidate in extraction.choose(vectors)]


def test_of_nearly_equal_sentences_the_better_passages_leads() -> None:
    assert chosen({SENTENCES[0]: 0.7, SENTENCES[3]: 0.72})[0] == SENTENCES[0]


def test_a_much_nearer_sentence_leads_from_a_later_passage() -> None:
    assert chosen({SENTENCES[0]: 0.3, SENTENCES[3]: 0.9})[0] == SENTENCES[3]
