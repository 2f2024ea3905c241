"""generateContent: a request as LangChain prepares it -> its body, and the events or the whole answer -> text, finish
reason, usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from chains.resilience import BadPayload, from_google

CONTINUES = "CONTINUATION"  # the answer goes on in another request, with the token that comes with this reason

_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)
_BESIDE_CONFIG = ("systemInstruction", "safetySettings")
_COUNTS = (
    "promptTokenCount",
    "toolUsePromptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "totalTokenCount",
    "cachedContentTokenCount",
)

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """A piece of an answer. The last one has its finish reason, or the reason why the prompt was blocked.

    `usage` is what was used since the piece before.
    """

    text: str = ""
    usage: UsageMetadata | None = None
    last: bool = False
    finish: str = ""
    blocked: str = ""
    model: str = ""
    ratings: tuple[Mapping[str, Any], ...] = ()


def write_request(prepared: Mapping[str, Any]) -> dict[str, Any]:
    """`prepared`: of LangChain's `_prepare_request`, in Google's own types, for text without tools."""
    config = prepared["config"].model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"http_options"})
    contents = [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in prepared["contents"]]
    beside = {name: config.pop(name) for name in _BESIDE_CONFIG if name in config}
    return {"contents": contents, **beside, "generationConfig": config}


class Reader:
    """The events of one answer, in order; a whole answer is one event. Its candidates after the first are not asked
    for. What a model thinks is no part of its answer."""

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}
        self._token = ""
        self._before: Counts = {}  # of the requests that this answer continues
        self._counts: Counts = {}
        self._told: Counts = {}
        self._begun = False

    def take(self, event: Any) -> Answer | None:
        """
        Raises:
            BadPayload: the event is not one of Gemini's.
            ProviderError: Gemini says that it failed.
        """
        try:
            if "error" in event:
                raise from_google(int(event["error"].get("code") or 500), event)
            text = self._take(event)
        except _UNREADABLE as error:
            raise BadPayload("an event of another form") from error
        return Answer(text, self._usage()) if text else None

    def end(self) -> Answer | None:
        """What is known when no more will come; None where nothing came at all."""
        return Answer(usage=self._usage(), last=bool(self._last), **self._last) if self._begun else None

    def continuation(self) -> str:
        """The token of the request with which the answer goes on, if it does."""
        token, self._token = self._token, ""
        if token:
            self._last, self._before, self._counts = {}, self._all_counts(), {}
        return token

    def _take(self, event: Mapping[str, Any]) -> str:
        self._begun = True
        if usage := event.get("usageMetadata"):  # of the answer until here
            self._counts = {name: int(usage.get(name) or 0) for name in _COUNTS}
        if reason := (event.get("promptFeedback") or {}).get("blockReason"):
            self._last["blocked"] = str(reason)
        candidates = event.get("candidates")
        if not candidates:
            return ""
        candidate = candidates[0]
        if reason := candidate.get("finishReason"):
            self._token = str(candidate.get("continuationToken") or "") if reason == CONTINUES else ""
            ratings = tuple(candidate.get("safetyRatings") or ())
            self._last |= {"finish": str(reason), "model": str(event.get("modelVersion") or ""), "ratings": ratings}
        parts = (candidate.get("content") or {}).get("parts") or ()
        return "".join(part["text"] for part in parts if part.get("text") and not part.get("thought"))

    def _usage(self) -> UsageMetadata | None:
        """As LangChain's class tells it, thoughts among what was written; pieces add up to the last event's counts."""
        counts = self._all_counts()
        if counts == self._told:
            return None
        new = {name: count - self._told.get(name, 0) for name, count in counts.items()}
        self._told = counts
        thoughts = new["thoughtsTokenCount"]
        usage = UsageMetadata(
            input_tokens=new["promptTokenCount"] + new["toolUsePromptTokenCount"],
            output_tokens=new["candidatesTokenCount"] + thoughts,
            total_tokens=new["totalTokenCount"],
            input_token_details=InputTokenDetails(cache_read=new["cachedContentTokenCount"]),
        )
        if thoughts:
            usage["output_token_details"] = OutputTokenDetails(reasoning=thoughts)
        return usage

    def _all_counts(self) -> Counts:
        if not self._before:
            return self._counts
        return {name: self._before.get(name, 0) + self._counts.get(name, 0) for name in _COUNTS}
