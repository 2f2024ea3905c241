"""How a model's answer ended: whole, cut by its limit, blocked, or not at all."""

from __future__ import annotations

from langchain_core.messages import BaseMessage

from chains.resilience.failures import AnswerCut, EmptyAnswer

# Finish reasons in lower case, as Gemini, Cohere, OpenAI, Anthropic, Mistral and Ollama write them.
TRUNCATED = frozenset({"max_tokens", "length", "model_length"})
COMPLETE = frozenset({"stop", "complete", "stop_sequence", "end_turn"}) | TRUNCATED
BLOCKED = frozenset({
    "safety", "content_filter", "blocklist", "prohibited_content", "recitation", "spii", "error_toxic", "refusal",
})  # fmt: skip
PROMPT_BLOCKED = "content_filter"  # for a prompt that Gemini blocks, which has a block reason and no finish reason

_NAMES = ("finish_reason", "stop_reason", "done_reason")


def finish_of(message: BaseMessage) -> str:
    """The finish reason that a message or chunk carries, in lower case; "" without one."""
    details = message.response_metadata
    if not details:
        return ""
    if reason := next((details[name] for name in _NAMES if details.get(name)), None):
        return str(reason).lower()
    return PROMPT_BLOCKED if (details.get("prompt_feedback") or {}).get("block_reason") else ""


def text_of(chunk: BaseMessage | str) -> str:
    """Text of a chunk, whose content is a list of blocks with some models."""
    return chunk if isinstance(chunk, str) else chunk.text


class Ending:
    """Watches an answer and says at its end whether it is whole.

    `complete` are the finish reasons of a whole answer in lower case; None: this model gives none, and any end is good.
    """

    def __init__(self, complete: frozenset[str] | None = COMPLETE) -> None:
        self._complete = complete
        self._finish = ""
        self.has_text = False

    def see(self, chunk: BaseMessage | str) -> None:
        if not self.has_text:
            self.has_text = bool(text_of(chunk).strip())
        if isinstance(chunk, BaseMessage):
            self._finish = finish_of(chunk) or self._finish

    def check(self) -> None:
        """A blocked answer is one, with or without text.

        Raises:
            AnswerCut: no finish reason was seen, or one that stands for a failure. Both SDKs end such a stream quietly.
            EmptyAnswer: it is whole and has no text.
        """
        if self._finish in BLOCKED:
            return
        if self._complete is not None and self._finish not in self._complete:
            raise AnswerCut(self._finish or "no finish reason")
        if not self.has_text:
            raise EmptyAnswer(self._finish)
