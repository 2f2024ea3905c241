"""Numbers and code of a cited sentence are in what it cites."""

from __future__ import annotations

import pytest

from chains.citations import CitationStream
from chains.facts import Facts
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
    assert Facts("\n".join(PASSAGES)).hold(sentence) is held


BOOK = """It listens on port 7860 (default), waits 1,000 ms and takes 1.5e3 requests; 1 000 000 euros, 2 million pages.
From -40 °C to 85 °C the robot's twenty-five joints work at 12.5 percent. Half (50%) fail. Needs Python 3.11 or newer.
`RATE_VISITOR` and `--max-torque` (12 by default) are read from `app/settings.py`; call `chain.invoke(turn)`.
Version 2.10.3 came on 2026-03-01, the API changed on March 5, 2024. 三个关节. 10k steps at 300K, 3:1, 10:30."""
FACTS = Facts(BOOK)


@pytest.mark.parametrize(
    "sentence",
    [
        "It waits 1.000 ms, 1 000 ms or 1000 ms and takes 1,500 requests, that is 1.5e3.",
        "It costs 1,000,000 euros for 2,000,000 pages, which is 2 million.",
        "It works down to −40 °C and up to +85 °C.",
        "All 25 joints work at 12.5%, ٥٠٪ fail, and it needs Python ≥3.11.",
        "Version `2.10.3` was released on March 1, 2026, and v2.10.3 on 1 March 2026.",
        "The API changed on 2024-03-05, in March 2024, or on 5 March 2024.",
        "The API changed on 5. März 2024 and le 5 mars 2024.",
        "Set `--max-torque=12` or `--max-torque 12` in `settings.py`, with `invoke`.",
        "Set --max-torque and RATE\\_VISITOR in app/settings.py, in one of two ways.",
        "**Step 9:** call `chain.invoke(turn)`, see [the guide](https://kiln.example/v9/page_nine.html).",
        "It has 3 joints, runs 10,000 steps at 300 K and starts at 10:30.",
    ],
)
def test_fact_in_another_form_is_held(sentence: str) -> None:
    assert FACTS.hold(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "It listens on port 786.",
        "It listens on port 78600.",
        "It waits 10,000,000 ms.",
        "It takes 1.5 requests.",
        "It takes 1.5e4 requests.",
        "It costs 2 billion.",
        "It works down to -85 °C.",
        "It works with thirteen joints.",
        "It works with thirty-five joints.",
        "It needs Python 3.1.",
        "It needs Python 3.12.",
        "Version 2.10 came.",
        "It came on 2026-01-03.",
        "It came on January 3, 2026.",
        "The API changed on April 5, 2024.",
        "The API changed on 2024-05-03.",
        "Set `--max`.",
        "Set `--max-torque=99`.",
        "Set `--min-torque=12`.",
        "Set --min-torque.",
        "Set `RATE`.",
        "Set RATE_SITE.",
        "Set `rate_visitor`.",
        "See app/main.py.",
        "Call chain.stream() first.",
        "Call setMaxTorque first.",
        "The ratio is 1:3.",
        "It has ۲۶ joints.",
        "It has ２６ joints.",
    ],
)
def test_fact_that_is_not_there_is_missed(sentence: str) -> None:
    assert not FACTS.hold(sentence)


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
