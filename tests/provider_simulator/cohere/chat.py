"""/v2/chat: a draft in Cohere's form, with citations of the documents that were sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

from tests.provider_simulator.call import Answer, Call, Frame, JsonAnswer, StreamAnswer
from tests.provider_simulator.catalogue import COHERE_CHAT
from tests.provider_simulator.cohere.errors import invalid
from tests.provider_simulator.cohere.requests import read_prompt
from tests.provider_simulator.drafting import LENGTH, SAFETY, STOP, Draft, Quote, write
from tests.provider_simulator.faults import Fault, is_a
from tests.provider_simulator.keys import Key
from tests.provider_simulator.wire import as_json

REASONS = {STOP: "COMPLETE", LENGTH: "MAX_TOKENS", SAFETY: "ERROR_TOXIC"}
OVERHEAD = 70  # tokens of the chat template, which are counted and not billed
NO_CITATIONS = ("OFF", "DISABLED")
DONE = Frame(b"data: [DONE]\n\n")


def answer_chat(call: Call, key: Key, fault: Fault | None) -> Answer:
    """Raises Refusal."""
    if is_a(fault, "blocked_prompt"):
        raise invalid(fault.reason or "prompt blocked by the safety mode of this request")
    prompt = read_prompt(COHERE_CHAT[call.model], call.body)
    draft = write(prompt, key, fault)
    mode = str((call.body.get("citation_options") or {}).get("mode") or "ENABLED").upper()
    quotes = [] if mode in NO_CITATIONS else draft.quotes(prompt.documents)
    reply = Reply(draft, quotes, call.body.get("documents") or [])
    if call.operation.endswith("chat_stream"):
        return StreamAnswer(list(reply.frames()), reply.failure((fault and fault.message) or "internal server error"))
    return JsonAnswer(reply.whole())


def event(kind: str, fields: dict[str, Any], *, text: bool = False, closing: bool = False) -> Frame:
    data = b"event: " + kind.encode() + b"\ndata: " + as_json({"type": kind} | fields) + b"\n\n"
    return Frame(data, text=text, closing=closing)


def has_id(document: Any) -> bool:
    return isinstance(document, dict) and "id" in document


class Reply:
    def __init__(self, draft: Draft, quotes: Sequence[Quote], documents: list[Any]) -> None:
        self._draft = draft
        self._quotes = quotes
        self._documents = {document["id"]: document for document in documents if has_id(document)}
        self._id = str(uuid4())

    def whole(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant"}
        message["content"] = [{"type": "text", "text": self._draft.text}]
        if self._quotes:
            message["citations"] = [self._citation(quote) for quote in self._quotes]
        return {"id": self._id, "message": message, **self._ending(self._draft.ending)}

    def frames(self) -> Iterator[Frame]:
        """A citation follows the token with which its quote is complete."""
        start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        yield event("message-start", {"id": self._id, "delta": {"message": start}})
        yield event("content-start", {"index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}})
        written, waiting = 0, list(enumerate(self._quotes))
        for piece in self._draft.pieces:
            written += len(piece)
            yield event("content-delta", {"index": 0, "delta": {"message": {"content": {"text": piece}}}}, text=True)
            while waiting and waiting[0][1].end <= written:
                yield from self._citation_events(*waiting.pop(0))
        yield event("content-end", {"index": 0})
        yield event("message-end", {"delta": self._ending(self._draft.ending)}, closing=True)
        yield DONE

    def failure(self, message: str) -> Frame:
        return event("message-end", {"delta": {"error": message, **self._ending("ERROR")}}, closing=True)

    def _citation_events(self, index: int, quote: Quote) -> Iterator[Frame]:
        yield event("citation-start", {"index": index, "delta": {"message": {"citations": self._citation(quote)}}})
        yield event("citation-end", {"index": index})

    def _citation(self, quote: Quote) -> dict[str, Any]:
        sent = self._documents.get(quote.passage.id, {}).get("data", {"text": quote.passage.text})
        document = {"id": quote.passage.id, **(sent if isinstance(sent, dict) else {"text": sent})}
        return {
            "start": quote.start,
            "end": quote.end,
            "text": quote.text,
            "sources": [{"type": "document", "id": quote.passage.id, "document": document}],
            "type": "TEXT_CONTENT",
        }

    def _ending(self, ending: str) -> dict[str, Any]:
        closing: dict[str, Any] = {"finish_reason": REASONS.get(ending, ending)}
        if not self._draft.counted:
            return closing
        read, written = self._draft.input_tokens, self._draft.output_tokens
        closing["usage"] = {
            "billed_units": {"input_tokens": read, "output_tokens": written},
            "tokens": {"input_tokens": read + OVERHEAD, "output_tokens": written + 2},
            "cached_tokens": 0,
        }
        return closing
