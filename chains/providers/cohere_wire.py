"""/v2/chat: messages -> a request, and its events or its whole answer -> text with markers, finish reason, usage."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.messages.ai import UsageMetadata

from chains.providers.native_citations import MarkerWriter
from chains.resilience import BadPayload
from chains.turn_guard import fenced

# The passages go as documents; in the prompt, too, they would be paid for twice.
_PASSAGES = re.compile(r"<passages>.*?</passages>\s*", re.DOTALL)
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class Answer:
    """A piece of an answer; the last one has its `finish`."""

    text: str = ""
    finish: str = ""
    usage: UsageMetadata | None = None


def write_request(
    model: str,
    messages: Sequence[BaseMessage],
    stop: list[str] | None,
    temperature: float | None,
    options: dict[str, Any],
) -> dict[str, Any]:
    """FAST citations come with the words that they are for; accurate ones only after the whole text."""
    data = messages[-1].additional_kwargs
    documents = [_document(document, data.get("fence")) for document in data.get("documents") or []]
    texts = [str(message.text) for message in messages]
    if documents:
        texts[-1] = _PASSAGES.sub("", texts[-1], count=1)
    body = {
        "model": model,
        "messages": [{"role": _role(message), "content": text} for message, text in zip(messages, texts, strict=True)],
        "stop_sequences": stop,
        "temperature": temperature,
        "documents": documents or None,
        "citation_options": {"mode": "FAST"} if documents else None,
    }
    return {name: value for name, value in (body | options).items() if value is not None}


class Reader:
    """The events of one answer, in order."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._markers = MarkerWriter()
        self._numbers = _numbers(request)

    def take(self, event: Any) -> Answer | None:
        """
        Raises:
            BadPayload: the event is not one of Cohere's.
        """
        try:
            return self._take(event)
        except _UNREADABLE as error:
            raise BadPayload("an event of another form") from error

    def _take(self, event: Any) -> Answer | None:
        match event["type"]:
            case "content-delta":
                text = event["delta"]["message"]["content"].get("text")  # none in a model's thoughts
                return Answer(self._markers.write(text)) if text else None
            case "citation-start":
                late = self._cite(event["delta"]["message"]["citations"])
                return Answer(late) if late else None
            case "message-end":
                delta = event["delta"]
                return Answer(self._markers.close(), str(delta["finish_reason"]), _usage(delta.get("usage")))
        return None

    def _cite(self, citation: Mapping[str, Any]) -> str:
        return self._markers.cite(_cited(citation, self._numbers), citation["end"])


def read_whole(answer: Any, request: Mapping[str, Any]) -> Answer:
    """
    Raises:
        BadPayload: it is not an answer of Cohere's.
    """
    try:
        message = answer["message"]
        text = "".join(part.get("text", "") for part in message.get("content") or [])
        citations = sorted(message.get("citations") or [], key=lambda citation: int(citation["end"]))
        shown = _marked(text, citations, _numbers(request))
        return Answer(shown, str(answer.get("finish_reason") or ""), _usage(answer.get("usage")))
    except _UNREADABLE as error:
        raise BadPayload("an answer of another form") from error


def _marked(text: str, citations: Iterable[Mapping[str, Any]], numbers: Mapping[str, int]) -> str:
    markers, shown, start = MarkerWriter(), [], 0
    for citation in citations:
        end = citation["end"]
        shown += [markers.write(text[start:end]), markers.cite(_cited(citation, numbers), end)]
        start = max(start, end)
    return "".join([*shown, markers.write(text[start:]), markers.close()])


def _document(document: Mapping[str, Any], fence: str | None) -> dict[str, Any]:
    """Between the tags that the instructions speak of, as in the prompt."""
    data = {name: document[name] for name in ("title", "text") if document.get(name)}
    if fence:
        data = {"text": fenced("\n\n".join(data.values()), fence, "passage")}  # titles are written by pages as well
    return {"id": str(document["id"]), "data": data}


def _numbers(request: Mapping[str, Any]) -> dict[str, int]:
    """The passages' numbers by the documents' ids."""
    ids = [str(document["id"]) for document in request.get("documents", [])]
    return {name: int(name) if name.isdecimal() else n for n, name in enumerate(ids, start=1)}


def _cited(citation: Mapping[str, Any], numbers: Mapping[str, int]) -> list[int]:
    return [numbers[source["id"]] for source in citation.get("sources") or [] if source.get("id") in numbers]


def _role(message: BaseMessage) -> str:
    if isinstance(message, SystemMessage):
        return "system"
    return "assistant" if isinstance(message, AIMessage) else "user"


def _usage(usage: Mapping[str, Any] | None) -> UsageMetadata | None:
    """What the model read and wrote, its template included: the same streamed and whole. Billed are fewer."""
    counts = (usage or {}).get("tokens") or (usage or {}).get("billed_units")
    if not counts:
        return None
    read, written = int(counts.get("input_tokens") or 0), int(counts.get("output_tokens") or 0)
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)
