"""Numbers and code of a cited sentence are in what it cites."""

from __future__ import annotations

import pytest

from chains.citations import CitationStream
from chains.facts import facts_are_in
from chains.quotes import Quotes

PASSAGES = ["Every joint has a limit of 12 Nm, or 1,000 in all. Set it by `--max-torque`.", "A pump weighs three kg."]


@pytest.mark.parametrize(
    ("sentence", "held"),
    [
        ("Each joint takes 12 Nm.", True),
        ("Each joint takes 13 Nm.", False),
        ("Each joint takes 1 Nm.", False),
        ("It is 1000 in all.", True),
        ("It is ١٢ Nm.", True),
        ("It weighs 3 kg.", True),
        ("1. Set it first.", True),
        ("Set it by `--max-torque`.", True),
        ("Set it by `--max-speed`.", False),
        ("Set it by ``--max-torque``, version 2.", False),
        ("No facts at all.", True),
    ],
)
def test_facts_are_found_or_missed(sentence: str, held: bool) -> None:
    assert facts_are_in(sentence, PASSAGES) is held


def cited(text: str) -> tuple[str, list[int], int]:
    quotes = Quotes(PASSAGES)
    stream = CitationStream(quotes.find, quotes.hold_facts)
    shown = stream.feed(text) + stream.close()
    return shown, [citation["n"] for citation in stream.citations], stream.dropped


def test_sentence_with_a_foreign_number_loses_its_citation() -> None:
    assert cited("Every joint has a limit of 13 Nm [1]. Every joint has a limit [1].") == (
        "Every joint has a limit of 13 Nm. Every joint has a limit [1].",
        [1],
        1,
    )


def test_sentence_with_foreign_code_loses_all_its_citations() -> None:
    shown, numbers, dropped = cited("Set the limit of every joint by `--max-speed` [1][2].")
    assert (shown, numbers, dropped) == ("Set the limit of every joint by `--max-speed`.", [], 2)


def test_facts_of_one_sentence_may_be_in_two_passages() -> None:
    shown, numbers, _ = cited("A joint has a limit of 12 Nm [1] and a pump weighs 3 kg [2].")
    assert numbers == [1, 2]
    assert shown.count("[") == 2
