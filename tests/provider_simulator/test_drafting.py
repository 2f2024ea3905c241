"""What the simulated models answer, and how their vectors lie to each other."""

from __future__ import annotations

import numpy as np
import pytest

from tests.provider_simulator.drafting import UNKNOWN, Draft, answer, overlaps
from tests.provider_simulator.prompt import Message, Passage, Prompt
from tests.provider_simulator.samples import sample
from tests.provider_simulator.vectors import embed
from tests.provider_simulator.words import pieces, sentences

PUMP = Passage("kb-7", "Keep the invoice. The warranty of a pump is 24 months.")


def prompt(passages: str, question: str) -> Prompt:
    return Prompt("simulated", "", [Message("user", f"{passages}\nQuestion: {question}")])


def test_two_sentences_that_fit_are_both_cited() -> None:
    passages = (
        '<passage id="1" title="A">\nA rollback takes ten seconds.\n</passage>\n'
        '<passage id="2" title="B">\n- Start a rollback with `docent rollback`\n- Cats sleep.\n</passage>'
    )
    given = answer(prompt(passages, "How do I start a rollback?"))
    assert given == "Start a rollback with `docent rollback` [2]."
    both = answer(prompt(passages, "rollback"))
    assert both == "A rollback takes ten seconds [1]. Start a rollback with `docent rollback` [2]."


def test_markers_of_a_passage_are_not_repeated() -> None:
    passages = '<passage id="3" title="A">\nThe limit of the joint is 12 Nm [7].\n</passage>'
    assert answer(prompt(passages, "What is the limit of the joint?")) == "The limit of the joint is 12 Nm [3]."


def test_passages_about_something_else_are_no_answer() -> None:
    passages = '<passage id="1" title="A">\nA rollback takes ten seconds.\n</passage>'
    assert answer(prompt(passages, "Who painted the Mona Lisa?")) == UNKNOWN


@pytest.mark.parametrize(
    ("passage", "question"),
    [
        ("پمپ کی ضمانت ۲۴ ماہ ہے۔ بلیاں سوتی ہیں۔", "پمپ کی ضمانت کتنی ہے؟"),
        ("ポンプの保証期間は24か月です。猫は一日中眠っています。", "ポンプの保証期間は？"),
    ],
)
def test_other_scripts_are_read(passage: str, question: str) -> None:
    given = answer(prompt(f'<passage id="1" title="A">\n{passage}\n</passage>', question))
    assert given.startswith(passage[:6])
    assert "[1]" in given


def test_quotes_are_where_they_say() -> None:
    draft = Draft(pieces("Yes: The warranty of a pump is 24 months [1]."), "stop", 10)
    (quote,) = draft.quotes([PUMP])
    assert draft.text[quote.start : quote.end] == quote.text == "The warranty of a pump is 24 months"
    assert quote.passage is PUMP


def test_pieces_are_the_text() -> None:
    text = "  One two\n\nthree.\n- four  "
    assert "".join(pieces(text)) == text
    assert len(pieces(text)) == 5
    assert pieces("") == []


def test_sentences_lose_their_marks() -> None:
    assert sentences("# Head\n- One. Two!\n3. Three") == ["Head", "One.", "Two!", "Three"]


def test_rare_words_weigh_more() -> None:
    texts = ["the pump of the house", "the house", "the house of cards"]
    shares = overlaps("pump house", texts)
    assert shares[0] == 1
    assert shares[1] == shares[2] < 0.5


def test_sample_satisfies_a_schema_with_references() -> None:
    schema = {
        "$defs": {"Kind": {"enum": ["a", "b"]}},
        "type": "object",
        "properties": {
            "kind": {"$ref": "#/$defs/Kind"},
            "names": {"type": "array", "items": {"type": "string"}},
            "note": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        },
    }
    assert sample(schema) == {"kind": "a", "names": ["sample"], "note": None}


def test_meaning_survives_fewer_dimensions() -> None:
    texts = ["deploying the service", "How is the service deployed?", "Cats sleep all day"]
    for dimensions in (3072, 768, 256):
        vectors = np.array([embed(text, model="m", task="", dimensions=3072)[:dimensions] for text in texts])
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.15


def test_vectors_are_the_same_in_every_process() -> None:
    vector = embed("pump", model="gemini-embedding-001", task="query", dimensions=3072)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert vector.argmax() == embed("pump", model="gemini-embedding-001", task="query", dimensions=3072).argmax()
    assert np.linalg.norm(embed(" ", model="m", task="", dimensions=64)) == pytest.approx(1, abs=1e-5)
