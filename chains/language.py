"""Pure: which language a short text is in, as far as its letters and its smallest words tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

_SHARE = 0.3  # of the letters, from which a script decides: names of products stay Latin in every language
_LEAST_SHARE = 0.1  # from which it does where the Latin words are names alone
_URDU = re.compile("[ٹڈڑںےھہگپچژکی]")  # letters that Arabic does not have
_PERSIAN = re.compile("[ٹڈڑںےھہ]")  # of those, the ones that Persian does not have either
_LETTER = re.compile(r"[^\W\d_]")

# By script; of those that several languages use, the one that most readers of documentation mean.
_SCRIPTS = {
    "ar": re.compile("[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff]"),
    "ja": re.compile("[\u3040-\u30ff]"),
    "ko": re.compile("[\uac00-\ud7af\u1100-\u11ff]"),
    "zh": re.compile("[\u4e00-\u9fff\u3400-\u4dbf]"),
    "hi": re.compile("[\u0900-\u097f]"),
    "bn": re.compile("[\u0980-\u09ff]"),
    "ta": re.compile("[\u0b80-\u0bff]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "ru": re.compile("[\u0400-\u04ff]"),
}

OTHER_SCRIPTS = frozenset({*_SCRIPTS, "ur", "fa"})

_SMALL_WORDS = {
    "en": "the is are how what which where when who why do does did can of to and in for my with it this that",
    "de": "der die das ist sind wie was welche welcher wo wann wer warum kann ich ein eine und mit für nicht den dem",
    "fr": "le la les est sont comment que quoi quel quelle où quand qui pourquoi puis je un une et avec pour pas des",
    "es": "el la los las es son cómo qué cuál dónde cuándo quién por puedo un una y con para no del se mi",
    "pt": "o os as é são como que qual onde quando quem posso um uma e com para não do da em meu",
    "it": "il lo gli è sono come che quale dove quando chi perché posso un una e con per non del della",
    "nl": "de het is zijn hoe wat welke waar wanneer wie waarom kan ik een en met voor niet van mijn",
    "tr": "bir ve nasıl nedir hangi nerede ne için ile mi mı değil var bu",
}
_KNOWN = {language: frozenset(words.split()) for language, words in _SMALL_WORDS.items()}


def language_of(text: str) -> str | None:
    """A BCP 47 tag without region; None where nothing decides.

    Other scripts than Latin decide by themselves. In Latin letters the language decides whose small words are most.
    """
    letters = len(_LETTER.findall(text))
    counts = {language: len(script.findall(text)) for language, script in _SCRIPTS.items()}
    if counts["ja"]:
        counts["ja"] += counts.pop("zh")
    language = max(counts, key=lambda each: counts[each])
    if counts[language] < _SHARE * letters or not letters:
        latin = _by_small_words(text)
        if latin or not letters or counts[language] < _LEAST_SHARE * letters:
            return latin
    if language == "ar" and _URDU.search(text):
        return "ur" if _PERSIAN.search(text) else "fa"
    return language


def main_language(texts: Sequence[str]) -> tuple[str | None, float]:
    """What most of the texts are in that tell it, and the share of these among all."""
    seen = Counter(language for text in texts if (language := language_of(text))).most_common(1)
    return (seen[0][0], seen[0][1] / len(texts)) if seen else (None, 0.0)


def said_in(texts: Mapping[str, str], language: str | None) -> str:
    """The text in this language, else in English."""
    return texts.get(primary(language), texts["en"])


def script_of(language: str) -> str:
    """Of a language that `language_of` tells: those that it can only tell apart by some letters have one."""
    return {"ur": "ar", "fa": "ar", "ja": "zh"}.get(language, language if language in OTHER_SCRIPTS else "Latin")


def primary(language: str | None) -> str:
    """`zh-Hans` -> `zh`."""
    return (language or "").lower().split("-")[0]


def _by_small_words(text: str) -> str | None:
    words = re.findall(r"[^\W\d_]+", text.casefold())
    counts = sorted(((sum(word in small for word in words), language) for language, small in _KNOWN.items()))
    (second, _), (most, language) = counts[-2:]
    return language if most > second else None
