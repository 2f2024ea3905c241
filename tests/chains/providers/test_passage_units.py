"""What of a passage can be quoted on its own."""

import pytest

from chains.providers.passage_units import Kind, Unit, read_units, split_sentences


def texts(passage: str) -> list[str]:
    return [unit.text for unit in read_units(passage)]


def only(passage: str) -> Unit:
    (unit,) = read_units(passage)
    return unit


@pytest.mark.parametrize(
    ("paragraph", "sentences"),
    [
        ("One is here. Two is there!", ["One is here.", "Two is there!"]),
        ("Ask Dr. Smith about e.g. knots. He knows.", ["Ask Dr. Smith about e.g. knots.", "He knows."]),
        ("It costs 3.5 dollars. Cheap.", ["It costs 3.5 dollars.", "Cheap."]),
        ("Run `a. B` first. Then wait.", ["Run `a. B` first.", "Then wait."]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("Open file.txt. **Save** it.", ["Open file.txt.", "**Save** it."]),
        ("機器人在學習。它會走路。", ["機器人在學習。", "它會走路。"]),
        ("ما هذا؟ هذا روبوت.", ["ما هذا؟", "هذا روبوت."]),
        ("यह रोबोट है। वह चलता है।", ["यह रोबोट है।", "वह चलता है।"]),
        ("broken\n  over   lines.", ["broken over lines."]),
        ("no end", ["no end"]),
        ("", []),
    ],
)
def test_split_sentences(paragraph: str, sentences: list[str]) -> None:
    assert split_sentences(paragraph) == sentences


def test_headings_and_frames_are_no_units() -> None:
    alert = "> [!NOTE]\n> The server needs one port."
    passage = f"## How it runs\n\n{alert}\n\n:::tip\nThe port is 7860 unless set.\n:::\n\n---\n"
    assert texts(passage) == ["The server needs one port.", "The port is 7860 unless set."]


def test_short_sentences_are_no_units() -> None:
    assert texts("Yes. The gripper closes at once.") == ["The gripper closes at once."]


def test_items_are_units_without_their_bullet() -> None:
    units = read_units("- **Speed**: 3 m/s\n- Range: 40 m,\n  when charged. Less in rain.\n1. Press start")
    assert [(unit.kind, unit.text) for unit in units] == [
        (Kind.ITEM, "**Speed**: 3 m/s"),
        (Kind.ITEM, "Range: 40 m, when charged. Less in rain."),
        (Kind.ITEM, "Press start"),
    ]


def test_code_belongs_to_the_sentence_before_it() -> None:
    unit = only("Install it with one command:\n\n```bash title='x'\nmake setup\n```\n")
    assert unit.text == "Install it with one command:"
    assert unit.block == "```bash title='x'\nmake setup\n```"


def test_code_in_an_item_belongs_to_it() -> None:
    first, second = read_units("1. Build the image:\n\n   ```\n   make image\n   ```\n\n2. Push it to the registry.")
    assert (first.block, second.block) == ("```\nmake image\n```", "")


def test_fence_longer_than_three_stays_closed() -> None:
    assert only("Write this down:\n\n````md\n```\ncode\n```\n````").block == "````md\n```\ncode\n```\n````"


def test_half_a_sentence_is_no_unit() -> None:
    long_code = "\n".join(f"step {n}" for n in range(40))
    assert texts(f"Paste all of this:\n\n```\n{long_code}\n```\n\n## Next\n\nThese are the flags:") == []


def test_introduced_list_is_quoted_whole_and_by_item() -> None:
    lead, *items = read_units("The server needs three things:\n\n- Python 3.11\n- a port\n- a disk")
    assert lead.block == "- Python 3.11\n- a port\n- a disk"
    assert [item.text for item in items] == ["Python 3.11", "a port", "a disk"]


def test_list_after_a_whole_sentence_is_not_its_own() -> None:
    assert read_units("The server is small and quick.\n\n- Python 3.11")[0].block == ""


def test_rows_bring_their_header() -> None:
    (row,) = read_units("| Flag | Meaning |\n|------|---------|\n| `-v` | more words |\n")
    assert row == Unit(
        Kind.ROW,
        "| `-v` | more words |",
        "Flag Meaning `-v` more words",
        head="| Flag | Meaning |\n|------|---------|",
    )


def test_rows_in_a_quote_lose_its_marks() -> None:
    (row,) = read_units("> | A | B |\n> |---|---|\n> | 1 | 2 |\n")
    assert (row.text, row.head) == ("| 1 | 2 |", "| A | B |\n|---|---|")


def test_sentence_with_an_open_code_span_is_no_unit() -> None:
    assert texts("The `flag is broken here.") == []


@pytest.mark.parametrize(
    "passage", ["", "   ", "```\nnever closed", "|", "- ", "> ", "#", "\x00", "a\r\nb", "| a |\n|--"]
)
def test_odd_passages_are_read(passage: str) -> None:
    assert isinstance(read_units(passage), list)


def test_words_between_html_tags_are_read() -> None:
    passage = "<p>The gripper <b>closes</b> at 2&nbsp;bar.</p><script>alert('no')</script>\n\nIt opens by hand again."
    assert [unit.text for unit in read_units(passage)] == ["The gripper closes at 2 bar.", "It opens by hand again."]
