"""What language a question is in."""

from __future__ import annotations

import pytest

from chains.language import language_of, said_in


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How long does the kiln cool?", "en"),
        ("Wie lange kühlt der Ofen ab?", "de"),
        ("Comment puis-je installer le pilote ?", "fr"),
        ("¿Cómo puedo instalar el controlador?", "es"),
        ("كيف أثبّت Docusaurus على الخادم؟", "ar"),
        ("میں docusaurus کو سرور پر کیسے نصب کروں؟", "ur"),
        ("چگونه سرور را نصب کنم؟", "fa"),
        ("सर्वर कैसे स्थापित करें?", "hi"),
        ("如何安装服务器？", "zh"),
        ("サーバーをインストールする方法", "ja"),
        ("서버를 설치하는 방법은?", "ko"),
        ("Как установить сервер?", "ru"),
        ("docusaurus install", None),
        ("What does the word حرکت mean in this book?", "en"),
        ("ما هو ROS 2 Humble Hawksbill navigation stack؟", "ar"),
        ("Docent کو Kubernetes cluster پر deploy کیسے کریں", "ur"),
        ("42?", None),
        ("", None),
    ],
)
def test_language_of_a_question(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_text_is_said_in_the_readers_language_or_in_english() -> None:
    texts = {"en": "No.", "de": "Nein."}
    assert [said_in(texts, tag) for tag in ("de-CH", "fr", None)] == ["Nein.", "No.", "No."]
