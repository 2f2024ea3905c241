"""A provider's own citations as our markers."""

from __future__ import annotations

import pytest

from chains.providers.native_citations import MarkerWriter

Step = str | tuple[int, int]  # text, or passage and end


def play(*steps: Step) -> str:
    writer = MarkerWriter()
    shown = [writer.write(step) if isinstance(step, str) else writer.cite([step[0]], step[1]) for step in steps]
    return "".join([*shown, writer.close()])


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        (("It runs on ", "port 7860", (1, 20), ".", " Stop it so."), "It runs on port 7860. [1] Stop it so."),
        (("It runs.", (2, 8)), "It runs. [2]"),
        (("Both hold.", (1, 4), (2, 9), " Next."), "Both hold. [1][2] Next."),
        (("Twice said.", (1, 5), (1, 11), " Next."), "Twice said. [1] Next."),
        (("It runs [1].", (1, 7), " Next."), "It runs [1]. Next."),
        (("It runs [1].", (2, 7), " Next."), "It runs [1]. [2] Next."),
        (("One. ", "Two. ", "Three.", (1, 3)), "One. Two. Three."),  # too late
        (("- one", (1, 5), "\n- two", (2, 11)), "- one [1]\n- two [2]"),
        (("Run `a. b c`", (1, 12), " now. Then."), "Run `a. b c` now. [1] Then."),
        (("So:\n```\nrun. it\n", (1, 9), "```\nDone."), "So:\n```\nrun. it\n``` [1]\nDone."),
        (("泵保修两年。", (1, 5), "请保留发票。"), "泵保修两年。 [1]请保留发票。"),
        (("It is 3.5 mm", (1, 12), " wide."), "It is 3.5 mm wide. [1]"),
        (("No citations. At all.",), "No citations. At all."),
    ],
    ids=str,
)
def test_markers_follow_their_sentence(steps: tuple[Step, ...], shown: str) -> None:
    assert play(*steps) == shown


def test_markers_are_the_same_however_the_text_is_cut() -> None:
    text = "It runs on port 7860. Stop it with Ctrl+C.\nDone."
    whole = play(text[:20], (1, 20), text[20:42], (2, 42), text[42:])
    assert play(*text[:20], (1, 20), *text[20:42], (2, 42), *text[42:]) == whole
    assert whole == "It runs on port 7860. [1] Stop it with Ctrl+C. [2]\nDone."
