"""The sentence of a passage that supports a sentence of the answer."""

from __future__ import annotations

import pytest

from chains.quotes import Quotes, split_sentences

PASSAGES = [
    "The arm has six joints. Every joint has a torque limit of 12 Nm! It is set by `--max-torque`.",
    "Enable telemetry with `armctl telemetry on`.\n\n- Data goes to port 4317\n- Nothing else is sent",
    "关节的扭矩限制是十二牛米。它可以更改。",
]


@pytest.mark.parametrize(
    ("n", "sentence", "quote"),
    [
        (1, "The torque limit of each joint is 12 Nm.", "Every joint has a torque limit of 12 Nm!"),
        (1, "You set it by `--max-torque`.", "It is set by `--max-torque`."),
        (2, "Its data goes to port 4317.", "- Data goes to port 4317"),
        (2, "Enabling telemetry is done with armctl.", "Enable telemetry with `armctl telemetry on`."),
        (3, "关节的扭矩限制是十二牛米。", "关节的扭矩限制是十二牛米。"),
    ],
)
def test_quote_is_the_supporting_sentence_verbatim(n: int, sentence: str, quote: str) -> None:
    assert Quotes(PASSAGES).find(n, sentence) == quote
    assert quote in PASSAGES[n - 1]


@pytest.mark.parametrize(
    ("n", "sentence"),
    [
        (2, "The torque limit of each joint is 12 Nm."),
        (1, "Bananas grow in the tropics."),
        (0, "Every joint has a torque limit."),
        (4, "Every joint has a torque limit."),
        (1, ""),
        (1, "..."),
    ],
)
def test_no_quote_without_support(n: int, sentence: str) -> None:
    assert Quotes(PASSAGES).find(n, sentence) is None


@pytest.mark.parametrize(
    ("language", "sentence", "quote"),
    [
        ("ur", "ہر جوڑ کی ٹارک حد 12 Nm ہے۔", "Every joint has a torque limit of 12 Nm!"),
        ("ur", "اسے `--max-torque` سے سیٹ کریں۔", "It is set by `--max-torque`."),
        (None, "كل مفصل له حد.", "Every joint has a torque limit of 12 Nm!"),
        ("de", "Der Arm wurde vorher kalibriert.", "The arm has six joints."),
        ("de-CH", "Kalibriere zuerst.", "Every joint has a torque limit of 12 Nm!"),
        ("de", "Bananas grow in the tropics, and this is where they are.", None),
        ("en", "Bananas grow.", None),
    ],
)
def test_sentence_in_another_language_needs_no_common_words(
    language: str | None, sentence: str, quote: str | None
) -> None:
    assert Quotes(PASSAGES, language).find(1, sentence) == quote


@pytest.mark.parametrize(
    ("passage", "sentence", "foreign"),
    [
        ("如果压力传感器读数为2巴，夹爪关闭。", "压力达到2巴后夹爪会关闭。", "香蕉生长在热带地区。"),
        ("グリッパーは圧力が高いと閉じます。", "圧力が高くなるとグリッパーが閉じる。", "バナナは熱帯で育つ。"),
        ("그리퍼는 압력이 높으면 닫힙니다.", "압력이 높을 때 그리퍼가 닫힌다.", "바나나는 열대에서 자란다."),
        ("ต้องปรับเทียบแขนก่อนใช้งานครั้งแรก", "ก่อนใช้งานครั้งแรกให้ปรับเทียบแขน", "กล้วยเติบโตในเขตร้อน"),
        (
            "يجب معايرة الذراع بالرافعة قبل التشغيل.",
            "تُعايَر ذراعٌ قبل تشغيل الجهاز.",
            "ينمو الموز في المناطق الاستوائية.",
        ),
        ("सेंसर दबाव पढ़ता है।", "दबाव को सेंसर पढ़ता है।", "केले उष्णकटिबंधीय क्षेत्रों में उगते हैं।"),
    ],
)
def test_paraphrase_is_supported_in_any_script(passage: str, sentence: str, foreign: str) -> None:
    quotes = Quotes([passage, *"1234567"])
    assert quotes.find(1, sentence) == passage
    assert quotes.find(1, foreign) is None


def test_words_that_all_sentences_share_are_no_support() -> None:
    things = ["pump", "fan", "valve", "lamp", "motor", "sensor"]
    quotes = Quotes([f"The {thing} is in the hall and it is new." for thing in things])
    assert quotes.find(1, "The pump is in the cellar and it is old.")
    assert quotes.find(2, "The pump is in the cellar and it is old.") is None


def test_sentences_are_pieces_of_the_text_in_order() -> None:
    text = 'One. "Two!" Three 3.5 v1.2?\n| a | b |\n四。五。 - - -'
    pieces = split_sentences(text)
    assert pieces == ["One.", '"Two!"', "Three 3.5 v1.2?", "| a | b |", "四。", "五。"]
    assert all(piece in text for piece in pieces)
