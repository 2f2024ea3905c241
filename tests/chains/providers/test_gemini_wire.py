"""Gemini's events, read."""

from __future__ import annotations

from typing import Any

import pytest

from chains.providers.gemini_wire import Answer, Reader
from chains.resilience import BadKey, BadPayload, ProviderDown, RateLimited


def event(*parts: dict[str, Any], finish: str = "", **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})], "modelVersion": "g-3", **more}


def counts(prompt: int, written: int, thoughts: int = 0, cached: int = 0) -> dict[str, Any]:
    return {
        "usageMetadata": {
            "promptTokenCount": prompt,
            "candidatesTokenCount": written,
            "totalTokenCount": prompt + written + thoughts,
            **({"thoughtsTokenCount": thoughts} if thoughts else {}),
            **({"cachedContentTokenCount": cached} if cached else {}),
        }
    }


def read(*events: Any) -> list[Answer]:
    reader = Reader()
    pieces = [reader.take(each) for each in events]
    return [piece for piece in [*pieces, reader.end()] if piece]


def test_thoughts_are_never_text() -> None:
    pieces = read(
        event({"text": "The user wants", "thought": True}, **counts(9, 0, 4)),
        event({"text": "I plan", "thought": True}, {"text": "It "}, **counts(9, 1, 6)),
        event({"text": "opens."}, {"thoughtSignature": "c2ln"}, {"text": ""}, finish="STOP", **counts(9, 2, 6)),
    )
    assert [piece.text for piece in pieces] == ["It ", "opens.", ""]
    assert pieces[0].usage == {
        "input_tokens": 9,
        "output_tokens": 7,
        "total_tokens": 16,
        "input_token_details": {"cache_read": 0},
        "output_token_details": {"reasoning": 6},
    }


def test_counts_are_told_once() -> None:
    pieces = read(
        event({"text": "a"}, **counts(9, 1, cached=5)),
        event({"text": "b"}, **counts(9, 3, cached=5)),
        event({"text": "c"}, finish="STOP"),
        counts(8, 5, cached=5),
    )
    used = [piece.usage for piece in pieces]
    assert [(each["input_tokens"], each["output_tokens"]) for each in used if each] == [(9, 1), (0, 2), (-1, 2)]
    assert [each.get("input_token_details") for each in used if each] == [{"cache_read": n} for n in (5, 0, 0)]
    assert used[2] is None


def test_ending_comes_last_even_if_more_follows_its_event() -> None:
    pieces = read(event({"text": "It opens"}, finish="STOP"), event({"text": "."}), counts(9, 3))
    assert "".join(piece.text for piece in pieces) == "It opens."
    assert [piece.last for piece in pieces] == [False, False, True]
    assert (pieces[-1].finish, pieces[-1].model) == ("STOP", "g-3")


def test_answer_without_a_finish_reason_has_no_ending() -> None:
    assert [piece.last for piece in read(event({"text": "It opens"}))] == [False, False]
    assert read() == []


def test_prompt_that_was_blocked_says_why() -> None:
    (piece,) = read({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, **counts(9, 0)})
    assert (piece.text, piece.blocked, piece.last, piece.finish) == ("", "PROHIBITED_CONTENT", True, "")


def test_answer_that_was_blocked_has_no_parts() -> None:
    rated = [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH", "blocked": True}]
    (piece,) = read({"candidates": [{"finishReason": "SAFETY", "safetyRatings": rated}]})
    assert (piece.finish, piece.ratings) == ("SAFETY", tuple(rated))


def test_answer_goes_on_in_another_request_and_counts_add_up() -> None:
    reader, first = Reader(), event({"text": "a"}, finish="CONTINUATION", **counts(9, 1))
    first["candidates"][0]["continuationToken"] = "dG9rZW4="
    one = reader.take(first)
    assert reader.continuation() == "dG9rZW4="
    assert reader.end() == Answer()
    two = reader.take(event({"text": "b"}, finish="STOP", **counts(10, 2)))
    assert reader.continuation() == ""
    assert (one, two) != (None, None)
    assert [each.usage["total_tokens"] for each in (one, two) if each and each.usage] == [10, 12]
    last = reader.end()
    assert last is not None
    assert (last.finish, last.last) == ("STOP", True)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "status": "RESOURCE_EXHAUSTED"}, RateLimited),
        ({"code": 503, "message": "overloaded"}, ProviderDown),
        ({"code": 400, "details": [{"reason": "API_KEY_INVALID"}]}, BadKey),
        ({"message": "no code"}, ProviderDown),
    ],
)
def test_error_in_the_stream_is_raised_for_what_it_says(error: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        Reader().take({"error": error})


@pytest.mark.parametrize(
    "odd",
    [7, None, {"candidates": "x"}, {"candidates": [7]}, {"error": "x"}, {"usageMetadata": 7}, event({"text": 7}),
     {"candidates": [{"content": {"parts": [7]}}]}, "candidates", [7]],
    ids=str,
)  # fmt: skip
def test_event_of_another_form_is_an_error(odd: Any) -> None:
    with pytest.raises(BadPayload):
        Reader().take(odd)
