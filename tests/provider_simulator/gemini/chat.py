"""generateContent and streamGenerateContent: a draft in Google's form."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.provider_simulator.call import Answer, Call, Failure, Frame, JsonAnswer, StreamAnswer
from tests.provider_simulator.catalogue import GEMINI_ALIASES, GEMINI_CHAT
from tests.provider_simulator.drafting import LENGTH, SAFETY, STOP, Draft, write
from tests.provider_simulator.faults import Fault, is_a
from tests.provider_simulator.gemini.errors import any_error
from tests.provider_simulator.gemini.requests import read_prompt, thoughts_of
from tests.provider_simulator.keys import Key
from tests.provider_simulator.wire import as_json
from tests.provider_simulator.words import count_tokens

REASONS = {STOP: "STOP", LENGTH: "MAX_TOKENS", SAFETY: "SAFETY"}
WITHHELD = ("SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII")
CATEGORIES = ("SEXUALLY_EXPLICIT", "HATE_SPEECH", "HARASSMENT", "DANGEROUS_CONTENT")


def answer_chat(call: Call, key: Key, fault: Fault | None) -> Answer:
    """Raises Refusal."""
    served = GEMINI_ALIASES.get(call.model, call.model)
    limits = GEMINI_CHAT[served]
    prompt = read_prompt(call.model, limits, call.body)
    reply = Reply(served, write(prompt, key, fault, thoughts_of(limits, call.body)))
    streams = call.operation.endswith("chat_stream")
    failed = frame(any_error(call, Failure((fault and fault.status) or 503)).body)
    if is_a(fault, "blocked_prompt"):
        blocked = reply.blocked(fault.reason or "PROHIBITED_CONTENT")
        return StreamAnswer([frame(blocked, closing=True)], failed) if streams else JsonAnswer(blocked)
    return StreamAnswer(reply.frames(), failed) if streams else JsonAnswer(reply.whole())


def frame(event: Any, *, text: bool = False, closing: bool = False) -> Frame:
    return Frame(b"data: " + as_json(event) + b"\r\n\r\n", text=text, closing=closing)


class Reply:
    def __init__(self, model: str, draft: Draft) -> None:
        self._draft = draft
        self._reason = REASONS.get(draft.ending, draft.ending)
        self._signed = model.startswith("gemini-3") and draft.thoughts > 0
        self._common = {"modelVersion": model, "responseId": uuid4().hex[:22]}

    def whole(self) -> dict[str, Any]:
        withheld = self._reason in WITHHELD
        parts = [] if withheld else self._parts(self._draft.text, last=True)
        return self._event(parts, self._draft.output_tokens, closing=True)

    def frames(self) -> list[Frame]:
        """A frame a token; the last one has the finish reason, and comes alone when the answer was withheld."""
        pieces = self._draft.pieces
        alone = not pieces or self._reason in WITHHELD
        frames, written = [], 0
        for number, piece in enumerate(pieces, start=1):
            last = number == len(pieces) and not alone
            written += count_tokens(piece)
            frames.append(
                frame(self._event(self._parts(piece, last=last), written, closing=last), text=True, closing=last)
            )
        if alone:
            parts = [] if self._reason in WITHHELD else self._parts("", last=True)
            frames.append(frame(self._event(parts, written, closing=True), closing=True))
        return frames

    def blocked(self, reason: str) -> dict[str, Any]:
        feedback = {"blockReason": reason, "safetyRatings": ratings(blocked=True)}
        return {"promptFeedback": feedback, "usageMetadata": self._usage(None), **self._common}

    def _parts(self, text: str, *, last: bool) -> list[dict[str, Any]]:
        """Models that think sign their last part, for the caller to send back."""
        return [{"text": text} | ({"thoughtSignature": "c2ltdWxhdGVk"} if last and self._signed else {})]

    def _event(self, parts: list[dict[str, Any]], written: int, *, closing: bool) -> dict[str, Any]:
        candidate: dict[str, Any] = {"index": 0}
        if parts:
            candidate["content"] = {"parts": parts, "role": "model"}
        if closing:
            candidate["finishReason"] = self._reason
            candidate["safetyRatings"] = ratings(blocked=self._reason == "SAFETY")
        usage = {"usageMetadata": self._usage(written)} if self._draft.counted else {}
        return {"candidates": [candidate], **usage, **self._common}

    def _usage(self, written: int | None) -> dict[str, Any]:
        read = self._draft.input_tokens
        usage: dict[str, Any] = {
            "promptTokenCount": read,
            "totalTokenCount": read + (written or 0) + self._draft.thoughts,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": read}],
        }
        if written is not None:
            usage["candidatesTokenCount"] = written
        if self._draft.thoughts:
            usage["thoughtsTokenCount"] = self._draft.thoughts
        return usage


def ratings(*, blocked: bool) -> list[dict[str, Any]]:
    rated: list[dict[str, Any]] = [
        {"category": f"HARM_CATEGORY_{name}", "probability": "NEGLIGIBLE"} for name in CATEGORIES
    ]
    if blocked:
        rated[-1] |= {"probability": "HIGH", "blocked": True}
    return rated
